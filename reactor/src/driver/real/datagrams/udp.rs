//! UDP.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use mio::Interest;
use mio::net::UdpSocket;
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::super::listener::share_port;
use super::super::own_address::{cannot_bind, wrong_family};
use super::super::shared::Shared;
use super::super::stream::canonical;
use super::super::uninterrupted;
use crate::driver::{Datagram, Token};
use crate::{Address, DatagramOptions, DatagramSetting, MulticastInterface};

/// A UDP socket. Like a stream, it leaves the poll by closing its descriptor.
pub(in super::super) struct MioUdp {
    pub(in super::super) socket: UdpSocket,
    is_ipv6: bool,
    shared: Rc<Shared>,
}

impl MioUdp {
    /// A socket on `address`.
    pub(in super::super) fn bind(
        shared: &Rc<Shared>,
        address: SocketAddr,
        options: &DatagramOptions,
    ) -> io::Result<Self> {
        let socket = open(address, options)?;
        if address.is_ipv6() {
            // Said in every case, because the default is up to the system's administrator.
            socket.set_only_v6(!options.is_dual_stack(address))?;
        }
        socket.bind(&address.into())?;
        Ok(Self::new(shared, socket, address))
    }

    /// A socket that exchanges datagrams with `address` alone.
    pub(in super::super) fn connect(
        shared: &Rc<Shared>,
        address: SocketAddr,
        options: &DatagramOptions,
    ) -> io::Result<Self> {
        let socket = open(address, options)?;
        match options.bind.as_ref().map(Address::for_datagrams) {
            None => {}
            Some(Address::Udp(bind)) if bind.is_ipv4() == address.is_ipv4() => {
                socket.bind(&bind.into()).map_err(|error| cannot_bind(bind, &error))?;
            }
            Some(bind) => return Err(wrong_family(bind, address)),
        }
        socket.connect(&address.into())?;
        Ok(Self::new(shared, socket, address))
    }

    fn new(shared: &Rc<Shared>, socket: Socket, address: SocketAddr) -> Self {
        let socket = UdpSocket::from_std(socket.into());
        Self { socket, is_ipv6: address.is_ipv6(), shared: Rc::clone(shared) }
    }

    /// `address` as this socket names it: an IPv6 socket has names of its own for IPv4 addresses (RFC 4291,
    /// section 2.5.5.2).
    fn native(&self, address: SocketAddr) -> SocketAddr {
        match address {
            SocketAddr::V4(v4) if self.is_ipv6 => (v4.ip().to_ipv6_mapped(), v4.port()).into(),
            address => address,
        }
    }
}

fn open(address: SocketAddr, options: &DatagramOptions) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    socket.set_reuse_address(options.reuse_address)?;
    if options.reuse_port {
        share_port(&socket)?;
    }
    socket.set_broadcast(options.broadcast)?;
    Ok(socket)
}

impl Datagram for MioUdp {
    fn register(&mut self, token: Token) -> io::Result<()> {
        self.shared.register(&mut self.socket, token, Interest::READABLE | Interest::WRITABLE)
    }

    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<(usize, Address)> {
        let (length, from) = uninterrupted(|| self.socket.recv_from(buffer))?;
        Ok((length, Address::Udp(canonical(from))))
    }

    fn send(&mut self, data: &[u8], to: Option<&Address>) -> io::Result<()> {
        match to {
            None => uninterrupted(|| self.socket.send(data)),
            Some(Address::Udp(to)) => uninterrupted(|| self.socket.send_to(data, self.native(*to))),
            Some(to) => return Err(to.no_datagrams()),
        }
        .map(drop)
    }

    fn local_address(&self) -> io::Result<Address> {
        Ok(Address::Udp(canonical(self.socket.local_addr()?)))
    }

    fn set(&mut self, setting: &DatagramSetting) -> io::Result<()> {
        let socket = SockRef::from(&self.socket);
        match *setting {
            DatagramSetting::Broadcast(allowed) => socket.set_broadcast(allowed),
            DatagramSetting::JoinGroup(group, interface) => match (group, interface) {
                (IpAddr::V4(group), MulticastInterface::V4(address)) => {
                    socket.join_multicast_v4(&group, &address)
                }
                (IpAddr::V6(group), MulticastInterface::V6(index)) => socket.join_multicast_v6(&group, index),
                _ => Err(wrong_interface(group)),
            },
            DatagramSetting::LeaveGroup(group, interface) => match (group, interface) {
                (IpAddr::V4(group), MulticastInterface::V4(address)) => {
                    socket.leave_multicast_v4(&group, &address)
                }
                (IpAddr::V6(group), MulticastInterface::V6(index)) => {
                    socket.leave_multicast_v6(&group, index)
                }
                _ => Err(wrong_interface(group)),
            },
            DatagramSetting::MulticastTtl(ttl) if self.is_ipv6 => socket.set_multicast_hops_v6(ttl.into()),
            DatagramSetting::MulticastTtl(ttl) => socket.set_multicast_ttl_v4(ttl.into()),
            DatagramSetting::MulticastLoop(heard) if self.is_ipv6 => socket.set_multicast_loop_v6(heard),
            DatagramSetting::MulticastLoop(heard) => socket.set_multicast_loop_v4(heard),
            DatagramSetting::MulticastInterface(MulticastInterface::V4(address)) => {
                socket.set_multicast_if_v4(&address)
            }
            DatagramSetting::MulticastInterface(MulticastInterface::V6(index)) => {
                socket.set_multicast_if_v6(index)
            }
        }
    }
}

fn wrong_interface(group: IpAddr) -> io::Error {
    let right = match group {
        IpAddr::V4(_) => "the IPv4 address of an interface (MulticastInterface::V4)",
        IpAddr::V6(_) => "the number of an interface (MulticastInterface::V6)",
    };
    io::Error::new(io::ErrorKind::InvalidInput, format!("the group {group} takes {right}"))
}
