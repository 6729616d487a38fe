//! Back-pressure: slow readers cost bounded memory and no work, and get everything in the end.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod support;

use std::cell::RefCell;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::rc::Rc;
use std::time::Duration;

use ropewalk::{
    ConnectOptions, Limits, Producer, ProducerKind, Protocol, Reactor, Reason, Result, Transport, factory_fn,
};
use support::{
    CLEAN, Event, Log, Probe, dial, dial_with_small_window, listen, pattern, read_all, run_until,
    run_until_empty, settle, with_peer,
};

/// The most that one connection of a protocol that answers as much as it hears may hold: the mark and one read.
const BOUND: usize = (128 + 64) * 1024;

/// Writes as much as the network takes, and tells how much that was.
fn write_some(stream: &mut TcpStream, data: &[u8]) -> usize {
    match stream.write(data) {
        Ok(count) => count,
        Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
        Err(error) => panic!("writing: {error}"),
    }
}

/// What was heard besides data and resumed reading.
fn marks(log: &Log) -> Vec<Event> {
    log.callbacks().into_iter().filter(|event| *event != Event::ReadingResumed).collect()
}

#[test]
fn g4_a_peer_that_reads_nothing_costs_bounded_memory_and_no_turns() {
    let mut reactor = Reactor::new().unwrap();
    let (slow, other) = (Log::default(), Log::default());
    let address = listen(&reactor, Probe::echo(&slow).factory());
    let others = listen(&reactor, Probe::echo(&other).factory());
    let mut stream = dial_with_small_window(address);
    stream.set_nonblocking(true).unwrap();
    // It sends until the network takes no more, because the echo has stopped reading.
    let mut refusals = 0;
    while refusals < 50 {
        refusals = if write_some(&mut stream, &[b'x'; 65_536]) == 0 { refusals + 1 } else { 0 };
        let _ = reactor.run_once(Some(Duration::from_millis(1))).unwrap();
    }
    let transport = slow.transport();
    assert!(transport.is_reading_paused());
    assert!(transport.buffered() > 131_072, "{}", transport.buffered());
    assert!(transport.buffered() <= BOUND, "{}", transport.buffered());
    assert!(reactor.stats().output_buffered_peak <= BOUND);
    assert_eq!(marks(&slow), [Event::Made, Event::WritingPaused]);
    // The loop rests.
    let turns = reactor.stats().turns;
    let _ = reactor.run_once(Some(Duration::from_millis(200))).unwrap();
    assert_eq!(reactor.stats().turns, turns + 1);
    // Others are served.
    let mut another = dial(others);
    another.write_all(b"hello").unwrap();
    run_until(&mut reactor, "another is served", || other.data() == b"hello");
    // When it reads at last, everything goes on where it stopped.
    let sent = with_peer(&mut reactor, move || {
        stream.set_nonblocking(false).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        read_all(&stream).len()
    });
    assert_eq!(sent, slow.received());
    assert!(slow.has(&Event::WritingResumed));
}

#[test]
fn g3_a_slow_reader_gets_everything_in_order() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let address = listen(&reactor, Probe::echo(&log).factory());
    let mut stream = dial_with_small_window(address);
    let mut writer = stream.try_clone().unwrap();
    let writing = std::thread::spawn(move || {
        writer.write_all(&pattern(2_000_000)).unwrap();
        writer.shutdown(Shutdown::Write).unwrap();
    });
    let heard = with_peer(&mut reactor, move || {
        let mut heard = Vec::new();
        let mut piece = [0; 1000];
        loop {
            match stream.read(&mut piece).unwrap() {
                0 => return heard,
                count => heard.extend_from_slice(&piece[..count]),
            }
            // Slow in the sense that others run in between.
            std::thread::yield_now();
        }
    });
    writing.join().unwrap();
    assert!(heard == pattern(2_000_000), "{} bytes came back", heard.len());
    assert!(reactor.stats().output_buffered_peak <= BOUND);
}

