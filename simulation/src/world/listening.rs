//! Listening sockets.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ropewalk_reactor::driver::{Readiness, Token};
use ropewalk_reactor::testing::Operation;
use ropewalk_reactor::{Address, ListenOptions, UnixAddress};

use super::streams::unsupported;
use super::{HostIndex, Place, SocketId, World};
use crate::trace::What;

/// Names a listening socket.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct ListenerId(u64);

pub(crate) struct Listening {
    host: HostIndex,
    address: Address,
    place: Place,
    token: Option<Token>,
    backlog: usize,
    /// Connections that wait to be accepted.
    waiting: VecDeque<SocketId>,
    /// Whether it takes IPv4 connections although it is of IPv6.
    is_dual_stack: bool,
}

impl World {
    pub(crate) fn listen(
        &mut self,
        host: HostIndex,
        address: &Address,
        options: &ListenOptions,
    ) -> io::Result<ListenerId> {
        self.check(host, Operation::Listen)?;
        let mut place = Place::of_stream(address).ok_or_else(unsupported)?;
        let mut address = address.clone();
        if let Place::Ip(socket) = &mut place {
            self.check_own(host, socket.ip())?;
            if socket.port() == 0 {
                socket.set_port(self.host(host).any_port());
            }
            address = Address::Tcp(*socket);
        }
        if options.reuse_port {
            return Err(unsupported());
        }
        if self.listening.contains_key(&(host, place.clone())) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        self.take_descriptor(host, Operation::Listen)?;
        self.note(host, What::Listens(place.clone()));
        let id = ListenerId(self.number());
        self.listening.insert((host, place.clone()), id);
        let listening = Listening {
            host,
            address,
            place,
            token: None,
            backlog: options.backlog.max(1) as usize,
            waiting: VecDeque::new(),
            is_dual_stack: options.dual_stack.unwrap_or(true),
        };
        self.listeners.insert(id, listening);
        Ok(id)
    }

    /// An address can be bound by the host that has it.
    pub(super) fn check_own(&mut self, host: HostIndex, ip: IpAddr) -> io::Result<()> {
        let is_own = ip.is_loopback() || ip.is_unspecified() || self.host(host).addresses.contains(&ip);
        if is_own { Ok(()) } else { Err(io::ErrorKind::AddrNotAvailable.into()) }
    }

    /// Who listens at a place of a host, by the address itself or by a wildcard.
    pub(super) fn listener_at(&self, host: HostIndex, place: &Place) -> Option<ListenerId> {
        let find = |place: Place| self.listening.get(&(host, place)).copied();
        let Place::Ip(address) = place else { return find(place.clone()) };
        let wildcard = |ip: IpAddr| Place::Ip(SocketAddr::new(ip, address.port()));
        let any_v6 = || find(wildcard(Ipv6Addr::UNSPECIFIED.into()));
        find(place.clone()).or_else(|| match address.ip() {
            IpAddr::V4(_) => find(wildcard(Ipv4Addr::UNSPECIFIED.into()))
                .or_else(|| any_v6().filter(|id| self.listeners[id].is_dual_stack)),
            IpAddr::V6(_) => any_v6(),
        })
    }

    pub(super) fn has_room(&self, id: ListenerId) -> bool {
        self.listeners.get(&id).is_some_and(|listening| listening.waiting.len() < listening.backlog)
    }

    pub(super) fn queue_connection(&mut self, id: ListenerId, socket: SocketId) {
        if let Some(listening) = self.listeners.get_mut(&id) {
            listening.waiting.push_back(socket);
        }
        self.announce_listener(id);
    }

    pub(crate) fn register_listener(&mut self, id: ListenerId, token: Token) -> io::Result<()> {
        let host = self.listener(id)?.host;
        self.check(host, Operation::Register)?;
        self.listener(id)?.token = Some(token);
        self.announce_listener(id);
        Ok(())
    }

    /// Takes the next waiting connection; its peer's address too.
    pub(crate) fn accept(&mut self, id: ListenerId) -> io::Result<(SocketId, Address)> {
        let host = self.listener(id)?.host;
        if self.listener(id)?.waiting.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.check_listener(id, Operation::Accept)?;
        self.take_descriptor(host, Operation::Accept)?;
        let socket = self.next_waiting(id)?;
        let place = self.stream(socket)?.place.clone();
        let peer = match &place {
            Place::Ip(address) => Address::Tcp(*address),
            Place::Unix(_) => UnixAddress::unnamed().into(),
        };
        self.note(host, What::Accepts(socket, place));
        Ok((socket, peer))
    }

    /// Closes the next waiting connection, for which the descriptor in reserve is used.
    pub(crate) fn refuse(&mut self, id: ListenerId) -> io::Result<()> {
        let host = self.listener(id)?.host;
        if self.listener(id)?.waiting.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.check_listener(id, Operation::Refuse)?;
        let socket = self.next_waiting(id)?;
        self.note(host, What::Refuses(socket));
        self.host(host).descriptors += 1;
        self.close_stream(socket);
        Ok(())
    }

    fn next_waiting(&mut self, id: ListenerId) -> io::Result<SocketId> {
        self.listener(id)?.waiting.pop_front().ok_or_else(|| io::ErrorKind::WouldBlock.into())
    }

    fn check_listener(&mut self, id: ListenerId, operation: Operation) -> io::Result<()> {
        let host = self.listener(id)?.host;
        let result = self.check(host, operation);
        if result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock) {
            self.announce_listener(id);
        }
        result
    }

    fn announce_listener(&mut self, id: ListenerId) {
        let Some(listening) = self.listeners.get(&id).filter(|listening| !listening.waiting.is_empty())
        else {
            return;
        };
        let host = listening.host;
        if let Some(token) = listening.token {
            self.became_ready(host, token, Readiness { readable: true, ..Readiness::default() });
        }
    }

    /// Stops listening. Those who wait to be accepted are reset.
    pub(crate) fn close_listener(&mut self, id: ListenerId) {
        let Some(listening) = self.listeners.remove(&id) else { return };
        let host = listening.host;
        self.listening.remove(&(host, listening.place));
        self.host(host).forget(listening.token);
        self.give_descriptor_back(host);
        for socket in listening.waiting {
            self.reset_on_drop(socket);
            self.host(host).descriptors += 1;
            self.close_stream(socket);
        }
    }

    pub(super) fn listener_address(&self, id: ListenerId) -> Address {
        self.listeners[&id].address.clone()
    }

    pub(crate) fn local_address(&mut self, id: ListenerId) -> io::Result<Address> {
        let host = self.listener(id)?.host;
        self.check(host, Operation::LocalAddress)?;
        Ok(self.listener_address(id))
    }

    fn listener(&mut self, id: ListenerId) -> io::Result<&mut Listening> {
        self.listeners.get_mut(&id).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}
