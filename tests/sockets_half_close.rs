//! Half-closed connections, in every order, and connections that break or end while reading is paused.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod support;

use std::io::{Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use ropewalk::{Limits, Reactor};
use support::{
    CLEAN, Event, Log, Probe, dial, dial_with_small_window, listen, pattern, read_all, reset, run_until,
    run_until_empty, settle, with_peer,
};

fn limits(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits);
    limits
}

#[test]
fn s59_all_unsent_output_is_sent_after_the_peer_has_finished() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let address = listen(&reactor, Probe::new(&log).on_made(|t| t.write(pattern(5_000_000))).factory());
    let heard = with_peer(&mut reactor, move || {
        let stream = dial_with_small_window(address);
        stream.shutdown(Shutdown::Write).unwrap();
        read_all(&stream)
    });
    assert!(heard == pattern(5_000_000), "{} bytes arrived", heard.len());
    run_until_empty(&mut reactor);
    assert_eq!(log.lost().as_deref(), Some(CLEAN));
}

#[test]
fn s60_after_the_peers_end_writing_works_until_lose_connection() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let address = listen(&reactor, Probe::new(&log).on_end_of_input(|_| ()).factory());
    let stream = dial(address);
    stream.shutdown(Shutdown::Write).unwrap();
    run_until(&mut reactor, "the end of input", || log.has(&Event::EndOfInput));
    settle(&mut reactor);
    assert!(log.transport().is_open());
    log.transport().write("the answer comes late");
    settle(&mut reactor);
    assert_eq!(log.losses(), 0);
    log.transport().lose_connection();
    let heard = with_peer(&mut reactor, move || read_all(&stream));
    assert_eq!(heard, b"the answer comes late");
    run_until_empty(&mut reactor);
    assert_eq!(log.events(), [Event::Made, Event::EndOfInput, Event::Lost(CLEAN.into())]);
}

#[test]
fn s61_lose_write_connection_flushes_and_input_goes_on() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let probe = Probe::new(&log).on_made(|transport| {
        transport.write(pattern(1_000_000));
        transport.lose_write_connection();
        transport.write("dropped");
    });
    let address = listen(&reactor, probe.factory());
    let heard = with_peer(&mut reactor, move || {
        let mut stream = dial(address);
        let heard = read_all(&stream);
        stream.write_all(b"still heard").unwrap();
        heard
    });
    assert!(heard == pattern(1_000_000));
    run_until_empty(&mut reactor);
    assert_eq!(log.data(), b"still heard");
    assert_eq!(log.callbacks(), [Event::Made, Event::EndOfInput, Event::Lost(CLEAN.into())]);
}

#[test]
fn s61_lose_write_connection_without_output_tells_the_peer_at_once() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let address = listen(&reactor, Probe::new(&log).factory());
    let mut stream = dial(address);
    run_until(&mut reactor, "connected", || log.has(&Event::Made));
    settle(&mut reactor);
    // Nothing else happens on the connection that could make the loop look at it.
    log.transport().lose_write_connection();
    stream = with_peer(&mut reactor, move || {
        assert!(read_all(&stream).is_empty());
        stream
    });
    stream.write_all(b"still heard").unwrap();
    run_until(&mut reactor, "the input", || log.data() == b"still heard");
    assert_eq!(log.losses(), 0);
}

#[test]
fn s61_an_error_after_lose_write_connection_closes_with_it() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let probe = Probe::new(&log).on_made(|t| t.lose_write_connection()).failing_at_end_of_input("too early");
    let address = listen(&reactor, probe.factory());
    drop(dial(address));
    run_until(&mut reactor, "the loss", || log.losses() == 1);
    assert!(log.lost().unwrap().ends_with("too early"), "{:?}", log.lost());
}

#[test]
fn s62_lose_connection_after_lose_write_connection_ends_in_a_later_call() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let seen = log.clone();
    let probe = Probe::new(&log).on_made(|t| t.lose_write_connection()).on_data(move |transport, _| {
        transport.lose_connection();
        assert_eq!(seen.losses(), 0);
        Ok(())
    });
    let address = listen(&reactor, probe.factory());
    let mut stream = dial(address);
    stream = with_peer(&mut reactor, move || {
        assert!(read_all(&stream).is_empty());
        stream.write_all(b"now").unwrap();
        stream
    });
    run_until(&mut reactor, "the input", || log.data() == b"now");
    drop(stream);
    run_until_empty(&mut reactor);
    assert_eq!(log.callbacks(), [Event::Made, Event::Lost(CLEAN.into())]);
}

