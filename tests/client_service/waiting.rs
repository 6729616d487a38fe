//! Connecting, the waits between attempts, and those who wait for a connection.

use std::rc::Rc;
use std::time::Duration;

use ropewalk::ClientOptions;

use crate::setting::{REFUSED, Setting};
use crate::world::SECOND;

#[test]
fn it_connects_and_tells_those_who_wait() {
    let mut setting = Setting::new();
    let peer = setting.peer();
    setting.note(setting.service.when_connected());
    setting.settle();
    setting.assert_log(&[]);
    peer.accept();
    setting.settle();
    setting.assert_log(&["made", "connected", "got 192.0.2.1:80"]);
    setting.note(setting.service.when_connected());
    setting.settle();
    setting.assert_log(&["got 192.0.2.1:80"]);
    peer.send("hello");
    setting.settle();
    setting.assert_log(&["data hello"]);
}

#[test]
fn starting_twice_is_starting_once() {
    let mut setting = Setting::new();
    let (_first, _second) = (setting.peer(), setting.peer());
    setting.service.start();
    setting.settle();
    setting.service.start();
    setting.settle();
    assert_eq!(setting.world.memory.descriptors(), 1);
}

/// The waits are random between zero and a bound that doubles up to a minute, and exact.
#[test]
fn it_tries_again_after_waits_that_grow() {
    let mut setting = Setting::new();
    setting.settle();
    setting.assert_log(&[REFUSED]);
    for failures in 1..30 {
        assert_eq!(setting.waits.borrow().len(), failures);
        let bound = if failures < 7 { 1 << (failures - 1) } else { 60 };
        let wait = setting.last_wait();
        assert!(wait <= Duration::from_secs(bound), "{wait:?} after {failures} failures");
        setting.world.run_for(wait.saturating_sub(Duration::from_nanos(1)));
        assert_eq!(setting.waits.borrow().len(), failures, "too early");
        setting.world.run_for(Duration::from_nanos(1));
    }
    let longest = *setting.waits.borrow().iter().max().unwrap();
    assert!(longest > SECOND * 45, "the waits use the whole range: {longest:?}");
    assert_eq!(setting.world.reactor.stats().timers, 1);
}

/// The same world gives the same waits.
#[test]
fn waits_are_reproducible() {
    let waits = || {
        let mut setting = Setting::new();
        setting.world.run_for(SECOND * 600);
        setting.waits.take()
    };
    let first = waits();
    assert!(first.len() > 10);
    assert_eq!(first, waits());
}

#[test]
fn a_connection_that_was_stable_makes_the_waits_short_again() {
    for (lasted, longest) in [(SECOND * 10 - Duration::from_nanos(1), 60), (SECOND * 10, 1)] {
        let mut setting = Setting::new();
        setting.settle();
        for _ in 0..12 {
            setting.wait();
        }
        let mut peer = setting.accepting_peer();
        setting.wait();
        setting.log.take();
        setting.world.run_for(lasted);
        let mut bounds = Vec::new();
        // The random part differs from time to time; many losses show its bound.
        for _ in 0..40 {
            peer.finish();
            setting.settle();
            setting.assert_log(&["eof", "lost closed", "waiting: the connection has ended"]);
            bounds.push(setting.last_wait());
            peer = setting.accepting_peer();
            setting.wait();
            setting.assert_log(&["made", "connected"]);
            setting.world.run_for(lasted);
        }
        let bound = bounds.into_iter().max().unwrap();
        let range = Duration::from_secs(longest).mul_f64(0.75)..=Duration::from_secs(longest);
        assert!(range.contains(&bound), "{bound:?} after connections of {lasted:?}");
    }
}

#[test]
fn a_waiter_may_have_enough_while_the_service_goes_on() {
    let mut setting = Setting::new();
    setting.note(setting.service.when_connected_within(2));
    setting.note(setting.service.when_connected_within(0));
    setting.note(setting.service.when_connected());
    setting.settle();
    let refused = "connecting to 192.0.2.1:80: connection refused";
    setting.assert_log(&[REFUSED, &format!("no connection: 1 failure: {refused}")]);
    setting.wait();
    let enough = format!("no connection: 2 failures in a row, the last: {refused}");
    setting.assert_log(&[REFUSED, &enough]);
    let _peer = setting.accepting_peer();
    setting.wait();
    setting.assert_log(&["made", "connected", "got 192.0.2.1:80"]);
}

#[test]
fn it_gives_up_after_so_many_failures_and_can_be_started_again() {
    let mut options = ClientOptions::default();
    options.failures_max = Some(2);
    let mut setting = Setting::with(options);
    let peer = setting.accepting_peer();
    setting.settle();
    setting.assert_log(&["made", "connected"]);
    // Lost before it was stable, which is the first failure.
    peer.reset();
    setting.settle();
    setting.note(setting.service.when_connected());
    setting.wait();
    let refused = "connecting to 192.0.2.1:80: connection refused";
    setting.assert_log(&[
        "lost broken ConnectionReset",
        "waiting: the connection was lost: connection reset",
        &format!("gave up: {refused}"),
        &format!("no connection: 2 failures in a row, the last: {refused}"),
    ]);
    setting.assert_at_rest();
    setting.note(setting.service.when_connected());
    setting.settle();
    setting.assert_log(&["no connection: the client service is stopped"]);
    setting.service.start();
    setting.settle();
    setting.assert_log(&[REFUSED]);
}

/// Whoever asks again and again while there is no connection, and no longer waits for the answers, costs nothing.
#[test]
fn waiters_that_give_up_are_forgotten_with_the_next_failure() {
    let mut setting = Setting::new();
    let held = Rc::new(());
    for _ in 0..100 {
        let connected = setting.service.when_connected();
        let kept = Rc::clone(&held);
        connected.on_cancel(move || drop(kept));
    }
    setting.note(setting.service.when_connected());
    setting.settle();
    setting.assert_log(&[REFUSED]);
    assert_eq!(Rc::strong_count(&held), 1);
    let _peer = setting.accepting_peer();
    setting.wait();
    setting.assert_log(&["made", "connected", "got 192.0.2.1:80"]);
}
