//! The network and all that hosts have in it. Calls nobody.

mod arriving;
mod datagrams;
mod host;
mod keepalive;
mod lanes;
mod listening;
mod place;
mod sockets;
mod streams;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;

use ropewalk_reactor::Instant;
use ropewalk_reactor::driver::{Lookup, Readiness, Token};
use ropewalk_reactor::testing::Dice;

pub(crate) use datagrams::{Mailbox, MailboxId};
pub(crate) use host::HostState;
pub(crate) use lanes::Lanes;
pub(crate) use listening::{ListenerId, Listening};
pub(crate) use place::Place;
pub(crate) use sockets::{SocketId, Sockets};
pub(crate) use streams::Socket;

use crate::names::Names;
use crate::schedule::Schedule;
use crate::trace::{Trace, What};
use crate::waking::Woken;
use crate::{Simulation, Stats};

/// The world as drivers, sockets and the simulation share it.
pub(crate) type Shared = Rc<RefCell<World>>;

/// Names a host by its place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct HostIndex(pub(crate) usize);

pub(crate) struct World {
    pub(crate) now: Instant,
    pub(crate) dice: Rc<Dice>,
    pub(crate) schedule: Schedule<Happening>,
    pub(crate) hosts: Vec<HostState>,
    /// The hosts that have something to do. Invariant: those with `Waiting::Runnable`, each at its place.
    runnable: Vec<HostIndex>,
    addresses: BTreeMap<IpAddr, HostIndex>,
    pub(crate) lanes: Lanes,
    sockets: Sockets,
    /// Attempts to connect that have led to a connection of which they have not heard.
    answered: BTreeSet<SocketId>,
    listeners: BTreeMap<ListenerId, Listening>,
    listening: BTreeMap<(HostIndex, Place), ListenerId>,
    mailboxes: BTreeMap<MailboxId, Mailbox>,
    receiving: BTreeMap<(HostIndex, SocketAddr), MailboxId>,
    pub(crate) names: Names,
    pub(crate) trace: Trace,
    pub(crate) stats: Stats,
    pub(crate) woken: Arc<Woken>,
    numbers: u64,
}

/// What is to happen at some time.
pub(crate) enum Happening {
    /// A packet has come to its host.
    Arrives(Packet),
    /// A connection attempt asks once more, the next time after twice this many seconds.
    AsksAgain(SocketId, u64),
    /// What a connection has sent was not acknowledged for too long, if it is still the same outage.
    GivesUp(SocketId, Instant),
    /// A connection looks whether its peer still lives.
    Probes(SocketId),
    /// A host has waited long enough.
    Wakes(HostIndex),
    /// Readiness is told late, to the reactor of this boot.
    IsReady(HostIndex, u64, Token, Readiness),
    /// A lookup is answered.
    IsLookedUp(Lookup),
    /// A thread does its work, for the reactor of this boot.
    Works(HostIndex, u64, Box<dyn FnOnce() + Send>),
    /// The test acts.
    Calls(Box<dyn FnOnce(&mut Simulation)>),
}

/// What goes over the network.
pub(crate) struct Packet {
    pub(crate) from: HostIndex,
    pub(crate) to: HostIndex,
    /// The socket that sent it, for the streams.
    pub(crate) sender: SocketId,
    /// Its place among those that this socket sends to its peer, which hears them in this order. Given when it is sent.
    pub(crate) sequence: Option<u64>,
    pub(crate) body: Body,
}

/// What a packet says. A socket named is the one it is for.
pub(crate) enum Body {
    /// Asks the place for a connection.
    Open(Place),
    /// The connection is there; its other end is the sender.
    Opened(SocketId),
    Refused(SocketId),
    Data(SocketId, Vec<u8>),
    /// Nothing comes after what was sent.
    Finished(SocketId),
    /// So many bytes were read.
    Read(SocketId, usize),
    Reset(SocketId),
    Datagram {
        from: SocketAddr,
        to: SocketAddr,
        data: Vec<u8>,
    },
    /// A datagram to `at` found nobody; `by` is who sent it.
    Unreachable {
        by: SocketAddr,
        at: SocketAddr,
    },
}

impl World {
    pub(crate) fn new(dice: Dice) -> Self {
        Self {
            now: Instant::ZERO,
            dice: Rc::new(dice),
            schedule: Schedule::new(),
            hosts: Vec::new(),
            runnable: Vec::new(),
            addresses: BTreeMap::new(),
            lanes: Lanes::default(),
            sockets: Sockets::default(),
            answered: BTreeSet::new(),
            listeners: BTreeMap::new(),
            listening: BTreeMap::new(),
            mailboxes: BTreeMap::new(),
            receiving: BTreeMap::new(),
            names: Names::default(),
            trace: Trace::new(),
            stats: Stats::default(),
            woken: Arc::default(),
            numbers: 0,
        }
    }

    pub(crate) fn note(&mut self, host: HostIndex, what: What) {
        self.trace.add(self.now, Some(host), what);
    }

    /// A number that was not given before.
    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    pub(crate) fn host(&mut self, host: HostIndex) -> &mut HostState {
        &mut self.hosts[host.0]
    }

    /// Whose address this is, seen from `host`.
    fn owner(&self, host: HostIndex, address: IpAddr) -> Option<HostIndex> {
        if address.is_loopback() || address.is_unspecified() {
            return Some(host);
        }
        self.addresses.get(&address).copied()
    }

    pub(crate) fn add_address(&mut self, host: HostIndex, address: IpAddr) {
        assert!(
            self.addresses.insert(address, host).is_none_or(|other| other == host),
            "{address} is already the address of another host"
        );
        if !self.host(host).addresses.contains(&address) {
            self.host(host).addresses.push(address);
        }
    }

    /// Tells what happens at this time, in order. What only the simulation can do is returned.
    pub(crate) fn next_happening(&mut self) -> Option<Happening> {
        loop {
            match self.schedule.take_due(self.now)? {
                Happening::Arrives(packet) => self.arrives(packet),
                Happening::AsksAgain(socket, seconds) => self.ask_again(socket, seconds),
                Happening::GivesUp(socket, since) => self.give_up(socket, since),
                Happening::Probes(socket) => self.probe(socket),
                Happening::Wakes(host) => self.wait_ended(host),
                Happening::IsReady(host, boot, token, readiness) => {
                    if self.host(host).boot == boot {
                        self.host(host).tell(token, readiness);
                        self.make_runnable(host);
                    }
                }
                Happening::Works(host, boot, work) => {
                    if self.host(host).boot == boot {
                        self.note(host, What::Works);
                        return Some(Happening::Works(host, boot, work));
                    }
                }
                happening @ (Happening::IsLookedUp(_) | Happening::Calls(_)) => return Some(happening),
            }
        }
    }
}
