//! What one connection may take of its host: so much memory (G4), and so much of one turn (G5).

use ropewalk::{Limits, Transport};

/// How many bytes one read brings at the most.
const READ_SIZE: usize = 65 * 1024;
/// How many bytes of one connection are read in one turn at the most.
const READ_BUDGET: usize = 256 * 1024;
/// How many bytes of one connection are sent in one turn at the most.
const FLUSH_BUDGET: usize = 1024 * 1024;

/// How many bytes wait for a peer before its connection is not read any more.
const HIGH_WATER: usize = 8 * 1024;

/// Limits so low that scenes come up against them.
pub(crate) fn limits() -> Limits {
    let mut limits = Limits::default();
    (limits.high_water, limits.low_water) = (HIGH_WATER, HIGH_WATER / 4);
    limits
}

/// What a connection has taken so far.
pub(crate) struct Bounds {
    /// The most bytes that its protocol writes of its own accord.
    own_output: usize,
    /// How many bytes waited for the peer after the turn before, and have been written since.
    waited: usize,
    /// The turn in which it heard something last, and how much that was.
    heard: (u64, usize),
}

impl Bounds {
    pub(crate) const fn new(own_output: usize) -> Self {
        Self { own_output, waited: 0, heard: (0, 0) }
    }

    /// The protocol has heard so many bytes.
    pub(crate) fn hear(&mut self, transport: &Transport, count: usize) -> Result<(), String> {
        let turn = transport.reactor().stats().turns;
        let before = if self.heard.0 == turn { self.heard.1 } else { 0 };
        self.heard = (turn, before + count);
        within("bytes read in one turn (G5)", self.heard.1, READ_BUDGET)
    }

    /// The protocol has written so many bytes.
    pub(crate) const fn write(&mut self, count: usize) {
        self.waited += count;
    }

    /// Looks at the connection after a turn.
    pub(crate) fn look(&mut self, transport: &Transport) -> Result<(), String> {
        let waits = transport.buffered();
        let sent = std::mem::replace(&mut self.waited, waits).saturating_sub(waits);
        if transport.is_open() {
            within("bytes sent in one turn (G5)", sent, FLUSH_BUDGET)?;
        }
        // A read that begins below the mark may go beyond it.
        let limits = transport.limits();
        let bound = self.own_output.saturating_add(limits.high_water + READ_SIZE).min(limits.output);
        within("bytes that wait for a peer (G4)", waits, bound)
    }
}

fn within(what: &str, count: usize, bound: usize) -> Result<(), String> {
    if count <= bound { Ok(()) } else { Err(format!("{what}: {count}, and {bound} are the most")) }
}
