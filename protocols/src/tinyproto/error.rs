//! What goes wrong in tinyproto.

use std::error::Error;
use std::fmt;

/// Why a connection of tinyproto, or a transmission over it, has failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum TinyProtoError {
    /// The peer does not want the connection.
    ConnectionRefused {
        /// What it sent instead of FF: FE at its limit of connections, 00 if it is tinyproto 2.0.1 and at its limit.
        code: u8,
    },
    /// The peer's first byte is none of tinyproto's.
    NotTinyProto {
        /// That byte.
        found: u8,
    },
    /// The peer announced a message above the limit; it has been refused.
    MessageTooLarge {
        /// The size of the message on the wire, in bytes.
        size: u32,
        /// The limit, in bytes.
        limit: u32,
    },
    /// A message is too large to be sent: no more than 4,043,309,055 bytes (F0FFFFFF) can be announced.
    NotSendable {
        /// The size of the message after the plugins, in bytes.
        size: usize,
    },
    /// The peer refused a message.
    TransmissionRefused {
        /// What it answered instead of FF.
        code: u8,
    },
    /// Both ends announced a message at the same time, and the peer did not go on. The programs in Python both break in such a case.
    Collision,
    /// The peer's input ended in the middle of a message, which was not delivered.
    Truncated {
        /// How many bytes of it had come. If the size was not complete, of that.
        received: usize,
        /// How many bytes there should have been, if the size was complete.
        size: Option<u32>,
    },
    /// The connection was closed before all messages had been transmitted.
    NotTransmitted {
        /// How many were left.
        messages: usize,
    },
}

impl fmt::Display for TinyProtoError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConnectionRefused { code: 0xfe } => {
                formatter.write_str("the peer refused the connection: it has as many as it may")
            }
            Self::ConnectionRefused { code } => {
                write!(formatter, "the peer refused the connection with code {code:02x}")
            }
            Self::NotTinyProto { found } => {
                write!(formatter, "the peer does not speak tinyproto: its first byte is {found:02x}")
            }
            Self::MessageTooLarge { size, limit } => {
                write!(formatter, "the peer announced a message of {size} bytes; the limit is {limit}")
            }
            Self::NotSendable { size } => write!(formatter, "a message of {size} bytes cannot be announced"),
            Self::TransmissionRefused { code } => {
                write!(formatter, "the peer refused a message with code {code:02x}")
            }
            Self::Collision => {
                formatter.write_str("both ends announced a message at once and the peer did not go on")
            }
            Self::Truncated { received, size: Some(size) } => {
                write!(formatter, "a message broke off after {received} of {size} bytes")
            }
            Self::Truncated { received, size: None } => {
                write!(formatter, "the size of a message broke off after {received} bytes")
            }
            Self::NotTransmitted { messages } => {
                write!(
                    formatter,
                    "the connection was closed before everything was transmitted: left are {messages}"
                )
            }
        }
    }
}

impl Error for TinyProtoError {}