#[test]
fn g4_output_beyond_the_limit_ends_the_connection() {
    let mut reactor = Reactor::new().unwrap();
    let mut limits = Limits::default();
    limits.output = 1_000_000;
    reactor.set_default_limits(limits);
    let log = Log::default();
    let probe = Probe::new(&log).on_data(|transport, _| {
        transport.write(vec![0; 600_000]);
        transport.write(vec![0; 600_000]);
        assert!(!transport.is_open());
        transport.write("dropped");
        Ok(())
    });
    let address = listen(&reactor, probe.factory());
    let end = with_peer(&mut reactor, move || {
        let mut stream = dial(address);
        stream.write_all(b"go").unwrap();
        stream.read_to_end(&mut Vec::new()).unwrap_err().kind()
    });
    assert_eq!(end, ErrorKind::ConnectionReset);
    run_until_empty(&mut reactor);
    let reason = "the peer reads too slowly: more than 1000000 bytes of output were waiting";
    assert_eq!(log.callbacks(), [Event::Made, Event::Lost(reason.into())]);
    assert_eq!(reactor.stats().output_buffered, 0);
}

/// A pull producer that writes numbered pieces.
struct Pieces {
    left: u32,
    log: Log,
}

impl Producer for Pieces {
    fn resume_producing(&mut self, transport: &Transport) {
        transport.write(pattern(50_000));
        self.left -= 1;
        if self.left == 0 {
            transport.unregister_producer();
        }
    }

    fn stop_producing(&mut self, _: &Transport) {
        self.log.push(Event::Posted("stopped".into()));
    }
}

#[test]
fn s69_s71_a_pull_producer_finishes_before_the_connection_closes() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let pieces = log.clone();
    let probe = Probe::new(&log).on_made(move |transport| {
        let producer = Pieces { left: 100, log: pieces.clone() };
        transport.register_producer(producer, ProducerKind::Pull).unwrap();
        transport.lose_connection();
    });
    let address = listen(&reactor, probe.factory());
    let heard = with_peer(&mut reactor, move || read_all(&dial(address)));
    assert!(heard == pattern(50_000).repeat(100), "{} bytes arrived", heard.len());
    run_until_empty(&mut reactor);
    assert_eq!(log.events(), [Event::Made, Event::Lost(CLEAN.into())]);
    assert!(reactor.stats().output_buffered_peak <= 50_000);
}

#[test]
fn s74_a_producer_is_stopped_once_before_the_loss() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let pieces = log.clone();
    let probe = Probe::new(&log).on_made(move |transport| {
        let producer = Pieces { left: u32::MAX, log: pieces.clone() };
        transport.register_producer(producer, ProducerKind::Pull).unwrap();
    });
    let address = listen(&reactor, probe.factory());
    let stream = dial_with_small_window(address);
    run_until(&mut reactor, "connected", || log.has(&Event::Made));
    settle(&mut reactor);
    support::reset(stream);
    run_until_empty(&mut reactor);
    let reason = log.lost().unwrap();
    assert_eq!(log.events(), [Event::Made, Event::Posted("stopped".into()), Event::Lost(reason)]);
}

/// One side of a proxy: what it hears goes to the other side, which slows it down, and each end passes on.
#[derive(Clone, Default)]
struct Side {
    other: Rc<RefCell<Option<Transport>>>,
    /// What the other side finds here.
    here: Rc<RefCell<Option<Transport>>>,
}

impl Side {
    fn facing(&self) -> Self {
        Self { other: self.here.clone(), here: self.other.clone() }
    }

    fn other(&self) -> Option<Transport> {
        self.other.borrow().clone()
    }
}

impl Protocol for Side {
    fn connection_made(&mut self, transport: &Transport) {
        self.here.replace(Some(transport.clone()));
        match self.other() {
            // The second of the two joins them.
            Some(other) => {
                transport.register_producer(other.clone(), ProducerKind::Push).unwrap();
                other.register_producer(transport.clone(), ProducerKind::Push).unwrap();
                other.resume_reading();
            }
            None => transport.pause_reading(),
        }
    }

    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        if let Some(other) = self.other() {
            other.write(data);
        }
        Ok(())
    }

    fn eof_received(&mut self, _: &Transport) -> Result {
        if let Some(other) = self.other() {
            other.unregister_producer();
            other.lose_write_connection();
        }
        Ok(())
    }

    fn connection_lost(&mut self, _: &Transport, _: &Reason) {
        if let Some(other) = self.other() {
            other.unregister_producer();
            other.lose_connection();
        }
    }
}

