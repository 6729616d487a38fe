//! Running a test with many seeds.

use std::env;
use std::thread;
use std::time::{Duration, Instant};

use crate::Simulation;

/// How often a long campaign says how far it is.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);

/// Runs a test with the seeds from zero to `seeds`, each in a [`Simulation`] of its own. The first that fails ends the test;
/// its trace is printed with the line that runs this seed alone.
///
/// The environment may ask for something else:
///
/// * `SEED=17` runs seed 17 alone.
/// * `SEEDS=1000000` runs so many.
/// * `SEED_SECONDS=3600` goes on from one seed to the next until this time has passed, by the clock on the wall.
/// * `FIRST_SEED=5000` begins there.
///
/// Campaigns that take longer say every 5 seconds how far they are.
///
/// ```
/// use ropewalk_simulation::simulate;
/// use std::time::Duration;
///
/// simulate(3, |simulation| {
///     let host = simulation.host("server", |_| Ok(()));
///     simulation.crash(&host);
///     simulation.run_for(Duration::from_secs(1));
///     assert!(!simulation.is_running(&host));
/// });
/// ```
///
/// # Panics
/// As `test` does. Also if a variable of the environment is not a number.
#[track_caller]
pub fn simulate(seeds: u64, test: impl Fn(&mut Simulation)) {
    let campaign = Campaign::asked_for(seeds);
    let begun = Instant::now();
    let mut told = begun;
    let mut simulated = Duration::ZERO;
    let mut number = 0;
    while campaign.goes_on(number, begun.elapsed()) {
        let mut simulation = Simulation::new(campaign.first + number);
        test(&mut simulation);
        simulated += simulation.stats().time;
        number += 1;
        if told.elapsed() >= PROGRESS_EVERY {
            told = Instant::now();
            eprintln!(
                "{number} seeds from {}: {simulated:?} simulated in {:?}",
                campaign.first,
                begun.elapsed()
            );
        }
    }
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

    fn goes_on(&self, done: u64, elapsed: Duration) -> bool {
        self.time.map_or(done < self.count, |time| elapsed < time)
    }
}

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} must be a number, and is {text}")))
}

/// A simulation that ends because its test fails says what happened.
impl Drop for Simulation {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("{}", self.obituary());
        }
    }
}

impl Simulation {
    fn obituary(&self) -> String {
        let seed = self.seed;
        let test = thread::current().name().unwrap_or("the test").to_owned();
        let trace = self.trace();
        format!(
            "the simulation with seed {seed} came to an end at {:?}:\n{trace}to run it again: SEED={seed} cargo test -- --exact {test}",
            self.now()
        )
    }
}
