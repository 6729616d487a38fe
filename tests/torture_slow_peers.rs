//! Slow peers in numbers: bytes that come one at a time, readers that are slow, and readers that never read.
//!
//! Each test runs in a process of its own, because it counts the process's descriptors and memory.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::LazyLock;
use std::time::Duration;

use ropewalk::{
    Chargen, Echo, LineProtocol, LineReceiver, LineTransport, Producer, ProducerKind, Protocol, Reactor,
    Result, TimerKey, Transport, for_protocol,
};
use support::{
    Footprint, alone, assert_rests, dial, dial_with_small_window, dial_with_window, listen, pattern,
    resident_memory, run_until,
};

/// The most that one connection of these protocols may hold: the mark and one piece.
const BOUND: usize = 128 * 1024 + 100_000;

/// Answers each line with its length and the line.
struct Measure;

impl LineProtocol for Measure {
    fn line_received(&mut self, transport: &mut LineTransport<'_>, line: &[u8]) -> Result {
        transport.write_vectored(&[line.len().to_string().as_bytes(), b":", line, b"\r\n"]);
        Ok(())
    }
}

/// Connects so many peers, each the moment the last is served.
fn connect(
    reactor: &mut Reactor,
    address: SocketAddr,
    count: usize,
    dial: fn(SocketAddr) -> TcpStream,
) -> Vec<TcpStream> {
    let handle = (**reactor).clone();
    let connected = handle.stats().connections;
    let connect = |already| {
        let stream = dial(address);
        run_until(reactor, "connected", || handle.stats().connections > connected + already);
        stream.set_nonblocking(true).unwrap();
        stream
    };
    (0..count).map(connect).collect()
}

/// What the network has for a reader now; `None` at the end.
fn read_some<'a>(mut stream: &TcpStream, buffer: &'a mut [u8]) -> Option<&'a [u8]> {
    match stream.read(buffer) {
        Ok(0) => None,
        Ok(count) => Some(&buffer[..count]),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Some(&[]),
        Err(error) => panic!("reading: {error}"),
    }
}

#[test]
fn two_hundred_peers_send_and_read_a_byte_at_a_time() {
    const PEERS: usize = 200;
    const LINES: &[u8] = b"A first line.\r\n\r\nA lone \r and a lone \n, and a last line.\r\n";
    const ANSWERS: &[u8] = b"13:A first line.\r\n0:\r\n39:A lone \r and a lone \n, and a last line.\r\n";
    alone("two_hundred_peers_send_and_read_a_byte_at_a_time", 512, || {
        let mut reactor = Reactor::new().unwrap();
        let address = listen(&reactor, for_protocol(|| LineReceiver::new(Measure)));
        let before = Footprint::take(&mut reactor);
        let mut streams = connect(&mut reactor, address, PEERS, dial);
        let handle = reactor.handle();
        for (position, byte) in LINES.iter().enumerate() {
            for stream in &mut streams {
                stream.write_all(&[*byte]).unwrap();
            }
            let sent = ((position + 1) * PEERS) as u64;
            run_until(&mut reactor, "all have read the byte", || handle.stats().bytes_in == sent);
        }
        let stats = reactor.stats();
        assert_eq!(stats.reads, stats.bytes_in, "each byte came alone");
        assert_eq!(stats.writes, 3 * PEERS as u64, "each answer went whole");
        for byte in ANSWERS {
            for stream in &mut streams {
                let mut heard = [0];
                run_until(&mut reactor, "a byte of the answer", || {
                    !read_some(stream, &mut heard).unwrap().is_empty()
                });
                assert_eq!(heard, [*byte]);
            }
        }
        drop(streams);
        before.assert_restored(&mut reactor);
    });
}

/// Feeds a connection as fast as that takes it.
struct Fountain {
    sent: usize,
}

impl Fountain {
    const LENGTH: usize = 5_000_000;
    const PIECE: usize = 50_000;

    fn water() -> &'static [u8] {
        static WATER: LazyLock<Vec<u8>> = LazyLock::new(|| pattern(Fountain::LENGTH));
        &WATER
    }
}

impl Producer for Fountain {
    fn resume_producing(&mut self, transport: &Transport) {
        transport.write(&Self::water()[self.sent..self.sent + Self::PIECE]);
        self.sent += Self::PIECE;
        if self.sent == Self::LENGTH {
            transport.unregister_producer();
        }
    }
}

/// One that is fed by a fountain.
struct Basin;

impl Protocol for Basin {
    fn connection_made(&mut self, transport: &Transport) {
        transport.register_producer(Fountain { sent: 0 }, ProducerKind::Pull).unwrap();
        transport.lose_connection();
    }

    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result {
        Ok(())
    }
}

