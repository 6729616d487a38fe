//! Dropping a reactor frees everything it holds, whatever holds what; handles are inert afterwards.

mod world;

use std::cell::RefCell;
use std::rc::{Rc, Weak};
use std::time::Duration;

use ropewalk::{
    ConnectError, ConnectOptions, Deferred, ListenOptions, LoopingCall, Producer, ProducerKind, Protocol,
    ReactorGone, Result, Transport, When, for_protocol,
};
use world::{Echo, Log, SECOND, Script, World};

/// Something whose end can be seen.
#[derive(Clone, Default)]
struct Traced(Rc<()>);

impl Traced {
    fn weak(&self) -> Weak<()> {
        Rc::downgrade(&self.0)
    }
}

/// Drops the world and asserts that nothing it was given lives on.
#[track_caller]
fn assert_freed(world: World, traced: Traced) {
    let weak = traced.weak();
    drop(traced);
    assert!(weak.upgrade().is_some(), "nothing was given to the world");
    let memory = world.memory.clone();
    drop(world);
    assert!(weak.upgrade().is_none(), "something lives on");
    assert_eq!(memory.descriptors(), 0);
}

/// Holds on to all it can get, itself included, in a circle.
struct Knot {
    own: Rc<RefCell<Option<Transport>>>,
    _traced: Traced,
}

impl Protocol for Knot {
    fn connection_made(&mut self, transport: &Transport) {
        *self.own.borrow_mut() = Some(transport.clone());
    }

    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result {
        Ok(())
    }
}

fn knot(traced: &Traced) -> Knot {
    Knot { own: Rc::default(), _traced: traced.clone() }
}

#[test]
fn protocols_that_hold_their_transports_are_freed() {
    let traced = Traced::default();
    let mut world = World::new();
    let given = traced.clone();
    let (_, address) = world.listen(for_protocol(move || knot(&given)));
    for _ in 0..3 {
        world.memory.connect(address).unwrap();
    }
    world.settle();
    world.open(knot(&traced));
    assert_freed(world, traced);
}

#[test]
fn timers_calls_triggers_and_events_are_freed() {
    let traced = Traced::default();
    let (world, _, transport) = World::with(Echo);
    let hold = |traced: &Traced| {
        let (traced, handle, transport) = (traced.clone(), world.reactor.handle(), transport.clone());
        move |_: &ropewalk::ReactorHandle| drop((traced, handle, transport))
    };
    world.reactor.call_later(SECOND, hold(&traced));
    world.reactor.call_later(Duration::MAX, hold(&traced));
    world.reactor.call_when_running(hold(&traced));
    world.reactor.add_trigger(When::BeforeStartup, hold(&traced));
    world.reactor.add_trigger(When::AfterShutdown, hold(&traced));
    transport.post((traced.clone(), transport.clone()));
    drop(transport);
    assert_freed(world, traced);
}

#[test]
fn looping_calls_are_freed() {
    let traced = Traced::default();
    let mut world = World::new();
    let itself = Rc::new(RefCell::new(Vec::new()));
    for at_once in [false, true] {
        let (held, circle) = (traced.clone(), Rc::clone(&itself));
        let call = move |_: &LoopingCall| drop((held.clone(), Rc::clone(&circle)));
        let looping: LoopingCall = if at_once {
            world.reactor.call_now_and_every(SECOND, call)
        } else {
            world.reactor.call_every(SECOND, call)
        };
        let held = traced.clone();
        looping.ended().then(move |_| drop(held));
        itself.borrow_mut().push(looping);
    }
    world.settle();
    drop(itself);
    assert_freed(world, traced);
}

#[test]
fn deferreds_of_what_goes_on_are_freed_mapped_or_not() {
    let traced = Traced::default();
    let mut world = World::new();
    let address = ([192, 0, 2, 1], 80).into();
    let handle = world.reactor.handle();
    for mapped in [false, true] {
        let _peer = world.memory.expect_connect(address);
        let given = traced.clone();
        let attempt = handle.connect(address, &ConnectOptions::default(), for_protocol(move || knot(&given)));
        let (held, again) = (traced.clone(), handle.clone());
        if mapped {
            attempt.map(|result| result.is_ok()).map(|made| !made).then(move |_| drop((held, again)));
        } else {
            attempt.then(move |_| drop((held, again)));
        }
        world.settle();
    }
    let held = traced.clone();
    handle.run_in_thread(|| 1).map(|result| result.ok()).then(move |_| drop(held));
    let held = traced.clone();
    handle.drain(SECOND).then(move |_| drop(held));
    let held = traced.clone();
    world.reactor.add_trigger(When::BeforeShutdown, move |reactor| {
        let (deferred, resolver) = Deferred::<()>::new(reactor);
        reactor.call_later(SECOND, move |_| drop((resolver, held)));
        deferred
    });
    assert_freed(world, traced);
}

