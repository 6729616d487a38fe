//! The stream sockets of all hosts, by their names.

use std::fmt;

use super::Socket;

/// Names a stream socket. None is ever used again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct SocketId {
    number: u64,
    /// Where it is in the table.
    slot: usize,
}

impl SocketId {
    /// The name of none.
    pub(super) const NONE: Self = Self { number: 0, slot: usize::MAX };
}

/// A table in which a name finds its socket without a search.
#[derive(Default)]
pub(crate) struct Sockets {
    slots: Vec<Option<(SocketId, Socket)>>,
    /// Slots without a socket; the one that was left last is used first.
    free: Vec<usize>,
}

impl Sockets {
    /// Adds a socket under a number that was not given before.
    pub(super) fn add(&mut self, number: u64, socket: Socket) -> SocketId {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        let id = SocketId { number, slot };
        self.slots[slot] = Some((id, socket));
        id
    }

    pub(super) fn contains(&self, id: SocketId) -> bool {
        self.get(id).is_some()
    }

    pub(super) fn get(&self, id: SocketId) -> Option<&Socket> {
        match self.slots.get(id.slot) {
            Some(Some((other, socket))) if *other == id => Some(socket),
            _ => None,
        }
    }

    pub(super) fn get_mut(&mut self, id: SocketId) -> Option<&mut Socket> {
        match self.slots.get_mut(id.slot) {
            Some(Some((other, socket))) if *other == id => Some(socket),
            _ => None,
        }
    }

    pub(super) fn remove(&mut self, id: SocketId) -> Option<Socket> {
        let (_, socket) = self.slots.get_mut(id.slot)?.take_if(|(other, _)| *other == id)?;
        self.free.push(id.slot);
        Some(socket)
    }
}

impl fmt::Display for SocketId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "#{}", self.number)
    }
}
