//! A panic ends one connection, or nothing but itself, wherever it comes from (G7), on virtual time.

mod world;

use std::cell::RefCell;
use std::rc::Rc;

use ropewalk::{
    ConnectOptions, Deferred, Factory, ListenOptions, Producer, ProducerKind, Protocol, Reason, Result,
    ThreadError, TimerKey, Transport, factory_fn, for_protocol,
};
use world::{Echo, Log, SECOND, Script, World, limits};

/// Panics in one callback, named at its making.
struct Panicker {
    callback: &'static str,
    log: Log,
}

impl Panicker {
    fn enter(&self, callback: &str) {
        if self.callback == callback {
            panic!("in {callback}");
        }
    }
}

impl Protocol for Panicker {
    fn connection_made(&mut self, _: &Transport) {
        self.enter("connection_made");
    }

    fn data_received(&mut self, transport: &Transport, _: &[u8]) -> Result {
        transport.write("never sent");
        self.enter("data_received");
        Ok(())
    }

    fn eof_received(&mut self, _: &Transport) -> Result {
        self.enter("eof_received");
        Ok(())
    }

    fn writing_paused(&mut self, _: &Transport) {
        self.enter("writing_paused");
    }

    fn writing_resumed(&mut self, _: &Transport) {
        self.enter("writing_resumed");
    }

    fn reading_resumed(&mut self, _: &Transport) -> Result {
        self.enter("reading_resumed");
        Ok(())
    }

    fn timer_expired(&mut self, _: &Transport, _: TimerKey) {
        self.enter("timer_expired");
    }

    fn event_received(&mut self, _: &Transport, _: Box<dyn std::any::Any>) {
        self.enter("event_received");
    }

    fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
        self.log.add(world::kind(reason));
        self.enter("connection_lost");
    }
}

/// Has everything happen to a connection that can.
fn exercise(world: &mut World, peer: &ropewalk::testing::Peer, transport: &Transport) {
    peer.set_window(Some(0));
    transport.set_limits(limits(|limits| (limits.high_water, limits.low_water) = (5, 0)));
    transport.set_timer(SECOND);
    world.run_for(SECOND);
    transport.post("event");
    world.settle();
    peer.send("x");
    world.settle();
    transport.write("above the mark");
    world.settle();
    peer.set_window(None);
    world.settle();
    peer.finish();
    world.settle();
    transport.abort_connection();
    world.settle();
}

/// Every callback: the connection is reset, hears of its panic, and its neighbour notices nothing.
#[test]
fn g7_a_panic_in_any_callback_ends_its_connection() {
    let callbacks = [
        "connection_made",
        "data_received",
        "eof_received",
        "writing_paused",
        "writing_resumed",
        "reading_resumed",
        "timer_expired",
        "event_received",
        "connection_lost",
    ];
    for callback in callbacks {
        let log = Log::default();
        let mut world = World::new();
        let (neighbour, _) = world.open(Echo);
        let (peer, transport) = world.open(Panicker { callback, log: log.clone() });
        exercise(&mut world, &peer, &transport);
        let reason = match callback {
            "connection_lost" => "aborted".to_owned(),
            callback => format!("panicked in {callback}"),
        };
        assert_eq!(log.take(), [reason]);
        assert!(peer.was_reset(), "{callback}");
        assert_eq!(world.reactor.stats().panics, 1, "{callback}");
        assert_eq!(world.connections(), 1, "{callback}");
        neighbour.send("hello");
        world.settle();
        assert_eq!(neighbour.received(), b"hello");
    }
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("in a destructor");
        }
    }
}

impl Protocol for Bomb {
    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result {
        Ok(())
    }
}

impl Producer for Bomb {
    fn resume_producing(&mut self, _: &Transport) {}
}

impl Factory for Bomb {
    fn build_protocol(&self, _: &ropewalk::Address) -> Option<Box<dyn Protocol>> {
        None
    }
}

impl std::fmt::Debug for Bomb {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Bomb")
    }
}

