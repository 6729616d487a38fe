//! Work done in threads, names looked up by them, and what becomes of both when nobody wants them any more.

use std::cell::Cell;
use std::rc::Rc;

use super::{Fate, Ledger, Outcomes, Thing, in_every_order, try_in_every_order};
use crate::driver::real::workers::{IDLE_TIME, Workers};
use crate::sync::thread;
use crate::{Reactor, ThreadError};

/// Begins work that hands a thing back.
fn begin(reactor: &Reactor, thing: usize, ledger: &Ledger) -> crate::Deferred<Result<Thing, ThreadError>> {
    let thing = Thing::new(thing, ledger);
    reactor.run_in_thread(move || {
        thing.heard();
        thing
    })
}

#[test]
fn all_results_come() {
    in_every_order(|mut reactor| {
        let ledger = Ledger::default();
        let left = Rc::new(Cell::new(2));
        for thing in 1..=2 {
            let (left, handle) = (Rc::clone(&left), reactor.handle());
            begin(&reactor, thing, &ledger).then(move |result| {
                assert_eq!(result.unwrap().number, thing);
                left.set(left.get() - 1);
                if left.get() == 0 {
                    handle.stop();
                }
            });
        }
        reactor.run().unwrap();
        assert_eq!(ledger.things(Fate::Heard), [1, 2]);
        assert_eq!(ledger.things(Fate::Dropped), [1, 2]);
    });
}

#[test]
fn work_that_is_cancelled_gives_nothing_and_is_dropped_once() {
    let outcomes = Outcomes::new();
    let outcome = outcomes.clone();
    in_every_order(move |mut reactor| {
        let ledger = Ledger::default();
        let heard = Rc::new(Cell::new(0));
        let cancelled = begin(&reactor, 1, &ledger);
        cancelled.cancel();
        let (hears, handle) = (Rc::clone(&heard), reactor.handle());
        cancelled.then(move |result| {
            assert!(matches!(result, Err(ThreadError::Cancelled)));
            hears.set(hears.get() + 1);
        });
        // The one thread has ended the first when it has done the second.
        begin(&reactor, 2, &ledger).then(move |_| handle.stop());
        reactor.run().unwrap();
        assert_eq!(heard.get(), 1);
        let worker = ledger.dropped_in(1) != thread::current().id();
        let was_done = ledger.things(Fate::Heard).contains(&1);
        assert_ne!(worker, was_done, "what was done is dropped by the loop, what was not by the thread");
        outcome.add(was_done);
    });
    assert_eq!(outcomes.all(), [false, true]);
}

#[test]
fn work_under_way_when_the_reactor_ends_is_dropped_once_and_its_thread_ends() {
    in_every_order(|mut reactor| {
        let ledger = Ledger::default();
        for thing in 1..=2 {
            begin(&reactor, thing, &ledger).then(|_| {});
        }
        let _ = reactor.run_once(Some(std::time::Duration::ZERO)).unwrap();
        // Loom ends the model when all threads have ended, and finds what was not dropped by then.
        drop(reactor);
    });
}

#[test]
fn names_are_answered_also_beside_one_that_was_given_up() {
    in_every_order(|mut reactor| {
        let given_up = reactor.resolve("one.example");
        let handle = reactor.handle();
        reactor.resolve("two.example").then(move |_| handle.stop());
        given_up.cancel();
        reactor.run().unwrap();
    });
}

/// The time of an idle thread is up just when there is work for it.
#[test]
fn work_that_comes_when_the_last_thread_is_about_to_end_is_done() {
    let outcomes = Outcomes::new();
    let outcome = outcomes.clone();
    try_in_every_order(move || {
        let ledger = Ledger::default();
        let workers = Rc::new(Workers::new("worker", IDLE_TIME));
        let (done, wait) = loom::sync::mpsc::channel();
        for number in 1..=2 {
            let (thing, done) = (Thing::new(number, &ledger), done.clone());
            let work = move || {
                thing.heard();
                done.send(thread::current().id()).unwrap();
            };
            workers.run(1, Box::new(work)).unwrap();
            workers.let_time_pass();
        }
        let threads = [wait.recv().unwrap(), wait.recv().unwrap()];
        assert_eq!(ledger.things(Fate::Heard), [1, 2]);
        outcome.add(threads[0] == threads[1]);
    });
    assert_eq!(outcomes.all(), [false, true], "the thread went on, and it ended and another began");
}
