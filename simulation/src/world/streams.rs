//! Stream sockets, as their hosts use them.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, IoSlice, Read};
use std::net::SocketAddr;
use std::time::Duration;

use ropewalk_reactor::driver::{Readiness, Token};
use ropewalk_reactor::testing::Operation;
use ropewalk_reactor::{Address, ConnectOptions, Instant, UnixAddress};

use super::{Body, Happening, HostIndex, Packet, Place, SocketId, World};
use crate::trace::{Kind, What};

/// One end of a connection, or of an attempt at one.
pub(crate) struct Socket {
    pub(super) host: HostIndex,
    pub(super) local: Address,
    /// Where it is connected to, or tries to be.
    pub(super) place: Place,
    pub(super) peer_host: HostIndex,
    pub(super) stage: Stage,
    token: Option<Token>,
    /// What has arrived and was not read.
    pub(super) incoming: VecDeque<u8>,
    pub(super) incoming_ended: bool,
    pub(super) broken: Option<io::ErrorKind>,
    /// Bytes written that the peer has not read, as far as is known here.
    pub(super) outstanding: usize,
    /// How many those may be.
    capacity: usize,
    /// Bytes read that the peer was not told of.
    owed: usize,
    outgoing_ended: bool,
    pub(super) resets_on_drop: bool,
    /// How many packets were sent to the peer.
    sent: u64,
    /// How many packets of the peer were heard.
    pub(super) heard: u64,
    /// Packets of the peer that came before others that it has sent earlier.
    pub(super) early: BTreeMap<u64, Packet>,
    /// Since when nothing that was sent has been acknowledged.
    pub(super) stalled_since: Option<Instant>,
    pub(crate) keepalive: Option<Duration>,
    pub(super) last_heard: Instant,
}

/// How far connecting has come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Connecting,
    Failed(io::ErrorKind),
    /// With the other end.
    Connected(SocketId),
}

impl Socket {
    pub(super) const fn peer(&self) -> Option<SocketId> {
        match self.stage {
            Stage::Connected(peer) => Some(peer),
            Stage::Connecting | Stage::Failed(_) => None,
        }
    }

    /// The place of the next packet to the peer.
    pub(super) const fn next_sequence(&mut self) -> u64 {
        self.sent += 1;
        self.sent - 1
    }

    fn readiness(&self) -> Readiness {
        let failed = matches!(self.stage, Stage::Failed(_)) || self.broken.is_some();
        let connected = matches!(self.stage, Stage::Connected(_));
        let ended = self.incoming_ended || failed;
        Readiness {
            readable: connected && !self.incoming.is_empty() || ended,
            writable: connected && self.outstanding < self.capacity || failed,
            read_closed: ended,
            error: failed,
            urgent: false,
        }
    }
}

impl World {
    /// Adds an end of a connection.
    pub(super) fn add_socket(
        &mut self,
        host: HostIndex,
        local: Address,
        place: Place,
        peer_host: HostIndex,
        stage: Stage,
    ) -> SocketId {
        let capacity = self.lanes.link(host, peer_host).buffer.max(1);
        let socket = Socket {
            host,
            local,
            place,
            peer_host,
            stage,
            token: None,
            incoming: VecDeque::new(),
            incoming_ended: false,
            broken: None,
            outstanding: 0,
            capacity,
            owed: 0,
            outgoing_ended: false,
            resets_on_drop: false,
            sent: 0,
            heard: 0,
            early: BTreeMap::new(),
            stalled_since: None,
            keepalive: None,
            last_heard: self.now,
        };
        let number = self.number();
        self.sockets.add(number, socket)
    }