#[test]
fn both_sides_finish_this_one_first() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let probe = Probe::new(&log).on_made(|t| t.lose_write_connection()).on_end_of_input(|_| ());
    let address = listen(&reactor, probe.factory());
    let stream = dial(address);
    with_peer(&mut reactor, move || {
        assert!(read_all(&stream).is_empty());
        stream.shutdown(Shutdown::Write).unwrap();
    });
    run_until_empty(&mut reactor);
    assert_eq!(log.events(), [Event::Made, Event::EndOfInput, Event::Lost(CLEAN.into())]);
}

#[test]
fn both_sides_finish_the_peer_first() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let probe = Probe::new(&log).on_end_of_input(|transport| {
        transport.write("farewell");
        transport.lose_write_connection();
    });
    let address = listen(&reactor, probe.factory());
    let stream = dial(address);
    stream.shutdown(Shutdown::Write).unwrap();
    let heard = with_peer(&mut reactor, move || read_all(&stream));
    assert_eq!(heard, b"farewell");
    run_until_empty(&mut reactor);
    assert_eq!(log.events(), [Event::Made, Event::EndOfInput, Event::Lost(CLEAN.into())]);
}

#[test]
fn both_sides_finish_while_output_waits() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let probe = Probe::new(&log).on_made(|transport| {
        transport.write(pattern(5_000_000));
        transport.lose_write_connection();
    });
    let address = listen(&reactor, probe.on_end_of_input(|_| ()).factory());
    let stream = dial_with_small_window(address);
    stream.shutdown(Shutdown::Write).unwrap();
    let heard = with_peer(&mut reactor, move || read_all(&stream));
    assert!(heard == pattern(5_000_000), "{} bytes arrived", heard.len());
    run_until_empty(&mut reactor);
    assert_eq!(log.losses(), 1);
    assert_eq!(log.lost().as_deref(), Some(CLEAN));
}

#[test]
fn s63_nothing_is_delivered_while_paused_and_the_end_comes_after_the_data() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let address = listen(&reactor, Probe::new(&log).on_made(|t| t.pause_reading()).factory());
    let mut stream = dial(address);
    stream.write_all(b"hello").unwrap();
    drop(stream);
    run_until(&mut reactor, "connected", || log.has(&Event::Made));
    settle(&mut reactor);
    assert_eq!(log.events(), [Event::Made]);
    log.transport().resume_reading();
    run_until_empty(&mut reactor);
    let expected = [
        Event::Made,
        Event::ReadingResumed,
        Event::Data(b"hello".into()),
        Event::EndOfInput,
        Event::Lost(CLEAN.into()),
    ];
    assert_eq!(log.events(), expected);
}

#[test]
fn s64_g6_a_reset_while_paused_is_reported_within_the_close_timeout() {
    let mut reactor = Reactor::new().unwrap();
    reactor.set_default_limits(limits(|limits| limits.close_timeout = Duration::from_millis(50)));
    let log = Log::default();
    let address = listen(&reactor, Probe::new(&log).on_made(|t| t.pause_reading()).factory());
    let mut stream = dial(address);
    stream.write_all(b"unread").unwrap();
    run_until(&mut reactor, "connected", || log.has(&Event::Made));
    settle(&mut reactor);
    reset(stream);
    run_until(&mut reactor, "the loss", || log.losses() == 1);
    assert!(log.lost().unwrap().starts_with("the connection was lost: "), "{:?}", log.lost());
    assert_eq!(log.events().len(), 2);
}

