//! Groups: who is a member, what members hear, and what becomes of those that lag.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod draining;
mod joining;
mod lagging;
mod random;

#[path = "../seeds/mod.rs"]
mod seeds;
#[path = "../world/mod.rs"]
mod world;

use std::cell::RefCell;
use std::rc::Rc;

use ropewalk::testing::Peer;
use ropewalk::{Group, Membership, Protocol, Reason, Result, Transport};
use world::{Log, World, kind, limits};

/// What one member has, where a test can reach it.
type Place = Rc<RefCell<Option<Membership<String>>>>;

/// Joins a group under a name, and leaves with its connection.
struct Member {
    group: Group<String>,
    name: &'static str,
    place: Place,
    log: Log,
}

impl Protocol for Member {
    fn connection_made(&mut self, transport: &Transport) {
        *self.place.borrow_mut() = self.group.join(self.name.to_owned(), transport).ok();
    }

    /// The others hear what it hears.
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        if let Some(membership) = &*self.place.borrow() {
            membership.tell_others(data);
        }
        Ok(())
    }

    fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
        self.log.add(format!("{} lost {}", self.name, kind(reason)));
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let left = self.place.take();
        drop(left);
    }
}

/// A connection in the group, as the test sees it.
struct Guest {
    peer: Peer,
    transport: Transport,
    place: Place,
}

impl Guest {
    fn join(world: &mut World, group: &Group<String>, name: &'static str, log: &Log) -> Self {
        let place = Place::default();
        let member = Member { group: group.clone(), name, place: Rc::clone(&place), log: log.clone() };
        let (peer, transport) = world.open(member);
        Self { peer, transport, place }
    }

    /// The peer reads nothing, and more than 100 bytes count as much.
    fn block(&self) {
        self.peer.set_window(Some(0));
        self.transport.set_limits(limits(|limits| (limits.high_water, limits.low_water) = (100, 20)));
    }

    fn unblock(&self, world: &mut World) {
        self.peer.set_window(None);
        world.settle();
    }

    fn heard(&self) -> String {
        String::from_utf8(self.peer.received()).unwrap()
    }

    fn lag(&self) -> ropewalk::Lag {
        self.place.borrow().as_ref().unwrap().lag()
    }
}

/// The numbers in this range, each as a message of ten bytes.
fn numbers(range: std::ops::Range<usize>) -> String {
    range.map(number).collect()
}

fn number(number: usize) -> String {
    format!("{number:9}\n")
}
