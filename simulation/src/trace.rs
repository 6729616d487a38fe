//! What happened, for whoever wants to read it, and a number that stands for all of it.

use std::collections::VecDeque;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::io;

use ropewalk_reactor::Instant;
use ropewalk_reactor::testing::Operation;

use crate::world::{HostIndex, Place, SocketId};

/// How many entries are kept, at first; of older ones only the hash tells.
const KEPT: usize = 1_000;

/// What happened in a simulation, the latest last.
pub(crate) struct Trace {
    kept: VecDeque<Entry>,
    pub(crate) keep: usize,
    /// Of the entries, which have the sizes of what went over the network.
    entries: Fnv,
    /// Of the bytes that went over the network, one after the other.
    contents: Fnv,
    pub(crate) length: u64,
}

#[derive(Hash)]
struct Entry {
    at: Instant,
    host: Option<HostIndex>,
    what: What,
}

/// One thing that happened.
#[derive(Hash)]
pub(crate) enum What {
    Boots,
    Crashes,
    IsKilled,
    Exits,
    IsSuspended,
    Listens(Place),
    Connects(SocketId, Place),
    IsConnected(SocketId),
    Accepts(SocketId, Place),
    Refuses(SocketId),
    Writes(SocketId, usize),
    Reads(SocketId, usize),
    ReadsEnd(SocketId),
    Finishes(SocketId),
    Closes(SocketId),
    Resets(SocketId),
    IsBroken(SocketId, Kind),
    Sends(Place, usize),
    Receives(Place, usize),
    Resolves(String),
    Fails(Operation, Kind),
    Starves(Operation),
    Works,
    Cuts(HostIndex),
    Heals(HostIndex),
    Note(String),
}

/// An [`io::ErrorKind`] by its name, which unlike its number will never change.
pub(crate) struct Kind(pub(crate) io::ErrorKind);

impl Hash for Kind {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_string().hash(state);
    }
}

impl Trace {
    pub(crate) const fn new() -> Self {
        Self { kept: VecDeque::new(), keep: KEPT, entries: Fnv::new(), contents: Fnv::new(), length: 0 }
    }

    pub(crate) fn add(&mut self, at: Instant, host: Option<HostIndex>, what: What) {
        let entry = Entry { at, host, what };
        entry.hash(&mut self.entries);
        self.length += 1;
        if self.kept.len() >= self.keep {
            self.kept.pop_front();
        }
        if self.keep > 0 {
            self.kept.push_back(entry);
        }
    }

    /// Takes bytes into account that went over the network; their places are entries.
    pub(crate) fn add_content(&mut self, bytes: &[u8]) {
        self.contents.write(bytes);
    }

    pub(crate) fn hash(&self) -> u64 {
        let mut both = Fnv::new();
        both.add(self.entries.finish());
        both.add(self.contents.finish());
        both.finish()
    }

    pub(crate) fn hash_without_contents(&self) -> u64 {
        self.entries.finish()
    }

    /// The kept entries as text, a line each.
    pub(crate) fn write(&self, names: &[&str], formatter: &mut dyn fmt::Write) -> fmt::Result {
        let left_out = self.length - self.kept.len() as u64;
        if left_out > 0 {
            writeln!(formatter, "({left_out} earlier entries are not kept)")?;
        }
        for entry in &self.kept {
            let name = entry.host.and_then(|host| names.get(host.0).copied()).unwrap_or("");
            write!(formatter, "{:>16} {name:<12} ", format!("{:?}", entry.at))?;
            entry.what.write(names, formatter)?;
            formatter.write_char('\n')?;
        }
        Ok(())
    }
}

impl What {
    fn write(&self, names: &[&str], formatter: &mut dyn fmt::Write) -> fmt::Result {
        let name = |host: &HostIndex| names.get(host.0).copied().unwrap_or("");
        match self {
            Self::Boots => formatter.write_str("boots"),
            Self::Crashes => formatter.write_str("crashes"),
            Self::IsKilled => formatter.write_str("is killed"),
            Self::Exits => formatter.write_str("exits"),
            Self::IsSuspended => formatter.write_str("is suspended"),
            Self::Listens(address) => write!(formatter, "listens on {address}"),
            Self::Connects(socket, to) => write!(formatter, "{socket} connects to {to}"),
            Self::IsConnected(socket) => write!(formatter, "{socket} is connected"),
            Self::Accepts(socket, from) => write!(formatter, "{socket} is accepted from {from}"),
            Self::Refuses(socket) => write!(formatter, "{socket} is refused"),
            Self::Writes(socket, count) => write!(formatter, "{socket} writes {count}"),
            Self::Reads(socket, count) => write!(formatter, "{socket} reads {count}"),
            Self::ReadsEnd(socket) => write!(formatter, "{socket} reads the end of input"),
            Self::Finishes(socket) => write!(formatter, "{socket} finishes writing"),
            Self::Closes(socket) => write!(formatter, "{socket} is closed"),
            Self::Resets(socket) => write!(formatter, "{socket} is reset"),
            Self::IsBroken(socket, error) => write!(formatter, "{socket} is broken: {}", error.0),
            Self::Sends(to, count) => write!(formatter, "sends a datagram of {count} to {to}"),
            Self::Receives(from, count) => write!(formatter, "receives a datagram of {count} from {from}"),
            Self::Resolves(name) => write!(formatter, "looks up {name}"),
            Self::Fails(operation, error) => write!(formatter, "{operation:?} fails: {}", error.0),
            Self::Starves(operation) => write!(formatter, "{operation:?} finds no descriptor left"),
            Self::Works => formatter.write_str("does the work of a thread"),
            Self::Cuts(to) => write!(formatter, "no longer reaches {}", name(to)),
            Self::Heals(to) => write!(formatter, "reaches {} again", name(to)),
            Self::Note(text) => formatter.write_str(text),
        }
    }
}

/// FNV-1a of 64 bits, over words where there are whole ones: the same in every version and on every machine.
struct Fnv(u64);

impl Fnv {
    const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    const fn add(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(0x0000_0100_0000_01b3);
        // A multiplication moves nothing down, and words have high bits.
        self.0 ^= self.0 >> 32;
    }
}

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        let words = bytes.chunks_exact(8);
        let rest = words.remainder();
        for word in words {
            let number = word.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
            self.add(number);
        }
        for byte in rest {
            self.add(u64::from(*byte));
        }
    }

    fn write_u8(&mut self, number: u8) {
        self.add(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        self.add(number);
    }

    fn write_usize(&mut self, number: usize) {
        self.add(number as u64);
    }

    fn write_isize(&mut self, number: isize) {
        // The numbers of variants.
        self.add(number as u64);
    }
}
