//! Callbacks that hold the loop too long are named in the log, at next to no cost, on virtual time.

mod world;

use std::cell::RefCell;
use std::time::Duration;

use ropewalk::testing::Memory;
use ropewalk::{
    Address, DatagramOptions, DatagramProtocol, DatagramTransport, Protocol, Result, Transport, When,
};
use world::{Echo, Log, MILLISECOND, SECOND, Script, World};

thread_local! {
    /// What was logged by this thread's test.
    static WARNINGS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

struct Capture;

impl log::Log for Capture {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Warn
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            WARNINGS.with(|warnings| warnings.borrow_mut().push(record.args().to_string()));
        }
    }

    fn flush(&self) {}
}

fn capture() {
    // The tests of one process share it; the second installation fails and does not matter.
    let _ = log::set_logger(&Capture);
    log::set_max_level(log::LevelFilter::Warn);
}

fn warnings() -> Vec<String> {
    WARNINGS.with(RefCell::take)
}

/// Takes as long as the peer says, in milliseconds.
struct Sleeper(Memory);

impl Protocol for Sleeper {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        self.0.advance(MILLISECOND * std::str::from_utf8(data)?.parse()?);
        Ok(())
    }

    fn name(&self) -> &'static str {
        "Sleeper"
    }
}

/// The warning names connection, peer, callback, protocol and duration; the threshold itself is not slow.
#[test]
fn a_slow_callback_is_named() {
    capture();
    let mut world = World::new();
    let (peer, transport) = world.open(Sleeper(world.memory.clone()));
    peer.send("100");
    world.settle();
    assert!(warnings().is_empty());
    peer.send("101");
    world.settle();
    let (id, address) = (transport.id(), transport.peer());
    let expected =
        format!("connection {id} with {address}: data_received of Sleeper held the loop for 101ms");
    assert_eq!(warnings(), [expected]);
    assert_eq!(world.reactor.stats().slow_callbacks, 1);
}

impl DatagramProtocol for Sleeper {
    fn datagram_received(&mut self, _: &DatagramTransport, _: &[u8], _: &Address) -> Result {
        self.0.advance(MILLISECOND * 101);
        Ok(())
    }

    fn name(&self) -> &'static str {
        "Sleeper"
    }
}

#[test]
fn a_slow_callback_of_a_socket_for_datagrams_is_named() {
    capture();
    let mut world = World::new();
    let (sleeper, options) = (Sleeper(world.memory.clone()), DatagramOptions::default());
    let socket = world.reactor.listen_datagrams(([127, 0, 0, 1], 9), options, sleeper).unwrap();
    socket.send_to("to itself", socket.host()).unwrap();
    world.settle();
    let expected = "datagrams at 127.0.0.1:9: datagram_received of Sleeper held the loop for 101ms";
    assert_eq!(warnings(), [expected]);
}

/// Several slow callbacks of one turn are each named, and the quick ones between them are not.
#[test]
fn two_slow_callbacks_in_one_turn_are_both_named() {
    capture();
    let mut world = World::new();
    let peers = [300, 0, 200].map(|time| {
        let (peer, transport) = world.open(Sleeper(world.memory.clone()));
        (time, peer, transport)
    });
    for (time, peer, _) in &peers {
        peer.send(time.to_string());
    }
    world.settle();
    let expected = [&peers[0], &peers[2]].map(|(time, _, transport)| {
        let (id, address) = (transport.id(), transport.peer());
        format!("connection {id} with {address}: data_received of Sleeper held the loop for {time}ms")
    });
    assert_eq!(warnings(), expected);
}

/// A connection that ends in its slow callback is still named.
#[test]
fn a_slow_last_callback_is_named() {
    capture();
    let log = Log::default();
    let mut world = World::new();
    let memory = world.memory.clone();
    let (peer, transport) = world.open(Script::new(&log).on_lost(move |_, _| memory.advance(SECOND)));
    peer.reset();
    world.settle();
    let warning = warnings().pop().unwrap();
    assert!(warning.starts_with(&format!("connection {} with", transport.id())), "{warning}");
    assert!(warning.contains("connection_lost of ") && warning.ends_with(" held the loop for 1s"));
}

/// Calls and triggers are named too, and their time is not blamed on others.
#[test]
fn slow_calls_and_triggers_are_named() {
    capture();
    let log = Log::default();
    let (mut world, _, _) = World::with(Script::new(&log));
    for (when, seconds) in [(When::BeforeShutdown, 1), (When::DuringShutdown, 2), (When::AfterShutdown, 3)] {
        let memory = world.memory.clone();
        world.reactor.add_trigger(when, move |_| memory.advance(SECOND * seconds));
    }
    let memory = world.memory.clone();
    world.reactor.call_later(SECOND, move |reactor| {
        memory.advance(SECOND * 4);
        reactor.stop();
    });
    world.reactor.run().unwrap();
    assert_eq!(
        warnings(),
        [
            "a delayed call held the loop for 4s",
            "a trigger held the loop for 1s",
            "a trigger held the loop for 2s",
            "a trigger held the loop for 3s"
        ]
    );
}

/// A task that does not come to its `await` is named.
#[test]
fn a_slow_task_is_named() {
    capture();
    let mut world = World::new();
    let memory = world.memory.clone();
    world.reactor.spawn(async move { memory.advance(SECOND * 5) }).detach();
    world.settle();
    assert_eq!(warnings(), ["a task held the loop for 5s"]);
}

/// A slow startup is named.
#[test]
fn a_slow_startup_trigger_is_named() {
    capture();
    let mut world = World::new();
    let memory = world.memory.clone();
    world.reactor.add_trigger(When::DuringStartup, move |_| memory.advance(SECOND));
    world.memory.advance(SECOND * 60);
    world.settle();
    assert_eq!(warnings(), ["a trigger held the loop for 1s"]);
}

/// The threshold can be moved, and turned off; off costs no reading of the clock.
#[test]
fn the_threshold_is_settable() {
    capture();
    let mut world = World::new();
    let (peer, _) = world.open(Sleeper(world.memory.clone()));
    world.reactor.set_slow_callback_threshold(SECOND);
    peer.send("1000");
    world.settle();
    world.reactor.set_slow_callback_threshold(Duration::MAX);
    let readings = world.memory.clock_readings();
    peer.send("100000");
    world.turn();
    assert_eq!(world.memory.clock_readings() - readings, 1, "one for the turn");
    assert!(warnings().is_empty());
}

/// A turn reads the clock once, and at most once more for each callback in it.
#[test]
fn the_clock_is_read_at_most_once_per_callback() {
    let mut world = World::new();
    let readings = world.memory.clock_readings();
    world.settle();
    let after_startup = world.memory.clock_readings();
    assert!(after_startup - readings <= 3);
    world.turn();
    assert_eq!(world.memory.clock_readings() - after_startup, 1, "a turn without callbacks");
    let peers: Vec<_> = (0..10).map(|_| world.open(Echo)).collect();
    for callbacks in 0..=10 {
        for (peer, _) in &peers[..callbacks] {
            peer.send("x");
        }
        let readings = world.memory.clock_readings();
        world.turn();
        let readings = world.memory.clock_readings() - readings;
        assert!(readings <= 1 + callbacks, "{readings} readings for {callbacks} callbacks");
    }
}
