//! Running a test with many seeds.

use std::env;
use std::thread;
use std::time::{Duration, Instant};

/// How often a long campaign says how far it is.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);

/// Runs a test with each seed below `seeds`. The first that fails ends it, and the line is printed that runs this seed
/// alone.
///
/// The environment may ask for something else:
///
/// * `SEED=17` runs seed 17 alone.
/// * `SEEDS=1000000` runs so many.
/// * `FIRST_SEED=5000` begins there.
/// * `SEED_SECONDS=3600` goes on from one seed to the next until this time has passed, by the clock on the wall.
///
/// What takes longer than 5 seconds says every 5 seconds how far it is.
///
/// ```
/// use ropewalk_reactor::testing::{Dice, for_each_seed};
///
/// for_each_seed(100, |seed| {
///     let dice = Dice::new(seed);
///     assert!(dice.roll(6) < 6);
/// });
/// ```
///
/// # Panics
/// As `test` does. Also if one of the variables is not a number.
pub fn for_each_seed(seeds: u64, test: impl FnMut(u64)) {
    Campaign::asked_for(seeds).run(test);
}

/// Which seeds to run.
struct Campaign {
    first: u64,
    count: u64,
    time: Option<Duration>,
}

impl Campaign {
    /// What the environment asks for, or else so many seeds.
    fn asked_for(seeds: u64) -> Self {
        if let Some(seed) = number("SEED") {
            return Self { first: seed, count: 1, time: None };
        }
        Self {
            first: number("FIRST_SEED").unwrap_or(0),
            count: number("SEEDS").unwrap_or(seeds),
            time: number("SEED_SECONDS").map(Duration::from_secs),
        }
    }

    fn run(&self, mut test: impl FnMut(u64)) {
        let begun = Instant::now();
        let mut told = begun;
        let mut done = 0;
        while self.time.map_or(done < self.count, |time| begun.elapsed() < time) {
            let running = Running(self.first + done);
            test(running.0);
            done += 1;
            if told.elapsed() >= PROGRESS_EVERY {
                told = Instant::now();
                eprintln!("{done} seeds from {} on in {:.0?}", self.first, begun.elapsed());
            }
        }
    }
}

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is to be a number, and is {text:?}")))
}

/// A seed that fails is told.
struct Running(u64);

impl Drop for Running {
    fn drop(&mut self) {
        if thread::panicking() {
            let thread = thread::current();
            let test = thread.name().unwrap_or("NAME");
            eprintln!("seed {} fails; to run it alone: SEED={} cargo test -- --exact {test}", self.0, self.0);
        }
    }
}
