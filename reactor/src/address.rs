//! Where a connection comes from and goes to.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::{fmt, io};

/// The address of one end of a connection, or of a socket for datagrams.
///
/// `Display` gives the form that users type: `127.0.0.1:8007`, `[::1]:8007`, `/run/chat.sock`, `@chat` for an abstract
/// name of Linux.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Address {
    /// An IPv4 or IPv6 address and a TCP port.
    Tcp(SocketAddr),
    /// An IPv4 or IPv6 address and a UDP port.
    Udp(SocketAddr),
    /// A UNIX domain socket.
    Unix(UnixAddress),
    /// The standard input and output of this process.
    Stdio,
}

/// The name of a UNIX domain socket. Most clients have none.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct UnixAddress(Name);

/// Whom a connection is to be made to.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Destination {
    /// One address.
    Address(Address),
    /// A TCP port of a host that is known by name and may have several addresses.
    Name {
        /// The host.
        name: String,
        /// The port.
        port: u16,
    },
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Name {
    Unnamed,
    Path(PathBuf),
    Abstract(Box<[u8]>),
}

impl Address {
    /// The IP address, for the families that have one.
    pub const fn ip(&self) -> Option<IpAddr> {
        match self.socket() {
            Some(address) => Some(address.ip()),
            None => None,
        }
    }

    /// The port, for the families that have one.
    pub const fn port(&self) -> Option<u16> {
        match self.socket() {
            Some(address) => Some(address.port()),
            None => None,
        }
    }

    /// The IP address and the port, for the families that have them.
    pub const fn socket(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) | Self::Udp(address) => Some(*address),
            Self::Unix(_) | Self::Stdio => None,
        }
    }
}

impl Address {
    /// The error of a driver for an address that it has no streams for.
    pub(crate) fn no_stream(&self) -> io::Error {
        io::Error::new(
            io::ErrorKind::Unsupported,
            "there are no connections at such an address on this system",
        )
    }

    /// The error of a driver for an address that it has no datagrams for.
    pub(crate) fn no_datagrams(&self) -> io::Error {
        io::Error::new(io::ErrorKind::Unsupported, "there are no datagrams at such an address on this system")
    }

    /// This address in a place where only datagrams can be meant: a port is one of UDP.
    pub(crate) fn for_datagrams(&self) -> Self {
        match self {
            Self::Tcp(address) => Self::Udp(*address),
            other => other.clone(),
        }
    }
}

impl UnixAddress {
    /// A socket in the file system.
    pub fn path(path: impl Into<PathBuf>) -> Self {
        Self(Name::Path(path.into()))
    }

    /// A name that is in no file system and ends with its socket: Linux only.
    pub fn abstract_name(name: impl Into<Vec<u8>>) -> Self {
        Self(Name::Abstract(name.into().into_boxed_slice()))
    }

    /// No name, as most clients have none.
    pub const fn unnamed() -> Self {
        Self(Name::Unnamed)
    }

    /// Whether there is no name.
    pub const fn is_unnamed(&self) -> bool {
        matches!(self.0, Name::Unnamed)
    }

    /// The path, if the name is one.
    pub fn as_path(&self) -> Option<&Path> {
        match &self.0 {
            Name::Path(path) => Some(path),
            Name::Unnamed | Name::Abstract(_) => None,
        }
    }

    /// The abstract name, without the zero byte that marks it, if the name is one.
    pub fn as_abstract(&self) -> Option<&[u8]> {
        match &self.0 {
            Name::Abstract(name) => Some(name),
            Name::Unnamed | Name::Path(_) => None,
        }
    }
}

/// TCP.
impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }
}

/// TCP, as in `([127, 0, 0, 1], 8007)`.
impl<I: Into<IpAddr>> From<(I, u16)> for Address {
    fn from(address: (I, u16)) -> Self {
        Self::Tcp(address.into())
    }
}

impl From<UnixAddress> for Address {
    fn from(address: UnixAddress) -> Self {
        Self::Unix(address)
    }
}

impl From<Address> for Destination {
    fn from(address: Address) -> Self {
        Self::Address(address)
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(formatter),
            Self::Name { name, port } => write!(formatter, "{name}:{port}"),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) | Self::Udp(address) => address.fmt(formatter),
            Self::Unix(address) => address.fmt(formatter),
            Self::Stdio => formatter.write_str("stdio"),
        }
    }
}

impl fmt::Display for UnixAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Name::Unnamed => formatter.write_str("a UNIX socket without a name"),
            Name::Path(path) => path.display().fmt(formatter),
            Name::Abstract(name) => write!(formatter, "@{}", name.escape_ascii()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_as_users_type_them() {
        let tcp = Address::from(([127, 0, 0, 1], 8007));
        assert_eq!(tcp.to_string(), "127.0.0.1:8007");
        assert_eq!((tcp.ip(), tcp.port()), (Some(IpAddr::from([127, 0, 0, 1])), Some(8007)));
        assert_eq!(Address::from(UnixAddress::path("/run/x.sock")).to_string(), "/run/x.sock");
        assert_eq!(UnixAddress::abstract_name(*b"chat\n").to_string(), "@chat\\n");
        assert_eq!(Address::from(UnixAddress::unnamed()).port(), None);
    }

    #[test]
    fn an_address_stays_small() {
        assert!(size_of::<Address>() <= 40, "{}", size_of::<Address>());
    }
}
