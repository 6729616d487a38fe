//! Why a connection ended.

use std::time::Duration;
use std::{fmt, io};

use crate::ProtocolError;

/// Why a connection ended, as [`Protocol::connection_lost`](crate::Protocol::connection_lost) hears it.
///
/// `Display` reads as a sentence without a full stop, fit for a log line.
#[derive(Debug)]
#[non_exhaustive]
pub enum Reason {
    /// The connection was closed in an orderly way by either side, and everything written was handed to the
    /// operating system.
    Closed,
    /// The connection broke: the peer reset it, the network failed, the peer's host went away.
    Lost(io::Error),
    /// This side called [`Transport::abort_connection`](crate::Transport::abort_connection).
    Aborted,
    /// A callback returned this error, or it was given to [`Transport::fail`](crate::Transport::fail).
    Error(ProtocolError),
    /// A layer between the wire and the protocol failed, such as a TLS handshake.
    Layer(ProtocolError),
    /// The peer's input ended in the middle: the connection was closed without the layer's own mark of the end, such as
    /// the `close_notify` of TLS. What came before is genuine, but somebody may have cut off the rest.
    Truncated,
    /// Something did not happen in time.
    TimedOut(Timeout),
    /// More output was waiting than [`Limits::output`](crate::Limits::output) allows; the peer reads too
    /// slowly for what is written to it.
    OutputLimit {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The reactor stopped while the connection was open.
    Shutdown,
    /// A callback of this connection panicked; the text is the panic's message.
    Panicked(String),
}

/// Which of a connection's timeouts expired, and how long it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Timeout {
    /// A layer had to hear from the peer first and did not:
    /// [`Layer::handshake_timeout`](crate::Layer::handshake_timeout).
    Handshake(Duration),
    /// Nothing was read or written for the period given to
    /// [`Transport::set_idle_timeout`](crate::Transport::set_idle_timeout).
    Idle(Duration),
    /// The connection has lasted as long as [`Transport::set_deadline`](crate::Transport::set_deadline) allows.
    Deadline(Duration),
    /// Output was waiting and the peer took none of it: [`Limits::write_timeout`](crate::Limits::write_timeout).
    Write(Duration),
    /// Closing took too long: [`Limits::close_timeout`](crate::Limits::close_timeout).
    Close(Duration),
    /// The reactor was told to drain and its deadline came.
    Drain,
}

impl Reason {
    /// Whether the connection ended in an orderly way, with everything sent.
    pub const fn is_clean(&self) -> bool {
        matches!(self, Self::Closed)
    }

    /// Whether the system has said that there is no connection any more: then there is none for the peer either.
    pub(crate) fn is_end_for_both(&self) -> bool {
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
        matches!(self, Self::Lost(error) if matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset))
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => formatter.write_str("the connection was closed cleanly"),
            Self::Lost(error) => write!(formatter, "the connection was lost: {error}"),
            Self::Aborted => formatter.write_str("the connection was aborted by this side"),
            Self::Error(error) => write!(formatter, "the connection was closed because of an error: {error}"),
            Self::Layer(error) => error.fmt(formatter),
            Self::Truncated => {
                formatter.write_str("the peer closed the connection without saying that its input was over")
            }
            Self::TimedOut(timeout) => timeout.fmt(formatter),
            Self::OutputLimit { limit } => {
                write!(formatter, "the peer reads too slowly: more than {limit} bytes of output were waiting")
            }
            Self::Shutdown => formatter.write_str("the reactor stopped"),
            Self::Panicked(message) => write!(formatter, "a callback of the connection panicked: {message}"),
        }
    }
}

impl fmt::Display for Timeout {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Handshake(period) => write!(formatter, "the handshake took longer than {period:?}"),
            Self::Idle(period) => write!(formatter, "nothing was read or written for {period:?}"),
            Self::Deadline(period) => write!(formatter, "the connection had lasted for {period:?}"),
            Self::Write(period) => {
                write!(formatter, "the peer read none of the waiting output for {period:?}")
            }
            Self::Close(period) => write!(formatter, "closing the connection took longer than {period:?}"),
            Self::Drain => {
                formatter.write_str("the connection was still open when draining the reactor timed out")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_read_as_sentences() {
        assert_eq!(
            Reason::Error("no such room".into()).to_string(),
            "the connection was closed because of an error: no such room"
        );
        assert_eq!(
            Reason::TimedOut(Timeout::Idle(Duration::from_secs(30))).to_string(),
            "nothing was read or written for 30s"
        );
        assert!(Reason::Closed.is_clean());
        assert!(!Reason::Shutdown.is_clean());
    }
}
