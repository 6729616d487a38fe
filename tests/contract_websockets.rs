//! The contract: what the messages of WebSockets cost once a connection is warm.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod counting;
mod support;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use allocation_counter::measure;
use counting::{Calls, World, turn};
use ropewalk::{
    ConnectOptions, Delivery, EncodedMessage, Message, MessageKind, Reactor, Result, WebSocket,
    WebSocketProtocol, WebSocketReceiver, WebSocketUrl, for_protocol,
};
use support::{listen, run_until, settle};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/// What the server answers to it.
const ANSWER_LENGTH: usize = 129;

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// Turns after which every buffer that will be used again is there.
const WARM_UP: u64 = 10;

/// A frame as a client sends it, for ever.
fn masked(opcode: u8, payload: &[u8]) -> &'static [u8] {
    let length = payload.len();
    let length: &[u8] = match (u8::try_from(length), u16::try_from(length)) {
        (Ok(length), _) if length < 126 => &[0x80 | length],
        (_, Ok(length)) => &[&[0xfe], &length.to_be_bytes()[..]].concat(),
        _ => &[&[0xff], &(length as u64).to_be_bytes()[..]].concat(),
    };
    let payload: Vec<u8> = payload.iter().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
    [&[0x80 | opcode], length, &KEY, &payload].concat().leak()
}

struct Echo;

impl WebSocketProtocol for Echo {
    fn message_received(&mut self, socket: &WebSocket, message: Message<'_>) -> Result {
        socket.send(message);
        Ok(())
    }
}

/// A world in which these WebSockets are open.
fn open<P: WebSocketProtocol + 'static>(
    count: usize,
    make: impl Fn() -> P + 'static,
) -> (Rc<World>, Reactor) {
    let (world, mut reactor) =
        World::with(count, for_protocol(move || WebSocketReceiver::server(make()).max_message(1 << 20)));
    (0..count).for_each(|index| world.deliver(index, REQUEST));
    turn(&mut reactor);
    assert!((0..count).all(|index| world.socket(index).written.get() == ANSWER_LENGTH));
    (world, reactor)
}

/// Delivers `input` to one echoing WebSocket in each of so many turns; returns reads, writes, and allocations.
fn echo(input: &'static [u8], turns: u64) -> (u64, u64, u64) {
    let (world, mut reactor) = open(1, || Echo);
    let mut run = |turns| {
        for _ in 0..turns {
            world.deliver(0, input);
            turn(&mut reactor);
        }
    };
    run(WARM_UP);
    let before = world.calls();
    let allocations = measure(|| run(turns)).count_total;
    let Calls { reads, writes, others, .. } = world.calls();
    assert_eq!(others, before.others);
    (reads - before.reads, writes - before.writes, allocations)
}

#[test]
fn an_echoed_message_costs_one_read_and_one_write_and_no_allocation() {
    for length in [0, 32, 125, 126, 1_000, 60_000] {
        assert_eq!(echo(masked(1, &vec![b'x'; length]), 1_000), (1_000, 1_000, 0), "text of {length} bytes");
    }
    // The read buffer has 65 KiB, so what is longer takes one read more.
    for (length, reads) in [(65_535, 1), (65_536, 1), (100_000, 2), (131_000, 2)] {
        assert_eq!(echo(masked(2, &vec![0; length]), 100), (reads * 100, 100, 0), "{length} bytes");
    }
}

#[test]
fn answers_to_a_hundred_messages_of_one_read_are_one_write() {
    let frames = masked(1, &[b'x'; 32]).repeat(100).leak();
    assert_eq!(echo(frames, 100), (100, 100, 0));
}

#[test]
fn pings_are_answered_without_allocation() {
    assert_eq!(echo(masked(9, b"are you there?"), 1_000), (1_000, 1_000, 0));
}

#[test]
fn a_message_in_fragments_costs_no_allocation() {
    let [mut first, mut last] = [masked(1, b"in ").to_vec(), masked(0, b"pieces").to_vec()];
    first[0] &= 0x7f;
    first.append(&mut last);
    assert_eq!(echo(first.leak(), 1_000), (1_000, 1_000, 0));
}

/// Both ends, on real sockets: sends every message back, so one message goes to and fro for ever.
struct Returns {
    heard: Rc<Cell<u64>>,
    begins: bool,
}

impl WebSocketProtocol for Returns {
    fn opened(&mut self, socket: &WebSocket) {
        if self.begins {
            socket.send("a message that goes to and fro");
        }
    }

    fn message_received(&mut self, socket: &WebSocket, message: Message<'_>) -> Result {
        self.heard.set(self.heard.get() + 1);
        socket.send(message);
        Ok(())
    }
}

