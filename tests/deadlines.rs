//! Every close and every silence ends within its deadline, and not before (G6, G9), on virtual time.

mod world;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use ropewalk::driver::Readiness;
use ropewalk::testing::Peer;
use ropewalk::{Producer, ProducerKind, Transport};
use world::{Echo, Log, SECOND, Script, World, YEAR, limits};

const NANOSECOND: Duration = Duration::from_nanos(1);

/// Asserts that the connection ends exactly `time` from now, with `reason`.
#[track_caller]
fn assert_ends_after(world: &mut World, log: &Log, time: Duration, reason: &str) {
    world.settle();
    log.take();
    world.run_for(time - NANOSECOND);
    assert_eq!(log.take(), [""; 0], "it ends too early");
    world.run_for(NANOSECOND);
    assert_eq!(log.take(), [reason]);
    assert_eq!(world.connections(), 0);
    assert_eq!(world.reactor.stats().timers, 0);
}

fn stalled(log: &Log) -> (World, Peer, Transport) {
    let (mut world, peer, transport) = World::with(Script::new(log));
    peer.set_window(Some(0));
    world.run_for(SECOND * 7);
    (world, peer, transport)
}

/// A peer that takes nothing is given the close timeout, then a reset.
#[test]
fn g6_flushing_ends_at_the_close_timeout() {
    let log = Log::default();
    let (mut world, peer, transport) = stalled(&log);
    transport.write("x");
    transport.lose_connection();
    assert_ends_after(&mut world, &log, SECOND * 60, "lost Close(60s)");
    assert!(peer.was_reset());
    assert_eq!(transport.buffered(), 1);
}

/// A peer that takes a byte now and then does not prolong the close.
#[test]
fn g6_progress_without_a_producer_does_not_renew_the_close_timeout() {
    let log = Log::default();
    let (mut world, peer, transport) = stalled(&log);
    transport.write(vec![0; 1000]);
    transport.lose_connection();
    for _ in 0..5 {
        world.run_for(SECOND * 10);
        peer.open_window(1);
    }
    assert_ends_after(&mut world, &log, SECOND * 10, "lost Close(60s)");
}

/// With a producer registered, progress does.
#[test]
fn g6_a_producers_progress_renews_the_close_timeout() {
    struct Endless;
    impl Producer for Endless {
        fn resume_producing(&mut self, transport: &Transport) {
            transport.write("piece");
        }
    }
    let log = Log::default();
    let (mut world, peer, transport) = stalled(&log);
    transport.register_producer(Endless, ProducerKind::Pull).unwrap();
    world.settle();
    transport.lose_connection();
    for _ in 0..20 {
        world.run_for(SECOND * 59);
        peer.open_window(5);
        world.settle();
    }
    assert_eq!(log.take(), ["made"]);
    assert_ends_after(&mut world, &log, SECOND * 60, "lost Close(60s)");
}

/// A push producer that never unregisters does not hold a close up for ever.
#[test]
fn g6_a_silent_producer_ends_at_the_close_timeout() {
    struct Silent;
    impl Producer for Silent {
        fn resume_producing(&mut self, _: &Transport) {}
    }
    let log = Log::default();
    let (mut world, _, transport) = stalled(&log);
    transport.register_producer(Silent, ProducerKind::Push).unwrap();
    transport.lose_connection();
    assert_ends_after(&mut world, &log, SECOND * 60, "lost Close(60s)");
}

/// When everything is sent, the peer's farewell is waited for two seconds; then the end is clean all the same.
#[test]
fn g6_lingering_ends_after_two_seconds() {
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Script::new(&log));
    transport.write("goodbye");
    transport.lose_connection();
    assert_ends_after(&mut world, &log, SECOND * 2, "lost closed");
    assert!(!peer.was_reset());
}

/// A peer that goes on sending does not prolong lingering.
#[test]
fn g6_input_does_not_renew_lingering() {
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Script::new(&log));
    transport.lose_connection();
    world.settle();
    world.run_for(SECOND);
    peer.send("chatter");
    assert_ends_after(&mut world, &log, SECOND, "lost closed");
}

