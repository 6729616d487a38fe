//! Inflating what comes (RFC 7692, section 7.2.2).

use std::cell::Cell;

use flate2::{Decompress, FlushDecompress, Status};

use super::{Agreement, TAIL};
use crate::spare;
use crate::websocket::error::WebSocketError;
use crate::websocket::frames::mask::Mask;

/// How much is inflated at once.
const STEP: usize = 16 * 1024;

/// The last block of a stream, empty: it can be read only where another block has ended.
const LAST_BLOCK: [u8; 2] = [0x03, 0x00];

thread_local! {
    /// One inflater serves all messages that come one after the other and do not refer to others.
    static SPARE: Cell<Option<Box<Inflater>>> = const { Cell::new(None) };
}

/// Inflates the messages of a connection.
pub(crate) struct Inflation {
    takes_over: bool,
    /// There while a compressed message is coming; with context takeover from the first one on.
    inflater: Option<Box<Inflater>>,
    /// A compressed message is coming.
    in_message: bool,
    /// All of it has come.
    ending: bool,
}

struct Inflater {
    stream: Decompress,
    /// What has come of the message, of which the bytes from `start` on are not inflated.
    input: Vec<u8>,
    start: usize,
    /// The last step has used all its room: there may be more to come of what was read.
    filled: bool,
    /// The stream has ended with the last byte of the input.
    at_end: bool,
}

impl Inflation {
    pub(crate) fn new(agreement: &Agreement) -> Self {
        Self { takes_over: agreement.receives_on, inflater: None, in_message: false, ending: false }
    }

    /// A compressed message begins.
    pub(crate) fn begin(&mut self) {
        self.inflater.get_or_insert_with(|| SPARE.take().unwrap_or_else(Inflater::new));
        self.in_message = true;
    }

    /// Whether a compressed message is coming.
    pub(crate) fn in_message(&self) -> bool {
        self.in_message
    }

    /// Adds payload, to be inflated by [`step`](Self::step).
    pub(crate) fn add(&mut self, payload: &[u8], mask: Option<&mut Mask>) {
        if let Some(inflater) = &mut self.inflater {
            spare::make_room(&mut inflater.input, payload.len());
            match mask {
                Some(mask) => mask.append(payload, &mut inflater.input),
                None => inflater.input.extend_from_slice(payload),
            }
        }
    }

    /// All payload of the message was added.
    pub(crate) fn end(&mut self) {
        self.add(&TAIL, None);
        if !self.takes_over {
            self.add(&LAST_BLOCK, None);
        }
        self.ending = true;
    }

    /// Whether there is something to do before more payload is added: a step, or to [`finish`](Self::finish).
    pub(crate) fn is_due(&self) -> bool {
        self.in_message && (self.ending || self.has_more())
    }

    /// Whether a step is due.
    pub(crate) fn has_more(&self) -> bool {
        self.inflater.as_ref().is_some_and(|inflater| inflater.has_more())
    }

    /// Inflates `limit` bytes and 16 KiB at most, and appends them to `output`, also before an error.
    pub(crate) fn step(&mut self, output: &mut Vec<u8>, limit: usize) -> Result<(), WebSocketError> {
        self.inflater.as_mut().map_or(Ok(()), |inflater| inflater.step(output, limit.min(STEP)))
    }

    /// Leaves a message that has come to its end. That it is complete can be told if its stream may end with it.
    pub(crate) fn finish(&mut self) -> Result<(), WebSocketError> {
        (self.in_message, self.ending) = (false, false);
        if self.takes_over {
            return Ok(());
        }
        let complete = self.inflater.take().filter(|inflater| inflater.at_end);
        SPARE.set(Some(complete.ok_or(WebSocketError::BadDeflate)?));
        Ok(())
    }
}

impl Inflater {
    fn new() -> Box<Self> {
        let stream = Decompress::new(false);
        Box::new(Self { stream, input: Vec::new(), start: 0, filled: false, at_end: false })
    }

    fn has_more(&self) -> bool {
        self.filled || self.start < self.input.len()
    }

    fn step(&mut self, output: &mut Vec<u8>, room: usize) -> Result<(), WebSocketError> {
        let input = &self.input[self.start..];
        let (length, read, inflated) = (output.len(), self.stream.total_in(), self.stream.total_out());
        spare::make_room(output, room);
        output.resize(length + room, 0);
        let result = self.stream.decompress(input, &mut output[length..], FlushDecompress::None);
        // Neither is more than was given.
        let read = (self.stream.total_in() - read) as usize;
        let inflated = (self.stream.total_out() - inflated) as usize;
        output.truncate(length + inflated);
        let status = result.map_err(|_| WebSocketError::BadDeflate)?;
        self.start += read;
        self.filled = inflated == room && status != Status::StreamEnd;
        let is_stuck = read == 0 && inflated == 0 && self.start < self.input.len();
        if self.start == self.input.len() {
            self.clear_input();
        }
        self.at_end = status == Status::StreamEnd && self.input.is_empty();
        match status {
            // What follows begins anew.
            Status::StreamEnd => self.stream.reset(false),
            _ if is_stuck => return Err(WebSocketError::BadDeflate),
            _ => {}
        }
        Ok(())
    }

    /// Nothing is left of the input: it needs no memory until more comes.
    fn clear_input(&mut self) {
        spare::give_back(std::mem::take(&mut self.input));
        self.start = 0;
    }
}
