//! What ends a WebSocket before its time.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use super::CloseCode;

/// What a peer did that ended its WebSocket; [`connection_lost`](super::WebSocketProtocol::connection_lost) hears it in
/// [`Reason::Error`](ropewalk_reactor::Reason::Error).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum WebSocketError {
    /// A frame that the protocol does not allow. The peer was told by code 1002.
    BadFrame(FrameProblem),
    /// Text, or the reason of a close, that is not UTF-8. The peer was told by code 1007.
    InvalidUtf8,
    /// A compressed message that cannot be inflated. The peer was told by code 1007.
    BadDeflate,
    /// A frame announced with more bytes than are accepted. The peer was told by code 1009.
    FrameTooBig {
        /// How many bytes were announced.
        length: u64,
        /// How many are accepted.
        limit: u64,
    },
    /// A message of more bytes than are accepted. The peer was told by code 1009.
    MessageTooBig {
        /// How many bytes are accepted.
        limit: usize,
    },
    /// The peer has closed the WebSocket of a [stream](crate::WebSocketLayer) with a code that is no orderly end of it, such as 1011.
    /// It was answered with the same.
    ClosedByPeer {
        /// The code.
        code: CloseCode,
        /// What the peer says to it; may be empty.
        reason: String,
    },
    /// The connection ended without a close frame: what came may not be all that was sent.
    NotClosed,
    /// The peer did not answer a close frame in this time.
    CloseTimedOut(Duration),
    /// Nothing came from the peer, not even the answer to a ping, for this time.
    NoPong(Duration),
    /// A fragmented message was dropped without being finished, by this side.
    MessageAbandoned,
}

/// How a frame breaks the protocol.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum FrameProblem {
    /// A reserved bit is set, though no extension was agreed on that uses it here.
    ReservedBits,
    /// An opcode without a meaning.
    UnknownOpcode {
        /// Its four bits.
        opcode: u8,
    },
    /// A control frame in fragments.
    FragmentedControl,
    /// A control frame with more than 125 bytes.
    LongControl,
    /// A length that is not in its shortest form, or of more than 63 bits.
    BadLength {
        /// What it says.
        length: u64,
    },
    /// A client's frame that is not masked.
    NotMasked,
    /// A server's frame that is masked.
    Masked,
    /// A continuation of no message.
    StrayContinuation,
    /// A new message within another.
    MessageWithinMessage,
    /// A close frame with one byte, which is half a code.
    ShortClose,
    /// A close frame with a code that may not be sent.
    BadCloseCode {
        /// The code.
        code: u16,
    },
}

impl WebSocketError {
    /// The code that the peer is told, if it can be told anything.
    pub(super) const fn close_code(&self) -> Option<CloseCode> {
        Some(match self {
            Self::BadFrame(_) => CloseCode::PROTOCOL_ERROR,
            Self::InvalidUtf8 | Self::BadDeflate => CloseCode::INVALID_DATA,
            Self::FrameTooBig { .. } | Self::MessageTooBig { .. } => CloseCode::MESSAGE_TOO_BIG,
            Self::NoPong(_) | Self::MessageAbandoned => CloseCode::INTERNAL_ERROR,
            Self::NotClosed | Self::CloseTimedOut(_) | Self::ClosedByPeer { .. } => return None,
        })
    }
}

impl From<FrameProblem> for WebSocketError {
    fn from(problem: FrameProblem) -> Self {
        Self::BadFrame(problem)
    }
}

impl fmt::Display for WebSocketError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadFrame(problem) => problem.fmt(formatter),
            Self::InvalidUtf8 => formatter.write_str("text that is not UTF-8"),
            Self::BadDeflate => formatter.write_str("a compressed message that cannot be inflated"),
            Self::FrameTooBig { length, limit } => {
                write!(formatter, "a frame of {length} bytes; the limit is {limit}")
            }
            Self::MessageTooBig { limit } => {
                write!(formatter, "a message longer than the limit of {limit} bytes")
            }
            Self::ClosedByPeer { code, reason } => {
                write!(formatter, "the peer has closed the WebSocket with the code {code} ({reason:?})")
            }
            Self::NotClosed => formatter.write_str("the connection ended without a close frame"),
            Self::CloseTimedOut(after) => write!(formatter, "no answer to the close frame within {after:?}"),
            Self::NoPong(after) => write!(formatter, "no answer to a ping within {after:?}"),
            Self::MessageAbandoned => formatter.write_str("a fragmented message was not finished"),
        }
    }
}

impl fmt::Display for FrameProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::UnknownOpcode { opcode } => return write!(formatter, "a frame with the opcode {opcode}"),
            Self::BadLength { length } => {
                return write!(
                    formatter,
                    "a frame's length, {length}, that is too big or not in its shortest form"
                );
            }
            Self::BadCloseCode { code } => {
                return write!(formatter, "a close frame with the code {code}, which may not be sent");
            }
            Self::ReservedBits => "a frame with a reserved bit",
            Self::FragmentedControl => "a control frame in fragments",
            Self::LongControl => "a control frame with more than 125 bytes",
            Self::NotMasked => "a client's frame that is not masked",
            Self::Masked => "a server's frame that is masked",
            Self::StrayContinuation => "a continuation of no message",
            Self::MessageWithinMessage => "a new message within another",
            Self::ShortClose => "a close frame with half a code",
        })
    }
}

impl Error for WebSocketError {}
