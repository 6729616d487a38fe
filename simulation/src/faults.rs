//! What goes wrong on a host's own side of the network, by chance.

use std::time::Duration;

/// How often a host's system calls do what the operating system may do and seldom does. Each is a probability from 0, never,
/// to 1, always; the defaults are never.
///
/// Spurious and late readiness, and calls that would block, call forth more events of their kind: all of them above a third or
/// so have no end.
///
/// All of it stays within what a [`Driver`](ropewalk_reactor::driver::Driver) may do, so nothing here excuses a program that
/// goes wrong.
///
/// ```
/// # use ropewalk_simulation::Faults;
/// let mut faults = Faults::default();
/// faults.short_reads = 0.5;
/// assert!(Faults::rough().would_block > 0.0);
/// ```
#[derive(Clone, Copy, PartialEq, Debug)]
#[non_exhaustive]
pub struct Faults {
    /// A read gives less than has arrived; the rest is announced anew.
    pub short_reads: f64,
    /// A write takes less than there is room for; that there is room is announced anew.
    pub short_writes: f64,
    /// A call that could do its work would block, and is announced to be possible anew.
    pub would_block: f64,
    /// A call is interrupted by a signal.
    pub interrupted: f64,
    /// Readiness is announced that is not there.
    pub spurious_readiness: f64,
    /// Readiness, or the end of a wait, is announced later than it arose, by up to [`lateness`](Self::lateness).
    pub late_readiness: f64,
    /// The longest that something is announced late. Default 10 milliseconds.
    pub lateness: Duration,
    /// A call fails with one of the errors that it can fail with, such as a reset for a read. Only this ends connections.
    pub failures: f64,
}

impl Faults {
    /// Everything that a program must not notice, one time in ten; no failures.
    pub const fn rough() -> Self {
        Self {
            short_reads: 0.1,
            short_writes: 0.1,
            would_block: 0.1,
            interrupted: 0.1,
            spurious_readiness: 0.1,
            late_readiness: 0.1,
            lateness: Duration::from_millis(10),
            failures: 0.0,
        }
    }

    /// Whether nothing ever goes wrong.
    pub(crate) fn is_none(&self) -> bool {
        *self == Self { lateness: self.lateness, ..Self::default() }
    }
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            short_reads: 0.0,
            short_writes: 0.0,
            would_block: 0.0,
            interrupted: 0.0,
            spurious_readiness: 0.0,
            late_readiness: 0.0,
            lateness: Duration::from_millis(10),
            failures: 0.0,
        }
    }
}
