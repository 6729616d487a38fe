//! A message that is coming.

use simdutf8::{basic, compat};

use super::mask::Mask;
use crate::delivery::Delivery;
use crate::spare;
use crate::websocket::deflate::Inflation;
use crate::websocket::error::WebSocketError;
use crate::websocket::{Message, MessageKind};

/// A message, as much of it as has come and is not delivered.
pub(crate) struct Assembly {
    pub(crate) kind: MessageKind,
    pub(crate) delivery: Delivery,
    bytes: Vec<u8>,
    /// How many of the bytes are known to be whole characters. Of text in pieces, at most three are not.
    checked: usize,
}

impl Assembly {
    pub(crate) fn new(kind: MessageKind, delivery: Delivery) -> Self {
        Self { kind, delivery, bytes: Vec::new(), checked: 0 }
    }

    pub(crate) fn length(&self) -> usize {
        self.bytes.len()
    }

    /// Adds bytes, without looking at what they are.
    pub(crate) fn add(&mut self, payload: &[u8], mask: Option<&mut Mask>) {
        spare::make_room(&mut self.bytes, payload.len());
        match mask {
            Some(mask) => mask.append(payload, &mut self.bytes),
            None => self.bytes.extend_from_slice(payload),
        }
    }

    /// Adds some of what an inflation has to add: of a whole message, no more than one byte beyond the limit.
    pub(crate) fn add_inflated(
        &mut self,
        inflation: &mut Inflation,
        limit: usize,
    ) -> Result<(), WebSocketError> {
        let room = match self.delivery {
            Delivery::Whole => limit.saturating_sub(self.bytes.len()).saturating_add(1),
            Delivery::Pieces => usize::MAX,
        };
        inflation.step(&mut self.bytes, room)
    }

    /// Looks at the bytes that were added: whether they go on with text.
    pub(crate) fn check(&mut self) -> Result<(), WebSocketError> {
        if self.kind == MessageKind::Binary {
            self.checked = self.bytes.len();
            return Ok(());
        }
        match compat::from_utf8(&self.bytes[self.checked..]) {
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
        message(self.kind, &self.bytes[..self.checked]).expect("the bytes were checked")
    }

    /// Forgets what was delivered as a piece.
    pub(crate) fn clear_piece(&mut self) {
        self.bytes.drain(..self.checked);
        self.checked = 0;
        if self.bytes.is_empty() {
            // The next piece may be long in coming.
            spare::give_back(std::mem::take(&mut self.bytes));
        }
    }

    /// All that has come, as a message.
    pub(crate) fn whole(&self) -> Result<Message<'_>, WebSocketError> {
        message(self.kind, &self.bytes)
    }
}

impl Drop for Assembly {
    fn drop(&mut self) {
        spare::give_back(std::mem::take(&mut self.bytes));
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
