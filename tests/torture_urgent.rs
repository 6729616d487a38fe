//! Urgent data in every place: it is input like any other, hides nothing behind it, and wakes nobody for ever.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod support;

use std::io::Write;
use std::net::{Shutdown, TcpListener, TcpStream};

use ropewalk::{ConnectOptions, Reactor};
use support::{
    ANY_PORT, CLEAN, Event, Footprint, Log, Probe, alone, assert_rests, dial, listen, pattern, run_until,
    settle,
};

const LENGTH: usize = 40;

/// Sends `message` a byte at a time, those at `urgent` as urgent data.
fn send(mut stream: &TcpStream, message: &[u8], urgent: &[usize]) {
    for (position, byte) in message.iter().enumerate() {
        if urgent.contains(&position) {
            socket2::SockRef::from(stream).send_out_of_band(&[*byte]).unwrap();
        } else {
            stream.write_all(&[*byte]).unwrap();
        }
    }
}

/// The places of urgent bytes: each alone, each with its neighbour, none, and all.
fn places() -> Vec<Vec<usize>> {
    let alone = (0..LENGTH).map(|place| vec![place]);
    let neighbours = (1..LENGTH).map(|place| vec![place - 1, place]);
    alone.chain(neighbours).chain([vec![], (0..LENGTH).collect()]).collect()
}

/// Goes through all places on connections that `connect` makes: the loop looks when everything is there, the end too.
fn walk(reactor: &mut Reactor, log: &Log, connect: impl Fn(&Reactor) -> TcpStream) {
    let before = Footprint::take(reactor);
    let message = pattern(LENGTH);
    for urgent in places() {
        for finishes_first in [true, false] {
            let (losses, heard) = (log.losses(), log.received());
            let stream = connect(reactor);
            if !finishes_first {
                let connections = reactor.stats().connections;
                let handle = (**reactor).clone();
                run_until(reactor, "connected", || handle.stats().connections > connections);
            }
            send(&stream, &message, &urgent);
            if finishes_first {
                stream.shutdown(Shutdown::Write).unwrap();
            }
            run_until(reactor, &format!("all of it, {urgent:?}"), || log.received() == heard + LENGTH);
            settle(reactor);
            assert!(log.data().ends_with(&message), "{urgent:?}");
            assert_eq!(log.received(), heard + LENGTH, "{urgent:?}");
            drop(stream);
            run_until(reactor, "the end", || log.losses() > losses);
        }
    }
    before.assert_restored(reactor);
    let clean = Event::Lost(CLEAN.into());
    assert_eq!(log.count(|event| *event == clean), log.losses());
}

#[test]
fn urgent_data_in_every_place_on_accepted_connections() {
    alone("urgent_data_in_every_place_on_accepted_connections", 64, || {
        let mut reactor = Reactor::new().unwrap();
        let log = Log::default();
        let address = listen(&reactor, Probe::new(&log).factory());
        walk(&mut reactor, &log, |_| dial(address));
    });
}

#[test]
fn urgent_data_in_every_place_on_connections_of_ones_own() {
    alone("urgent_data_in_every_place_on_connections_of_ones_own", 64, || {
        let mut reactor = Reactor::new().unwrap();
        let log = Log::default();
        let listener = TcpListener::bind(ANY_PORT).unwrap();
        let address = listener.local_addr().unwrap();
        walk(&mut reactor, &log, |reactor| {
            let factory = Probe::new(&log).factory();
            reactor.connect(address, &ConnectOptions::default(), factory).then(|_| ());
            listener.accept().unwrap().0
        });
    });
}

#[test]
fn urgent_data_waits_while_reading_is_paused_and_the_loop_rests() {
    alone("urgent_data_waits_while_reading_is_paused_and_the_loop_rests", 64, || {
        let mut reactor = Reactor::new().unwrap();
        let log = Log::default();
        let address = listen(&reactor, Probe::new(&log).on_made(|t| t.pause_reading()).factory());
        let before = Footprint::take(&mut reactor);
        let message = pattern(LENGTH);
        let stream = dial(address);
        run_until(&mut reactor, "connected", || log.has(&Event::Made));
        for round in 1..=3 {
            send(&stream, &message, &[0, 5, LENGTH - 1]);
            assert_rests(&mut reactor);
            assert_eq!(log.received(), (round - 1) * LENGTH);
            log.transport().resume_reading();
            run_until(&mut reactor, "all of it", || log.received() == round * LENGTH);
            assert!(log.data().ends_with(&message));
            assert_rests(&mut reactor);
            log.transport().pause_reading();
        }
        log.transport().resume_reading();
        drop(stream);
        before.assert_restored(&mut reactor);
        assert_eq!(log.lost().as_deref(), Some(CLEAN));
    });
}
