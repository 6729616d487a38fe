//! Handshakes that fail.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// Why there is no WebSocket; [`connection_lost`](crate::WebSocketProtocol::connection_lost) hears it in
/// [`Reason::Error`](ropewalk_reactor::Reason::Error).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The peer's request or answer has more bytes than are accepted.
    TooLong {
        /// How many are accepted.
        limit: usize,
    },
    /// The handshake took longer than this.
    TimedOut(Duration),
    /// The connection ended in the middle of the handshake.
    Incomplete,
    /// What the peer sent is not HTTP.
    NotHttp(&'static str),
    /// A client asked wrongly: what was wrong. It was answered with a status that says so.
    BadRequest(&'static str),
    /// What a client asked of a server of [streams](crate::WebSocketLayer) was answered with this status: a page that it asked for
    /// instead of a WebSocket, or a refusal.
    Answered {
        /// The status.
        status: u16,
    },
    /// The server answered with another status than 101.
    Refused {
        /// The status.
        status: u16,
        /// What the server calls it.
        meaning: String,
    },
    /// The server's answer is not that of a WebSocket: which field is wrong.
    BadAnswer {
        /// The name of the field.
        field: &'static str,
        /// What it should have said; `None` if it should not be there.
        expected: Option<String>,
    },
    /// The server chose a subprotocol that was not offered.
    UnknownSubprotocol(String),
    /// The server agreed to extensions otherwise than they were offered: what it said.
    BadExtensions(String),
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { limit } => {
                write!(
                    formatter,
                    "the head of the peer's HTTP message is longer than the limit of {limit} bytes"
                )
            }
            Self::TimedOut(after) => write!(formatter, "no WebSocket was opened within {after:?}"),
            Self::Incomplete => formatter.write_str("the connection ended before the WebSocket was open"),
            Self::NotHttp(problem) => write!(formatter, "the peer does not speak HTTP/1.1: {problem}"),
            Self::BadRequest(problem) => write!(formatter, "the client's request is not good: {problem}"),
            Self::Answered { status } => {
                write!(formatter, "the request was answered with the status {status} instead of a WebSocket")
            }
            Self::Refused { status, meaning } => {
                write!(formatter, "the server answered with the status {status} ({meaning}) instead of 101")?;
                formatter.write_str(hint(*status))
            }
            Self::BadAnswer { field, expected: Some(expected) } => {
                write!(formatter, "the server's answer has not exactly one field \"{field}: {expected}\"")
            }
            Self::BadAnswer { field, expected: None } => {
                write!(formatter, "the server's answer has a field {field}, though nothing was offered")
            }
            Self::UnknownSubprotocol(name) => {
                write!(formatter, "the server chose the subprotocol {name:?}, which was not offered")
            }
            Self::BadExtensions(said) => {
                write!(formatter, "the server chose the extensions {said:?}, which were not offered so")
            }
        }
    }
}

/// What may help where a server has refused with this status.
const fn hint(status: u16) -> &'static str {
    match status {
        200..=299 => ": there is a page at this path, and no WebSocket",
        300..=399 => ": it has moved, and redirections are not followed; ask for its new address",
        401 => ": it wants to know who asks, in a header Authorization for instance",
        403 => ": it may want a header Origin that is its own, or a login",
        404 | 410 => ": there is no WebSocket at this path",
        _ => "",
    }
}

impl Error for HandshakeError {}
