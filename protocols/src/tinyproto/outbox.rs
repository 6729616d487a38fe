//! What waits to be transmitted.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use ropewalk_reactor::{Bytes, Limits, Transport};

/// What a waiting message counts beyond its length, in bytes, so that empty ones are bounded too.
const MESSAGE_COST: usize = 64;

/// The messages that wait for their turn, kept with the connection. Everybody who has its transport may add to them.
#[derive(Default)]
pub(super) struct Outbox {
    messages: RefCell<VecDeque<Bytes>>,
    /// What the messages in it and the one that is announced count together.
    bytes: Cell<usize>,
    /// The connection is to be closed when everything is transmitted.
    closes: Cell<bool>,
    /// The peer agrees to nothing more, as its input is over.
    ended: Cell<bool>,
    /// The limit, if it was exceeded.
    exceeded: Cell<Option<usize>>,
}

impl Outbox {
    fn add(&self, message: Bytes, transport: &Transport) {
        if !transport.accepts_output() || self.closes.get() {
            return;
        }
        let limit = transport.limits().output;
        let bytes = self.bytes.get().saturating_add(message.len()).saturating_add(MESSAGE_COST);
        if bytes.saturating_add(transport.buffered()) > limit {
            self.exceeded.set(Some(limit));
            transport.abort_connection();
            return;
        }
        self.bytes.set(bytes);
        self.messages.borrow_mut().push_back(message);
        transport.continue_reading();
    }

    fn close(&self, transport: &Transport) {
        self.closes.set(true);
        if self.is_done() || self.ended.get() {
            transport.lose_connection();
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.messages.borrow().is_empty()
    }

    /// Takes the next message out, which counts until [`sent`](Self::sent).
    pub(super) fn next(&self) -> Option<Bytes> {
        self.messages.borrow_mut().pop_front()
    }

    /// A message of so many bytes that was taken out is over. Closes the connection if that was to be after the last.
    pub(super) fn sent(&self, length: usize, transport: &Transport) {
        self.bytes.set(self.bytes.get() - length - MESSAGE_COST);
        if self.closes.get() && self.is_done() {
            transport.lose_connection();
        }
    }

    /// The input is over.
    pub(super) fn end(&self, transport: &Transport) {
        self.ended.set(true);
        if self.closes.get() {
            transport.lose_connection();
        }
    }

    fn is_done(&self) -> bool {
        self.bytes.get() == 0
    }

    /// How many messages wait, without the one that is announced.
    pub(super) fn len(&self) -> usize {
        self.messages.borrow().len()
    }

    /// The limit, if it was exceeded.
    pub(super) fn exceeded(&self) -> Option<usize> {
        self.exceeded.get()
    }

    /// Whether so much waits that no more should be added: from above the high-water mark until down to the low-water mark.
    pub(super) fn is_full(&self, was_full: bool, limits: &Limits) -> bool {
        let mark = if was_full { limits.low_water.min(limits.high_water) } else { limits.high_water };
        self.bytes.get() > mark
    }
}

/// Sends messages over connections whose protocol is a [`TinyReceiver`](super::TinyReceiver). On others, these methods do
/// nothing.
pub trait Transmit {
    /// Transmits `message` after those before it. It waits until the peer has agreed to it; meanwhile it counts with its length
    /// and 64 bytes. If more waits than [`Limits::output`], the connection is aborted with
    /// [`Reason::OutputLimit`](ropewalk_reactor::Reason::OutputLimit).
    ///
    /// [`Bytes`] are not copied unless there are plugins, so one buffer serves many peers.
    ///
    /// While reading is paused, nothing is transmitted, as the peer's agreement could not be heard. After
    /// [`lose_connection`](Transport::lose_connection) nothing is either;
    /// [`close_after_transmission`](Self::close_after_transmission) waits for what was transmitted before it.
    fn transmit(&self, message: impl Into<Bytes>);

    /// Closes the connection when all messages that wait have been transmitted. Until then input is delivered; what is given to
    /// [`transmit`](Self::transmit) from now on is thrown away.
    fn close_after_transmission(&self);
}

impl Transmit for Transport {
    fn transmit(&self, message: impl Into<Bytes>) {
        if let Some(outbox) = outbox(self) {
            outbox.add(message.into(), self);
        }
    }

    fn close_after_transmission(&self) {
        if let Some(outbox) = outbox(self) {
            outbox.close(self);
        }
    }
}

fn outbox(transport: &Transport) -> Option<Rc<Outbox>> {
    transport.keepsake()
}
