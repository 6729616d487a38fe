//! What is written, as messages.

use std::{io, str};

use ropewalk_reactor::Result;

use crate::websocket::CloseCode;
use crate::websocket::close_frame;
use crate::websocket::frames::header::{Header, Opcode};
use crate::websocket::frames::mask::Mask;
use crate::websocket::message::MessageKind;

/// Bytes that nobody can predict, out of which a client makes keys and masks.
pub(super) type Secrets = Box<dyn FnMut() -> io::Result<[u8; 4]>>;

/// Makes frames.
pub(super) struct Outgoing {
    kind: MessageKind,
    /// A client masks what it sends.
    secrets: Option<Secrets>,
    /// Of text: the beginning of a character whose end was not written yet, at most three bytes.
    begun: Vec<u8>,
    /// A close frame was sent: nothing comes after it.
    closed: bool,
}

impl Outgoing {
    pub(super) const fn new(kind: MessageKind, secrets: Option<Secrets>) -> Self {
        Self { kind, secrets, begun: Vec::new(), closed: false }
    }

    /// The key of a client's request, which is as unpredictable as its masks; a server has none.
    pub(super) fn make_key(&mut self) -> io::Result<[u8; 16]> {
        let mut key = [0; 16];
        if let Some(secret) = &mut self.secrets {
            for part in key.chunks_mut(4) {
                part.copy_from_slice(&secret()?);
            }
        }
        Ok(key)
    }

    /// Makes a message of `data`.
    pub(super) fn send(&mut self, data: &[u8], down: &mut Vec<u8>) -> Result {
        if self.kind == MessageKind::Binary {
            return self.send_frame(Opcode::Binary, data, down);
        }
        if self.begun.is_empty() && str::from_utf8(data).is_ok() {
            return self.send_frame(Opcode::Text, data, down);
        }
        self.begun.extend_from_slice(data);
        let text = take_text(&mut self.begun);
        if text.is_empty() { Ok(()) } else { self.send_frame(Opcode::Text, text.as_bytes(), down) }
    }

    pub(super) fn send_ping(&mut self, down: &mut Vec<u8>) -> Result {
        self.send_frame(Opcode::Ping, b"", down)
    }

    pub(super) fn send_pong(&mut self, payload: &[u8], down: &mut Vec<u8>) -> Result {
        self.send_frame(Opcode::Pong, payload, down)
    }

    /// Says that nothing more comes, and why. A second time it says nothing, nor if a client cannot mask it: it ends in any case.
    pub(super) fn close(&mut self, code: Option<CloseCode>, reason: &str, down: &mut Vec<u8>) {
        let _ = self.send_close(code, reason, down);
        self.closed = true;
    }

    fn send_close(&mut self, code: Option<CloseCode>, reason: &str, down: &mut Vec<u8>) -> Result {
        if !self.begun.is_empty() {
            self.begun.clear();
            self.send_frame(Opcode::Text, char::REPLACEMENT_CHARACTER.to_string().as_bytes(), down)?;
        }
        self.send_frame(Opcode::Close, &close_frame::encode(code, reason), down)
    }

    fn send_frame(&mut self, opcode: Opcode, payload: &[u8], down: &mut Vec<u8>) -> Result {
        if self.closed {
            return Ok(());
        }
        let mut header = Header::new(opcode, true, payload);
        match &mut self.secrets {
            None => {
                down.extend_from_slice(header.encode().bytes());
                down.extend_from_slice(payload);
            }
            Some(secret) => {
                let mut mask = Mask::new(secret()?);
                header.mask = Some(mask);
                down.extend_from_slice(header.encode().bytes());
                mask.append(payload, down);
            }
        }
        Ok(())
    }
}

/// Takes whole characters out of `bytes`, and leaves the beginning of one if they end with that. What is no character is replaced.
fn take_text(bytes: &mut Vec<u8>) -> String {
    let mut text = String::with_capacity(bytes.len());
    let mut chunks = bytes.utf8_chunks().peekable();
    let mut begun = Vec::new();
    while let Some(chunk) = chunks.next() {
        text.push_str(chunk.valid());
        let is_begun = str::from_utf8(chunk.invalid()).is_err_and(|error| error.error_len().is_none());
        if chunks.peek().is_none() && is_begun {
            begun = chunk.invalid().to_vec();
        } else if !chunk.invalid().is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    *bytes = begun;
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_at_characters_and_what_is_none_is_replaced() {
        let cases: [(&[u8], &str, &[u8]); 6] = [
            (b"abc", "abc", b""),
            ("aé€😀".as_bytes(), "aé€😀", b""),
            (b"a\xf0\x9f\x98", "a", b"\xf0\x9f\x98"),
            (b"a\xff\xfeb\xc3", "a\u{fffd}\u{fffd}b", b"\xc3"),
            (b"\xe2\x82x", "\u{fffd}x", b""),
            (b"\xed\xa0\x80", "\u{fffd}\u{fffd}\u{fffd}", b""),
        ];
        for (bytes, text, left) in cases {
            let mut rest = bytes.to_vec();
            assert_eq!((take_text(&mut rest).as_str(), rest.as_slice()), (text, left), "{bytes:?}");
        }
    }
}