    /// Begins to connect.
    pub(crate) fn connect(
        &mut self,
        host: HostIndex,
        address: &Address,
        options: &ConnectOptions,
    ) -> io::Result<SocketId> {
        self.check(host, Operation::Connect)?;
        let place = Place::of_stream(address).ok_or_else(unsupported)?;
        let local = self.local_for(host, &place, options.bind)?;
        // An address that nobody has swallows everything, as the host itself without power would.
        let to = match &place {
            Place::Ip(address) => self.owner(host, address.ip()),
            Place::Unix(_) => Some(host),
        };
        if matches!(place, Place::Unix(_)) && !self.listening.contains_key(&(host, place.clone())) {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        self.take_descriptor(host, Operation::Connect)?;
        let nobody = to.is_none();
        let id = self.add_socket(host, local, place.clone(), to.unwrap_or(host), Stage::Connecting);
        self.note(host, What::Connects(id, place));
        if !nobody {
            self.ask_again(id, 1);
        }
        Ok(id)
    }

    fn local_for(&mut self, host: HostIndex, place: &Place, bind: Option<SocketAddr>) -> io::Result<Address> {
        let Place::Ip(to) = place else { return Ok(UnixAddress::unnamed().into()) };
        let (ip, port) = match bind {
            Some(bind) if bind.is_ipv4() != to.is_ipv4() => {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    "the local address is of another family",
                ));
            }
            Some(bind) if !bind.ip().is_unspecified() => {
                let is_own = bind.ip().is_loopback() || self.host(host).addresses.contains(&bind.ip());
                (Some(bind.ip()).filter(|_| is_own).ok_or(io::ErrorKind::AddrNotAvailable)?, bind.port())
            }
            other => {
                let ip = self.host(host).address_towards(to.ip()).ok_or(io::ErrorKind::NetworkUnreachable)?;
                (ip, other.map_or(0, |bind| bind.port()))
            }
        };
        let port = if port == 0 { self.host(host).any_port() } else { port };
        Ok(Address::Tcp(SocketAddr::new(ip, port)))
    }

    /// Sends what asks for a connection, and again after so many seconds, then after twice as many.
    pub(super) fn ask_again(&mut self, id: SocketId, seconds: u64) {
        let Some(socket) = self.sockets.get(id).filter(|socket| socket.stage == Stage::Connecting) else {
            return;
        };
        let (from, to, place) = (socket.host, socket.peer_host, socket.place.clone());
        if seconds > 64 {
            return self.connecting_failed(id, io::ErrorKind::TimedOut);
        }
        self.schedule.add(self.now + Duration::from_secs(seconds), Happening::AsksAgain(id, seconds * 2));
        self.send(Packet { from, to, sender: id, sequence: None, body: Body::Open(place) });
    }

    pub(super) fn connecting_failed(&mut self, id: SocketId, error: io::ErrorKind) {
        let Some(socket) = self.sockets.get_mut(id).filter(|socket| socket.stage == Stage::Connecting) else {
            return;
        };
        socket.stage = Stage::Failed(error);
        let host = socket.host;
        self.note(host, What::IsBroken(id, Kind(error)));
        self.announce(id);
    }

    pub(crate) fn register_stream(&mut self, id: SocketId, token: Token) -> io::Result<()> {
        let host = self.stream(id)?.host;
        self.check(host, Operation::Register)?;
        self.stream(id)?.token = Some(token);
        self.announce(id);
        Ok(())
    }

    pub(crate) fn finish_connect(&mut self, id: SocketId) -> io::Result<bool> {
        let host = self.stream(id)?.host;
        self.check(host, Operation::FinishConnect)?;
        match self.stream(id)?.stage {
            Stage::Connecting => Ok(false),
            Stage::Failed(error) => Err(error.into()),
            Stage::Connected(_) => Ok(true),
        }
    }

    pub(crate) fn read(&mut self, id: SocketId, buffer: &mut [u8]) -> io::Result<usize> {
        let host = self.stream(id)?.host;
        self.check_ready(id, Operation::Read)?;
        let short = self.hosts[host.0].faults.short_reads;
        let socket = self.stream(id)?;
        if socket.incoming.is_empty() {
            return match socket.broken {
                Some(error) => Err(error.into()),
                None if socket.incoming_ended => {
                    self.note(host, What::ReadsEnd(id));
                    Ok(0)
                }
                None => Err(io::ErrorKind::WouldBlock.into()),
            };
        }
        let available = socket.incoming.len().min(buffer.len());
        let length = self.some_of(available, short);
        let socket = self.stream(id)?;
        let count = take(&mut socket.incoming, &mut buffer[..length]);
        let left = !socket.incoming.is_empty();
        socket.owed += count;
        let tells = socket.owed >= socket.capacity.div_ceil(8);
        self.note(host, What::Reads(id, count));
        if tells {
            self.tell_what_was_read(id);
        }
        // A short read means an empty socket, so what is left has to count as having arrived since.
        if left && count < buffer.len() {
            self.announce(id);
        }
        Ok(count)
    }

    fn tell_what_was_read(&mut self, id: SocketId) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let Some(peer) = socket.peer() else { return };
        let count = std::mem::take(&mut socket.owed);
        let (from, to) = (socket.host, socket.peer_host);
        self.send(Packet { from, to, sender: id, sequence: None, body: Body::Read(peer, count) });
    }

    pub(crate) fn write(&mut self, id: SocketId, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        let host = self.stream(id)?.host;
        self.check_ready(id, Operation::Write)?;
        let short = self.hosts[host.0].faults.short_writes;
        let socket = self.stream(id)?;
        if let Some(error) = socket.broken {
            return Err(error.into());
        }
        let Some(peer) = socket.peer() else { return Err(io::ErrorKind::NotConnected.into()) };
        if socket.outgoing_ended {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let room = socket.capacity - socket.outstanding;
        if room == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let offered: usize = buffers.iter().map(|buffer| buffer.len()).sum();
        let length = self.some_of(offered.min(room), short);
        let data = gather(buffers, length);
        let socket = self.stream(id)?;
        socket.outstanding += length;
        let (to, is_full) = (socket.peer_host, socket.outstanding == socket.capacity);
        self.note(host, What::Writes(id, length));
        self.trace.add_content(&data);
        self.stats.bytes += length as u64;
        let longest = self.lanes.link(host, to).longest_packet();
        for packet in packets(data, longest) {
            self.send(Packet { from: host, to, sender: id, sequence: None, body: Body::Data(peer, packet) });
        }
        // A short write means a full socket, so room that is left has to count as having come since.
        if length < offered && !is_full {
            self.announce(id);
        }
        Ok(length)
    }

    /// So many of `count`, and at times fewer, but at least one of any.
    fn some_of(&self, count: usize, fewer: f64) -> usize {
        if count > 1 && self.dice.chance(fewer) {
            1 + self.dice.roll(count as u64 - 1) as usize
        } else {
            count
        }
    }

    pub(crate) fn finish_writing(&mut self, id: SocketId) -> io::Result<()> {
        let host = self.stream(id)?.host;
        self.check(host, Operation::Shutdown)?;
        let socket = self.stream(id)?;
        if socket.broken.is_some() {
            return Err(io::ErrorKind::NotConnected.into());
        }
        let Some(peer) = socket.peer() else { return Err(io::ErrorKind::NotConnected.into()) };
        if !std::mem::replace(&mut socket.outgoing_ended, true) {
            let to = socket.peer_host;
            self.note(host, What::Finishes(id));
            self.send(Packet { from: host, to, sender: id, sequence: None, body: Body::Finished(peer) });
        }
        Ok(())
    }

    /// Its host no longer has a socket. Over unread input that is a reset, as with TCP.
    pub(crate) fn close_stream(&mut self, id: SocketId) {
        let Some(socket) = self.sockets.get(id) else { return };
        let (host, to) = (socket.host, socket.peer_host);
        let resets = socket.resets_on_drop || !socket.incoming.is_empty();
        let is_told = socket.broken.is_none() && (resets || !socket.outgoing_ended);
        let told = socket.peer().filter(|_| is_told);
        if !self.host(host).is_up {
            self.forget_stream(id);
            return;
        }
        if let Some(peer) = told {
            let body = if resets { Body::Reset(peer) } else { Body::Finished(peer) };
            self.send(Packet { from: host, to, sender: id, sequence: None, body });
        }
        self.note(host, if resets { What::Resets(id) } else { What::Closes(id) });
        self.forget_stream(id);
    }

    fn forget_stream(&mut self, id: SocketId) {
        if let Some(socket) = self.sockets.remove(id) {
            self.host(socket.host).forget(socket.token);
            self.give_descriptor_back(socket.host);
        }
    }

    /// Reports an edge: everything a socket is ready for.
    pub(super) fn announce(&mut self, id: SocketId) {
        let Some(socket) = self.sockets.get(id) else { return };
        let (host, readiness) = (socket.host, socket.readiness());
        if let Some(token) = socket.token.filter(|_| readiness != Readiness::default()) {
            self.became_ready(host, token, readiness);
        }
    }

    /// Fails if a failure is due. What would block is announced again, and what is not there at times.
    fn check_ready(&mut self, id: SocketId, operation: Operation) -> io::Result<()> {
        let host = self.stream(id)?.host;
        let result = self.check(host, operation);
        match result.as_ref().map_err(io::Error::kind) {
            Err(io::ErrorKind::WouldBlock) => self.announce(id),
            Err(error @ (io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)) => {
                self.break_for_both(id, error);
            }
            _ => {}
        }
        let spurious = self.host(host).faults.spurious_readiness;
        if self.dice.chance(spurious) {
            let readiness = Readiness { readable: true, writable: true, ..Readiness::default() };
            if let Some(token) = self.stream(id)?.token {
                self.became_ready(host, token, readiness);
            }
        }
        result
    }

    /// An error has said that there is no connection any more, which is so for the peer, too.
    fn break_for_both(&mut self, id: SocketId, error: io::ErrorKind) {
        let Some(socket) = self.sockets.get(id).filter(|socket| socket.broken.is_none()) else { return };
        let (from, to, peer) = (socket.host, socket.peer_host, socket.peer());
        if let Some(peer) = peer {
            self.send(Packet { from, to, sender: id, sequence: None, body: Body::Reset(peer) });
        }
        self.break_socket(id, error);
    }

    /// A socket that its host holds. After a crash there may be none.
    pub(crate) fn stream(&mut self, id: SocketId) -> io::Result<&mut Socket> {
        self.sockets.get_mut(id).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    pub(crate) fn stream_option(&mut self, id: SocketId) -> io::Result<&mut Socket> {
        let host = self.stream(id)?.host;
        self.check(host, Operation::SetOption)?;
        self.stream(id)
    }

    pub(crate) fn stream_address(&mut self, id: SocketId) -> io::Result<Address> {
        let host = self.stream(id)?.host;
        self.check(host, Operation::LocalAddress)?;
        Ok(self.stream(id)?.local.clone())
    }

    pub(crate) fn reset_on_drop(&mut self, id: SocketId) {
        if let Some(socket) = self.sockets.get_mut(id) {
            socket.resets_on_drop = true;
        }
    }
}

/// Moves bytes from the ring into `buffer`.
fn take(ring: &mut VecDeque<u8>, buffer: &mut [u8]) -> usize {
    let mut count = 0;
    // The bytes of a ring lie in up to two pieces; reading them cannot fail.
    while count < buffer.len() && !ring.is_empty() {
        count += ring.read(&mut buffer[count..]).unwrap_or(0);
    }
    count
}

/// The first bytes of `buffers`.
fn gather(buffers: &[IoSlice<'_>], length: usize) -> Vec<u8> {
    let mut data = Vec::with_capacity(length);
    for buffer in buffers {
        let room = length - data.len();
        data.extend_from_slice(&buffer[..buffer.len().min(room)]);
    }
    data
}

/// Divides what is written into packets. Most of it fits into one, which takes no copy.
fn packets(mut data: Vec<u8>, longest: usize) -> impl Iterator<Item = Vec<u8>> {
    let mut rest = Vec::new();
    while data.len() > longest {
        let tail = data.split_off(longest);
        rest.push(std::mem::replace(&mut data, tail));
    }
    rest.push(data);
    rest.into_iter()
}

pub(super) fn unsupported() -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, "there is no such thing in the simulation")
}
