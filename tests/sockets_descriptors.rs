//! Descriptors: none leaks (G10), and running out of them ends nothing.
//!
//! Each test runs in a process of its own, because it counts the process's descriptors or lacks them.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use ropewalk::{ConnectOptions, Reactor, factory_fn};
use support::{
    ANY_PORT, Log, Probe, alone, dead_address, listen, open_descriptors, open_port, run_until, settle,
};

/// Connects until there are no descriptors left. Nothing is accepted meanwhile; the operating system holds them.
fn use_up(address: SocketAddr) -> Vec<TcpStream> {
    let mut streams = Vec::new();
    loop {
        match TcpStream::connect(address) {
            Ok(stream) => streams.push(stream),
            Err(error) => {
                assert_eq!(error.raw_os_error(), Some(24), "{error}");
                return streams;
            }
        }
    }
}

#[test]
fn g10_connections_that_are_refused_failing_and_panicking() {
    alone("g10_connections_that_are_refused_failing_and_panicking", 256, || {
        let mut reactor = Reactor::new().unwrap();
        let log = Log::default();
        let refusing = listen(&reactor, factory_fn(|_| None));
        let panicking = listen(&reactor, factory_fn(|_| panic!("no protocol today")));
        let aborting = listen(&reactor, Probe::new(&log).on_made(|t| t.abort_connection()).factory());
        let failing = listen(&reactor, Probe::new(&log).on_made(|t| t.fail("no")).factory());
        let dying = listen(&reactor, Probe::new(&log).on_made(|_| panic!("made")).factory());
        settle(&mut reactor);
        let before = open_descriptors();
        for address in [refusing, panicking, aborting, failing, dying] {
            for _ in 0..10 {
                let streams: Vec<_> = (0..10).map(|_| TcpStream::connect(address).unwrap()).collect();
                for mut stream in streams {
                    // Until the end, which may be a reset.
                    stream.set_nonblocking(true).unwrap();
                    run_until(&mut reactor, "it is closed", || match stream.read(&mut [0; 8]) {
                        Err(error) => error.kind() != ErrorKind::WouldBlock,
                        Ok(count) => count == 0,
                    });
                }
            }
        }
        run_until(&mut reactor, "all are gone", || log.losses() == 300);
        settle(&mut reactor);
        assert_eq!(reactor.stats().connections, 0);
        assert_eq!(open_descriptors(), before);
    });
}

#[test]
fn g10_attempts_that_fail_and_attempts_that_are_cancelled() {
    alone("g10_attempts_that_fail_and_attempts_that_are_cancelled", 256, || {
        let mut reactor = Reactor::new().unwrap();
        let log = Log::default();
        let listening = listen(&reactor, Probe::new(&log).factory());
        settle(&mut reactor);
        let dead = dead_address();
        let before = open_descriptors();
        let options = ConnectOptions::default();
        let ends = std::rc::Rc::new(std::cell::Cell::new(0));
        for round in 1..=200 {
            for _ in 0..5 {
                let failed = ends.clone();
                let attempt = reactor.connect(dead, &options, Probe::new(&log).factory());
                attempt.then(move |result| {
                    assert!(result.is_err());
                    failed.set(failed.get() + 1);
                });
                let cancelled = ends.clone();
                let attempt = reactor.connect(listening, &options, Probe::new(&log).factory());
                attempt.cancel();
                attempt.then(move |result| {
                    assert!(result.is_err());
                    cancelled.set(cancelled.get() + 1);
                });
            }
            run_until(&mut reactor, "all have ended", || ends.get() == round * 10);
        }
        run_until(&mut reactor, "all are gone", || reactor_is_empty(&log));
        settle(&mut reactor);
        assert_eq!(open_descriptors(), before);
    });
}

/// Whether every connection that was made was lost.
fn reactor_is_empty(log: &Log) -> bool {
    log.transports().len() == log.losses()
}

#[test]
fn g10_reactors_that_are_dropped() {
    alone("g10_reactors_that_are_dropped", 256, || {
        let before = open_descriptors();
        for round in 0..100 {
            let mut reactor = Reactor::new().unwrap();
            let log = Log::default();
            let address = listen(&reactor, Probe::echo(&log).factory());
            let client = Probe::new(&log).on_made(|t| t.write(vec![0; 5_000_000]));
            reactor.connect(address, &ConnectOptions::default(), client.factory()).then(|_| ());
            reactor.run_in_thread(|| ()).then(|_| ());
            for _ in 0..round % 5 {
                let _ = reactor.run_once(Some(Duration::ZERO)).unwrap();
            }
            // Handles that outlive the reactor keep nothing open.
            drop(reactor);
            assert!(log.transports().iter().all(|transport| !transport.is_open()));
            // A thread that is just finishing its work has the waker until it is done.
            let deadline = Instant::now() + support::PATIENCE;
            while open_descriptors() != before {
                assert!(Instant::now() < deadline, "round {round} has left descriptors behind");
                std::thread::yield_now();
            }
        }
    });
}

