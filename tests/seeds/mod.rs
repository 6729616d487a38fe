//! Random histories: numbers from a seed, and the running of many seeds.
#![allow(unreachable_pub, clippy::unwrap_used, reason = "shared by tests")]

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

/// What was done, for whoever has to find out why it went wrong.
pub type Steps = Rc<RefCell<Vec<String>>>;

/// Numbers from a seed (SplitMix64).
pub struct Dice(Cell<u64>);

impl Dice {
    pub const fn new(seed: u64) -> Self {
        Self(Cell::new(seed))
    }

    /// A number below `sides`.
    pub fn roll(&self, sides: u64) -> u64 {
        self.0.set(self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15));
        let mixed = self.0.get();
        let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }
}

/// Runs the first `count` seeds, or the one of `ROPEWALK_SEED` alone. A seed that fails is printed with its steps.
pub fn for_all_seeds(count: u64, run: impl Fn(u64, &Steps)) {
    let one = std::env::var("ROPEWALK_SEED").ok().map(|seed| seed.parse().unwrap());
    for seed in one.map_or(0..count, |seed: u64| seed..seed + 1) {
        let steps = Steps::default();
        if catch_unwind(AssertUnwindSafe(|| run(seed, &steps))).is_err() {
            panic!("seed {seed} fails:\n{}", steps.borrow().join("\n"));
        }
    }
}
