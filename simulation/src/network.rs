//! What befalls the network.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use crate::trace::What;
use crate::{Host, Link, Simulation};

impl Simulation {
    /// How hosts are connected whose link was not set.
    pub fn set_default_link(&mut self, link: Link) {
        self.world.borrow_mut().lanes.default = link;
    }

    /// How each host is connected with itself: at first by a link of 10 microseconds without jitter. As with
    /// [`set_link`](Self::set_link), a buffer of another size is for connections still to come.
    pub fn set_loopback(&mut self, link: Link) {
        self.world.borrow_mut().lanes.loopback = link;
    }

    /// How two hosts are connected, for packets sent from now on. A buffer of another size is for connections still to come.
    pub fn set_link(&mut self, one: &Host, other: &Host, link: Link) {
        self.world.borrow_mut().lanes.set_link(one.index(), other.index(), link);
    }

    /// Lets nothing through between the hosts of one side and those of the other. Connections hold what they send, and are
    /// broken with `TimedOut` after a quarter of an hour as with Linux; datagrams are lost.
    pub fn partition(&mut self, one: &[&Host], other: &[&Host]) {
        for one in one {
            for other in other {
                self.clog(one, other);
                self.clog(other, one);
            }
        }
    }

    /// Lets nothing through from one host to another, the other way is as it was.
    pub fn clog(&mut self, from: &Host, to: &Host) {
        self.world.borrow_mut().cut(from.index(), to.index());
    }

    /// Lets everything through again from one host to another. What connections held arrives before the outage has lasted
    /// twice as long, and within a minute.
    pub fn unclog(&mut self, from: &Host, to: &Host) {
        self.world.borrow_mut().heal(from.index(), to.index());
    }

    /// Lets everything through again everywhere; see [`unclog`](Self::unclog).
    pub fn heal(&mut self) {
        self.world.borrow_mut().heal_all();
    }

    /// Gives a host one more address.
    ///
    /// # Panics
    /// If another host has it.
    pub fn add_address(&mut self, host: &Host, address: IpAddr) {
        self.world.borrow_mut().add_address(host.index(), address);
    }

    /// Whether new connections and datagrams reach this address; if not, they vanish on the way without an answer.
    pub fn set_reachable(&mut self, address: IpAddr, is_reachable: bool) {
        let unreachable = &mut self.world.borrow_mut().lanes.unreachable;
        if is_reachable {
            unreachable.remove(&address)
        } else {
            unreachable.insert(address)
        };
    }

    /// Gives a name these addresses, in this order, in place of those it had.
    pub fn set_name(&mut self, name: &str, addresses: impl IntoIterator<Item = IpAddr>) {
        self.world.borrow_mut().names.set(name, addresses.into_iter().collect());
    }

    /// Has lookups that begin from now on take this time, at first 1 millisecond; [`Duration::MAX`] leaves them without an
    /// answer.
    pub fn set_lookup_time(&mut self, time: Duration) {
        self.world.borrow_mut().names.lookup_time = time;
    }

    /// Whether lookups fail that end from now on, as they do when no name server can be reached.
    pub fn fail_lookups(&mut self, fail: bool) {
        self.world.borrow_mut().names.is_failing = fail;
    }
}

/// What has happened.
impl Simulation {
    /// Adds a line to the trace.
    pub fn note(&mut self, text: impl fmt::Display) {
        let mut world = self.world.borrow_mut();
        let now = world.now;
        world.trace.add(now, None, What::Note(text.to_string()));
    }

    /// A number that stands for all that has happened so far: what, when, where, in which order, and every byte sent. Two
    /// runs with the same number were the same.
    pub fn trace_hash(&self) -> u64 {
        self.world.borrow().trace.hash()
    }

    /// As [`trace_hash`](Self::trace_hash), without the bytes that were sent: what, when, where, in which order, and how
    /// much. For what is encrypted, which is different bytes in each run and the same number of them.
    pub fn trace_hash_without_contents(&self) -> u64 {
        self.world.borrow().trace.hash_without_contents()
    }

    /// How many entries of the trace are kept for reading, at first 1,000; of older ones the hash tells.
    pub fn keep_trace(&mut self, entries: usize) {
        self.world.borrow_mut().trace.keep = entries;
    }

    /// The kept entries of the trace, a line each: when, which host, what. Connections have numbers, one at each end.
    pub fn trace(&self) -> String {
        let world = self.world.borrow();
        let names: Vec<&str> = world.hosts.iter().map(|host| &*host.name).collect();
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = world.trace.write(&names, &mut text);
        text
    }
}

impl fmt::Debug for Simulation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Simulation")
            .field("seed", &self.seed)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
