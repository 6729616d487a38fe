//! Groups of WebSockets.

use std::cell::RefCell;
use std::rc::Rc;

use ropewalk_protocols::{
    CloseCode, EncodedMessage, FragmentedMessage, Group, LagPolicy, Membership, Message, MessageKind,
    Overflow, WebSocket, WebSocketProtocol, WebSocketReceiver,
};
use ropewalk_reactor::Result;
use ropewalk_reactor::testing::{Events, Probe};

use crate::world::{Listens, REQUEST, act, close, masked, plain, server};

type Room = Group<u64, WebSocket>;

type Place = Rc<RefCell<Option<Membership<u64, WebSocket>>>>;

/// A member, as long as the test keeps it.
struct Member {
    probe: Probe,
    log: Events,
    place: Place,
}

fn join(room: &Room, key: u64) -> Member {
    let (mut probe, log) = server(Listens::new);
    let place = Place::default();
    let (kept, room) = (Rc::clone(&place), room.clone());
    act(&mut probe, move |socket| *kept.borrow_mut() = room.join(key, socket).ok());
    Member { probe, log, place }
}

impl Member {
    /// What it was sent since.
    fn heard(&mut self) -> Vec<u8> {
        self.probe.settle();
        self.probe.written()
    }

    fn begin(&mut self) -> FragmentedMessage {
        let message = Rc::new(RefCell::new(None));
        let kept = Rc::clone(&message);
        act(&mut self.probe, move |socket| {
            let mut message = socket.begin(MessageKind::Text).unwrap();
            message.send("a");
            *kept.borrow_mut() = Some(message);
        });
        message.take().unwrap()
    }
}

#[test]
fn all_members_hear_a_message_that_is_encoded_once() {
    let room = Room::default();
    let (mut one, mut two) = (join(&room, 1), join(&room, 2));
    room.broadcast("text");
    room.broadcast(EncodedMessage::new(&b"bytes"[..]));
    room.broadcast("");
    one.place.borrow().as_ref().unwrap().tell_others("to the others".to_owned());
    let all = [plain(0x81, "text"), plain(0x82, "bytes"), plain(0x81, "")].concat();
    assert_eq!(one.heard(), all);
    assert_eq!(two.heard(), [all, plain(0x81, "to the others")].concat());
}

#[test]
fn members_can_be_told_one_by_one_while_some_leave() {
    let room = Room::default();
    let mut members: Vec<_> = (0..5).map(|key| join(&room, key)).collect();
    for (key, socket) in room.members() {
        // Each drives the next one out.
        if let Some(next) = members.get(key as usize + 1) {
            next.place.take();
        }
        socket.send(&key.to_string());
    }
    for (key, member) in members.iter_mut().enumerate() {
        assert_eq!(member.heard(), plain(0x81, key.to_string()));
    }
    assert_eq!(room.len(), 1);
}

#[test]
fn a_broadcast_does_not_come_within_a_message_in_fragments() {
    let room = Room::default();
    let mut member = join(&room, 1);
    let message = member.begin();
    room.broadcast("one");
    room.broadcast("two");
    assert_eq!(member.heard(), plain(0x01, "a"));
    assert_eq!(room.lag(&1).unwrap().messages, 2);
    message.finish("b");
    assert_eq!(member.heard(), [plain(0x80, "b"), plain(0x81, "one"), plain(0x81, "two")].concat());
    assert_eq!(room.lag(&1).unwrap().messages, 0);
    room.broadcast("three");
    assert_eq!(member.heard(), plain(0x81, "three"));
}

#[test]
fn what_waits_behind_fragments_is_bounded_as_what_waits_for_a_slow_member() {
    let mut policy = LagPolicy::new(Overflow::DropOldest);
    policy.messages = 2;
    let room = Room::of_recipients(policy);
    let mut member = join(&room, 1);
    let message = member.begin();
    for number in 0..10 {
        room.broadcast(number.to_string());
    }
    assert_eq!(room.lag(&1).unwrap().dropped, 8);
    message.finish("b");
    let heard = [plain(0x01, "a"), plain(0x80, "b"), plain(0x81, "8"), plain(0x81, "9")].concat();
    assert_eq!(member.heard(), heard);
}

#[test]
fn a_member_that_is_closing_hears_nothing_more() {
    let room = Room::default();
    let (mut closing, mut closed) = (join(&room, 1), join(&room, 2));
    act(&mut closing.probe, |socket| socket.close(CloseCode::NORMAL, ""));
    closed.probe.deliver(masked(0x88, ""));
    room.broadcast("late");
    assert_eq!(closing.heard(), plain(0x88, close(1000, "")));
    assert_eq!(closed.heard(), plain(0x88, ""));
}

#[test]
fn what_waited_for_a_member_that_closes_is_dropped() {
    let room = Room::default();
    let mut member = join(&room, 1);
    let message = member.begin();
    room.broadcast("waits");
    act(&mut member.probe, |socket| socket.close(CloseCode::NORMAL, ""));
    drop(message);
    assert_eq!(member.heard(), [plain(0x01, "a"), plain(0x88, close(1000, ""))].concat());
    let lag = room.lag(&1).unwrap();
    assert_eq!((lag.messages, lag.dropped), (0, 1));
}

#[test]
fn a_member_that_is_too_slow_is_told_so() {
    let mut policy = LagPolicy::default();
    policy.messages = 1;
    let room = Room::of_recipients(policy);
    let mut member = join(&room, 1);
    let message = member.begin();
    room.broadcast("one");
    room.broadcast("two");
    let error = "the peer reads too slowly: 1 messages of 5 bytes were waiting";
    assert_eq!(member.heard(), [plain(0x01, "a"), plain(0x88, close(1008, error))].concat());
    message.finish("b");
    member.probe.deliver_eof();
    assert_eq!(member.log.take(), [format!("lost the connection was closed because of an error: {error}")]);
}

#[test]
fn a_slow_member_catches_up() {
    let room = Room::default();
    let mut member = join(&room, 1);
    member.probe.set_window(Some(0));
    let message = "x".repeat(200_000);
    room.broadcast(message.clone());
    room.broadcast(message.clone());
    room.broadcast("last");
    assert_eq!(room.lag(&1).unwrap().messages, 2);
    member.probe.settle();
    member.probe.set_window(None);
    let long = plain(0x81, &message);
    assert!(member.heard() == [long.clone(), long, plain(0x81, "last")].concat());
}

/// Says in `opened` who is there already, and joins.
struct Newcomer {
    room: Room,
    key: u64,
    membership: Option<Membership<u64, WebSocket>>,
}

impl WebSocketProtocol for Newcomer {
    fn opened(&mut self, socket: &WebSocket) {
        let there: Vec<u64> = self.room.members().iter().map(|(key, _)| *key).collect();
        socket.send(&format!("{there:?}"));
        self.membership = self.room.join(self.key, socket).ok();
    }

    fn message_received(&mut self, _: &WebSocket, _: Message<'_>) -> Result {
        Ok(())
    }
}

#[test]
fn whoever_comes_finds_those_who_were_there_before() {
    let room = Room::default();
    let _members = [(1, "[]"), (2, "[1]"), (3, "[1, 2]")].map(|(key, there)| {
        let newcomer = Newcomer { room: room.clone(), key, membership: None };
        let mut probe = Probe::new(WebSocketReceiver::server(newcomer));
        probe.deliver(REQUEST);
        assert!(probe.written().ends_with(&plain(0x81, there)));
        probe
    });
    assert_eq!(room.len(), 3);
}