#[test]
fn a_shutdown_that_waits_is_freed() {
    let traced = Traced::default();
    let mut world = World::new();
    let held = traced.clone();
    world.reactor.add_trigger(When::BeforeShutdown, move |reactor| {
        let (deferred, resolver) = Deferred::<Traced>::new(reactor);
        reactor.call_later(SECOND, move |_| resolver.resolve(held));
        deferred
    });
    world.settle();
    world.reactor.stop();
    world.settle();
    assert!(world.reactor.is_running());
    assert_freed(world, traced);
}

#[test]
fn tasks_are_freed_whatever_they_wait_for_and_hold() {
    let traced = Traced::default();
    let mut world = World::new();
    let itself = Rc::new(RefCell::new(Vec::new()));
    for began in [true, false] {
        let (held, circle, handle) = (traced.clone(), Rc::clone(&itself), world.reactor.handle());
        let task = world.reactor.spawn(async move {
            handle.sleep(SECOND).await;
            drop((held, circle));
        });
        let (held, handle) = (traced.clone(), world.reactor.handle());
        let awaits = world.reactor.spawn(async move {
            let (deferred, resolver) = Deferred::<Traced>::new(&handle);
            handle.call_later(SECOND, move |_| resolver.resolve(held));
            drop((task.await, deferred.await));
        });
        itself.borrow_mut().push(awaits);
        if began {
            world.settle();
        }
    }
    drop(itself);
    assert_freed(world, traced);
}

#[test]
fn those_who_wait_for_a_loss_are_freed() {
    let traced = Traced::default();
    let (world, _, transport) = World::with(Echo);
    let (held, own) = (traced.clone(), transport.clone());
    transport.when_lost().then(move |_| drop((held, own)));
    drop(transport);
    assert_freed(world, traced);
}

/// A producer that holds what it feeds.
struct Feeder(Transport, #[expect(dead_code, reason = "held until it is dropped")] Traced);

impl Producer for Feeder {
    fn resume_producing(&mut self, _: &Transport) {
        self.0.write("x");
    }
}

#[test]
fn producers_switched_protocols_and_unsent_errors_are_freed() {
    let traced = Traced::default();
    let (mut world, peer, transport) = World::with(Echo);
    peer.set_window(Some(0));
    transport.register_producer(Feeder(transport.clone(), traced.clone()), ProducerKind::Pull).unwrap();
    world.settle();
    transport.switch_protocol(knot(&traced), "leftover");
    world.settle();
    // Not taken over before the end:
    transport.switch_protocol(knot(&traced), "leftover");
    let (_, other) = world.open(Echo);
    other.register_producer(Feeder(other.clone(), traced.clone()), ProducerKind::Push).unwrap();
    assert_freed(world, traced);
}

/// An error that holds something.
#[derive(Debug)]
struct HoldingError(#[expect(dead_code, reason = "held until it is dropped")] Rc<()>);

impl std::fmt::Display for HoldingError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("an error that holds something")
    }
}

impl std::error::Error for HoldingError {}

#[test]
fn errors_on_their_way_are_freed() {
    let traced = Traced::default();
    let (world, peer, transport) = World::with(Echo);
    peer.set_window(Some(0));
    transport.write("x");
    transport.fail(HoldingError(Rc::clone(&traced.0)));
    drop(transport);
    assert_freed(world, traced);
}

#[test]
fn ports_and_what_their_handles_hold_are_freed() {
    let traced = Traced::default();
    let mut world = World::new();
    let given = traced.clone();
    let port = world
        .reactor
        .listen(([127, 0, 0, 1], 0), ListenOptions::default(), for_protocol(move || knot(&given)))
        .unwrap();
    world.settle();
    let fresh = traced.clone();
    let _ = world.reactor.listen(
        ([127, 0, 0, 1], 0),
        ListenOptions::default(),
        for_protocol(move || knot(&fresh)),
    );
    let memory = world.memory.clone();
    drop(world);
    assert_eq!(memory.descriptors(), 0, "the handle of a port keeps no socket");
    assert!(!port.is_listening());
    assert!(port.start().is_err());
    drop(port.stop());
    let weak = traced.weak();
    drop((traced, port));
    assert!(weak.upgrade().is_none());
}