#[test]
fn g3_g4_slow_readers_of_a_fast_writer_get_everything_from_bounded_memory() {
    const READERS: usize = 5;
    alone("g3_g4_slow_readers_of_a_fast_writer_get_everything_from_bounded_memory", 64, || {
        let mut reactor = Reactor::new().unwrap();
        let address = listen(&reactor, for_protocol(|| Basin));
        let before = Footprint::take(&mut reactor);
        let mut readers: Vec<_> =
            connect(&mut reactor, address, READERS, |address| dial_with_window(address, 40_000))
                .into_iter()
                .map(|stream| (stream, 0))
                .collect();
        let expected = Fountain::water();
        let mut buffer = [0; 20_000];
        // Each takes a little, then the next; whoever has heard the end leaves.
        run_until(&mut reactor, "all have read everything", || {
            readers.retain_mut(|(stream, heard)| {
                let Some(data) = read_some(stream, &mut buffer) else {
                    assert_eq!(*heard, expected.len());
                    return false;
                };
                assert!(expected[*heard..].starts_with(data), "a difference after {heard} bytes");
                *heard += data.len();
                true
            });
            readers.is_empty()
        });
        assert!(reactor.stats().output_buffered_peak <= READERS * Fountain::PIECE);
        before.assert_restored(&mut reactor);
    });
}

/// Writes at each tick, until it is told to pause.
struct Shouter;

impl Protocol for Shouter {
    fn connection_made(&mut self, transport: &Transport) {
        transport.set_timer(Duration::ZERO);
    }

    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result {
        Ok(())
    }

    fn timer_expired(&mut self, transport: &Transport, _: TimerKey) {
        if transport.buffered() <= transport.limits().high_water {
            transport.write([b'!'; 100_000]);
            transport.set_timer(Duration::ZERO);
        }
    }

    fn writing_resumed(&mut self, transport: &Transport) {
        transport.set_timer(Duration::ZERO);
    }
}

/// Sends as much as the network takes without waiting.
fn flood(mut stream: &TcpStream) {
    loop {
        match stream.write(&[b'x'; 100_000]) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            Err(error) => panic!("flooding: {error}"),
        }
    }
}

/// Makes turns until nothing is left to do although everybody goes on sending.
fn saturate(reactor: &mut Reactor, streams: &[TcpStream]) {
    let handle = (**reactor).clone();
    let (mut moved, mut quiet) = (0, 0);
    run_until(reactor, "the network is full", || {
        streams.iter().for_each(flood);
        let stats = handle.stats();
        let now = stats.bytes_in + stats.bytes_out;
        quiet = if now == moved { quiet + 1 } else { 0 };
        moved = now;
        quiet == 50
    });
}

#[test]
fn g4_g5_readers_that_never_read_cost_neither_memory_nor_turns_nor_anybodys_time() {
    const EACH: usize = 6;
    const QUESTIONS: u64 = 2000;
    alone("g4_g5_readers_that_never_read_cost_neither_memory_nor_turns_nor_anybodys_time", 64, || {
        let mut reactor = Reactor::new().unwrap();
        let producing = listen(&reactor, for_protocol(|| Chargen));
        let answering = listen(&reactor, for_protocol(|| Echo));
        let shouting = listen(&reactor, for_protocol(|| Shouter));
        let before = Footprint::take(&mut reactor);
        let mut talker = dial(answering);
        let mut streams = Vec::new();
        for address in [producing, answering, shouting] {
            streams.extend(connect(&mut reactor, address, EACH, dial_with_small_window));
        }
        // Those that are heard without an answer would be heard for ever.
        saturate(&mut reactor, &streams[EACH..2 * EACH]);
        let (held, memory) = (reactor.stats().output_buffered, resident_memory());
        assert!(held > EACH * 64 * 1024, "nobody waits for the readers");
        assert!(reactor.stats().output_buffered_peak <= 3 * EACH * BOUND);
        assert_rests(&mut reactor);
        // A talker is answered as if they were not there.
        let turns = reactor.stats().turns;
        for _ in 0..QUESTIONS {
            let asked = reactor.stats().bytes_in;
            talker.write_all(b"?").unwrap();
            let handle = reactor.handle();
            run_until(&mut reactor, "the answer", || handle.stats().bytes_in > asked);
            talker.read_exact(&mut [0]).unwrap();
        }
        // One turn each. A question may be late on a busy machine, but not every one.
        let turns = reactor.stats().turns - turns;
        assert!(turns <= 3 * QUESTIONS, "{turns} turns for {QUESTIONS} questions");
        assert_eq!(reactor.stats().output_buffered, held);
        let grown = resident_memory().saturating_sub(memory);
        assert!(grown < 1_000_000, "{grown} bytes more");
        assert_rests(&mut reactor);
        drop((streams, talker));
        before.assert_restored(&mut reactor);
    });
}
