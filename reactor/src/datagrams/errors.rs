//! What can go wrong with datagrams.

use std::{fmt, io};

use crate::{Address, DatagramSetting};

/// Why a datagram was not accepted for sending. Nothing of it was sent.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum DatagramSendError {
    /// The socket was stopped, or its reactor is gone.
    Stopped,
    /// It is longer than any datagram to that place can be: 65,507 bytes with UDP over IPv4, 65,527 over IPv6, and
    /// with UNIX sockets the [`output_limit`](crate::DatagramOptions::output_limit).
    TooLong {
        /// How many bytes it has.
        length: usize,
        /// How many it may have.
        limit: usize,
    },
    /// More datagrams wait already than [`output_limit`](crate::DatagramOptions::output_limit) allows.
    QueueFull {
        /// The limit in bytes.
        limit: usize,
    },
    /// Datagrams cannot go from the one address to the other: IPv4 and IPv6, or IP and UNIX.
    WrongFamily {
        /// Where it should go.
        to: Address,
        /// The address of the socket.
        host: Address,
    },
    /// The receiver is a UNIX socket without a name, which nobody can send to.
    NoName,
    /// `send` was called on a socket that has no peer.
    NotConnected,
    /// `send_to` was called with another address than that of the socket's peer.
    Connected {
        /// Where it should go.
        to: Address,
        /// Where alone it could go.
        peer: Address,
    },
}

/// Something that went wrong on a socket for datagrams, which lives on;
/// [`DatagramProtocol::error_received`](crate::DatagramProtocol::error_received) hears it.
#[derive(Debug)]
#[non_exhaustive]
pub enum DatagramError {
    /// Nobody receives at the peer of a connected socket: a datagram sent before came back (ICMP port unreachable,
    /// RFC 1122, section 4.1.3.3), or the UNIX socket is no longer open. Somebody may receive there later. Firewalls
    /// often suppress this; do not rely on it.
    Refused {
        /// The peer.
        peer: Address,
    },
    /// A datagram could not be sent and is gone. Of kind [`io::ErrorKind::ResourceBusy`] if the receiver, a UNIX
    /// socket, does not keep up.
    Send {
        /// Where it should go.
        to: Address,
        /// Why it did not.
        error: io::Error,
    },
    /// The operating system could not give a datagram, or tells of one sent before.
    Receive(io::Error),
    /// A datagram arrived that is longer than [`max_packet_size`](crate::DatagramOptions::max_packet_size). It was
    /// dropped.
    TooLong {
        /// Who sent it.
        from: Address,
        /// The limit in bytes.
        limit: usize,
    },
    /// A setting could not be made; everything stays as it was.
    Setting {
        /// The setting.
        setting: DatagramSetting,
        /// Why it was not made.
        error: io::Error,
    },
}

impl fmt::Display for DatagramSendError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => formatter.write_str("the socket was stopped"),
            Self::TooLong { length, limit } => {
                write!(formatter, "a datagram of {length} bytes is too long: {limit} are allowed")
            }
            Self::QueueFull { limit } => {
                write!(formatter, "more datagrams wait to be sent than the limit of {limit} bytes allows")
            }
            Self::WrongFamily { to, host } => {
                write!(
                    formatter,
                    "a socket at {host} cannot send to {to}: the families of the addresses differ"
                )
            }
            Self::NoName => formatter.write_str("nobody can send to a UNIX socket without a name"),
            Self::NotConnected => {
                formatter.write_str("the socket has no peer: say where to send, or connect the socket")
            }
            Self::Connected { to, peer } => {
                write!(formatter, "the socket is connected to {peer} and cannot send to {to}")
            }
        }
    }
}

impl std::error::Error for DatagramSendError {}

impl fmt::Display for DatagramError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { peer } => write!(formatter, "{peer} refused a datagram: nobody receives there"),
            Self::Send { to, error } => write!(formatter, "sending to {to}: {error}"),
            Self::Receive(error) => write!(formatter, "receiving: {error}"),
            Self::TooLong { from, limit } => {
                write!(formatter, "a datagram from {from} was dropped: it is longer than {limit} bytes")
            }
            Self::Setting { setting, error } => write!(formatter, "{setting}: {error}"),
        }
    }
}

impl std::error::Error for DatagramError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Send { error, .. } | Self::Receive(error) | Self::Setting { error, .. } => Some(error),
            Self::Refused { .. } | Self::TooLong { .. } => None,
        }
    }
}
