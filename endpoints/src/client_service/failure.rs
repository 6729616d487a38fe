//! What a client service tells of its failures.

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use ropewalk_reactor::{ConnectError, ProtocolError, Reason, Transport};

/// Why a [`ClientService`](super::ClientService) has no connection, or has it no longer.
#[derive(Debug)]
#[non_exhaustive]
pub enum ClientFailure {
    /// An attempt to connect failed.
    NotConnected(ConnectError),
    /// The preparation of a fresh connection failed; the connection was closed.
    NotPrepared(ProtocolError),
    /// The connection has ended, by whichever side, for this reason, which its protocol has heard. It is not known of a connection
    /// that ended as it stood.
    Lost(Option<Rc<Reason>>),
    /// The endpoint or the preparation panicked, or dropped its result.
    Broken,
}

/// Why there is no connection to wait for any more.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum NoConnection {
    /// The service was stopped, or is not started.
    Stopped,
    /// There were so many failures in a row as were to be put up with.
    Failed {
        /// How many.
        failures: u32,
        /// The last of them.
        last: Rc<ClientFailure>,
    },
}

/// What becomes of a [`ClientService`](super::ClientService), for logs, displays and the like. `Display` is a line for people.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ClientEvent {
    /// There is a connection, and it is prepared.
    Connected(Transport),
    /// There is none, and the next attempt comes after a while.
    Waiting {
        /// What happened.
        failure: Rc<ClientFailure>,
        /// The time until the next attempt.
        wait: Duration,
    },
    /// There is none, and [`ClientOptions::failures_max`](super::ClientOptions::failures_max) is reached: the service has
    /// stopped.
    GaveUp {
        /// What happened last.
        failure: Rc<ClientFailure>,
    },
}

impl fmt::Display for ClientFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConnected(error) => error.fmt(formatter),
            Self::NotPrepared(error) => write!(formatter, "preparing the connection: {error}"),
            Self::Lost(Some(reason)) if !reason.is_clean() => reason.fmt(formatter),
            Self::Lost(_) => formatter.write_str("the connection has ended"),
            Self::Broken => formatter.write_str("the attempt to connect ended without a result"),
        }
    }
}

impl fmt::Display for ClientEvent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connected(transport) => write!(formatter, "connected to {}", transport.peer()),
            Self::Waiting { failure, wait } => write!(formatter, "{failure}; trying again in {wait:.1?}"),
            Self::GaveUp { failure } => write!(formatter, "{failure}; giving up"),
        }
    }
}

impl std::error::Error for ClientFailure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NotConnected(error) => Some(error),
            Self::NotPrepared(error) => Some(&**error),
            Self::Lost(_) | Self::Broken => None,
        }
    }
}

impl fmt::Display for NoConnection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => formatter.write_str("the client service is stopped"),
            Self::Failed { failures: 1, last } => write!(formatter, "1 failure: {last}"),
            Self::Failed { failures, last } => {
                write!(formatter, "{failures} failures in a row, the last: {last}")
            }
        }
    }
}

impl std::error::Error for NoConnection {}
