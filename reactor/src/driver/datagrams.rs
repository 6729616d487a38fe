//! Sockets for datagrams, as the loop sees them.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr};

use super::Token;
use crate::Address;

/// A socket for datagrams. Never blocks. Dropping it closes it.
pub trait Datagram {
    /// Reports readiness under `token` from now on, beginning with what is ready already.
    fn register(&mut self, token: Token) -> io::Result<()>;

    /// Takes the next datagram into `buffer`; returns its length and its sender. One that is longer than `buffer`
    /// fills it, and the rest is lost.
    ///
    /// An error other than [`io::ErrorKind::WouldBlock`] tells of something that happened before, such as a datagram
    /// that came back; there may be more to receive behind it.
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<(usize, Address)>;

    /// Hands a datagram to the network, for the socket's peer if `to` is `None`.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if it must wait for the socket to become writable, which is then reported.
    fn send(&mut self, data: &[u8], to: Option<&Address>) -> io::Result<()>;

    /// The address of this socket, with the real port.
    fn local_address(&self) -> io::Result<Address>;

    /// Changes how the socket sends or what it receives.
    fn set(&mut self, setting: &DatagramSetting) -> io::Result<()>;
}

/// Something about a socket for datagrams that can be changed while it is open.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum DatagramSetting {
    /// Whether it may send to broadcast addresses.
    Broadcast(bool),
    /// Receive what is sent to a multicast group, on an interface.
    JoinGroup(IpAddr, MulticastInterface),
    /// Receive it no more.
    LeaveGroup(IpAddr, MulticastInterface),
    /// How many networks a datagram to a group may pass.
    MulticastTtl(u8),
    /// Whether members on this host hear what this socket sends to a group.
    MulticastLoop(bool),
    /// Where datagrams to groups leave this host.
    MulticastInterface(MulticastInterface),
}

/// Names a network interface for multicast: by an address with IPv4, by its number with IPv6, as the operating
/// systems have it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum MulticastInterface {
    /// The interface that has this IPv4 address; [`Ipv4Addr::UNSPECIFIED`] lets the system choose.
    V4(Ipv4Addr),
    /// The interface with this number, for IPv6; 0 lets the system choose.
    V6(u32),
}

impl fmt::Display for DatagramSetting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broadcast(true) => formatter.write_str("allowing broadcasts"),
            Self::Broadcast(false) => formatter.write_str("forbidding broadcasts"),
            Self::JoinGroup(group, interface) => write!(formatter, "joining group {group} on {interface}"),
            Self::LeaveGroup(group, interface) => write!(formatter, "leaving group {group} on {interface}"),
            Self::MulticastTtl(ttl) => write!(formatter, "setting the multicast time to live to {ttl}"),
            Self::MulticastLoop(true) => formatter.write_str("letting this host hear its own multicasts"),
            Self::MulticastLoop(false) => formatter.write_str("keeping this host from its own multicasts"),
            Self::MulticastInterface(interface) => write!(formatter, "sending multicasts on {interface}"),
        }
    }
}

impl fmt::Display for MulticastInterface {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(Ipv4Addr::UNSPECIFIED) | Self::V6(0) => formatter.write_str("the default interface"),
            Self::V4(address) => write!(formatter, "the interface of {address}"),
            Self::V6(index) => write!(formatter, "interface number {index}"),
        }
    }
}
