//! Messages, received and to be sent.

use std::sync::OnceLock;

use ropewalk_reactor::Bytes;

use super::deflate::Deflation;
use super::frames::header::{Header, Opcode};

/// A message, or a piece of one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Message<'a> {
    /// Text.
    Text(&'a str),
    /// Bytes.
    Binary(&'a [u8]),
}

/// Whether a message is text or bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MessageKind {
    /// Text, in UTF-8.
    Text,
    /// Bytes.
    Binary,
}

impl<'a> Message<'a> {
    /// Its bytes, whatever its kind.
    pub const fn bytes(self) -> &'a [u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }

    /// Its kind.
    pub const fn kind(self) -> MessageKind {
        match self {
            Self::Text(_) => MessageKind::Text,
            Self::Binary(_) => MessageKind::Binary,
        }
    }
}

impl<'a> From<&'a str> for Message<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a String> for Message<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a [u8]> for Message<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Binary(bytes)
    }
}

impl<'a> From<&'a Vec<u8>> for Message<'a> {
    fn from(bytes: &'a Vec<u8>) -> Self {
        Self::Binary(bytes)
    }
}

impl MessageKind {
    pub(super) const fn opcode(self) -> Opcode {
        match self {
            Self::Text => Opcode::Text,
            Self::Binary => Opcode::Binary,
        }
    }
}

/// A message that is encoded once, for many: [`WebSocket::send_encoded`](super::WebSocket::send_encoded) of a server copies
/// nothing.
///
/// ```
/// use ropewalk_protocols::{EncodedMessage, WebSocket};
///
/// fn tell_everybody(members: &[WebSocket], text: &str) {
///     let message = EncodedMessage::new(text);
///     for member in members {
///         member.send_encoded(&message);
///     }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct EncodedMessage {
    frame: Bytes,
    /// The frame for those who take it compressed, once there was one; `None` if it is better sent as it is.
    compressed: OnceLock<Option<Bytes>>,
    kind: MessageKind,
    header_length: usize,
}

impl EncodedMessage {
    /// Encodes a message, text or bytes.
    pub fn new<'a>(message: impl Into<Message<'a>>) -> Self {
        let message = message.into();
        let (kind, payload) = (message.kind(), message.bytes());
        let header = Header::new(kind.opcode(), true, payload).encode();
        let frame = [header.bytes(), payload].concat().into();
        Self { frame, compressed: OnceLock::new(), kind, header_length: header.bytes().len() }
    }

    /// How many bytes it takes on the connection of a client that it is sent to.
    pub(crate) fn length(&self) -> usize {
        self.frame.len()
    }

    pub(super) fn frame(&self) -> Bytes {
        self.frame.clone()
    }

    /// The frame compressed, if that makes it shorter.
    pub(super) fn compressed_frame(&self, deflation: &Deflation) -> Option<Bytes> {
        let compress = || {
            let payload = deflation.compress_shared(self.payload())?;
            let header = Header { compressed: true, ..Header::new(self.kind.opcode(), true, &payload) };
            Some([header.encode().bytes(), &payload].concat().into())
        };
        self.compressed.get_or_init(compress).clone()
    }

    pub(super) fn kind(&self) -> MessageKind {
        self.kind
    }

    pub(super) fn payload(&self) -> &[u8] {
        &self.frame[self.header_length..]
    }
}

impl From<Message<'_>> for EncodedMessage {
    fn from(message: Message<'_>) -> Self {
        Self::new(message)
    }
}

impl From<&str> for EncodedMessage {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for EncodedMessage {
    fn from(text: String) -> Self {
        Self::new(&text)
    }
}