impl std::fmt::Display for Bomb {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("an error that panics")
    }
}

impl std::error::Error for Bomb {}

/// Destructors of protocols: at the loss, at a switch, and of the one that was switched to in vain.
#[test]
fn g7_destructors_of_protocols() {
    let mut world = World::new();
    let (_, lost) = world.open(Bomb);
    lost.abort_connection();
    world.settle();
    let (_, switched) = world.open(Bomb);
    switched.switch_protocol(Echo, "");
    world.settle();
    let (_, in_vain) = world.open(Echo);
    in_vain.switch_protocol(Bomb, "");
    in_vain.abort_connection();
    world.settle();
    assert_eq!(world.reactor.stats().panics, 3);
    assert_eq!(world.connections(), 1);
}

/// Destructors of producers, errors, events, calls, factories.
#[test]
fn g7_destructors_of_everything_else() {
    let mut world = World::new();
    let panics = |world: &World| world.reactor.stats().panics;
    let (_, transport) = world.open(Echo);
    transport.register_producer(Bomb, ProducerKind::Push).unwrap();
    transport.abort_connection();
    world.settle();
    assert_eq!(panics(&world), 1, "a producer's");
    let (_, transport) = world.open(Echo);
    transport.fail(Bomb);
    world.run_for(SECOND * 3);
    assert_eq!(panics(&world), 2, "an error's");
    transport.post(Bomb);
    world.settle();
    assert_eq!(panics(&world), 3, "an event's that nobody heard");
    let bomb = Bomb;
    world.reactor.call_later(SECOND, move |_| drop(bomb));
    world.run_for(SECOND);
    assert_eq!(panics(&world), 4, "a call's");
    let address = ([10, 0, 0, 9], 9).into();
    world.memory.expect_connect(address).accept();
    drop(world.reactor.connect(address, &ConnectOptions::default(), Bomb));
    world.settle();
    assert_eq!(panics(&world), 5, "a factory's");
    let any = ([127, 0, 0, 1], 0);
    let port = world.reactor.listen(any, ListenOptions::default(), Bomb).unwrap();
    world.settle();
    drop(port.stop());
    drop(port);
    world.settle();
    assert_eq!(panics(&world), 6, "a port's factory's");
    let _ = world.reactor.run_in_thread(|| Bomb);
    world.settle();
    assert_eq!(panics(&world), 7, "a result's that nobody heard");
}

/// A panic whose value panics when it is dropped.
#[test]
fn g7_a_panic_value_that_panics() {
    let log = Log::default();
    let (mut world, peer, _) =
        World::with(Script::new(&log).on_data(|_, _| std::panic::panic_any(Some(Bomb).filter(|_| true))));
    peer.send("x");
    world.settle();
    assert_eq!(log.take(), ["made", "data x", "lost panicked a value that is not text"]);
}

