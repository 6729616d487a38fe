//! The contract: what an idle connection of the larger protocols costs, on real sockets. Both ends are in one process.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod support;

use std::io::Write;
use std::net::TcpStream;

use allocation_counter::{measure, opt_out};
use ropewalk::{
    Factory, LineProtocol, LineReceiver, LineTransport, Message, Reactor, Result, SendLine, TelnetServer,
    WebSocket, WebSocketProtocol, WebSocketReceiver, for_protocol,
};
use support::{alone, dial, listen, run_until, settle};

const CONNECTIONS: usize = 1_000;

/// Enough for both ends of so many.
const DESCRIPTORS: u32 = 2_100;

/// Connects so many at a time, as no more may wait to be accepted, and has so many talk at a time, as the reactor keeps for
/// reuse what they need at once.
const GROUP: usize = 50;

/// Bytes of heap that each idle connection costs when its peer has said `greeting`, and when it has said `words` too, each in
/// a read of its own.
fn heap_of_each(factory: impl Factory + 'static, greeting: &[u8], words: &[&[u8]]) -> (i64, i64) {
    let mut reactor = Reactor::new().unwrap();
    let address = listen(&reactor, factory);
    settle(&mut reactor);
    let mut peers = Vec::with_capacity(CONNECTIONS);
    let fresh = measure(|| {
        for made in (0..CONNECTIONS).step_by(GROUP) {
            opt_out(|| peers.extend((0..GROUP).map(|_| dial(address))));
            let handle = reactor.handle();
            run_until(&mut reactor, "they are there", || handle.stats().connections == made + GROUP);
            say(&mut reactor, &mut peers[made..], greeting);
        }
        settle(&mut reactor);
    });
    let used = measure(|| {
        for group in peers.chunks_mut(GROUP) {
            words.iter().for_each(|word| say(&mut reactor, group, word));
        }
        settle(&mut reactor);
    });
    assert_eq!(reactor.stats().connections, CONNECTIONS, "nobody was turned away");
    let heap = |bytes: i64| bytes / CONNECTIONS as i64;
    (heap(fresh.bytes_current), heap(fresh.bytes_current + used.bytes_current))
}

fn say(reactor: &mut Reactor, peers: &mut [TcpStream], words: &[u8]) {
    let handle = (**reactor).clone();
    let heard = handle.stats().bytes_in + (peers.len() * words.len()) as u64;
    opt_out(|| peers.iter_mut().for_each(|peer| peer.write_all(words).unwrap()));
    run_until(reactor, "they were heard", || handle.stats().bytes_in == heard);
}

struct Echo;

impl WebSocketProtocol for Echo {
    fn message_received(&mut self, socket: &WebSocket, message: Message<'_>) -> Result {
        socket.send(message);
        Ok(())
    }
}

impl LineProtocol for Echo {
    fn line_received(&mut self, transport: &mut LineTransport<'_>, line: &[u8]) -> Result {
        transport.send_line(line);
        Ok(())
    }
}

const UPGRADE: &[u8] =
    b"GET /chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/// Messages with a key of zeros: one, two at once with a ping, and one in two pieces.
const MESSAGES: [&[u8]; 4] = [
    b"\x81\x85\0\0\0\0hello",
    b"\x81\x82\0\0\0\0me\x89\x80\0\0\0\0\x82\x83\0\0\0\0you",
    b"\x01\x84\0\0\0\0half",
    b"\x80\x86\0\0\0\0a word",
];

#[test]
fn an_idle_websocket_costs_at_most_800_bytes_of_heap() {
    const HEAP_MAX: i64 = 800;
    alone("an_idle_websocket_costs_at_most_800_bytes_of_heap", DESCRIPTORS, || {
        let factory = for_protocol(|| WebSocketReceiver::server(Echo));
        let (fresh, used) = heap_of_each(factory, UPGRADE, &MESSAGES);
        println!("an idle WebSocket: {fresh} bytes of heap when fresh, {used} when used");
        assert!(fresh <= HEAP_MAX && used <= HEAP_MAX, "{fresh} fresh, {used} used");
    });
}

/// A line, one typed in pieces, and what a client says of its window and terminal: WILL NAWS, its size, WILL TERMINAL-TYPE.
const TYPED: [&[u8]; 4] =
    [b"a line\r\n", b"half ", b"a line\r\n", b"\xff\xfb\x1f\xff\xfa\x1f\x00\x50\x00\x18\xff\xf0\xff\xfb\x18"];

#[test]
fn an_idle_telnet_connection_costs_at_most_900_bytes_of_heap() {
    const HEAP_MAX: i64 = 900;
    alone("an_idle_telnet_connection_costs_at_most_900_bytes_of_heap", DESCRIPTORS, || {
        let factory = TelnetServer::new(for_protocol(|| LineReceiver::new(Echo)));
        let (fresh, used) = heap_of_each(factory, b"hello\r\n", &TYPED);
        println!("an idle telnet connection: {fresh} bytes of heap when fresh, {used} when used");
        assert!(fresh <= HEAP_MAX && used <= HEAP_MAX, "{fresh} fresh, {used} used");
    });
}