/// Listens for clients and connects each to `backend`.
fn proxy(reactor: &Reactor, backend: SocketAddr) -> SocketAddr {
    let handle = (**reactor).clone();
    let factory = factory_fn(move |_| {
        let front = Side::default();
        let back = front.facing();
        let back = factory_fn(move |_| Some(Box::new(back.clone())));
        handle.connect(backend, &ConnectOptions::default(), back).then(|result| drop(result.unwrap()));
        Some(Box::new(front))
    });
    listen(reactor, factory)
}

#[test]
fn s75_a_proxy_moves_twenty_megabytes_in_bounded_memory() {
    const LENGTH: usize = 20_000_000;
    let mut reactor = Reactor::new().unwrap();
    let backend = std::net::TcpListener::bind(support::ANY_PORT).unwrap();
    let address = proxy(&reactor, backend.local_addr().unwrap());
    let client = std::thread::spawn(move || {
        let mut stream = dial(address);
        stream.write_all(&pattern(LENGTH)).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        read_all(&stream)
    });
    let received = with_peer(&mut reactor, move || {
        let (mut stream, _) = backend.accept().unwrap();
        let received = read_all(&stream);
        // The client's half of the connection is over; the answer still finds its way.
        stream.write_all(b"thank you").unwrap();
        received
    });
    run_until(&mut reactor, "the client is done", || client.is_finished());
    assert!(received == pattern(LENGTH), "{} bytes arrived", received.len());
    assert_eq!(client.join().unwrap(), b"thank you");
    run_until_empty(&mut reactor);
    // A producer is paused at the end of a turn, in which it may have read its budget.
    let peak = reactor.stats().output_buffered_peak;
    assert!(peak <= (128 + 256 + 64) * 1024, "{peak} bytes were buffered");
}

#[test]
fn s75_either_end_of_a_proxy_closes_the_other() {
    for client_first in [true, false] {
        let mut reactor = Reactor::new().unwrap();
        let backend = std::net::TcpListener::bind(support::ANY_PORT).unwrap();
        let address = proxy(&reactor, backend.local_addr().unwrap());
        with_peer(&mut reactor, move || {
            let client = dial(address);
            let (server, _) = backend.accept().unwrap();
            let (mut closing, staying) = if client_first { (client, server) } else { (server, client) };
            closing.write_all(&pattern(1_000_000)).unwrap();
            drop(closing);
            assert!(read_all(&staying) == pattern(1_000_000));
        });
        run_until_empty(&mut reactor);
    }
}

#[test]
fn s75_a_reset_on_one_side_of_a_proxy_ends_the_other() {
    let mut reactor = Reactor::new().unwrap();
    let backend = std::net::TcpListener::bind(support::ANY_PORT).unwrap();
    let address = proxy(&reactor, backend.local_addr().unwrap());
    let end = with_peer(&mut reactor, move || {
        let client = dial(address);
        let (mut server, _) = backend.accept().unwrap();
        support::reset(client);
        let end: io::Result<_> = server.read(&mut [0; 8]);
        end
    });
    assert!(matches!(end, Ok(0)), "{end:?}");
    run_until_empty(&mut reactor);
}

#[test]
fn two_ends_above_the_mark_do_not_wait_for_each_other() {
    const LENGTH: usize = 15_000_000;
    let mut reactor = Reactor::new().unwrap();
    let (server, client) = (Log::default(), Log::default());
    let address = listen(&reactor, Probe::echo(&server).factory());
    // The echo pauses reading while its answers wait; the client must go on reading them although its own output waits.
    let probe = Probe::new(&client).on_made(|transport| transport.write(pattern(LENGTH)));
    reactor.connect(address, &ConnectOptions::default(), probe.factory()).then(|_| ());
    run_until(&mut reactor, "everything came back", || client.received() == LENGTH);
    assert!(client.data() == pattern(LENGTH));
}
