//! Sockets for datagrams: UDP, without broadcasts and groups.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ropewalk_reactor::driver::{Readiness, Token};
use ropewalk_reactor::testing::Operation;
use ropewalk_reactor::{Address, DatagramOptions};

use super::streams::unsupported;
use super::{Body, Happening, HostIndex, Packet, Place, SocketId, World};
use crate::trace::What;

/// How many bytes may wait to be received; what comes on top is dropped, as systems do.
const BUFFER: usize = 208 * 1024;

/// The longest datagram that UDP carries over IPv4.
const LONGEST: usize = 65_507;

/// Names a socket for datagrams.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct MailboxId(u64);

pub(crate) struct Mailbox {
    host: HostIndex,
    address: SocketAddr,
    peer: Option<SocketAddr>,
    token: Option<Token>,
    arrived: VecDeque<(Vec<u8>, SocketAddr)>,
    /// How many bytes have arrived.
    size: usize,
    /// What a connected socket is told instead of a datagram.
    error: Option<io::ErrorKind>,
}

impl World {
    pub(crate) fn open_mailbox(
        &mut self,
        host: HostIndex,
        address: &Address,
        options: &DatagramOptions,
        operation: Operation,
    ) -> io::Result<MailboxId> {
        self.check(host, operation)?;
        let Address::Udp(given) = address else { return Err(unsupported()) };
        if options.reuse_port || options.reuse_address {
            return Err(unsupported());
        }
        let connects = operation == Operation::Connect;
        let mut address = if connects { self.local_datagram_address(host, *given, options)? } else { *given };
        self.check_own(host, address.ip())?;
        if address.port() == 0 {
            address.set_port(self.host(host).any_port());
        }
        if self.receiving.contains_key(&(host, address)) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        self.take_descriptor(host, operation)?;
        let id = MailboxId(self.number());
        self.receiving.insert((host, address), id);
        let mailbox = Mailbox {
            host,
            address,
            peer: connects.then_some(*given),
            token: None,
            arrived: VecDeque::new(),
            size: 0,
            error: None,
        };
        self.mailboxes.insert(id, mailbox);
        Ok(id)
    }

    fn local_datagram_address(
        &mut self,
        host: HostIndex,
        peer: SocketAddr,
        options: &DatagramOptions,
    ) -> io::Result<SocketAddr> {
        match options.bind.as_ref().map(Address::socket) {
            Some(Some(bind)) => Ok(bind),
            Some(None) => Err(unsupported()),
            None => {
                let ip =
                    self.host(host).address_towards(peer.ip()).ok_or(io::ErrorKind::NetworkUnreachable)?;
                Ok(SocketAddr::new(ip, 0))
            }
        }
    }

    pub(crate) fn register_mailbox(&mut self, id: MailboxId, token: Token) -> io::Result<()> {
        let host = self.mailbox(id)?.host;
        self.check(host, Operation::Register)?;
        self.mailbox(id)?.token = Some(token);
        self.announce_mailbox(id);
        Ok(())
    }

    pub(crate) fn receive(&mut self, id: MailboxId, buffer: &mut [u8]) -> io::Result<(usize, Address)> {
        self.check_mailbox(id, Operation::Read)?;
        let mailbox = self.mailbox(id)?;
        if let Some(error) = mailbox.error.take() {
            self.announce_mailbox(id);
            return Err(error.into());
        }
        let (data, from) = mailbox.arrived.pop_front().ok_or(io::ErrorKind::WouldBlock)?;
        mailbox.size -= data.len();
        let host = mailbox.host;
        let length = data.len().min(buffer.len());
        buffer[..length].copy_from_slice(&data[..length]);
        self.note(host, What::Receives(Place::Ip(from), data.len()));
        Ok((length, Address::Udp(from)))
    }

    pub(crate) fn send_datagram(
        &mut self,
        id: MailboxId,
        data: &[u8],
        to: Option<&Address>,
    ) -> io::Result<()> {
        self.check_mailbox(id, Operation::Write)?;
        let (host, peer, address) = {
            let mailbox = self.mailbox(id)?;
            (mailbox.host, mailbox.peer, mailbox.address)
        };
        let to = to.map_or(peer, Address::socket).ok_or(io::ErrorKind::NotConnected)?;
        if data.len() > LONGEST {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the datagram is too long for UDP"));
        }
        let ip = if address.ip().is_unspecified() {
            self.host(host).address_towards(to.ip()).ok_or(io::ErrorKind::NetworkUnreachable)?
        } else {
            address.ip()
        };
        self.note(host, What::Sends(Place::Ip(to), data.len()));
        self.trace.add_content(data);
        self.stats.datagrams += 1;
        if let Some(owner) = self.owner(host, to.ip()) {
            let from = SocketAddr::new(ip, address.port());
            let body = Body::Datagram { from, to, data: data.to_vec() };
            self.send_unordered(Packet {
                from: host,
                to: owner,
                sender: SocketId::NONE,
                sequence: None,
                body,
            });
        }
        Ok(())
    }

