//! What goes wrong in tinyproto.

use std::error::Error;
use std::fmt;
use std::io;

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
    /// A message could not be read to its end while it was sent.
    Abandoned {
        /// How many bytes of it were sent.
        sent: u32,
        /// How many bytes there should have been.
        size: u32,
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
            Self::Abandoned { sent, size } => {
                write!(
                    formatter,
                    "a message was broken off after {sent} of {size} bytes, as it could not be read"
                )
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

/// Why a message was not transmitted.
#[derive(Debug)]
#[non_exhaustive]
pub enum TransmitError {
    /// The peer refused it.
    Refused {
        /// What it answered instead of FF.
        code: u8,
    },
    /// The connection was lost before, or was closing already.
    NotTransmitted,
    /// No more than 4,043,309,055 bytes (F0FFFFFF) can be announced.
    TooLarge {
        /// The size of the message, in bytes.
        size: u32,
    },
    /// Reading it failed, or it ended early ([`io::ErrorKind::UnexpectedEof`]). The connection ends.
    Read(io::Error),
    /// Plugins change whole messages, and this one is read while it is sent.
    Plugins,
}

impl fmt::Display for TransmitError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { code } => write!(formatter, "the peer refused the message with code {code:02x}"),
            Self::NotTransmitted => {
                formatter.write_str("the connection ended before the message was transmitted")
            }
            Self::TooLarge { size } => write!(formatter, "a message of {size} bytes cannot be announced"),
            Self::Read(error) => write!(formatter, "reading the message failed: {error}"),
            Self::Plugins => formatter.write_str("a connection with plugins sends whole messages only"),
        }
    }
}

impl Error for TransmitError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Read(error) => Some(error),
            _ => None,
        }
    }
}
