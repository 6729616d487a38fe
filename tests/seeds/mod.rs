//! Random histories that say what was done when they fail.
#![allow(unreachable_pub, clippy::unwrap_used, reason = "shared by tests")]

use std::cell::RefCell;
use std::ops::Deref;
use std::rc::Rc;
use std::thread;

use ropewalk::testing::for_each_seed;

/// Dice to which each test adds what it likes to roll.
pub struct Dice(ropewalk::testing::Dice);

impl Dice {
    #[allow(dead_code, reason = "shared by tests that each use a part")]
    pub const fn new(seed: u64) -> Self {
        Self(ropewalk::testing::Dice::new(seed))
    }
}

impl Deref for Dice {
    type Target = ropewalk::testing::Dice;

    fn deref(&self) -> &ropewalk::testing::Dice {
        &self.0
    }
}

/// What was done, for whoever has to find out why it went wrong.
pub type Steps = Rc<RefCell<Vec<String>>>;

/// Runs the first `count` seeds, or those that the environment asks for. The steps of one that fails are printed.
pub fn for_all_seeds(count: u64, run: impl Fn(u64, &Steps)) {
    for_each_seed(count, |seed| {
        let told = Told(Steps::default());
        run(seed, &told.0);
    });
}

/// Prints the steps if it is dropped by a panic.
struct Told(Steps);

impl Drop for Told {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("{}", self.0.borrow().join("\n"));
        }
    }
}
