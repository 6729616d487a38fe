//! A world in memory for tests: a reactor and its protocols run without sockets, exactly and fast.
//!
//! [`Probe`] tests one protocol; start here. [`Memory`] is the world itself: a [`Driver`](crate::driver::Driver) with a virtual
//! clock, whose far ends are [`Peer`]s that the test scripts byte by byte, and in which any system call can be made to
//! fail. The reactor on it is the one of production.
//!
//! Nothing here waits: a clock that nobody advances stands still, and a loop with nothing left to wait for gets an
//! error instead of hanging.

mod chunking;
mod driver;
mod events;
mod faults;
mod listener;
mod memory;
mod peer;
mod probe;
mod socket;
mod stream;

pub use chunking::{Outcome, check_chunking};
pub use events::Events;
pub use faults::Operation;
pub use memory::Memory;
pub use peer::Peer;
pub use probe::Probe;
