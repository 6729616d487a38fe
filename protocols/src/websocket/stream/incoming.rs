//! What comes in messages, as a stream.

use simdutf8::compat;

use crate::receiving::Found;
use crate::websocket::error::WebSocketError;
use crate::websocket::frames::decoder::{Frame, FrameDecoder};
use crate::websocket::frames::header::{Header, Opcode};
use crate::websocket::message::MessageKind;
use crate::websocket::socket::Role;

/// Reads frames. Memory is taken for what has come, never for what was announced.
pub(super) struct Incoming {
    decoder: FrameDecoder,
    /// That of the message that comes.
    kind: MessageKind,
    /// Of text: the beginning of a character whose end has not come, at most three bytes.
    begun: Vec<u8>,
}

/// What has come in a part of the input.
pub(super) enum Heard {
    /// Data, which was passed up, or what only surrounds it.
    Data,
    /// As much of it as is good was passed up; the next part of the input is bad.
    DataBeforeProblem,
    /// A control frame, whole, with its payload.
    Control(Opcode, Vec<u8>),
    Problem(WebSocketError),
}

impl Incoming {
    pub(super) fn new(role: Role) -> Self {
        let decoder = FrameDecoder::new(role);
        Self { decoder, kind: MessageKind::Binary, begun: Vec::new() }
    }

    /// Finds the next part of the input. Nothing of it is used yet.
    pub(super) fn find(&self, input: &[u8]) -> Option<Found<Frame>> {
        let found = self.decoder.find(input)?;
        match found.frame {
            // The last frame of a text is empty, and a character is not whole.
            Frame::Header(header) if header.last && header.length == 0 && !self.begun.is_empty() => {
                Some(Found { length: 0, frame: Frame::Bad(WebSocketError::InvalidUtf8) })
            }
            _ => Some(found),
        }
    }

    /// Hears a part that was found. Returns how many of its bytes are used up.
    pub(super) fn hear(&mut self, frame: Frame, bytes: &[u8], up: &mut Vec<u8>) -> (usize, Heard) {
        match frame {
            Frame::Header(header) => {
                match header.opcode {
                    Opcode::Text => self.kind = MessageKind::Text,
                    Opcode::Binary => self.kind = MessageKind::Binary,
                    _ => {}
                }
                self.decoder.begin(&header);
            }
            Frame::Payload if self.kind == MessageKind::Text => return self.hear_text(bytes, up),
            Frame::Payload => match self.decoder.pass(bytes.len()).mask {
                Some(mask) => mask.append(bytes, up),
                None => up.extend_from_slice(bytes),
            },
            Frame::End => {
                self.decoder.end();
            }
            Frame::Control(header, start) => return (bytes.len(), hear_control(&header, &bytes[start..])),
            Frame::Bad(error) => return (0, Heard::Problem(error)),
        }
        (bytes.len(), Heard::Data)
    }

    /// Passes up the whole characters.
    fn hear_text(&mut self, bytes: &[u8], up: &mut Vec<u8>) -> (usize, Heard) {
        let start = up.len();
        up.extend_from_slice(&self.begun);
        match self.decoder.mask() {
            Some(mut mask) => mask.append(bytes, up),
            None => up.extend_from_slice(bytes),
        }
        let Err(error) = compat::from_utf8(&up[start..]) else {
            self.begun.clear();
            return self.use_text(bytes);
        };
        let valid = error.valid_up_to();
        if error.error_len().is_none() && !self.decoder.ends_message(bytes.len()) {
            self.begun = up.split_off(start + valid);
            return self.use_text(bytes);
        }
        up.truncate(start + valid);
        // If a character has begun that does not go on, nothing is valid.
        let used = valid.saturating_sub(self.begun.len());
        if valid == 0 {
            return (0, Heard::Problem(WebSocketError::InvalidUtf8));
        }
        self.begun.clear();
        self.use_text(&bytes[..used]);
        (used, Heard::DataBeforeProblem)
    }

    /// Takes note of bytes that were passed up or kept.
    fn use_text(&mut self, bytes: &[u8]) -> (usize, Heard) {
        if let Some(mask) = self.decoder.pass(bytes.len()).mask {
            mask.skip(bytes.len());
        }
        (bytes.len(), Heard::Data)
    }
}

fn hear_control(header: &Header, payload: &[u8]) -> Heard {
    let mut unmasked = Vec::with_capacity(payload.len());
    match header.mask {
        Some(mut mask) => mask.append(payload, &mut unmasked),
        None => unmasked.extend_from_slice(payload),
    }
    Heard::Control(header.opcode, unmasked)
}
