//! Packets that have come to their host.

use std::io;

use ropewalk_reactor::Address;

use super::streams::Stage;
use super::{Body, HostIndex, Packet, Place, SocketId, World};
use crate::trace::{Kind, What};

impl Packet {
    /// What counts for the bandwidth: the payload and 40 bytes of headers.
    pub(super) fn size(&self) -> usize {
        let payload = match &self.body {
            Body::Data(_, data) | Body::Datagram { data, .. } => data.len(),
            _ => 0,
        };
        payload + 40
    }

    /// The socket it is for, of those that have a connection or are to hear of one.
    pub(super) const fn receiver(&self) -> Option<SocketId> {
        match self.body {
            Body::Opened(socket)
            | Body::Data(socket, _)
            | Body::Finished(socket)
            | Body::Read(socket, _)
            | Body::Reset(socket) => Some(socket),
            Body::Open(_) | Body::Refused(_) | Body::Datagram { .. } | Body::Unreachable { .. } => None,
        }
    }

    pub(super) const fn is_datagram(&self) -> bool {
        matches!(self.body, Body::Datagram { .. } | Body::Unreachable { .. })
    }

    /// The IP address it goes to, where only some addresses of a host may be reached.
    const fn address(&self) -> Option<std::net::IpAddr> {
        match &self.body {
            Body::Open(Place::Ip(to)) => Some(to.ip()),
            Body::Datagram { to, .. } => Some(to.ip()),
            _ => None,
        }
    }
}

impl World {
    /// A packet has come to its host, if it gets through.
    pub(super) fn arrives(&mut self, packet: Packet) {
        let is_swallowed = packet.address().is_some_and(|address| self.lanes.unreachable.contains(&address));
        if is_swallowed {
            return;
        }
        if self.lanes.is_cut(packet.from, packet.to) || !self.host(packet.to).is_up {
            return self.hold(packet);
        }
        self.arrives_in_order(packet);
    }

    /// Has a connection hear of its packets in the order in which they were sent, as TCP does: one that has overtaken others
    /// waits for them.
    fn arrives_in_order(&mut self, packet: Packet) {
        let mut next = Some(packet);
        while let Some(packet) = next.take() {
            let Some(receiver) = packet.receiver() else { return self.is_heard(packet) };
            let socket = self.sockets.get_mut(receiver);
            let (Some(sequence), Some(socket)) = (packet.sequence, socket) else {
                return self.is_heard(packet);
            };
            if sequence > socket.heard {
                socket.early.insert(sequence, packet);
                return;
            }
            socket.heard += 1;
            self.is_heard(packet);
            let socket = self.sockets.get_mut(receiver);
            next = socket.and_then(|socket| socket.early.remove(&socket.heard));
        }
    }

    fn is_heard(&mut self, packet: Packet) {
        let Packet { from, to, sender, body, .. } = packet;
        match body {
            Body::Open(place) => self.connection_asked_for(from, to, sender, &place),
            Body::Opened(socket) => self.connection_opened(socket, sender, from, to),
            Body::Refused(socket) => self.connecting_failed(socket, io::ErrorKind::ConnectionRefused),
            Body::Data(socket, data) => self.data_arrived(socket, sender, from, to, &data),
            Body::Finished(socket) => self.end_arrived(socket),
            Body::Read(socket, count) => self.peer_has_read(socket, count),
            Body::Reset(socket) => self.break_socket(socket, io::ErrorKind::ConnectionReset),
            Body::Datagram { from: by, to: at, data } => self.datagram_arrived(from, to, by, at, data),
            Body::Unreachable { by, at } => self.datagram_came_back(to, by, at),
        }
    }

    fn connection_asked_for(&mut self, from: HostIndex, to: HostIndex, client: SocketId, place: &Place) {
        let Some(socket) = self.sockets.get(client) else { return };
        if self.is_asked_already(client) {
            return;
        }
        let client_place = match &socket.local {
            Address::Tcp(address) => Place::Ip(*address),
            other => Place::Unix(other.to_string()),
        };
        let Some(listener) = self.listener_at(to, place) else {
            return self.send(Packet {
                from: to,
                to: from,
                sender: client,
                sequence: None,
                body: Body::Refused(client),
            });
        };
        if !self.has_room(listener) {
            // The client asks again.
            return;
        }
        let local = match place {
            Place::Ip(address) => Address::Tcp(*address),
            Place::Unix(_) => self.listener_address(listener),
        };
        let server = self.add_socket(to, local, client_place, from, Stage::Connected(client));
        self.answered.insert(client);
        self.queue_connection(listener, server);
        self.send(Packet { from: to, to: from, sender: server, sequence: None, body: Body::Opened(client) });
    }

    /// Whether an earlier asking of this client has led to a connection.
    fn is_asked_already(&self, client: SocketId) -> bool {
        self.sockets.get(client).is_some_and(|socket| socket.stage != Stage::Connecting)
            || self.answered.contains(&client)
    }

    fn connection_opened(&mut self, client: SocketId, server: SocketId, from: HostIndex, to: HostIndex) {
        self.answered.remove(&client);
        let now = self.now;
        match self.sockets.get_mut(client) {
            Some(socket) if socket.stage == Stage::Connecting => {
                socket.stage = Stage::Connected(server);
                socket.last_heard = now;
                self.stats.connections += 1;
                self.note(to, What::IsConnected(client));
                self.announce(client);
            }
            // The attempt was given up.
            _ => self.send(Packet {
                from: to,
                to: from,
                sender: client,
                sequence: None,
                body: Body::Reset(server),
            }),
        }
    }

    fn data_arrived(&mut self, id: SocketId, sender: SocketId, from: HostIndex, to: HostIndex, data: &[u8]) {
        let now = self.now;
        match self.sockets.get_mut(id) {
            Some(socket) if socket.broken.is_none() => {
                socket.last_heard = now;
                socket.incoming.extend(data);
                self.announce(id);
            }
            _ => self.send(Packet {
                from: to,
                to: from,
                sender: id,
                sequence: None,
                body: Body::Reset(sender),
            }),
        }
    }

    fn end_arrived(&mut self, id: SocketId) {
        let now = self.now;
        if let Some(socket) = self.sockets.get_mut(id) {
            socket.last_heard = now;
            socket.incoming_ended = true;
            self.announce(id);
        }
    }

    fn peer_has_read(&mut self, id: SocketId, count: usize) {
        let now = self.now;
        if let Some(socket) = self.sockets.get_mut(id) {
            socket.last_heard = now;
            socket.outstanding -= count;
            self.announce(id);
        }
    }

    /// A connection is broken: what has arrived can still be read.
    pub(super) fn break_socket(&mut self, id: SocketId, error: io::ErrorKind) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let host = socket.host;
        match socket.stage {
            Stage::Connecting => return self.connecting_failed(id, error),
            Stage::Connected(_) if socket.broken.is_none() => socket.broken = Some(error),
            Stage::Connected(_) | Stage::Failed(_) => return,
        }
        self.note(host, What::IsBroken(id, Kind(error)));
        self.announce(id);
    }

    /// Nothing that a connection has sent was acknowledged for too long.
    pub(super) fn give_up(&mut self, id: SocketId, since: ropewalk_reactor::Instant) {
        let is_same = self.sockets.get(id).is_some_and(|socket| socket.stalled_since == Some(since));
        if is_same {
            self.forget_sent_on(id);
            self.break_socket(id, io::ErrorKind::TimedOut);
        }
    }
}
