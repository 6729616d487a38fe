//! Where sockets are.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, SocketAddr};

use ropewalk_reactor::Address;

/// Where a socket is, in an order.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Place {
    Ip(SocketAddr),
    Unix(String),
}

impl Place {
    /// Where streams are, of the addresses that there are here.
    pub(crate) fn of_stream(address: &Address) -> Option<Self> {
        match address {
            Address::Tcp(address) => Some(Self::Ip(*address)),
            Address::Unix(unix) if !unix.is_unnamed() => Some(Self::Unix(address.to_string())),
            _ => None,
        }
    }
}

/// The bytes of the address alone: how the standard library hashes addresses may change.
impl Hash for Place {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Ip(address) => {
                match address.ip() {
                    IpAddr::V4(ip) => state.write(&ip.octets()),
                    IpAddr::V6(ip) => state.write(&ip.octets()),
                }
                state.write_u64(address.port().into());
            }
            Self::Unix(name) => state.write(name.as_bytes()),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(formatter),
            Self::Unix(name) => name.fmt(formatter),
        }
    }
}
