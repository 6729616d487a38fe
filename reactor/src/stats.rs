//! Counters of what a reactor does.

use std::cell::Cell;

/// What a reactor has done since it was made, and what it holds now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Connections that are open or closing now.
    pub connections: usize,
    /// Connections that were ever opened, in either direction.
    pub connections_opened: u64,
    /// Bytes read.
    pub bytes_in: u64,
    /// Bytes handed to the operating system.
    pub bytes_out: u64,
    /// System calls that read.
    pub reads: u64,
    /// System calls that wrote.
    pub writes: u64,
    /// Turns of the loop.
    pub turns: u64,
    /// Timers that wait now.
    pub timers: usize,
    /// Bytes of output that wait now, of all connections together.
    pub output_buffered: usize,
    /// The most bytes of output that ever waited, of all connections together.
    pub output_buffered_peak: usize,
    /// Callbacks that held the loop longer than the threshold.
    pub slow_callbacks: u64,
    /// Panics of user code that were caught.
    pub panics: u64,
}

/// The counters behind [`Stats`].
#[derive(Default)]
pub(crate) struct Counters(Cell<Stats>);

impl Counters {
    pub(crate) fn snapshot(&self, timers: usize) -> Stats {
        Stats { timers, ..self.0.get() }
    }

    pub(crate) fn count(&self, change: impl FnOnce(&mut Stats)) {
        let mut stats = self.0.get();
        change(&mut stats);
        self.0.set(stats);
    }

    pub(crate) fn connection_opened(&self) {
        self.count(|stats| {
            stats.connections += 1;
            stats.connections_opened += 1;
        });
    }

    pub(crate) fn connection_closed(&self) {
        self.count(|stats| stats.connections -= 1);
    }

    pub(crate) fn read(&self, bytes: usize) {
        self.count(|stats| {
            stats.reads += 1;
            stats.bytes_in += bytes as u64;
        });
    }

    pub(crate) fn written(&self, bytes: usize) {
        self.count(|stats| {
            stats.writes += 1;
            stats.bytes_out += bytes as u64;
        });
    }

    pub(crate) fn output_added(&self, bytes: usize) {
        self.count(|stats| {
            stats.output_buffered += bytes;
            stats.output_buffered_peak = stats.output_buffered_peak.max(stats.output_buffered);
        });
    }

    pub(crate) fn output_removed(&self, bytes: usize) {
        self.count(|stats| stats.output_buffered -= bytes);
    }
}
