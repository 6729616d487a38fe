//! Time, waking and seeds.

use std::collections::HashSet;
use std::thread;
use std::time::{Duration, SystemTime};

use super::{Driver, Event, MioDriver, PollUntil, World};
use crate::Instant;

#[test]
fn a_deadline_is_waited_for() {
    let mut driver = MioDriver::new().unwrap();
    let mut events = Vec::new();
    for wait in [Duration::from_micros(300), Duration::from_millis(30)] {
        let deadline = driver.now() + wait;
        // A signal may end a poll early, for example that of a debugger.
        while driver.now() < deadline {
            driver.poll(PollUntil::Deadline(deadline), &mut events).unwrap();
        }
        assert!(driver.now() >= deadline);
    }
    driver.poll(PollUntil::Deadline(Instant::ZERO), &mut events).unwrap();
    driver.poll(PollUntil::Now, &mut events).unwrap();
    assert_eq!(events, []);
}

/// One poll suffices: rounding goes up, so a loop does not spin through the last millisecond.
#[test]
fn a_poll_does_not_return_before_its_deadline() {
    let mut driver = MioDriver::new().unwrap();
    let mut early = 0;
    for _ in 0..20 {
        let deadline = driver.now() + Duration::from_micros(1500);
        driver.poll(PollUntil::Deadline(deadline), &mut Vec::new()).unwrap();
        early += usize::from(driver.now() < deadline);
    }
    assert_eq!(early, 0);
}

#[test]
fn other_threads_can_wake() {
    let mut world = World::new();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let waker = world.driver.waker();
            thread::spawn(move || (0..1000).for_each(|_| waker.wake()))
        })
        .collect();
    world.poll_until(|world| !world.others.is_empty());
    for thread in threads {
        thread.join().unwrap();
    }
    world.poll_once(PollUntil::Now);
    assert!(world.others.iter().all(|event| *event == Event::Woken));
    world.others.clear();
    world.poll_once(PollUntil::Now);
    assert_eq!(world.others, [], "a wake was reported twice");
    // Before the poll, and with no other end to the wait than the wake.
    world.driver.waker().wake();
    world.poll_once(PollUntil::Event);
    world.poll_until(|world| world.others == [Event::Woken]);
}

#[test]
fn a_deadline_that_never_comes_can_be_polled_for() {
    let mut world = World::new();
    world.driver.waker().wake();
    world.poll_once(PollUntil::Deadline(Instant::NEVER));
    assert_eq!(world.others, [Event::Woken]);
}

#[test]
fn a_waker_outlives_its_driver() {
    let driver = MioDriver::new().unwrap();
    let waker = driver.waker();
    drop(driver);
    waker.wake();
    thread::spawn(move || waker.wake()).join().unwrap();
}

#[test]
fn clock_and_seeds() {
    let mut driver = MioDriver::new().unwrap();
    let first = driver.now();
    assert!(first < Instant::ZERO + Duration::from_secs(10));
    assert!(driver.now() >= first);
    assert!(driver.system_time() > SystemTime::UNIX_EPOCH);
    let seeds: HashSet<_> = (0..100).map(|_| driver.random_seed()).collect();
    assert_eq!(seeds.len(), 100);
    assert!(format!("{driver:?}").starts_with("MioDriver"));
}

#[test]
#[cfg(not(all(unix, feature = "signals")))]
fn signals_are_unsupported() {
    let error = MioDriver::new().unwrap().watch_signals().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::Unsupported);
    assert!(!cfg!(unix) || error.to_string().contains("feature `signals`"));
}
