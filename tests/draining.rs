//! Draining: no new connections, time for the open ones, an end for stragglers, on virtual time.

mod world;

use std::time::Duration;

use ropewalk::{ConnectOptions, Drained, for_protocol};
use world::{Echo, Log, SECOND, Script, World};

/// Logs how a drain goes.
fn drain(world: &World, within: Duration, log: &Log) {
    let log = log.clone();
    world.reactor.drain(within).then(move |Drained { closed, aborted, .. }| {
        log.add(format!("drained {closed} {aborted}"));
    });
}

/// Connections close after their output; who does not make it is aborted at the deadline, not before; both are counted.
#[test]
fn draining_closes_and_aborts_and_counts() {
    let log = Log::default();
    let mut world = World::new();
    let (quick, first) = world.open(Script::new(&log));
    let (slow, second) = world.open(Script::new(&log));
    let (silent, _) = world.open(Script::new(&log));
    first.write("bye");
    slow.set_window(Some(0));
    second.write("bye");
    log.take();
    drain(&world, SECOND, &log);
    world.settle();
    quick.finish();
    world.settle();
    assert_eq!(log.take(), ["lost closed"]);
    world.run_for(SECOND - Duration::from_nanos(1));
    assert!(log.take().is_empty());
    world.run_for(Duration::from_nanos(1));
    let mut ends = log.take();
    ends.sort();
    assert_eq!(ends, ["drained 2 1", "lost Drain", "lost closed"]);
    assert!(!silent.was_reset() && slow.was_reset());
    assert_eq!(quick.received(), b"bye");
    assert!(world.reactor.is_running(), "the reactor goes on");
    assert_eq!(world.reactor.stats().timers, 0);
}

/// Ports close and attempts are cancelled at once.
#[test]
fn draining_takes_no_new_connections() {
    let log = Log::default();
    let mut world = World::new();
    let (port, address) = world.listen(for_protocol(|| Echo));
    let unanswered = ([192, 0, 2, 1], 80).into();
    let _peer = world.memory.expect_connect(unanswered);
    let attempt = log.clone();
    world
        .reactor
        .connect(unanswered, &ConnectOptions::default(), for_protocol(|| Echo))
        .then(move |result| attempt.add(result.unwrap_err().to_string()));
    world.settle();
    drain(&world, SECOND, &log);
    world.settle();
    assert!(!port.is_listening());
    assert!(world.memory.connect(address).is_err());
    assert_eq!(log.take(), ["connecting to 192.0.2.1:80: cancelled", "drained 0 0"]);
    assert_eq!(world.memory.descriptors(), 0);
}

/// An empty reactor is drained at once, any number of times.
#[test]
fn draining_nothing_is_done_at_once() {
    let log = Log::default();
    let mut world = World::new();
    for within in [Duration::ZERO, SECOND, Duration::MAX] {
        drain(&world, within, &log);
        world.settle();
        assert_eq!(log.take(), ["drained 0 0"]);
    }
    assert_eq!(world.reactor.stats().timers, 0);
}

/// A second drain ends with the first and may shorten it, not lengthen it.
#[test]
fn a_second_drain_may_shorten_the_first() {
    for (second, end) in [(SECOND, SECOND), (SECOND * 100, SECOND * 10)] {
        let log = Log::default();
        let (mut world, peer, transport) = World::with(Echo);
        peer.set_window(Some(0));
        transport.write("x");
        drain(&world, SECOND * 10, &log);
        drain(&world, second, &log);
        world.run_for(end - Duration::from_nanos(1));
        assert!(log.take().is_empty());
        world.run_for(Duration::from_nanos(1));
        assert_eq!(log.take(), ["drained 0 1"; 2]);
    }
}

/// A drain of no time sends what fits and aborts the rest.
#[test]
fn a_drain_of_no_time() {
    let log = Log::default();
    let mut world = World::new();
    let (fast, first) = world.open(Echo);
    let (slow, second) = world.open(Echo);
    slow.set_window(Some(1));
    first.write("all of it");
    second.write("all of it");
    drain(&world, Duration::ZERO, &log);
    world.settle();
    assert_eq!(log.take(), ["drained 1 1"]);
    assert_eq!(fast.received(), b"all of it");
    assert_eq!(slow.received(), b"a");
}

/// A connection that aborts itself in the turn of the drain, and one that was closing, are counted once.
#[test]
fn connections_that_end_by_themselves_are_counted_once() {
    let log = Log::default();
    let mut world = World::new();
    let (_, aborted) = world.open(Echo);
    let (closing, second) = world.open(Echo);
    second.lose_connection();
    aborted.abort_connection();
    drain(&world, SECOND, &log);
    closing.finish();
    world.settle();
    assert_eq!(log.take(), ["drained 2 0"]);
}

/// Draining and then stopping loses nothing; stopping in the middle ends the drain.
/// A stop waits for nobody. Who has not got everything must not take that for an orderly end.
#[test]
fn stopping_resets_who_has_not_got_everything() {
    let log = Log::default();
    let mut world = World::new();
    let (quick, first) = world.open(Script::new(&log));
    let (slow, second) = world.open(Script::new(&log));
    slow.set_window(Some(2));
    first.write("bye");
    second.write("bye");
    world.reactor.stop();
    world.settle();
    assert_eq!((quick.received(), slow.received()), (b"bye".to_vec(), b"by".to_vec()));
    assert!(quick.has_finished() && !quick.was_reset());
    assert!(slow.was_reset());
}

#[test]
fn stopping_ends_a_drain() {
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Echo);
    peer.set_window(Some(0));
    transport.write("x");
    drain(&world, SECOND * 10, &log);
    world.settle();
    world.reactor.stop();
    world.settle();
    assert!(!world.reactor.is_running());
    assert_eq!(log.take(), ["drained 1 0"]);
    assert_eq!(world.reactor.stats().timers, 0);
}
