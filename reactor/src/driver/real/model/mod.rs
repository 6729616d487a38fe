//! What threads share, tried by loom in every order in which they can run.
//!
//! The reactor is the real one, and so are its threads for work and for names; only the poll is a model, of a
//! descriptor that wakers write to. Run with
//! `RUSTFLAGS="--cfg loom" cargo test -p ropewalk-reactor --no-default-features --release --lib real::model::`.
//! A wake that is lost leaves all threads waiting, which loom reports as a deadlock; so it does a thread that never ends.

mod remote;
mod tasks;
mod workers;
mod world;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::Reactor;
use crate::sync::thread::{self, ThreadId};
use world::ModelDriver;

/// How often an order may take the processor from a thread that could go on. Loom's authors found two or three to be
/// enough for nearly all errors, and without a bound the larger models do not end. `LOOM_MAX_PREEMPTIONS` sets another.
const PREEMPTIONS: usize = 4;

/// Enough for the reactor, which is more than loom gives a thread.
const STACK_SIZE: usize = 1024 * 1024;

/// Tries `program`, which has a reactor in its own thread, in every order.
fn in_every_order(program: impl Fn(Reactor) + Clone + Send + Sync + 'static) {
    let program = move || program(Reactor::with_driver(Box::new(ModelDriver::new())));
    try_in_every_order(program);
}

/// Tries `program` in every order.
fn try_in_every_order(program: impl Fn() + Clone + Send + Sync + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound.get_or_insert(PREEMPTIONS);
    model.max_branches = 10_000;
    model.check(move || {
        thread::Builder::new().stack_size(STACK_SIZE).spawn(program.clone()).unwrap().join().unwrap();
    });
}

/// What came of the orders that were tried, so that a test can tell that none of its cases was left out.
struct Outcomes<T>(Arc<Mutex<BTreeSet<T>>>);

impl<T: Ord> Outcomes<T> {
    fn new() -> Self {
        Self(Arc::default())
    }

    fn add(&self, outcome: T) {
        self.0.lock().unwrap().insert(outcome);
    }

    fn all(self) -> Vec<T> {
        std::mem::take(&mut *self.0.lock().unwrap()).into_iter().collect()
    }
}

impl<T> Clone for Outcomes<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// What became of the things of a model, with the thread in which it happened, in order. Loom does not see it.
#[derive(Clone, Default)]
struct Ledger(Arc<Mutex<Vec<Entry>>>);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Entry {
    thing: usize,
    fate: Fate,
    thread: ThreadId,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fate {
    Heard,
    Dropped,
}

impl Ledger {
    fn note(&self, thing: usize, fate: Fate) {
        let entry = Entry { thing, fate, thread: thread::current().id() };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
    }

    /// The things that met `fate`, in order.
    fn things(&self, fate: Fate) -> Vec<usize> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.iter().filter(|entry| entry.fate == fate).map(|entry| entry.thing).collect()
    }

    /// The thread in which the one drop of `thing` happened.
    #[track_caller]
    fn dropped_in(&self, thing: usize) -> ThreadId {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let drops: Vec<_> =
            entries.iter().filter(|entry| entry.thing == thing && entry.fate == Fate::Dropped).collect();
        assert_eq!(drops.len(), 1, "{thing} was dropped so often: {entries:?}");
        drops[0].thread
    }
}

/// Something whose end is noted, and of which loom says so if it has none.
struct Thing {
    number: usize,
    ledger: Ledger,
    _tracked: loom::alloc::Track<()>,
}

impl Thing {
    fn new(number: usize, ledger: &Ledger) -> Self {
        Self { number, ledger: ledger.clone(), _tracked: loom::alloc::Track::new(()) }
    }

    fn heard(&self) {
        self.ledger.note(self.number, Fate::Heard);
    }
}

impl Drop for Thing {
    fn drop(&mut self) {
        self.ledger.note(self.number, Fate::Dropped);
    }
}