#[test]
fn s64_input_from_before_a_reset_is_delivered_if_reading_resumes_in_time() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let address = listen(&reactor, Probe::new(&log).on_made(|t| t.pause_reading()).factory());
    let mut stream = dial(address);
    stream.write_all(b"last words").unwrap();
    run_until(&mut reactor, "connected", || log.has(&Event::Made));
    reset(stream);
    run_until(&mut reactor, "the reset is noticed", || !log.transport().is_open());
    assert_eq!(log.losses(), 0);
    log.transport().resume_reading();
    run_until(&mut reactor, "the loss", || log.losses() == 1);
    assert_eq!(log.data(), b"last words");
    assert!(log.lost().unwrap().starts_with("the connection was lost: "), "{:?}", log.lost());
}

#[test]
fn s64_a_reset_after_the_peers_end_is_noticed_while_output_waits() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let probe = Probe::new(&log).on_made(|t| t.write(pattern(10_000_000)));
    let address = listen(&reactor, probe.on_end_of_input(|_| ()).factory());
    let stream = dial_with_small_window(address);
    run_until(&mut reactor, "output waits", || log.has(&Event::WritingPaused));
    stream.shutdown(Shutdown::Write).unwrap();
    settle(&mut reactor);
    reset(stream);
    run_until(&mut reactor, "the loss", || log.losses() == 1);
    assert!(log.lost().unwrap().starts_with("the connection was lost: "), "{:?}", log.lost());
    assert_eq!(reactor.stats().output_buffered, 0);
}

#[test]
fn g3_a_farewell_arrives_whole_although_the_peer_goes_on_sending() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let probe = Probe::new(&log).on_data(|transport, _| {
        transport.write(pattern(300_000));
        transport.lose_connection();
        Ok(())
    });
    let address = listen(&reactor, probe.factory());
    let heard = with_peer(&mut reactor, move || {
        let mut stream = dial(address);
        // Unread input would make the system reset the connection and destroy the farewell.
        stream.write_all(&pattern(1_048_576)).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        read_all(&stream)
    });
    assert!(heard == pattern(300_000), "{} bytes arrived", heard.len());
    run_until_empty(&mut reactor);
    assert_eq!(log.count(|event| matches!(event, Event::Data(_))), 1);
    assert_eq!(log.lost().as_deref(), Some(CLEAN));
}

#[test]
fn g6_a_peer_that_never_stops_sending_is_let_go_after_the_linger_timeout() {
    let mut reactor = Reactor::new().unwrap();
    reactor.set_default_limits(limits(|limits| limits.linger_timeout = Duration::from_millis(50)));
    let log = Log::default();
    let address = listen(&reactor, Probe::new(&log).on_made(|t| t.lose_connection()).factory());
    let mut stream = dial(address);
    // It sends until it is told.
    with_peer(&mut reactor, move || while stream.write_all(&[0; 1000]).is_ok() {});
    run_until_empty(&mut reactor);
    assert_eq!(log.events(), [Event::Made, Event::Lost(CLEAN.into())]);
}

#[test]
fn g6_output_that_the_peer_takes_none_of_ends_the_connection_after_the_write_timeout() {
    let mut reactor = Reactor::new().unwrap();
    reactor.set_default_limits(limits(|limits| limits.write_timeout = Duration::from_millis(50)));
    let log = Log::default();
    let address = listen(&reactor, Probe::new(&log).on_made(|t| t.write(pattern(10_000_000))).factory());
    let mut stream = dial_with_small_window(address);
    run_until_empty(&mut reactor);
    assert_eq!(log.lost().as_deref(), Some("the peer read none of the waiting output for 50ms"));
    let end = stream.read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(end.kind(), std::io::ErrorKind::ConnectionReset);
}

#[test]
fn g6_a_peer_that_never_reads_is_let_go_after_the_close_timeout() {
    let mut reactor = Reactor::new().unwrap();
    reactor.set_default_limits(limits(|limits| limits.close_timeout = Duration::from_millis(50)));
    let log = Log::default();
    let probe = Probe::new(&log).on_made(|transport| {
        transport.write(pattern(10_000_000));
        transport.lose_connection();
    });
    let address = listen(&reactor, probe.factory());
    let stream = dial_with_small_window(address);
    run_until_empty(&mut reactor);
    assert_eq!(log.lost().as_deref(), Some("closing the connection took longer than 50ms"));
    assert!(log.transport().buffered() > 0, "what was not sent is reported");
    drop(stream);
}
