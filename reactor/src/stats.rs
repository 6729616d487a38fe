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
    /// System calls that read something.
    pub reads: u64,
    /// System calls that wrote something.
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
    /// Calls of [`drain`](crate::ReactorHandle::drain), by signals too. What takes several attempts tells by it that it was drained in between.
    pub drains: u64,
}

/// The counters behind [`Stats`], each in a cell of its own because they change with every message.
#[derive(Default)]
pub(crate) struct Counters {
    connections: Cell<usize>,
    connections_opened: Cell<u64>,
    bytes_in: Cell<u64>,
    bytes_out: Cell<u64>,
    reads: Cell<u64>,
    writes: Cell<u64>,
    turns: Cell<u64>,
    output_buffered: Cell<usize>,
    output_buffered_peak: Cell<usize>,
    slow_callbacks: Cell<u64>,
    panics: Cell<u64>,
    drains: Cell<u64>,
    output_refused: Cell<u64>,
}

impl Counters {
    pub(crate) fn snapshot(&self, timers: usize) -> Stats {
        Stats {
            connections: self.connections.get(),
            connections_opened: self.connections_opened.get(),
            bytes_in: self.bytes_in.get(),
            bytes_out: self.bytes_out.get(),
            reads: self.reads.get(),
            writes: self.writes.get(),
            turns: self.turns.get(),
            timers,
            output_buffered: self.output_buffered.get(),
            output_buffered_peak: self.output_buffered_peak.get(),
            slow_callbacks: self.slow_callbacks.get(),
            panics: self.panics.get(),
            drains: self.drains.get(),
        }
    }

    pub(crate) fn connection_opened(&self) {
        self.connections.set(self.connections.get() + 1);
        add(&self.connections_opened, 1);
    }

    pub(crate) fn connection_closed(&self) {
        self.connections.set(self.connections.get() - 1);
    }

    pub(crate) fn read(&self, bytes: usize) {
        add(&self.reads, 1);
        add(&self.bytes_in, bytes as u64);
    }

    pub(crate) fn written(&self, bytes: usize) {
        add(&self.writes, 1);
        add(&self.bytes_out, bytes as u64);
    }

    pub(crate) fn output_added(&self, bytes: usize) {
        let buffered = self.output_buffered.get() + bytes;
        self.output_buffered.set(buffered);
        self.output_buffered_peak.set(self.output_buffered_peak.get().max(buffered));
    }

    pub(crate) fn output_removed(&self, bytes: usize) {
        self.output_buffered.set(self.output_buffered.get() - bytes);
    }

    /// Bytes were written that go nowhere, because the connection is closing or gone.
    pub(crate) fn refused(&self, bytes: usize) {
        add(&self.output_refused, bytes as u64);
    }

    /// How many bytes were written that went nowhere, for tests of protocols.
    pub(crate) fn output_refused(&self) -> u64 {
        self.output_refused.get()
    }

    pub(crate) fn turn(&self) {
        add(&self.turns, 1);
    }

    pub(crate) fn slow_callback(&self) {
        add(&self.slow_callbacks, 1);
    }

    pub(crate) fn panic(&self) {
        add(&self.panics, 1);
    }

    pub(crate) fn drain(&self) {
        add(&self.drains, 1);
    }
}

fn add(counter: &Cell<u64>, count: u64) {
    counter.set(counter.get() + count);
}
