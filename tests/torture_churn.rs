//! Connections that come and go by the thousand, and connections that break while much is on its way.
//!
//! Each test runs in a process of its own, because it counts the process's descriptors.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod support;

use std::cell::Cell;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::thread;

use ropewalk::{
    ConnectOptions, Factory, Producer, ProducerKind, Protocol, Reactor, Reason, Result, Transport,
    for_protocol,
};
use support::{
    ANY_PORT, Footprint, alone, dial, dial_with_small_window, listen, reset, resident_memory, run_until,
};

/// How many connections were made and lost, and how they ended.
#[derive(Clone, Default)]
struct Tally {
    made: Rc<Cell<usize>>,
    lost: Rc<Cell<usize>>,
    broken: Rc<Cell<usize>>,
    unsent: Rc<Cell<usize>>,
    producers_stopped: Rc<Cell<usize>>,
}

fn count(counter: &Cell<usize>) {
    counter.set(counter.get() + 1);
}

/// A connection that keeps nothing of what it hears, and does what its `greeting` says when it is made.
struct Counted {
    tally: Tally,
    greeting: fn(&Transport, &Tally),
}

impl Counted {
    fn factory(tally: &Tally, greeting: fn(&Transport, &Tally)) -> impl Factory + use<> {
        let tally = tally.clone();
        for_protocol(move || Self { tally: tally.clone(), greeting })
    }
}

impl Protocol for Counted {
    fn connection_made(&mut self, transport: &Transport) {
        count(&self.tally.made);
        (self.greeting)(transport, &self.tally);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        // Small messages are answered.
        if data.len() < 100 {
            transport.write(data);
        }
        Ok(())
    }

    fn connection_lost(&mut self, transport: &Transport, reason: &Reason) {
        count(&self.tally.lost);
        if matches!(reason, Reason::Lost(_)) {
            count(&self.tally.broken);
        }
        if transport.buffered() > 0 {
            count(&self.tally.unsent);
        }
    }
}

/// What a peer does that has just connected, in as many ways as there are.
fn come_and_go(mut stream: TcpStream, way: usize) {
    match way % 6 {
        0 => drop(stream),
        1 => stream.write_all(b"hello").unwrap(),
        2 => reset(stream),
        3 => {
            stream.write_all(&[b'x'; 10_000]).unwrap();
            reset(stream);
        }
        4 => {
            stream.write_all(b"hello").unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
        }
        _ => stream.shutdown(Shutdown::Both).unwrap(),
    }
}

#[test]
fn g10_ten_thousand_connections_come_and_go() {
    const WAVES: usize = 200;
    const WAVE: usize = 50;
    alone("g10_ten_thousand_connections_come_and_go", 128, || {
        let mut reactor = Reactor::new().unwrap();
        let tally = Tally::default();
        let address = listen(&reactor, Counted::factory(&tally, |_, _| ()));
        let before = Footprint::take(&mut reactor);
        let mut memory = 0;
        for wave in 1..=WAVES {
            let streams: Vec<_> = (0..WAVE).map(|_| TcpStream::connect(address).unwrap()).collect();
            for (index, stream) in streams.into_iter().enumerate() {
                come_and_go(stream, index);
            }
            run_until(&mut reactor, "the wave is over", || tally.lost.get() == wave * WAVE);
            if wave == WAVES / 10 {
                memory = resident_memory();
            }
        }
        assert_eq!(tally.made.get(), WAVES * WAVE);
        assert_eq!(reactor.stats().connections_opened, (WAVES * WAVE) as u64);
        before.assert_restored(&mut reactor);
        let grown = resident_memory().saturating_sub(memory);
        assert!(grown < 500_000, "nine thousand connections have left {grown} bytes");
    });
}

/// A server in a thread that meets each of so many connections in another way.
fn fickle_server(connections: usize) -> (SocketAddr, thread::JoinHandle<()>) {
    let listener = TcpListener::bind(ANY_PORT).unwrap();
    let address = listener.local_addr().unwrap();
    let serve = move || (0..connections).for_each(|way| come_and_go(listener.accept().unwrap().0, way));
    (address, thread::spawn(serve))
}

