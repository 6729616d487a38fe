//! How many handshakes an endpoint has in flight.

use std::cell::Cell;
use std::rc::Rc;

/// Counts handshakes: they are what a server pays for strangers.
pub(super) struct Handshakes {
    max: usize,
    in_flight: Rc<Cell<usize>>,
    /// A refusal has been logged, and there has been no relief since.
    warned: Cell<bool>,
}

/// One of the handshakes that are counted, until it is dropped.
pub(super) struct HandshakeSlot(Rc<Cell<usize>>);

impl Handshakes {
    pub(super) fn new(max: usize) -> Self {
        Self { max, in_flight: Rc::default(), warned: Cell::new(false) }
    }

    /// A slot, unless there are too many already. Says so in the log once, and again only when there were fewer than half
    /// as many in between.
    pub(super) fn begin(&self) -> Option<HandshakeSlot> {
        let count = self.in_flight.get();
        if count >= self.max {
            if !self.warned.replace(true) {
                log::warn!("refusing TLS connections: {count} handshakes are in flight already");
            }
            return None;
        }
        if count < self.max.div_ceil(2) {
            self.warned.set(false);
        }
        self.in_flight.set(count + 1);
        Some(HandshakeSlot(Rc::clone(&self.in_flight)))
    }
}

impl Drop for HandshakeSlot {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}
