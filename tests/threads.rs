//! How many threads do the work that would block.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use ropewalk::Reactor;

const PATIENCE: Duration = Duration::from_secs(60);

/// Has work done so many times, and waits for all of it.
fn run(reactor: &mut Reactor, times: usize, work: impl Fn() + Clone + Send + 'static) {
    let done = begin(reactor, times, work);
    wait_for(reactor, times, &done);
}

/// Has work begun so many times, and counts what is done.
fn begin(reactor: &Reactor, times: usize, work: impl Fn() + Clone + Send + 'static) -> Rc<Cell<usize>> {
    let done = Rc::new(Cell::new(0));
    for _ in 0..times {
        let count = Rc::clone(&done);
        reactor.run_in_thread(work.clone()).then(move |result| {
            result.unwrap();
            count.set(count.get() + 1);
        });
    }
    done
}

fn wait_for(reactor: &mut Reactor, times: usize, done: &Cell<usize>) {
    let begin = Instant::now();
    while done.get() < times {
        assert!(begin.elapsed() < PATIENCE, "{} of {times} are done", done.get());
        let _ = reactor.run_once(Some(Duration::from_millis(50))).unwrap();
    }
}

#[test]
fn there_may_be_more_than_the_default() {
    let mut reactor = Reactor::new().unwrap();
    reactor.set_max_threads(20);
    let all_at_once = Arc::new(Barrier::new(20));
    run(&mut reactor, 20, move || {
        all_at_once.wait();
    });
}

#[test]
fn raising_the_number_helps_work_that_waits_already() {
    let mut reactor = Reactor::new().unwrap();
    reactor.set_max_threads(1);
    let all_at_once = Arc::new(Barrier::new(10));
    let done = begin(&reactor, 10, move || {
        all_at_once.wait();
    });
    reactor.set_max_threads(10);
    wait_for(&mut reactor, 10, &done);
}

#[test]
fn there_may_be_one() {
    for threads in [0, 1] {
        let mut reactor = Reactor::new().unwrap();
        reactor.set_max_threads(threads);
        let at_work = Arc::new(AtomicUsize::new(0));
        run(&mut reactor, 50, move || {
            assert_eq!(at_work.fetch_add(1, Ordering::SeqCst), 0);
            thread::yield_now();
            at_work.fetch_sub(1, Ordering::SeqCst);
        });
    }
}