#[test]
fn g10_reactors_that_cannot_be_made() {
    alone("g10_reactors_that_cannot_be_made", 64, || {
        let address = dead_address();
        let mut files = Vec::new();
        while let Ok(file) = std::fs::File::open("/dev/null") {
            files.push(file);
        }
        // With fewer descriptors than it needs, each reactor is refused, and each leaves those there are.
        for free in 0..4 {
            let error = Reactor::new().map(drop).map_or_else(|error| error.raw_os_error(), |()| None);
            if free == 0 {
                assert_eq!(error, Some(24));
            }
            let again: Vec<_> = (0..free).map(|_| std::fs::File::open("/dev/null").unwrap()).collect();
            assert!(std::fs::File::open("/dev/null").is_err(), "{free} descriptors have become more");
            drop(again);
            files.pop();
        }
        // A port and an attempt say it too.
        let reactor = Reactor::new().unwrap();
        while let Ok(file) = std::fs::File::open("/dev/null") {
            files.push(file);
        }
        let error = reactor.listen(ANY_PORT, Default::default(), factory_fn(|_| None)).unwrap_err();
        assert!(error.to_string().starts_with("listening on 127.0.0.1:0: Too many open files"), "{error}");
        let failed = std::rc::Rc::new(std::cell::RefCell::new(String::new()));
        let text = failed.clone();
        let attempt = reactor.connect(address, &ConnectOptions::default(), factory_fn(|_| None));
        attempt.then(move |result| *text.borrow_mut() = result.unwrap_err().to_string());
        let mut reactor = reactor;
        settle(&mut reactor);
        let expected = format!("connecting to {address}: Too many open files");
        assert!(failed.borrow().starts_with(&expected), "{}", failed.borrow());
    });
}

#[test]
fn without_descriptors_the_loop_rests_and_serves_again_afterwards() {
    alone("without_descriptors_the_loop_rests_and_serves_again_afterwards", 64, || {
        let mut reactor = Reactor::new().unwrap();
        let log = Log::default();
        let port = open_port(&reactor, Probe::echo(&log).factory());
        let address = support::socket_address(port.address());
        settle(&mut reactor);
        let mut streams = use_up(address);
        assert!(streams.len() > 20);
        // It waits longer and longer, then turns away those who wait, so that they know.
        let turns = reactor.stats().turns;
        let first = &mut streams[0];
        first.set_nonblocking(true).unwrap();
        let mut refused = || matches!(first.read(&mut [0; 8]), Ok(0));
        while !refused() {
            let _ = reactor.run_once(Some(support::PATIENCE)).unwrap();
            let turns = reactor.stats().turns - turns;
            assert!(turns < 50, "{turns} turns without a descriptor");
        }
        assert_eq!(log.transports().len(), 0);
        // Nobody is left waiting. There are descriptors again, and the port has noticed: it waits for nothing any more.
        drop(streams);
        let handle = reactor.handle();
        run_until(&mut reactor, "the port's wait is over", || handle.stats().timers == 0);
        settle(&mut reactor);
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"hello").unwrap();
        run_until(&mut reactor, "it is served", || log.data() == b"hello");
        assert!(port.is_listening());
    });
}

#[test]
fn those_who_wait_are_served_as_soon_as_a_connection_closes() {
    alone("those_who_wait_are_served_as_soon_as_a_connection_closes", 64, || {
        let mut reactor = Reactor::new().unwrap();
        let log = Log::default();
        let address = listen(&reactor, Probe::echo(&log).factory());
        let mut streams: Vec<_> = (0..10).map(|_| TcpStream::connect(address).unwrap()).collect();
        run_until(&mut reactor, "ten are served", || log.transports().len() == 10);
        let waiting = use_up(address);
        settle(&mut reactor);
        assert_eq!(log.transports().len(), 10);
        // Both ends of one connection become free, and one of those who wait is accepted without waiting for the clock.
        drop(streams.pop());
        run_until(&mut reactor, "its end", || log.losses() == 1);
        settle(&mut reactor);
        assert!(log.transports().len() > 10, "nobody was accepted");
        drop(waiting);
    });
}