#[test]
fn g10_two_thousand_connections_are_begun_and_lost() {
    const WAVES: usize = 100;
    const WAVE: usize = 20;
    alone("g10_two_thousand_connections_are_begun_and_lost", 64, || {
        let mut reactor = Reactor::new().unwrap();
        let tally = Tally::default();
        let before = Footprint::take(&mut reactor);
        let (address, server) = fickle_server(WAVES * WAVE);
        for wave in 1..=WAVES {
            for way in 0..WAVE {
                let greeting =
                    if way % 2 == 0 { |_: &_, _: &_| () } else { |t: &Transport, _: &_| t.write("hello") };
                let factory = Counted::factory(&tally, greeting);
                // A reset may come so early that there never was a connection.
                let refused = tally.lost.clone();
                let attempt = reactor.connect(address, &ConnectOptions::default(), factory);
                attempt.then(move |result| {
                    if result.is_err() {
                        count(&refused)
                    }
                });
            }
            run_until(&mut reactor, "the wave is over", || tally.lost.get() == wave * WAVE);
        }
        assert!(tally.made.get() > WAVES * WAVE / 2);
        server.join().unwrap();
        before.assert_restored(&mut reactor);
    });
}

/// Writes on and on.
struct Endless(Tally);

impl Producer for Endless {
    fn resume_producing(&mut self, transport: &Transport) {
        transport.write([0; 100_000]);
    }

    fn stop_producing(&mut self, _: &Transport) {
        count(&self.0.producers_stopped);
    }
}

#[test]
fn g3_a_reset_amid_much_output_ends_each_connection_and_tells_what_was_not_sent() {
    const PEERS: usize = 20;
    alone("g3_a_reset_amid_much_output_ends_each_connection_and_tells_what_was_not_sent", 128, || {
        let mut reactor = Reactor::new().unwrap();
        let tally = Tally::default();
        let open = listen(&reactor, Counted::factory(&tally, |t, _| t.write(vec![0; 8_000_000])));
        let closing = listen(
            &reactor,
            Counted::factory(&tally, |transport, _| {
                transport.write(vec![0; 8_000_000]);
                transport.lose_connection();
            }),
        );
        let finishing = listen(
            &reactor,
            Counted::factory(&tally, |transport, _| {
                transport.write(vec![0; 8_000_000]);
                transport.lose_write_connection();
            }),
        );
        let fed = listen(
            &reactor,
            Counted::factory(&tally, |transport, tally| {
                transport.register_producer(Endless(tally.clone()), ProducerKind::Pull).unwrap();
            }),
        );
        let before = Footprint::take(&mut reactor);
        for address in [open, closing, finishing, fed] {
            let lost = tally.lost.get();
            let handle = reactor.handle();
            // Some have read nothing yet, some a part, some are about to write.
            for round in 0..PEERS {
                let mut stream = dial_with_small_window(address);
                run_until(&mut reactor, "the output waits", || handle.stats().output_buffered > 0);
                match round % 3 {
                    0 => {}
                    1 => stream.read_exact(&mut [0; 20_000]).unwrap(),
                    _ => stream.write_all(&[0; 1000]).unwrap(),
                }
                reset(stream);
                run_until(&mut reactor, "the loss", || tally.lost.get() > lost + round);
                assert_eq!(reactor.stats().output_buffered, 0);
            }
        }
        assert_eq!(tally.lost.get(), 4 * PEERS);
        assert_eq!(tally.broken.get(), 4 * PEERS);
        assert_eq!(tally.unsent.get(), 4 * PEERS);
        assert_eq!(tally.producers_stopped.get(), PEERS);
        before.assert_restored(&mut reactor);
    });
}

#[test]
fn a_hundred_peers_reset_amid_their_own_writing() {
    const PEERS: usize = 100;
    alone("a_hundred_peers_reset_amid_their_own_writing", 256, || {
        let mut reactor = Reactor::new().unwrap();
        let tally = Tally::default();
        let address = listen(&reactor, Counted::factory(&tally, |_, _| ()));
        let before = Footprint::take(&mut reactor);
        let peer = |size: usize| {
            move || {
                let mut stream = dial(address);
                (0..size).for_each(|_| stream.write_all(&[b'x'; 10_000]).unwrap());
                reset(stream);
            }
        };
        let mut peers = Vec::new();
        peers.extend((0..PEERS).map(|size| thread::spawn(peer(size))));
        run_until(&mut reactor, "all are lost", || tally.lost.get() == PEERS);
        peers.into_iter().for_each(|peer| peer.join().unwrap());
        assert_eq!(tally.broken.get(), PEERS, "a reset is no orderly end");
        before.assert_restored(&mut reactor);
    });
}