/// Dropping calls nobody.
#[test]
fn dropping_calls_no_callback() {
    let log = Log::default();
    let (world, peer, transport) = World::with(Script::new(&log));
    let trigger = log.clone();
    world.reactor.add_trigger(When::BeforeShutdown, move |_| trigger.add("trigger"));
    transport.write("unsent");
    drop(world);
    assert_eq!(log.take(), ["made"]);
    assert!(peer.is_closed());
    assert_eq!(peer.received(), b"");
}

/// Handles of a dropped reactor do nothing, or say that it is gone.
#[test]
fn handles_are_inert_after_the_reactor() {
    let traced = Traced::default();
    let (world, _, transport) = World::with(Echo);
    let (handle, remote) = (world.reactor.handle(), world.reactor.remote());
    let looping = world.reactor.call_every(SECOND, |_| {});
    let call = handle.call_later(SECOND, |_| {});
    let now = handle.now();
    assert!(!handle.is_gone());
    drop(world);
    assert!(handle.is_gone());
    assert_eq!(remote.post(|_| {}), Err(ReactorGone));
    assert_eq!(remote.post_event(transport.id(), 1), Err(ReactorGone));
    assert!(!handle.is_running());
    assert_eq!(handle.now(), now);
    assert!(!call.is_active());
    assert!(call.cancel().is_err());
    looping.stop();
    looping.reset();
    handle.stop();
    let held = traced.clone();
    assert!(!handle.call_later(SECOND, move |_| drop(held)).is_active());
    let held = traced.clone();
    handle.call_when_running(move |_| drop(held));
    let held = traced.clone();
    let trigger = handle.add_trigger(When::BeforeStartup, move |_| drop(held));
    assert!(!handle.remove_trigger(trigger));
    let held = traced.clone();
    handle.drain(SECOND).then(move |_| drop(held));
    let held = traced.clone();
    handle.run_in_thread(|| 1).then(move |_| drop(held));
    let any = ([127, 0, 0, 1], 0);
    assert!(handle.listen(any, ListenOptions::default(), for_protocol(|| Echo)).is_err());
    let held = traced.clone();
    handle
        .connect(any, &ConnectOptions::default(), for_protocol(|| Echo))
        .then(move |result: Result<Transport, ConnectError>| drop((held, result)));
    transport.write("zombie");
    transport.post(traced.clone());
    transport.switch_protocol(knot(&traced), "");
    transport.register_producer(Feeder(transport.clone(), traced.clone()), ProducerKind::Pull).unwrap();
    transport.set_timer(SECOND);
    let held = traced.clone();
    transport.when_lost().then(move |_| drop(held));
    let held = traced.clone();
    handle.spawn(async move { drop(held) }).detach();
    transport.lose_connection();
    assert!(!transport.is_open());
    let weak = traced.weak();
    drop(traced);
    assert!(weak.upgrade().is_none(), "something was kept");
}

/// Uses every handle it has when it is dropped.
struct Meddler {
    transport: Transport,
    other: Transport,
}

impl Drop for Meddler {
    fn drop(&mut self) {
        for transport in [&self.transport, &self.other] {
            transport.write("from a destructor");
            transport.post("event");
            transport.switch_protocol(Echo, "");
            transport.abort_connection();
            transport.reactor().call_later(SECOND, |_| {});
            transport.reactor().call_when_running(|_| {});
            transport.reactor().stop();
            let _ = transport.reactor().stats();
            let _ = transport.reactor().now();
        }
    }
}

/// Destructors may use handles, also of connections that are being dropped with theirs.
#[test]
fn destructors_may_use_handles() {
    for stopped in [false, true] {
        let log = Log::default();
        let mut world = World::new();
        let (_, first) = world.open(Echo);
        let (_, second) = world.open(Echo);
        for (own, other) in [(&first, &second), (&second, &first)] {
            let meddler = Meddler { transport: own.clone(), other: other.clone() };
            own.switch_protocol(
                Script::new(&log).on_made(move |_| {
                    let _ = &meddler;
                }),
                "",
            );
            let meddler = Meddler { transport: own.clone(), other: other.clone() };
            world.reactor.call_later(SECOND * 100, move |_| drop(meddler));
        }
        world.settle();
        if stopped {
            world.reactor.stop();
            world.settle();
        }
        drop(world);
        assert_eq!(log.count("made"), 2);
    }
}
