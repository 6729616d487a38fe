//! Programs that are a future, and races of futures, on virtual time.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod world;

use std::future::pending;

use ropewalk::driver::Signal;
use ropewalk::{Deferred, TaskError, race};
use world::{Log, SECOND, Script, World};

/// Adds an entry when it is dropped.
struct Held(Log);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.add("dropped");
    }
}

#[test]
fn what_a_future_ends_with_is_returned_when_the_reactor_has_stopped() {
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Script::new(&log));
    let reactor = world.reactor.handle();
    let output = world.reactor.block_on(async move {
        reactor.sleep(SECOND).await;
        transport.write("done");
        42
    });
    assert_eq!(output.unwrap(), Ok(42));
    assert!(!world.reactor.is_running());
    assert_eq!(peer.received(), b"done");
    assert_eq!(log.take(), ["made", "lost shutdown"]);
    assert_eq!(world.reactor.block_on(async { 43 }).unwrap(), Ok(43), "it can be run again");
}

#[test]
fn a_panic_ends_the_run() {
    let mut world = World::new();
    let output = world.reactor.block_on(async { panic!("out of luck") });
    assert_eq!(output.unwrap(), Err::<(), _>(TaskError::Panicked("out of luck".to_owned())));
}

/// What a future makes of the end of its connections is not what it was to do.
#[test]
fn who_is_stopped_has_no_output() {
    let (mut world, _peer, transport) = World::with(Script::new(&Log::default()));
    world.reactor.call_when_running(|reactor| reactor.stop());
    let output = world.reactor.block_on(async move { drop(transport.when_lost().await) });
    assert_eq!(output.unwrap(), Err(TaskError::Cancelled));
}

/// Also while a connection is still waiting for its peer.
#[test]
fn who_is_interrupted_has_no_output() {
    let (mut world, peer, transport) = World::with(Script::new(&Log::default()));
    peer.set_window(Some(0));
    transport.write("last words");
    world.reactor.stop_on_signals().unwrap();
    assert!(world.memory.signal(Signal::Interrupt));
    let reactor = world.reactor.handle();
    let output = world.reactor.block_on(async move { reactor.sleep(SECOND).await });
    assert_eq!(output.unwrap(), Err(TaskError::Cancelled));
    assert_eq!(world.reactor.block_on(async { 42 }).unwrap(), Ok(42), "a signal ends one run");
}

#[test]
fn a_future_that_was_not_done_is_dropped_when_the_reactor_runs_again() {
    let (mut world, log) = (World::new(), Log::default());
    world.reactor.call_later(SECOND, |reactor| reactor.stop());
    let held = Held(log.clone());
    let output = world.reactor.block_on(async move {
        let _held = held;
        pending::<()>().await;
    });
    assert_eq!(output.unwrap(), Err(TaskError::Cancelled));
    assert!(log.take().is_empty());
    world.settle();
    assert_eq!(log.take(), ["dropped"]);
}

#[test]
fn a_race_is_won_by_the_one_that_ends_first_and_the_other_is_dropped() {
    let (mut world, log) = (World::new(), Log::default());
    for (first, second) in [(1, 2), (2, 1)] {
        let (reactor, log) = (world.reactor.handle(), log.clone());
        let output = world.reactor.block_on(async move {
            let sleep = async |seconds| {
                let _held = Held(log.clone());
                reactor.sleep(SECOND * seconds).await;
                seconds
            };
            let winner = race(sleep(first), sleep(second)).await;
            (winner, log.take())
        });
        assert_eq!(output.unwrap(), Ok((1, vec!["dropped".to_owned(), "dropped".to_owned()])));
        assert_eq!(world.reactor.stats().timers, 0, "the loser's timer is cancelled");
    }
}

#[test]
fn of_two_that_have_ended_the_first_counts() {
    let mut world = World::new();
    let (first, second) = (Deferred::resolved(&world.reactor, 1), Deferred::resolved(&world.reactor, 2));
    assert_eq!(world.reactor.block_on(async { race(first, second).await }).unwrap(), Ok(1));
}
