//! The ways between hosts: how long packets take, and where none get through.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use ropewalk_reactor::Instant;

use super::{Body, Happening, HostIndex, Packet, Socket, SocketId, World};
use crate::Link;
use crate::trace::What;

/// How long a connection waits at first until it sends lost bytes again.
const RESEND_AFTER: Duration = Duration::from_millis(200);

/// How long after an outage connections go on at the latest.
const RESEND_MAX: Duration = Duration::from_secs(60);

/// How long a connection sends again what is not acknowledged: Linux with its default of 15 attempts.
const PATIENCE: Duration = Duration::from_millis(924_600);

/// All ways between two hosts.
pub(crate) struct Lanes {
    pub(crate) default: Link,
    /// Within each host.
    pub(crate) loopback: Link,
    /// By the two hosts, the lesser first.
    links: BTreeMap<(HostIndex, HostIndex), Link>,
    /// By where from and where to. Without an entry, a lane is open and idle.
    lanes: BTreeMap<(HostIndex, HostIndex), Lane>,
    /// Addresses that nothing gets to.
    pub(crate) unreachable: BTreeSet<IpAddr>,
}

#[derive(Default)]
struct Lane {
    /// When the last byte that was sent has left.
    busy_until: Instant,
    /// Since when nothing gets through.
    cut: Option<Instant>,
    /// What connections will send again once something does.
    held: VecDeque<Packet>,
}

impl Default for Lanes {
    fn default() -> Self {
        Self {
            default: Link::default(),
            loopback: Link::LOOPBACK,
            links: BTreeMap::new(),
            lanes: BTreeMap::new(),
            unreachable: BTreeSet::new(),
        }
    }
}

impl Lanes {
    pub(crate) fn set_link(&mut self, one: HostIndex, other: HostIndex, link: Link) {
        self.links.insert((one.min(other), one.max(other)), link);
    }

    pub(super) fn link(&self, one: HostIndex, other: HostIndex) -> Link {
        if one == other {
            return self.loopback;
        }
        *self.links.get(&(one.min(other), one.max(other))).unwrap_or(&self.default)
    }

    pub(super) fn is_cut(&self, from: HostIndex, to: HostIndex) -> bool {
        self.lanes.get(&(from, to)).is_some_and(|lane| lane.cut.is_some())
    }
}

impl World {
    /// Lets nothing through from one host to another any more.
    pub(crate) fn cut(&mut self, from: HostIndex, to: HostIndex) {
        let now = self.now;
        let lane = self.lanes.lanes.entry((from, to)).or_default();
        if lane.cut.is_none() {
            lane.cut = Some(now);
            self.note(from, What::Cuts(to));
        }
    }

    /// Lets everything through again. What connections have sent meanwhile, they will have sent again before the outage has
    /// lasted twice as long.
    pub(crate) fn heal(&mut self, from: HostIndex, to: HostIndex) {
        let Some(lane) = self.lanes.lanes.get_mut(&(from, to)) else { return };
        let Some(since) = lane.cut.take() else { return };
        let held = std::mem::take(&mut lane.held);
        self.note(from, What::Heals(to));
        let wait = self.up_to((self.now - since).min(RESEND_MAX));
        self.resend(held, wait);
    }

    pub(crate) fn heal_all(&mut self) {
        let cut: Vec<_> =
            self.lanes.lanes.iter().filter(|(_, lane)| lane.cut.is_some()).map(|(ends, _)| *ends).collect();
        for (from, to) in cut {
            self.heal(from, to);
        }
    }

    /// Sends held packets again, after a while.
    fn resend(&mut self, held: VecDeque<Packet>, wait: Duration) {
        for packet in held {
            let arrival = self.now + wait + self.lanes.link(packet.from, packet.to).latency;
            if let Some(socket) = self.sockets.get_mut(packet.sender) {
                socket.stalled_since = None;
            }
            self.schedule.add(arrival, Happening::Arrives(packet));
        }
    }

    /// Sends a packet on its way. Those of one connection are heard in order, whenever they arrive.
    pub(super) fn send(&mut self, mut packet: Packet) {
        let arrival = self.arrival(packet.from, packet.to, packet.size());
        if packet.receiver().is_some_and(|receiver| receiver != packet.sender) {
            packet.sequence = self.sockets.get_mut(packet.sender).map(Socket::next_sequence);
        }
        self.schedule.add(arrival, Happening::Arrives(packet));
    }

    /// When a packet of a connection would arrive that is sent now, with the times it is lost.
    fn arrival(&mut self, from: HostIndex, to: HostIndex, size: usize) -> Instant {
        let link = self.lanes.link(from, to);
        let mut arrival = self.passage(from, to, size) + link.latency + self.up_to(link.jitter);
        let mut again = RESEND_AFTER;
        while again < RESEND_MAX && self.dice.chance(link.loss) {
            arrival = arrival + again;
            again *= 2;
        }
        arrival
    }

    /// When the last byte of a packet has left that is sent now.
    pub(super) fn passage(&mut self, from: HostIndex, to: HostIndex, size: usize) -> Instant {
        let Some(bandwidth) = self.lanes.link(from, to).bandwidth else { return self.now };
        let time = Duration::from_nanos((size as u64).saturating_mul(1_000_000_000) / bandwidth.max(1));
        let lane = self.lanes.lanes.entry((from, to)).or_default();
        lane.busy_until = lane.busy_until.max(self.now) + time;
        lane.busy_until
    }

    /// Keeps a packet that does not get through, if its sender will send it again.
    pub(super) fn hold(&mut self, packet: Packet) {
        if packet.is_datagram() || matches!(packet.body, Body::Open(_)) {
            return;
        }
        self.stall(packet.sender);
        self.lanes.lanes.entry((packet.from, packet.to)).or_default().held.push_back(packet);
    }

    /// What a connection has sent is not acknowledged.
    fn stall(&mut self, sender: SocketId) {
        let now = self.now;
        if let Some(socket) = self.sockets.get_mut(sender) {
            if socket.stalled_since.is_none() {
                socket.stalled_since = Some(now);
                self.schedule.add(now + PATIENCE, Happening::GivesUp(sender, now));
            }
        }
    }

    /// A host has power again: what was sent to it meanwhile is sent again.
    pub(crate) fn resend_to(&mut self, host: HostIndex) {
        let lanes = self.lanes.lanes.iter_mut().filter(|((_, to), lane)| *to == host && lane.cut.is_none());
        let held: Vec<_> = lanes.map(|(_, lane)| std::mem::take(&mut lane.held)).collect();
        for held in held.into_iter().filter(|held| !held.is_empty()) {
            let wait = self.up_to(RESEND_MAX);
            self.resend(held, wait);
        }
    }

    /// What a connection that was given up had still to send is sent no more.
    pub(super) fn forget_sent_on(&mut self, sender: SocketId) {
        for lane in self.lanes.lanes.values_mut() {
            lane.held.retain(|packet| packet.sender != sender);
        }
    }

    /// What a host without power had still to send is lost.
    pub(crate) fn forget_sent_by(&mut self, host: HostIndex) {
        for (_, lane) in self.lanes.lanes.iter_mut().filter(|((from, _), _)| *from == host) {
            lane.held.clear();
        }
    }
}