#[test]
fn a_real_client_and_a_real_server_allocate_nothing_either() {
    let mut reactor = Reactor::new().unwrap();
    let heard = Rc::new(Cell::new(0));
    let returns = |begins| {
        let heard = Rc::clone(&heard);
        move || Returns { heard: Rc::clone(&heard), begins }
    };
    let server = returns(false);
    let address = listen(&reactor, for_protocol(move || WebSocketReceiver::server(server())));
    let (client, url) = (returns(true), "ws://localhost/".parse::<WebSocketUrl>().unwrap());
    let client = for_protocol(move || WebSocketReceiver::client(client(), &url));
    drop(reactor.connect(address, &ConnectOptions::default(), client));
    // The client's masks use up several stores of secrets.
    let mut run = |messages| run_until(&mut reactor, "the messages", || heard.get() >= messages);
    run(2_000);
    let before = heard.get();
    assert_eq!(measure(|| run(before + 2_000)).count_total, 0);
    settle(&mut reactor);
}

/// A member of a room; when one sends anything, all are told the same.
struct Member {
    room: Rc<RefCell<Vec<WebSocket>>>,
    told: EncodedMessage,
}

impl WebSocketProtocol for Member {
    fn opened(&mut self, socket: &WebSocket) {
        self.room.borrow_mut().push(socket.clone());
    }

    fn message_received(&mut self, _: &WebSocket, _: Message<'_>) -> Result {
        self.room.borrow().iter().for_each(|member| member.send_encoded(&self.told));
        Ok(())
    }
}

#[test]
fn an_encoded_message_for_a_thousand_is_one_write_each_and_no_copy_and_no_allocation() {
    const MEMBERS: usize = 1_000;
    const BROADCASTS: u64 = 20;
    let (room, told) = (Rc::default(), EncodedMessage::new(&vec![b'x'; 60_000]));
    let (world, mut reactor) = open(MEMBERS, move || Member { room: Rc::clone(&room), told: told.clone() });
    let frame = masked(1, b"tell them");
    let mut run = |broadcasts| {
        for _ in 0..broadcasts {
            world.deliver(MEMBERS / 2, frame);
            turn(&mut reactor);
        }
    };
    run(WARM_UP);
    let before = world.calls();
    let allocations = measure(|| run(BROADCASTS)).count_total;
    let after = world.calls();
    assert_eq!(allocations, 0);
    assert_eq!(after.writes - before.writes, MEMBERS as u64 * BROADCASTS);
    assert_eq!(after.reads - before.reads, BROADCASTS);
    // The answer to the handshake, and the messages.
    assert_eq!(world.writes_each(), 1 + WARM_UP + BROADCASTS);
    let from = world.socket(0).written_from.get();
    assert!((0..MEMBERS).all(|index| world.socket(index).written_from.get() == from), "it was copied");
}

/// Counts the bytes of text that comes in pieces.
struct Pieces(Rc<Cell<usize>>, Rc<Cell<bool>>);

impl WebSocketProtocol for Pieces {
    fn message_begun(&mut self, _: &WebSocket, _: MessageKind) -> Delivery {
        Delivery::Pieces
    }

    fn piece_received(&mut self, _: &WebSocket, piece: Message<'_>) -> Result {
        self.0.set(self.0.get() + piece.bytes().len());
        Ok(())
    }

    fn message_ended(&mut self, _: &WebSocket) -> Result {
        self.1.set(true);
        Ok(())
    }

    fn message_received(&mut self, _: &WebSocket, _: Message<'_>) -> Result {
        panic!("it is to come in pieces");
    }
}

#[test]
fn a_message_of_100_mb_in_pieces_takes_flat_memory() {
    const LENGTH: usize = 100_000_000;
    const PIECE: usize = 60_000;
    let (bytes, ended) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(false)));
    let (counted, end) = (Rc::clone(&bytes), Rc::clone(&ended));
    let (world, mut reactor) = open(1, move || Pieces(Rc::clone(&counted), Rc::clone(&end)));
    let header = [&[0x81, 0xff], &(LENGTH as u64).to_be_bytes()[..], &KEY].concat().leak();
    // Each begins where the mask does. The header that this frame brings along is not sent.
    let text = &masked(1, "four".repeat(PIECE / 4).as_bytes())[8..];
    let used = measure(|| {
        world.deliver(0, header);
        turn(&mut reactor);
        for begin in (0..LENGTH).step_by(PIECE) {
            world.deliver(0, &text[..PIECE.min(LENGTH - begin)]);
            turn(&mut reactor);
        }
    });
    assert_eq!((bytes.get(), ended.get()), (LENGTH, true));
    assert!(used.bytes_max <= 64 * 1024, "{} bytes at the most", used.bytes_max);
    assert_eq!(used.bytes_current.clamp(0, 64 * 1024), used.bytes_current, "one buffer is kept for reuse");
    assert!(used.count_total <= 20, "{} allocations", used.count_total);
}
