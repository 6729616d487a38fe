//! What the loop owns: connections, connection attempts, ports, sockets for datagrams.

use std::rc::Rc;

use slab::Slab;

use crate::ConnectionId;
use crate::connecting::Attempt;
use crate::connection::Connection;
use crate::datagrams::socket::DatagramSocket;
use crate::driver::Token;
use crate::listening::Port;

/// The sources of events, each under a name that no other has had for a long time: a stale event, timer or command
/// finds nothing.
#[derive(Default)]
pub(crate) struct Table {
    slots: Slab<Slot>,
    /// The generation of the slot filled last. The numbers wrap; then a name is used again.
    generation: u32,
}

struct Slot {
    generation: u32,
    /// `None` only while an attempt is being turned into a connection.
    source: Option<Source>,
}

/// Something that the driver reports events about.
pub(crate) enum Source {
    Connection(Box<Connection>),
    Attempt(Box<Attempt>),
    Port(Rc<Port>),
    Datagrams(Box<DatagramSocket>),
}

/// How many bits of a token tell the slot; the others tell the generation, as far as they reach.
const INDEX_BITS: u32 = if usize::BITS >= 64 { 32 } else { 20 };
const INDEX_MASK: usize = (1 << INDEX_BITS) - 1;

impl ConnectionId {
    /// The token under which the driver knows this slot. Never one of the few highest, which drivers may use for
    /// themselves.
    pub(crate) const fn token(self) -> Token {
        Token(((self.generation as usize) << INDEX_BITS) | self.index as usize)
    }
}

impl Table {
    /// The name that the next slot filled will have.
    pub(crate) fn next_id(&self) -> ConnectionId {
        let index = u32::try_from(self.slots.vacant_key())
            .expect("memory runs out before 2^32 sources of events exist");
        ConnectionId { index, generation: self.generation.wrapping_add(1) }
    }

    pub(crate) fn insert(&mut self, source: Source) -> ConnectionId {
        let id = self.next_id();
        self.generation = id.generation;
        self.slots.insert(Slot { generation: id.generation, source: Some(source) });
        id
    }

    pub(crate) fn get(&mut self, id: ConnectionId) -> Option<&mut Source> {
        self.slot(id)?.source.as_mut()
    }

    fn slot(&mut self, id: ConnectionId) -> Option<&mut Slot> {
        self.slots.get_mut(id.index as usize).filter(|slot| slot.generation == id.generation)
    }

    /// Takes a source out and keeps its slot for [`put`](Self::put).
    pub(crate) fn take(&mut self, id: ConnectionId) -> Option<Source> {
        self.slot(id)?.source.take()
    }

    /// Fills a slot whose source was taken.
    pub(crate) fn put(&mut self, id: ConnectionId, source: Source) {
        if let Some(slot) = self.slot(id) {
            slot.source = Some(source);
        }
    }

    pub(crate) fn connection(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        match self.get(id)? {
            Source::Connection(connection) => Some(connection),
            Source::Attempt(_) | Source::Port(_) | Source::Datagrams(_) => None,
        }
    }

    pub(crate) fn port(&mut self, id: ConnectionId) -> Option<&Rc<Port>> {
        match self.get(id)? {
            Source::Port(port) => Some(port),
            Source::Connection(_) | Source::Attempt(_) | Source::Datagrams(_) => None,
        }
    }

    pub(crate) fn remove(&mut self, id: ConnectionId) -> Option<Source> {
        self.slot(id)?;
        let slot = self.slots.remove(id.index as usize);
        if self.slots.is_empty() && self.slots.capacity() > 1024 {
            self.slots = Slab::new();
        }
        slot.source
    }

    /// The name of the source that the driver knows under `token`, if it is still there.
    pub(crate) fn id(&self, token: Token) -> Option<ConnectionId> {
        let index = token.0 & INDEX_MASK;
        let generation = self.slots.get(index)?.generation;
        let id = ConnectionId { index: u32::try_from(index).ok()?, generation };
        (id.token() == token).then_some(id)
    }

    /// The names of all sources, in the order of their slots.
    pub(crate) fn ids(&self) -> Vec<ConnectionId> {
        let name = |(index, slot): (usize, &Slot)| {
            let index = u32::try_from(index).expect("only names that fit are given out");
            ConnectionId { index, generation: slot.generation }
        };
        self.slots.iter().map(name).collect()
    }
}