/// Flushing that takes a while does not shorten lingering, nor the other way round.
#[test]
fn g6_the_whole_close_takes_at_most_both_timeouts() {
    let log = Log::default();
    let (mut world, peer, transport) = stalled(&log);
    transport.write("x");
    transport.lose_connection();
    world.run_for(SECOND * 59);
    peer.set_window(None);
    assert_ends_after(&mut world, &log, SECOND * 2, "lost closed");
}

/// Output of which the peer takes nothing for five minutes ends the connection.
#[test]
fn g6_the_write_timeout_is_exact() {
    let log = Log::default();
    let (mut world, peer, transport) = stalled(&log);
    transport.write("x");
    assert_ends_after(&mut world, &log, SECOND * 300, "lost Write(300s)");
    assert!(peer.was_reset());
}

/// Every byte taken begins the write timeout anew; writing more does not.
#[test]
fn g6_progress_renews_the_write_timeout_and_writing_does_not() {
    let log = Log::default();
    let (mut world, peer, transport) = stalled(&log);
    transport.write(vec![0; 100]);
    for _ in 0..10 {
        world.run_for(SECOND * 299);
        peer.open_window(1);
        world.settle();
    }
    assert_eq!(log.take(), ["made"]);
    world.run_for(SECOND * 100);
    transport.write("more");
    assert_ends_after(&mut world, &log, SECOND * 200, "lost Write(300s)");
}

/// The write timeout counts from when output began to wait, not from the last time it did.
#[test]
fn g9_the_write_timeout_does_not_count_idle_time() {
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Script::new(&log));
    peer.set_window(Some(5));
    transport.write("hello");
    world.run_for(SECOND * 299);
    transport.write("x");
    assert_ends_after(&mut world, &log, SECOND * 300, "lost Write(300s)");
}

/// The write timeout holds while one's own side is finishing.
#[test]
fn g6_finishing_ends_at_the_write_timeout() {
    let log = Log::default();
    let (mut world, _, transport) = stalled(&log);
    transport.write("x");
    transport.lose_write_connection();
    assert_ends_after(&mut world, &log, SECOND * 300, "lost Write(300s)");
}

/// A silent connection ends, in an orderly way, when its idle timeout has passed.
#[test]
fn the_idle_timeout_is_exact() {
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Script::new(&log));
    assert_eq!(transport.set_idle_timeout(Some(SECOND * 30)), None);
    world.settle();
    log.take();
    world.run_for(SECOND * 30 - NANOSECOND);
    assert!(transport.is_open());
    world.run_for(NANOSECOND);
    assert!(!transport.is_open());
    world.run_for(SECOND * 2);
    assert_eq!(log.take(), ["lost Idle(30s)"]);
    assert!(!peer.was_reset());
}

/// Of two deadlines the nearer one ends the connection, under its own name.
#[test]
fn g6_of_the_idle_and_the_write_timeout_the_earlier_one_counts() {
    for (idle, write, reason) in [(30, 20, "lost Write(20s)"), (20, 30, "lost Idle(20s)")] {
        let log = Log::default();
        let (mut world, peer, transport) = World::with(Script::new(&log));
        peer.set_window(Some(0));
        transport.set_limits(limits(|limits| {
            limits.write_timeout = SECOND * write;
            limits.close_timeout = Duration::ZERO;
        }));
        transport.set_idle_timeout(Some(SECOND * idle));
        transport.write("x");
        assert_ends_after(&mut world, &log, SECOND * 20, reason);
    }
}

/// Bytes in either direction, and setting it, begin the idle timeout anew; `None` ends it; each returns what was before.
#[test]
fn traffic_renews_the_idle_timeout() {
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Script::new(&log));
    transport.set_idle_timeout(Some(SECOND * 30));
    for step in 0..10 {
        world.run_for(SECOND * 29);
        match step % 3 {
            0 => peer.send("x"),
            1 => transport.write("x"),
            _ => assert_eq!(transport.set_idle_timeout(Some(SECOND * 30)), Some(SECOND * 30)),
        }
        world.settle();
    }
    assert!(transport.is_open());
    assert_eq!(transport.set_idle_timeout(None), Some(SECOND * 30));
    world.run_for(YEAR);
    assert!(transport.is_open());
}

