//! What waits to be transmitted.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use ropewalk_reactor::{Limits, Transport};

use super::message::Message;

/// What a waiting message counts beyond its length, in bytes, so that empty ones are bounded too.
const MESSAGE_COST: usize = 64;

/// The messages that wait for their turn, kept with the connection. Everybody who has its transport may add to them.
#[derive(Default)]
pub(super) struct Outbox {
    messages: RefCell<VecDeque<Message>>,
    /// What the messages in it and the one that is announced count together.
    bytes: Cell<usize>,
    /// The connection is to be closed when everything is transmitted.
    closes: Cell<bool>,
    /// The peer agrees to nothing more, as its input is over.
    ended: Cell<bool>,
    /// The limit, if it was exceeded.
    exceeded: Cell<Option<usize>>,
    /// The protocol is gone: nothing is transmitted any more.
    gone: Cell<bool>,
}

impl Outbox {
    pub(super) fn add(&self, message: Message, transport: &Transport) {
        if !transport.accepts_output() || self.closes.get() || self.gone.get() {
            return;
        }
        let limit = transport.limits().output;
        let bytes = self.bytes.get().saturating_add(message.content.length()).saturating_add(MESSAGE_COST);
        if bytes.saturating_add(transport.buffered()) > limit {
            self.exceeded.set(Some(limit));
            transport.abort_connection();
            return;
        }
        self.bytes.set(bytes);
        self.messages.borrow_mut().push_back(message);
        transport.continue_reading();
    }

    pub(super) fn close(&self, transport: &Transport) {
        self.closes.set(true);
        if self.is_done() || self.ended.get() {
            transport.lose_connection();
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.messages.borrow().is_empty()
    }

    /// Takes the next message out, which counts until [`sent`](Self::sent).
    pub(super) fn next(&self) -> Option<Message> {
        self.messages.borrow_mut().pop_front()
    }

    /// A message of so many bytes that was taken out is over. Closes the connection if that was to be after the last.
    pub(super) fn sent(&self, length: usize, transport: &Transport) {
        self.bytes.set(self.bytes.get() - length - MESSAGE_COST);
        if self.closes.get() && self.is_done() {
            transport.lose_connection();
        }
    }

    /// Throws away what waits: nobody transmits it any more.
    pub(super) fn abandon(&self) {
        self.gone.set(true);
        // Whoever waits for them is told when they are dropped.
        drop(self.messages.take());
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
