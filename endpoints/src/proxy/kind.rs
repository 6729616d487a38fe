//! The kinds of connections that version 2 knows, and their addresses.

use std::net::{IpAddr, SocketAddr};

use ropewalk_reactor::Address;

use super::error::ProxyHeaderError as Error;
use super::unix::{self, NAME_LENGTH};

/// The kind of the proxied connection.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    family: Family,
    transport: Transport,
}

#[derive(Clone, Copy)]
enum Family {
    Unspecified = 0,
    Ipv4 = 1,
    Ipv6 = 2,
    Unix = 3,
}

#[derive(Clone, Copy)]
enum Transport {
    Unspecified = 0,
    Stream = 1,
    Datagram = 2,
}

impl Kind {
    pub(super) const UNKNOWN: Self = Self { family: Family::Unspecified, transport: Transport::Unspecified };

    pub(super) fn read(byte: u8) -> Result<Self, Error> {
        let family = match byte >> 4 {
            0 => Family::Unspecified,
            1 => Family::Ipv4,
            2 => Family::Ipv6,
            3 => Family::Unix,
            other => return Err(Error::BadFamily(other)),
        };
        let transport = match byte & 0xf {
            0 => Transport::Unspecified,
            1 => Transport::Stream,
            2 => Transport::Datagram,
            other => return Err(Error::BadTransport(other)),
        };
        Ok(Self { family, transport })
    }

    pub(super) fn byte(self) -> u8 {
        (self.family as u8) << 4 | self.transport as u8
    }

    /// How many bytes both addresses have together.
    pub(super) const fn addresses_length(self) -> usize {
        match self.family {
            Family::Unspecified => 0,
            Family::Ipv4 => 2 * (4 + 2),
            Family::Ipv6 => 2 * (16 + 2),
            Family::Unix => 2 * NAME_LENGTH,
        }
    }

    /// The addresses in `bytes`, which are as many as the kind needs.
    pub(super) fn read_addresses(self, bytes: &[u8]) -> Option<(Address, Address)> {
        let of_socket = match self.transport {
            Transport::Unspecified => return None,
            Transport::Stream => Address::Tcp,
            Transport::Datagram => Address::Udp,
        };
        let (peer, host) = match self.family {
            Family::Unspecified => return None,
            Family::Ipv4 => sockets::<4>(bytes),
            Family::Ipv6 => sockets::<16>(bytes),
            Family::Unix => {
                let (peer, host) = bytes.split_at(NAME_LENGTH);
                return Some((unix::read(peer).into(), unix::read(host).into()));
            }
        };
        Some((of_socket(peer), of_socket(host)))
    }

    /// The kind of these addresses, and their bytes. Those that cannot be sent are unknown.
    pub(super) fn write_addresses((peer, host): (&Address, &Address)) -> (Self, Vec<u8>) {
        let written = match (peer, host) {
            (Address::Tcp(peer), Address::Tcp(host)) => Some(write_sockets(Transport::Stream, *peer, *host)),
            (Address::Udp(peer), Address::Udp(host)) => {
                Some(write_sockets(Transport::Datagram, *peer, *host))
            }
            (Address::Unix(peer), Address::Unix(host)) => {
                unix::write(peer).zip(unix::write(host)).map(|names| {
                    let kind = Self { family: Family::Unix, transport: Transport::Stream };
                    (kind, [names.0, names.1].concat())
                })
            }
            _ => None,
        };
        written.unwrap_or((Self::UNKNOWN, Vec::new()))
    }
}

fn write_sockets(transport: Transport, peer: SocketAddr, host: SocketAddr) -> (Kind, Vec<u8>) {
    let (peer, host) = same_family(peer, host);
    let mut bytes = Vec::new();
    for address in [peer.ip(), host.ip()] {
        match address {
            IpAddr::V4(address) => bytes.extend(address.octets()),
            IpAddr::V6(address) => bytes.extend(address.octets()),
        }
    }
    bytes.extend(peer.port().to_be_bytes());
    bytes.extend(host.port().to_be_bytes());
    let family = if peer.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 };
    (Kind { family, transport }, bytes)
}

/// Both addresses in IPv4 if they are of that, mapped or not; in IPv6 otherwise.
pub(super) fn same_family(peer: SocketAddr, host: SocketAddr) -> (SocketAddr, SocketAddr) {
    let [v4_peer, v4_host] = [peer, host].map(|address| address.ip().to_canonical());
    let [peer_ip, host_ip] = match (v4_peer, v4_host) {
        (IpAddr::V4(_), IpAddr::V4(_)) => [v4_peer, v4_host],
        _ => [peer, host].map(|address| mapped(address.ip())),
    };
    ((peer_ip, peer.port()).into(), (host_ip, host.port()).into())
}

fn mapped(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().into(),
        IpAddr::V6(_) => address,
    }
}

/// Two IP addresses of `N` bytes each, and their ports.
fn sockets<const N: usize>(bytes: &[u8]) -> (SocketAddr, SocketAddr)
where
    IpAddr: From<[u8; N]>,
{
    let (addresses, ports) = bytes.split_at(2 * N);
    let socket = |index: usize| {
        let mut address = [0; N];
        address.copy_from_slice(&addresses[index * N..][..N]);
        let port = u16::from_be_bytes([ports[2 * index], ports[2 * index + 1]]);
        SocketAddr::new(address.into(), port)
    };
    (socket(0), socket(1))
}
