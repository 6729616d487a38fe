//! Ropewalk's reactor on a simulated network and clock.
//!
//! Programs are the ones of production: endpoints, protocols, timers, threads, names and TLS run unchanged on hosts whose
//! network, clock and random numbers follow from one seed. An hour passes in a moment; partitions, crashes, full
//! buffers, late wake-ups and failing system calls are a line each; what goes wrong once goes wrong again with the same seed.
//!
//! [`Simulation`] is the network, [`Host`] names a machine in it, [`Link`] says how two of them are connected, [`Faults`] what
//! goes wrong with their system calls. [`simulate`] runs a test with many seeds.
#![forbid(unsafe_code)]

mod driver;
mod faults;
mod host;
mod link;
mod names;
mod network;
mod schedule;
mod seeds;
mod simulation;
mod stats;
mod trace;
mod waking;
mod world;

pub use faults::Faults;
pub use host::Host;
pub use link::Link;
pub use seeds::simulate;
pub use simulation::Simulation;
pub use stats::Stats;