/// Producers panic in each of their callbacks.
#[test]
fn g7_panics_of_producers() {
    struct Panicking(&'static str);
    impl Panicking {
        fn enter(&self, callback: &str) {
            assert_ne!(self.0, callback, "on purpose");
        }
    }
    impl Producer for Panicking {
        fn resume_producing(&mut self, _: &Transport) {
            self.enter("resume");
        }
        fn pause_producing(&mut self, _: &Transport) {
            self.enter("pause");
        }
        fn stop_producing(&mut self, _: &Transport) {
            self.enter("stop");
        }
    }
    for callback in ["resume", "pause", "stop"] {
        let log = Log::default();
        let (mut world, peer, transport) = World::with(Script::new(&log));
        transport.register_producer(Panicking(callback), ProducerKind::Push).unwrap();
        peer.set_window(Some(0));
        transport.write(vec![0; 140_000]);
        world.settle();
        peer.set_window(None);
        world.settle();
        transport.abort_connection();
        world.settle();
        assert_eq!(log.count("lost panicked"), 1, "{callback}: {:?}", log.take());
        assert_eq!(world.reactor.stats().panics, 1);
    }
}

/// Factories panic in each of their methods; the port serves whom it can.
#[test]
fn g7_panics_of_factories() {
    struct Panicking;
    impl Factory for Panicking {
        fn build_protocol(&self, _: &ropewalk::Address) -> Option<Box<dyn Protocol>> {
            panic!("in build_protocol");
        }
        fn start_factory(&self) {
            panic!("in start_factory");
        }
        fn stop_factory(&self) {
            panic!("in stop_factory");
        }
    }
    let mut world = World::new();
    let (port, address) = world.listen(Panicking);
    let peer = world.memory.connect(address).unwrap();
    world.settle();
    assert!(peer.is_closed());
    drop(port.stop());
    world.settle();
    assert_eq!(world.reactor.stats().panics, 3);
    let target = ([10, 0, 0, 9], 9).into();
    world.memory.expect_connect(target).accept();
    let log = Log::default();
    let result = log.clone();
    world
        .reactor
        .connect(target, &ConnectOptions::default(), Panicking)
        .then(move |connected| result.add(connected.unwrap_err().to_string()));
    world.settle();
    assert_eq!(log.take(), ["connecting to 10.0.0.9:9: the factory built no protocol for it"]);
}

/// Everything in the world is dropped although one of each kind panics at that.
#[test]
fn g7_panics_while_a_reactor_is_dropped() {
    let mut world = World::new();
    let counted = Rc::new(());
    world.open(Bomb);
    let (_, transport) = world.open(Echo);
    transport.register_producer(Bomb, ProducerKind::Push).unwrap();
    let (_, transport) = world.open(Echo);
    transport.switch_protocol(Bomb, "");
    let bomb = Bomb;
    world.reactor.call_later(SECOND, move |_| drop(bomb));
    let keep = Rc::clone(&counted);
    world.reactor.call_later(SECOND * 2, move |_| drop(keep));
    let keep = Rc::clone(&counted);
    world.listen(factory_fn(move |_| {
        let _ = &keep;
        None
    }));
    let keep = Rc::clone(&counted);
    world.listen(for_protocol(move || {
        let _ = &keep;
        Echo
    }));
    let memory = world.memory.clone();
    drop(world);
    assert_eq!(memory.descriptors(), 0);
    assert_eq!(Rc::strong_count(&counted), 1);
}

/// The result of work that was cancelled while it was done, and an event for a connection that has just ended.
#[test]
fn g7_destructors_of_what_comes_too_late() {
    thread_local! {
        static CANCELLED: RefCell<Option<Deferred<std::result::Result<Bomb, ThreadError>>>> =
            const { RefCell::new(None) };
    }
    let mut world = World::new();
    let deferred = world.reactor.run_in_thread(|| Bomb);
    CANCELLED.set(Some(deferred));
    // Comes before the result, in the same batch of messages.
    world.reactor.remote().post(|_| CANCELLED.take().unwrap().cancel()).unwrap();
    world.settle();
    assert_eq!(world.reactor.stats().panics, 1, "a result's");
    let (_, transport) = world.open(Echo);
    let lost = transport.clone();
    world.reactor.call_when_running(move |_| lost.abort_connection());
    transport.post(Bomb);
    world.settle();
    assert_eq!(world.reactor.stats().panics, 2, "an event's");
}

/// What a protocol calls itself is asked for in the log.
#[test]
fn g7_a_protocol_that_cannot_name_itself() {
    struct Nameless(Log);
    impl Protocol for Nameless {
        fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result {
            panic!("on purpose")
        }
        fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
            self.0.add(world::kind(reason));
        }
        fn name(&self) -> &'static str {
            panic!("in name")
        }
    }
    let log = Log::default();
    let (mut world, peer, _) = World::with(Nameless(log.clone()));
    peer.send("x");
    peer.finish();
    world.settle();
    assert_eq!(log.take(), ["panicked on purpose"]);
}
