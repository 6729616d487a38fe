//! The contract: what an idle connection costs, measured on real sockets. The server runs in a process of its own, and so
//! do its peers, because both ends of so many connections need more descriptors than a process usually has.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod support;

use std::cell::RefCell;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command};
use std::rc::Rc;

use ropewalk::{
    LineProtocol, LineReceiver, LineTransport, Reactor, Result, SendLine, Transport, for_protocol,
};
use support::{alone, dial, listen, run_until, settle};

/// The contract: bytes of heap that an idle connection with a `LineReceiver` costs, all told.
const HEAP_MAX: i64 = 512;

const CONNECTIONS: usize = 10_000;

/// Enough for one end of so many. Where a process may not have them (`ulimit -Hn`), the test fails and says so.
const DESCRIPTORS: u32 = 10_100;

/// Tells the process of the peers where the server listens.
const SERVER: &str = "ROPEWALK_TEST_SERVER";

const TEST: &str = "an_idle_connection_costs_at_most_512_bytes_of_heap";

/// What the server says to every peer once all are there.
const GREETING: &[u8] = b"talk\r\n";

/// What every peer then sends: lines whole, several at once, and one in two pieces.
const PIECES: [&[u8]; 3] = [b"a line\r\n", b"two lines\r\nat once\r\nand half", b" of a third\r\n"];

#[test]
fn an_idle_connection_costs_at_most_512_bytes_of_heap() {
    alone(TEST, DESCRIPTORS, || match std::env::var(SERVER) {
        Ok(server) => be_the_peers(server.parse().unwrap()),
        Err(_) => be_the_server(),
    });
}

fn be_the_server() {
    let mut reactor = Reactor::new().unwrap();
    let members = Rc::new(RefCell::new(Vec::with_capacity(CONNECTIONS)));
    let room = Rc::clone(&members);
    let address = listen(&reactor, for_protocol(move || LineReceiver::new(Echo { room: Rc::clone(&room) })));
    settle(&mut reactor);
    let mut peers = None;
    let fresh = allocation_counter::measure(|| {
        allocation_counter::opt_out(|| peers = Some(start_peers(address)));
        run_until(&mut reactor, "everybody is there", || members.borrow().len() == CONNECTIONS);
        settle(&mut reactor);
    });
    let mut peers = peers.unwrap();
    let used = allocation_counter::measure(|| {
        for member in members.borrow().iter() {
            member.write(GREETING);
        }
        let talked = (CONNECTIONS * PIECES.concat().len()) as u64;
        let handle = reactor.handle();
        run_until(&mut reactor, "everybody has talked", || handle.stats().bytes_in == talked);
        settle(&mut reactor);
    });
    let heap = |bytes: i64| bytes / CONNECTIONS as i64;
    let (fresh, used) = (heap(fresh.bytes_current), heap(fresh.bytes_current + used.bytes_current));
    println!("an idle connection: {fresh} bytes of heap when fresh, {used} when used");
    assert!(fresh <= HEAP_MAX && used <= HEAP_MAX, "{fresh} fresh, {used} used");
    reactor.stop();
    reactor.run().unwrap();
    assert!(peers.wait().unwrap().success());
}

struct Echo {
    room: Rc<RefCell<Vec<Transport>>>,
}

impl LineProtocol for Echo {
    fn connection_made(&mut self, transport: &mut LineTransport<'_>) {
        self.room.borrow_mut().push(Transport::clone(transport));
    }

    fn line_received(&mut self, transport: &mut LineTransport<'_>, line: &[u8]) -> Result {
        transport.send_line(line);
        Ok(())
    }
}

fn start_peers(server: SocketAddr) -> Child {
    let test = std::env::current_exe().unwrap();
    Command::new(test).args(["--exact", TEST, "--nocapture"]).env(SERVER, server.to_string()).spawn().unwrap()
}

fn be_the_peers(server: SocketAddr) {
    let mut streams: Vec<_> = (0..CONNECTIONS).map(|_| dial(server)).collect();
    for piece in PIECES {
        // One piece to everybody, then the next, so that the server reads them one by one.
        for stream in &mut streams {
            if piece == PIECES[0] {
                expect(stream, GREETING);
            }
            stream.write_all(piece).unwrap();
        }
    }
    for stream in &mut streams {
        expect(stream, &PIECES.concat());
        assert_eq!(stream.read(&mut [0]).unwrap(), 0, "the server goes last");
    }
}

fn expect(stream: &mut TcpStream, wanted: &[u8]) {
    let mut heard = vec![0; wanted.len()];
    stream.read_exact(&mut heard).unwrap();
    assert_eq!(heard, wanted);
}