    /// Sends a packet that may be lost, doubled and overtaken.
    fn send_unordered(&mut self, packet: Packet) {
        let link = self.lanes.link(packet.from, packet.to);
        let leaves = self.passage(packet.from, packet.to, packet.size());
        if self.dice.chance(link.loss) {
            return;
        }
        if self.dice.chance(link.duplication) {
            if let Body::Datagram { from, to, data } = &packet.body {
                let body = Body::Datagram { from: *from, to: *to, data: data.clone() };
                let arrival = leaves + link.latency + self.up_to(link.jitter);
                self.schedule.add(arrival, Happening::Arrives(Packet { body, ..packet }));
            }
        }
        let arrival = leaves + link.latency + self.up_to(link.jitter);
        self.schedule.add(arrival, Happening::Arrives(packet));
    }

    pub(super) fn datagram_arrived(
        &mut self,
        from: HostIndex,
        host: HostIndex,
        by: SocketAddr,
        at: SocketAddr,
        data: Vec<u8>,
    ) {
        let Some(id) = self.mailbox_at(host, at) else {
            let body = Body::Unreachable { by, at };
            return self.send_unordered(Packet {
                from: host,
                to: from,
                sender: SocketId::NONE,
                sequence: None,
                body,
            });
        };
        let Some(mailbox) = self.mailboxes.get_mut(&id) else { return };
        let is_wanted = mailbox.peer.is_none_or(|peer| peer == by);
        if is_wanted && mailbox.size + data.len() <= BUFFER {
            mailbox.size += data.len();
            mailbox.arrived.push_back((data, by));
            self.announce_mailbox(id);
        }
    }

    /// Only a connected socket hears that nobody was there.
    pub(super) fn datagram_came_back(&mut self, host: HostIndex, by: SocketAddr, at: SocketAddr) {
        let Some(id) = self.mailbox_at(host, by) else { return };
        let Some(mailbox) = self.mailboxes.get_mut(&id).filter(|mailbox| mailbox.peer == Some(at)) else {
            return;
        };
        mailbox.error = Some(io::ErrorKind::ConnectionRefused);
        self.announce_mailbox(id);
    }

    fn mailbox_at(&self, host: HostIndex, address: SocketAddr) -> Option<MailboxId> {
        let find = |ip: IpAddr| self.receiving.get(&(host, SocketAddr::new(ip, address.port()))).copied();
        let wildcard: IpAddr =
            if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        find(address.ip()).or_else(|| find(wildcard))
    }

    fn announce_mailbox(&mut self, id: MailboxId) {
        let Some(mailbox) = self.mailboxes.get(&id) else { return };
        let readable = !mailbox.arrived.is_empty() || mailbox.error.is_some();
        let host = mailbox.host;
        if let Some(token) = mailbox.token {
            self.became_ready(host, token, Readiness { readable, writable: true, ..Readiness::default() });
        }
    }

    fn check_mailbox(&mut self, id: MailboxId, operation: Operation) -> io::Result<()> {
        let host = self.mailbox(id)?.host;
        let result = self.check(host, operation);
        if result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock) {
            self.announce_mailbox(id);
        }
        result
    }

    pub(crate) fn mailbox_address(&mut self, id: MailboxId) -> io::Result<Address> {
        let host = self.mailbox(id)?.host;
        self.check(host, Operation::LocalAddress)?;
        Ok(Address::Udp(self.mailbox(id)?.address))
    }

    pub(crate) fn close_mailbox(&mut self, id: MailboxId) {
        let Some(mailbox) = self.mailboxes.remove(&id) else { return };
        self.receiving.remove(&(mailbox.host, mailbox.address));
        self.host(mailbox.host).forget(mailbox.token);
        self.give_descriptor_back(mailbox.host);
    }

    fn mailbox(&mut self, id: MailboxId) -> io::Result<&mut Mailbox> {
        self.mailboxes.get_mut(&id).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}
