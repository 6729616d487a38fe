//! Running a test with many seeds.

use std::thread;

use ropewalk_reactor::testing::for_each_seed;

use crate::Simulation;

/// Runs a test with many seeds, each in a [`Simulation`] of its own; see [`for_each_seed`] for what the environment may ask.
/// The trace of one that fails is printed.
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
/// As `test` does, and as [`for_each_seed`].
pub fn simulate(seeds: u64, test: impl Fn(&mut Simulation)) {
    for_each_seed(seeds, |seed| test(&mut Simulation::new(seed)));
}

/// A simulation that ends because its test fails says what has happened.
impl Drop for Simulation {
    fn drop(&mut self) {
        if thread::panicking() {
            let (seed, now, trace) = (self.seed, self.now(), self.trace());
            eprintln!("the simulation with seed {seed} ended after {:?}:\n{trace}", now);
        }
    }
}
