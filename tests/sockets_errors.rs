//! Errors and panics in callbacks and factories end one connection (S51 to S57, G7).
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use ropewalk::{ConnectOptions, Reactor, Transport, factory_fn};
use support::{
    CLEAN, Event, Log, Probe, dial, listen, read_to_end, run_until, run_until_empty, talk, with_peer,
};

#[test]
fn s51_an_error_after_an_abort_in_the_same_callback_is_the_reason() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let probe = Probe::new(&log).on_data(|transport, _| {
        transport.abort_connection();
        Err("worse".into())
    });
    let (_, end) = talk(&mut reactor, probe, b"go");
    assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(
        log.events()[2..],
        [Event::Lost("the connection was closed because of an error: worse".into())]
    );
}

#[test]
fn s52_a_reply_written_before_an_error_arrives() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let probe = Probe::new(&log).on_data(|transport, _| {
        transport.write("500 what?\r\n");
        Err("the peer talks nonsense".into())
    });
    let (heard, end) = talk(&mut reactor, probe, b"gibberish");
    end.unwrap();
    assert_eq!(heard, b"500 what?\r\n");
    let reason = "the connection was closed because of an error: the peer talks nonsense";
    assert_eq!(log.events()[2..], [Event::Lost(reason.into())]);
}

#[test]
fn g7_s53_a_panic_in_connection_made_ends_the_connection() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let address = listen(&reactor, Probe::new(&log).on_made(|_| panic!("not today")).factory());
    // Connected before the loop turns, for a reset during connecting would be an error of that.
    let stream = TcpStream::connect(address).unwrap();
    let end = with_peer(&mut reactor, move || read_to_end(&stream).1);
    assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
    let reason = "a callback of the connection panicked: not today";
    assert_eq!(log.events(), [Event::Made, Event::Lost(reason.into())]);
    assert_eq!(reactor.stats().panics, 1);
}

/// The result of connecting tells that there was a connection; its protocol hears that it has ended, and why.
#[test]
fn s54_a_client_that_fails_in_connection_made_is_lost_for_that() {
    type Made = fn(&Transport);
    let failing: [(Made, &str); 2] = [
        (|_| panic!("not today"), "a callback of the connection panicked: not today"),
        (|transport| transport.fail("no"), "the connection was closed because of an error: no"),
    ];
    for (made, reason) in failing {
        let mut reactor = Reactor::new().unwrap();
        let address = listen(&reactor, Probe::new(&Log::default()).factory());
        let log = Log::default();
        let factory = Probe::new(&log).on_made(made).factory();
        let seen = log.clone();
        reactor.connect(address, &ConnectOptions::default(), factory).then(move |result| {
            seen.push(Event::Posted(format!("open: {}", result.unwrap().is_open())));
        });
        run_until(&mut reactor, "the loss", || log.has(&Event::Lost(reason.into())));
        run_until_empty(&mut reactor);
        let expected = [Event::Made, Event::Posted("open: false".into()), Event::Lost(reason.into())];
        assert_eq!(log.events(), expected);
    }
}

#[test]
fn g7_s55_a_panic_in_connection_lost_harms_nobody() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let address = listen(&reactor, Probe::new(&log).on_lost(|_| panic!("at the end")).factory());
    let streams: Vec<_> = (0..3).map(|_| dial(address)).collect();
    run_until(&mut reactor, "three are connected", || log.transports().len() == 3);
    drop(streams);
    run_until_empty(&mut reactor);
    assert_eq!(log.losses(), 3);
    assert_eq!(reactor.stats().panics, 3);
}

#[test]
fn g7_a_panic_among_a_hundred_connections_ends_one() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let probe = Probe::new(&log).on_data(|transport, data| {
        assert!(data != b"poison", "poisoned");
        transport.write(data);
        Ok(())
    });
    let address = listen(&reactor, probe.factory());
    let mut streams: Vec<_> = (0..101).map(|_| dial(address)).collect();
    run_until(&mut reactor, "all are connected", || log.transports().len() == 101);
    for (index, stream) in streams.iter_mut().enumerate() {
        stream.write_all(if index == 50 { b"poison" } else { b"health" }).unwrap();
    }
    let (healthy, poisoned) = with_peer(&mut reactor, move || {
        let poisoned = streams.remove(50);
        let mut answers = 0;
        for stream in &mut streams {
            let mut answer = [0; 6];
            stream.read_exact(&mut answer).unwrap();
            answers += usize::from(&answer == b"health");
        }
        (answers, read_to_end(&poisoned).1.unwrap_err().kind())
    });
    assert_eq!((healthy, poisoned), (100, ErrorKind::ConnectionReset));
    run_until_empty(&mut reactor);
    assert_eq!(log.count(|event| *event == Event::Lost(CLEAN.into())), 100);
    assert_eq!(
        log.count(|event| *event == Event::Lost("a callback of the connection panicked: poisoned".into())),
        1
    );
}

#[test]
fn s56_a_factory_that_builds_nothing_closes_the_connection() {
    let mut reactor = Reactor::new().unwrap();
    let address = listen(&reactor, factory_fn(|_| None));
    let (heard, end) = with_peer(&mut reactor, move || read_to_end(&dial(address)));
    end.unwrap();
    assert!(heard.is_empty());
    assert_eq!(reactor.stats().connections_opened, 0);
}

#[test]
fn g7_s57_a_factory_that_panics_harms_only_that_connection() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let first = std::cell::Cell::new(true);
    let probe = Probe::echo(&log);
    let factory = factory_fn(move |_| {
        assert!(!first.replace(false), "the first is unlucky");
        Some(Box::new(probe.clone()))
    });
    let address = listen(&reactor, factory);
    let (heard, end) = with_peer(&mut reactor, move || read_to_end(&dial(address)));
    end.unwrap();
    assert!(heard.is_empty());
    let mut stream = dial(address);
    stream.write_all(b"hello").unwrap();
    run_until(&mut reactor, "the second is served", || log.data() == b"hello");
    assert_eq!(reactor.stats().panics, 1);
}

#[cfg(unix)]
#[test]
fn g7_an_error_whose_text_panics_ends_one_connection() {
    #[derive(Debug)]
    struct Unspeakable;
    impl std::fmt::Display for Unspeakable {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("there are no words")
        }
    }
    impl std::error::Error for Unspeakable {}

    support::alone("g7_an_error_whose_text_panics_ends_one_connection", 256, || {
        // Errors are put into words only if somebody reads the log.
        env_logger::builder().filter_level(log::LevelFilter::Debug).init();
        let mut reactor = Reactor::new().unwrap();
        let log = Log::default();
        let probe = Probe::new(&log).on_data(|transport, data| {
            transport.write(data);
            if data == b"fail" { Err(Box::new(Unspeakable)) } else { Ok(()) }
        });
        let address = listen(&reactor, probe.factory());
        let (mut good, mut bad) = (dial(address), dial(address));
        bad.write_all(b"fail").unwrap();
        bad.shutdown(std::net::Shutdown::Write).unwrap();
        let (heard, end) = with_peer(&mut reactor, move || read_to_end(&bad));
        end.unwrap();
        assert_eq!(heard, b"fail");
        good.write_all(b"good").unwrap();
        run_until(&mut reactor, "the other is served", || log.data().ends_with(b"good"));
    });
}
