//! The contract: what telling a thousand members something costs.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod counting;

use std::cell::RefCell;
use std::rc::Rc;

use allocation_counter::{AllocationInfo, measure};
use counting::{World, turn};
use ropewalk::{Bytes, ConnectionId, Group, Membership, Protocol, Result, SendLine, Transport, for_protocol};

const MEMBERS: usize = 1_000;

/// Broadcasts after which every buffer that will be used again is there.
const WARM_UP: usize = 3;

const BROADCASTS: usize = 20;

/// A member of a room; when one sends anything, all members are told in one callback what `tell` tells each.
struct Member<F> {
    room: Rc<RefCell<Vec<Transport>>>,
    tell: F,
}

impl<F: Fn(&Transport)> Protocol for Member<F> {
    fn connection_made(&mut self, transport: &Transport) {
        self.room.borrow_mut().push(transport.clone());
    }

    fn data_received(&mut self, _transport: &Transport, _data: &[u8]) -> Result {
        self.room.borrow().iter().for_each(&self.tell);
        Ok(())
    }
}

/// In each of some turns, has so many members tell all thousand something; checks that this is one read for each who
/// tells and one write for each who is told, and returns the world and what was allocated.
fn broadcast(speakers: usize, tell: impl Fn(&Transport) + Clone + 'static) -> (Rc<World>, AllocationInfo) {
    let room = Rc::default();
    let factory = for_protocol(move || Member { room: Rc::clone(&room), tell: tell.clone() });
    let (world, mut reactor) = World::with(MEMBERS, factory);
    let mut run = |broadcasts| {
        for _ in 0..broadcasts {
            (0..speakers).for_each(|speaker| world.deliver(MEMBERS / 2 + speaker, b"tell them"));
            turn(&mut reactor);
        }
    };
    run(WARM_UP);
    let before = world.calls();
    let allocated = measure(|| run(BROADCASTS));
    let after = world.calls();
    assert_eq!(world.writes_each(), (WARM_UP + BROADCASTS) as u64);
    assert_eq!(after.writes - before.writes, (MEMBERS * BROADCASTS) as u64);
    assert_eq!(after.reads - before.reads, (speakers * BROADCASTS) as u64);
    assert_eq!(after.polls - before.polls, BROADCASTS as u64);
    assert_eq!(after.others, before.others);
    (world, allocated)
}

#[test]
fn a_line_for_a_thousand_members_is_one_write_each_and_no_allocation() {
    let (world, allocated) = broadcast(1, |member| member.send_line("a line of some twenty bytes"));
    assert_eq!(world.socket(0).written.get(), 29 * (WARM_UP + BROADCASTS));
    assert_eq!(allocated.count_total, 0);
}

#[test]
fn ten_lines_in_one_callback_are_still_one_write_each() {
    let (world, allocated) = broadcast(1, |member| (0..10).for_each(|_| member.send_line("line")));
    assert_eq!(world.socket(0).written.get(), 60 * (WARM_UP + BROADCASTS));
    assert_eq!(allocated.count_total, 0);
}

#[test]
fn lines_of_ten_members_in_one_turn_are_still_one_write_each() {
    let (world, allocated) = broadcast(10, |member| member.send_line("line"));
    assert_eq!(world.socket(0).written.get(), 60 * (WARM_UP + BROADCASTS));
    assert_eq!(allocated.count_total, 0);
}

#[test]
fn shared_bytes_for_a_thousand_members_are_never_copied() {
    let picture = Bytes::from(vec![b'x'; 60_000]);
    let from = picture.as_ptr().addr();
    let (world, allocated) = broadcast(1, move |member| member.write_shared(picture.clone()));
    assert!((0..MEMBERS).all(|index| world.socket(index).written_from.get() == from));
    assert_eq!(allocated.count_total, 0);
}

/// A member of a group; when one sends anything, all members are told these messages.
struct Joined {
    group: Group<ConnectionId>,
    membership: Option<Membership<ConnectionId>>,
    messages: Rc<[Bytes]>,
}

impl Protocol for Joined {
    fn connection_made(&mut self, transport: &Transport) {
        self.membership = self.group.join(transport.id(), transport).ok();
    }

    fn data_received(&mut self, _transport: &Transport, _data: &[u8]) -> Result {
        for message in &*self.messages {
            self.group.broadcast(message.clone());
        }
        Ok(())
    }
}

#[test]
fn messages_for_a_group_of_a_thousand_are_one_write_each_and_no_allocation() {
    let group = Group::new();
    let messages: Rc<[Bytes]> = (1..=10).map(|number| Bytes::from(vec![b'x'; number])).collect();
    let (joined, told) = (group.clone(), Rc::clone(&messages));
    let factory = for_protocol(move || {
        let (group, messages) = (joined.clone(), Rc::clone(&told));
        Joined { group, membership: None, messages }
    });
    let (world, mut reactor) = World::with(MEMBERS, factory);
    let mut run = |broadcasts| {
        for _ in 0..broadcasts {
            world.deliver(0, b"tell them");
            turn(&mut reactor);
        }
    };
    run(WARM_UP);
    let before = world.calls();
    let allocated = measure(|| run(BROADCASTS));
    assert_eq!(world.calls().writes - before.writes, (MEMBERS * BROADCASTS) as u64);
    assert_eq!(world.writes_each(), (WARM_UP + BROADCASTS) as u64);
    assert_eq!(world.socket(0).written.get(), 55 * (WARM_UP + BROADCASTS));
    assert_eq!(allocated.count_total, 0);
    assert_eq!(group.len(), MEMBERS);
}
