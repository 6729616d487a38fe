//! The examples that equal programs of ButterflyNet and circuits, byte by byte as those were heard to speak.

use std::net::SocketAddr;

use ropewalk::testing::{Memory, Peer};
use ropewalk::{Factory, ListenOptions, Reactor};

use super::{circuits_chat, nickname_chat};

/// A room in memory.
struct Room {
    memory: Memory,
    reactor: Reactor,
    address: SocketAddr,
}

impl Room {
    fn new(factory: impl Factory + 'static) -> Self {
        let memory = Memory::new();
        let mut reactor = memory.reactor();
        let address = SocketAddr::from(([127, 0, 0, 1], super::PORT));
        reactor.listen(address, ListenOptions::default(), factory).unwrap();
        memory.settle(&mut reactor);
        Self { memory, reactor, address }
    }

    /// A peer that has just connected.
    fn enter(&mut self) -> Peer {
        let peer = self.memory.connect(self.address).unwrap();
        self.settle();
        peer
    }

    /// A peer that has connected and read this, and then said that.
    fn enter_with(&mut self, greeting: &str, answer: &str) -> Peer {
        let peer = self.enter();
        assert_eq!(heard(&peer), greeting);
        self.say(&peer, answer);
        peer
    }

    fn say(&mut self, peer: &Peer, text: &str) {
        peer.send(text);
        self.settle();
    }

    fn leave(&mut self, peer: &Peer) {
        peer.hang_up();
        self.settle();
    }

    fn settle(&mut self) {
        self.memory.settle(&mut self.reactor);
    }
}

fn heard(peer: &Peer) -> String {
    String::from_utf8(peer.received()).unwrap()
}

#[cfg(feature = "tls")]
#[test]
fn the_chat_of_butterflynet() {
    let mut room = Room::new(super::chat_tls::chat());
    let ann = room.enter_with("Nickname: ", "ann\n");
    let silent = room.enter_with("Nickname: ", "");
    let bob = room.enter_with("Nickname: ", "bob\r\n");
    assert_eq!([heard(&ann), heard(&bob)], ["bob has joined the room\n", ""]);
    room.say(&bob, "hello, ann\n");
    room.say(&ann, "hello");
    assert_eq!([heard(&ann), heard(&bob)], ["bob: hello, ann\n", ""]);
    room.say(&ann, ", bob\ntwo lines\n");
    assert_eq!([heard(&ann), heard(&bob)], ["", "ann: hello, bob\nann: two lines\n"]);
    room.leave(&bob);
    assert_eq!(heard(&ann), "bob has left the room.\n");
    room.leave(&silent);
    assert_eq!([heard(&ann), heard(&silent)], ["", ""]);
    // Names that are taken or empty are asked for again; one whose bearer has left is free.
    let eve = room.enter_with("Nickname: ", "ann\n");
    assert_eq!([heard(&eve), heard(&ann)], ["Nickname: ", ""]);
    room.say(&eve, "\n");
    room.say(&eve, "bob\n");
    assert_eq!([heard(&eve), heard(&ann)], ["Nickname: ", "bob has joined the room\n"]);
}

#[test]
fn the_chat_of_the_circuits_tutorial() {
    let mut room = Room::new(circuits_chat::chat());
    let [ann, bob, cyd] = [(); 3].map(|()| room.enter_with("", ""));
    room.say(&ann, "one\r\n");
    room.say(&ann, "  two \n \r\n");
    room.say(&bob, "th");
    room.say(&bob, "ree\nfour\n");
    assert_eq!(heard(&ann), "three\nfour\n");
    assert_eq!(heard(&bob), "one\ntwo\n");
    room.leave(&bob);
    assert_eq!(heard(&cyd), "one\ntwo\nthree\nfour\n");
}

#[test]
fn the_chat_with_nicknames() {
    let greeting = "Welcome to the circuits Chat Server!\nPlease enter a desired nickname: ";
    let mut room = Room::new(nickname_chat::chat());
    let silent = room.enter_with(greeting, "");
    let ann = room.enter_with(greeting, "ann\r\n");
    let bob = room.enter_with(greeting, " bob \n");
    assert_eq!([heard(&ann), heard(&bob)], ["!!! bob has joined !!!\n", ""]);
    room.say(&bob, "text\r\nmore text\n");
    assert_eq!([heard(&ann), heard(&bob)], ["<bob> text\n<bob> more text\n", ""]);
    room.leave(&bob);
    assert_eq!(heard(&ann), "!!! bob has left !!!\n");
    let all =
        "!!! ann has joined !!!\n!!! bob has joined !!!\n<bob> text\n<bob> more text\n!!! bob has left !!!\n";
    assert_eq!(heard(&silent), all, "who has no nickname hears the others too");
    room.say(&silent, " \n");
    assert_eq!(heard(&silent), "Please enter a desired nickname: ");
    room.leave(&silent);
    assert_eq!(heard(&ann), "");
}

#[cfg(feature = "regex")]
#[test]
fn the_handlers_of_butterfly() {
    let mut room = Room::new(super::butterfly::router().unwrap());
    let peer = room.enter();
    room.say(&peer, "ECHO a\r\nADD 40 2\nPRIMES 100\nADD 1 x\nECHO b\nQUIT\nECHO c\n");
    assert_eq!(heard(&peer), "a\r\n42\r\n25 primes\r\nECHO, ADD, PRIMES or QUIT?\r\nb\r\n");
    assert!(peer.has_finished());
}
