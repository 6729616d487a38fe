//! What has happened, in numbers.

use std::time::Duration;

/// What has happened in a [`Simulation`](crate::Simulation) so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Stats {
    /// The time that has passed.
    pub time: Duration,
    /// Turns that reactors have made.
    pub turns: u64,
    /// Connections made, each counted once.
    pub connections: u64,
    /// Bytes written to connections.
    pub bytes: u64,
    /// Datagrams sent.
    pub datagrams: u64,
}
