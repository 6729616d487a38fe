//! A message that is coming.

use simdutf8::{basic, compat};

use super::mask::Mask;
use crate::delivery::Delivery;
use crate::spare;
use crate::websocket::deflate::Inflation;
use crate::websocket::error::WebSocketError;
use crate::websocket::shareable::{self, Buffer};
use crate::websocket::{Message, MessageKind};

/// A message, as much of it as has come and is not delivered.
pub(crate) struct Assembly {
    pub(crate) kind: MessageKind,
    pub(crate) delivery: Delivery,
    content: Content,
    /// How many of the bytes are known to be whole characters. Of text in pieces, at most three are not.
    checked: usize,
}

enum Content {
    Vector(Vec<u8>),
    /// A whole message that is worth sharing.
    Shareable(Buffer),
}

impl Assembly {
    pub(crate) fn new(kind: MessageKind, delivery: Delivery) -> Self {
        Self { kind, delivery, content: Content::Vector(Vec::new()), checked: 0 }
    }

    pub(crate) fn length(&self) -> usize {
        self.bytes().len()
    }

    fn bytes(&self) -> &[u8] {
        match &self.content {
            Content::Vector(bytes) => bytes,
            Content::Shareable(buffer) => buffer.bytes(),
        }
    }

    /// Adds bytes, without looking at what they are.
    pub(crate) fn add(&mut self, payload: &[u8], mask: Option<&mut Mask>) {
        self.make_room(payload.len());
        match (&mut self.content, mask) {
            (Content::Shareable(buffer), mask) => buffer.append(payload, mask),
            (Content::Vector(bytes), Some(mask)) => mask.append(payload, bytes),
            (Content::Vector(bytes), None) => bytes.extend_from_slice(payload),
        }
    }

    fn make_room(&mut self, more: usize) {
        if matches!(&self.content, Content::Shareable(buffer) if buffer.has_room(more)) {
            return;
        }
        if self.delivery == Delivery::Whole && shareable::is_worthwhile(self.length() + more) {
            self.content = Content::Shareable(Buffer::new(self.bytes(), more));
        } else {
            spare::make_room(self.vector(), more);
        }
    }

    /// The bytes where they can grow without limit.
    fn vector(&mut self) -> &mut Vec<u8> {
        if let Content::Shareable(buffer) = &self.content {
            self.content = Content::Vector(buffer.bytes().to_vec());
        }
        match &mut self.content {
            Content::Vector(bytes) => bytes,
            Content::Shareable(_) => unreachable!("it has just become a vector"),
        }
    }

    /// Adds some of what an inflation has to add: of a whole message, no more than one byte beyond the limit.
    pub(crate) fn add_inflated(
        &mut self,
        inflation: &mut Inflation,
        limit: usize,
    ) -> Result<(), WebSocketError> {
        let room = match self.delivery {
            Delivery::Whole => limit.saturating_sub(self.length()).saturating_add(1),
            Delivery::Pieces => usize::MAX,
        };
        inflation.step(self.vector(), room)
    }

    /// Looks at the bytes that were added: whether they go on with text.
    pub(crate) fn check(&mut self) -> Result<(), WebSocketError> {
        if self.kind == MessageKind::Binary {
            self.checked = self.length();
            return Ok(());
        }
        match compat::from_utf8(&self.bytes()[self.checked..]) {
            Ok(text) => self.checked += text.len(),
            Err(error) => {
                self.checked += error.valid_up_to();
                if error.error_len().is_some() {
                    return Err(WebSocketError::InvalidUtf8);
                }
            }
        }
        Ok(())
    }

    /// What can be delivered as a piece.
    pub(crate) fn piece(&self) -> Message<'_> {
        message(self.kind, &self.bytes()[..self.checked]).expect("the bytes were checked")
    }

    /// Forgets what was delivered as a piece.
    pub(crate) fn clear_piece(&mut self) {
        let checked = std::mem::take(&mut self.checked);
        let bytes = self.vector();
        bytes.drain(..checked);
        if bytes.is_empty() {
            // The next piece may be long in coming.
            spare::give_back(std::mem::take(bytes));
        }
    }

    /// Calls `callback` with all that has come, as a message.
    pub(crate) fn deliver(
        self,
        callback: impl FnOnce(Message<'_>) -> ropewalk_reactor::Result,
    ) -> ropewalk_reactor::Result {
        match &self.content {
            Content::Vector(bytes) => callback(message(self.kind, bytes)?),
            Content::Shareable(buffer) => buffer.deliver(|bytes| callback(message(self.kind, bytes)?)),
        }
    }
}

impl Drop for Content {
    fn drop(&mut self) {
        if let Self::Vector(bytes) = self {
            spare::give_back(std::mem::take(bytes));
        }
    }
}

/// Bytes as a message.
pub(crate) fn message(kind: MessageKind, bytes: &[u8]) -> Result<Message<'_>, WebSocketError> {
    match kind {
        MessageKind::Binary => Ok(Message::Binary(bytes)),
        MessageKind::Text => {
            basic::from_utf8(bytes).map(Message::Text).map_err(|_| WebSocketError::InvalidUtf8)
        }
    }
}
