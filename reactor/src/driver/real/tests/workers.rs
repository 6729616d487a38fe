//! The thread pool.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use super::super::workers::{IDLE_TIME, MAX_THREADS, Workers};
use super::{Driver, Event, MioDriver, PATIENCE, World};

/// Waits for `done` without a way to be told.
#[track_caller]
fn eventually(mut done: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < end, "in vain");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn work_is_done_in_parallel() {
    let mut driver = MioDriver::new().unwrap();
    // Nobody passes the barrier before all have come to it.
    let barrier = Arc::new(Barrier::new(MAX_THREADS));
    let (sender, receiver) = channel();
    for _ in 0..MAX_THREADS {
        let (barrier, sender) = (Arc::clone(&barrier), sender.clone());
        let work = move || {
            barrier.wait();
            sender.send(thread::current().name().map(str::to_owned)).unwrap();
        };
        driver.run_in_thread(Box::new(work)).unwrap();
    }
    let mut names: Vec<_> =
        (0..MAX_THREADS).map(|_| receiver.recv_timeout(PATIENCE).unwrap().unwrap()).collect();
    names.sort();
    let expected: Vec<_> = (1..=MAX_THREADS).map(|number| format!("ropewalk-worker-{number}")).collect();
    assert_eq!(names, expected);
}

#[test]
fn no_more_threads_than_allowed_do_all_the_work() {
    let workers = Workers::new("worker", IDLE_TIME);
    let (sender, receiver) = channel();
    for number in 0..1000 {
        let sender = sender.clone();
        workers.run(MAX_THREADS, Box::new(move || sender.send(number).unwrap())).unwrap();
        assert!(workers.threads() <= MAX_THREADS);
    }
    let mut done: Vec<_> = (0..1000).map(|_| receiver.recv_timeout(PATIENCE).unwrap()).collect();
    done.sort_unstable();
    assert!(done.into_iter().eq(0..1000));
}

#[test]
fn an_idle_thread_is_used_again() {
    let workers = Workers::new("worker", IDLE_TIME);
    for _ in 0..10 {
        let (sender, receiver) = channel();
        workers.run(MAX_THREADS, Box::new(move || sender.send(()).unwrap())).unwrap();
        receiver.recv_timeout(PATIENCE).unwrap();
        eventually(|| workers.idle() == 1);
    }
    assert_eq!(workers.threads(), 1);
}

#[test]
fn idle_threads_end_and_start_again() {
    let workers = Workers::new("worker", Duration::from_millis(1));
    for _ in 0..3 {
        let (sender, receiver) = channel();
        workers.run(MAX_THREADS, Box::new(move || sender.send(()).unwrap())).unwrap();
        receiver.recv_timeout(PATIENCE).unwrap();
        eventually(|| workers.threads() == 0);
    }
}

#[test]
fn a_panic_does_not_end_a_thread() {
    let workers = Workers::new("worker", IDLE_TIME);
    for _ in 0..3 * MAX_THREADS {
        // Unlike `panic!`, this says nothing on standard error.
        workers.run(MAX_THREADS, Box::new(|| std::panic::resume_unwind(Box::new("expected")))).unwrap();
    }
    eventually(|| workers.idle() == workers.threads());
    let (sender, receiver) = channel();
    workers.run(MAX_THREADS, Box::new(move || sender.send(()).unwrap())).unwrap();
    receiver.recv_timeout(PATIENCE).unwrap();
}

#[test]
fn a_dropped_pool_drops_what_was_not_begun() {
    struct Told(Sender<&'static str>);
    impl Drop for Told {
        fn drop(&mut self) {
            self.0.send("dropped").unwrap();
        }
    }

    let workers = Workers::new("worker", IDLE_TIME);
    let (told, hear) = channel();
    let (release, blocked) = channel::<()>();
    let blocked = Arc::new(std::sync::Mutex::new(blocked));
    for _ in 0..MAX_THREADS {
        let (told, blocked) = (told.clone(), Arc::clone(&blocked));
        let work = move || {
            told.send("begun").unwrap();
            // An error means that the other end was dropped, which releases everybody.
            blocked.lock().unwrap().recv().unwrap_err();
            told.send("ended").unwrap();
        };
        workers.run(MAX_THREADS, Box::new(work)).unwrap();
    }
    for _ in 0..MAX_THREADS {
        assert_eq!(hear.recv_timeout(PATIENCE), Ok("begun"));
    }
    let waiting = Told(told);
    workers.run(MAX_THREADS, Box::new(move || waiting.0.send("never").unwrap())).unwrap();
    drop(workers);
    assert_eq!(hear.try_recv(), Ok("dropped"));
    drop(release);
    for _ in 0..MAX_THREADS {
        assert_eq!(hear.recv_timeout(PATIENCE), Ok("ended"));
    }
    assert!(hear.recv_timeout(PATIENCE).is_err(), "somebody is left who could tell more");
}

#[test]
fn work_can_wake_the_loop() {
    let mut world = World::new();
    let waker = world.driver.waker();
    world.driver.run_in_thread(Box::new(move || waker.wake())).unwrap();
    world.poll_until(|world| world.others.contains(&Event::Woken));
}