/// Writing to a peer that takes nothing is no traffic.
#[test]
fn writing_without_progress_is_idle() {
    let log = Log::default();
    let (mut world, _, transport) = stalled(&log);
    transport.set_idle_timeout(Some(SECOND * 30));
    world.run_for(SECOND * 29);
    transport.write("x");
    world.run_for(SECOND);
    assert!(!transport.is_open());
    assert_ends_after(&mut world, &log, SECOND * 60, "lost Idle(30s)");
}

/// An idle timeout may be made shorter, and a very short one comes at once.
#[test]
fn the_idle_timeout_may_be_shortened() {
    let log = Log::default();
    let (mut world, _, transport) = World::with(Script::new(&log));
    transport.set_idle_timeout(Some(YEAR));
    world.settle();
    transport.set_idle_timeout(Some(SECOND));
    world.run_for(SECOND * 4);
    assert_eq!(log.take(), ["made", "lost Idle(1s)"]);
    let (_, transport) = world.open(Echo);
    transport.set_idle_timeout(Some(Duration::ZERO));
    world.settle();
    assert!(!transport.is_open());
}

/// Input that arrived before a hang-up is kept for a protocol that has paused, for the close timeout.
#[test]
fn g6_a_hang_up_while_paused_is_told_after_the_close_timeout() {
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Script::new(&log));
    transport.pause_reading();
    peer.send("unread");
    world.settle();
    peer.reset();
    assert_ends_after(&mut world, &log, SECOND * 60, "lost broken ConnectionReset");
}

/// Limits that are changed while a deadline runs hold from then on.
#[test]
fn changed_limits_move_a_running_deadline() {
    let log = Log::default();
    let (mut world, _, transport) = stalled(&log);
    transport.write("x");
    world.run_for(SECOND * 5);
    transport.set_limits(limits(|limits| limits.write_timeout = SECOND * 6));
    assert_ends_after(&mut world, &log, SECOND, "lost Write(6s)");
}

/// An attempt to connect that nobody answers ends at its timeout (S95).
#[test]
fn s95_connecting_ends_at_its_timeout() {
    let mut world = World::new();
    let address = ([192, 0, 2, 1], 80).into();
    let _peer = world.memory.expect_connect(address);
    let result = Rc::new(Cell::new(None));
    let ended = Rc::clone(&result);
    world
        .reactor
        .connect(address, &ropewalk::ConnectOptions::default(), ropewalk::for_protocol(|| Echo))
        .then(move |result| ended.set(Some(result.unwrap_err().to_string())));
    world.run_for(SECOND * 30 - NANOSECOND);
    assert!(result.take().is_none());
    world.run_for(NANOSECOND);
    assert_eq!(result.take().unwrap(), "connecting to 192.0.2.1:80: no answer within 30s");
    assert_eq!(world.memory.descriptors(), 0);
}

/// G6: readiness that is not there is no progress.
#[test]
fn g6_spurious_readiness_does_not_renew_the_write_timeout() {
    let log = Log::default();
    let (mut world, peer, transport) = stalled(&log);
    transport.set_limits(limits(|limits| limits.write_timeout = SECOND * 10));
    transport.write("x");
    world.run_for(SECOND * 6);
    peer.spurious(Readiness { writable: true, ..Readiness::default() });
    assert_ends_after(&mut world, &log, SECOND * 4, "lost Write(10s)");
}

/// Lingering counts from when it began, however long the connection stood before.
#[test]
fn g6_lingering_after_silence_takes_its_time() {
    let log = Log::default();
    let (mut world, _, transport) = World::with(Script::new(&log));
    world.run_for(SECOND * 1000);
    transport.lose_connection();
    assert_ends_after(&mut world, &log, SECOND * 2, "lost closed");
}

/// Of two timeouts the nearer one counts.
#[test]
fn the_nearer_of_the_idle_and_the_write_timeout_is_the_reason() {
    // An idle connection is closed, and what waits is given the close timeout.
    for (idle, end, reason) in [(301, 300, "lost Write(300s)"), (299, 299 + 60, "lost Idle(299s)")] {
        let log = Log::default();
        let (mut world, _, transport) = stalled(&log);
        transport.set_idle_timeout(Some(SECOND * idle));
        transport.write("x");
        assert_ends_after(&mut world, &log, SECOND * end, reason);
    }
}
