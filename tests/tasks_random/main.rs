//! Tasks, streams and client services to which anything happens at any time, from a seed: whatever it is, the guarantees
//! hold.
//!
//! A seed that fails is printed with its steps. `SEED=n` runs one alone.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "../seeds/mod.rs"]
mod seeds;
#[path = "../world/mod.rs"]
mod world;

mod services;
mod streams;
mod tasks;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use seeds::{Steps, for_all_seeds};
use world::MILLISECOND;

const SEEDS: u64 = 2_000;

/// Numbers from a seed, and what was done with them.
struct Dice {
    numbers: seeds::Dice,
    steps: Steps,
}

impl Dice {
    fn roll(&self, sides: u64) -> u64 {
        self.numbers.roll(sides)
    }

    /// True once in so many times.
    fn once_in(&self, times: u64) -> bool {
        self.roll(times) == 0
    }

    /// A size below one of `bounds`.
    fn size(&self, bounds: &[u64]) -> usize {
        let bound = bounds[self.index(bounds.len())];
        usize::try_from(self.roll(bound)).unwrap()
    }

    fn index(&self, length: usize) -> usize {
        usize::try_from(self.roll(length as u64)).unwrap()
    }

    /// Up to three seconds, and often none.
    fn time(&self) -> Duration {
        let bound = [1, 10, 3000][self.index(3)];
        MILLISECOND * u32::try_from(self.roll(bound)).unwrap()
    }

    /// Takes any of `pool`.
    fn take<T>(&self, pool: &RefCell<Vec<T>>) -> Option<T> {
        let mut pool = pool.borrow_mut();
        let length = pool.len() as u64;
        (length > 0).then(|| pool.swap_remove(usize::try_from(self.roll(length)).unwrap()))
    }

    fn note(&self, step: impl Into<String>) {
        self.steps.borrow_mut().push(step.into());
    }
}

/// Runs `story` with each seed.
fn run(story: fn(&Rc<Dice>)) {
    for_all_seeds(SEEDS, |seed, steps| {
        story(&Rc::new(Dice { numbers: seeds::Dice::new(seed), steps: Rc::clone(steps) }));
    });
}

#[test]
fn whatever_tasks_do_the_guarantees_hold() {
    run(tasks::story);
}

#[test]
fn whatever_happens_to_a_stream_the_guarantees_hold() {
    run(streams::story);
}

#[test]
fn whatever_happens_to_a_client_service_the_guarantees_hold() {
    run(services::story);
}
