//! What happens when nothing comes.

use std::time::Duration;

use ropewalk_protocols::WebSocketReceiver;
use ropewalk_reactor::testing::{Events, Probe};

use crate::world::{Listens, REQUEST, SECOND, close, masked, opened, plain};

#[test]
fn a_handshake_that_takes_too_long_is_answered() {
    let log = Events::new();
    let mut probe = Probe::new(WebSocketReceiver::server(Listens::new(&log)));
    probe.deliver(&REQUEST[..40]);
    probe.advance(9 * SECOND);
    assert_eq!(probe.written(), b"");
    probe.advance(SECOND);
    assert!(probe.written().starts_with(b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n"));
    probe.deliver_eof();
    assert_eq!(
        log.take(),
        ["lost the connection was closed because of an error: no WebSocket was opened within 10s"]
    );
}

#[test]
fn a_client_does_not_wait_longer_either() {
    let log = Events::new();
    let url = "ws://example.org/".parse().unwrap();
    let receiver = WebSocketReceiver::client(Listens::new(&log), &url).handshake_timeout(2 * SECOND);
    let mut probe = Probe::new(receiver);
    let _ = probe.written();
    probe.advance(2 * SECOND);
    assert!(probe.is_closing());
    assert_eq!(probe.written(), b"");
}

#[test]
fn without_a_heartbeat_silence_is_nothing() {
    let (mut probe, log) = opened(Listens::new, |receiver| receiver);
    probe.advance(10_000 * SECOND);
    assert_eq!(probe.written(), b"");
    assert_eq!(log.take(), Vec::<String>::new());
}

#[test]
fn a_ping_asks_who_is_silent_and_who_answers_stays() {
    let (mut probe, log) = opened(Listens::new, |receiver| receiver.heartbeat(10 * SECOND));
    probe.advance(6 * SECOND);
    probe.deliver(masked(0x81, "here"));
    probe.advance(9 * SECOND);
    assert_eq!(probe.written(), b"");
    probe.advance(SECOND);
    assert_eq!(probe.written(), plain(0x89, ""));
    probe.advance(9 * SECOND);
    probe.deliver(masked(0x8a, ""));
    probe.advance(9 * SECOND);
    assert_eq!(probe.written(), b"");
    probe.advance(SECOND);
    assert_eq!(probe.written(), plain(0x89, ""));
    probe.advance(10 * SECOND);
    let error = "no answer to a ping within 10s";
    assert_eq!(probe.written(), plain(0x88, close(1011, error)));
    probe.deliver_eof();
    let lost = format!("lost the connection was closed because of an error: {error}");
    assert_eq!(log.take(), ["text here", "pong ", &lost]);
}

#[test]
fn who_is_heard_while_the_ping_goes_out_is_not_silent() {
    let (mut probe, _) = opened(Listens::new, |receiver| receiver.heartbeat(10 * SECOND));
    probe.advance(10 * SECOND);
    probe.deliver(masked(0x81, "here"));
    probe.advance(10 * SECOND);
    assert_eq!(probe.written(), plain(0x89, "").repeat(2));
}

#[test]
fn nobody_is_blamed_while_reading_is_paused() {
    let (mut probe, _) = opened(Listens::new, |receiver| receiver.heartbeat(10 * SECOND));
    probe.transport().pause_reading();
    probe.advance(100 * SECOND);
    assert!(!probe.is_closing());
    probe.transport().resume_reading();
    probe.advance(10 * SECOND);
    assert_eq!(probe.written(), plain(0x89, ""));
    probe.advance(10 * SECOND);
    assert!(probe.is_closing());
}

#[test]
fn a_heartbeat_of_no_time_is_none() {
    let (mut probe, log) = opened(Listens::new, |receiver| receiver.heartbeat(Duration::ZERO));
    probe.advance(100 * SECOND);
    assert_eq!(probe.written(), b"");
    assert_eq!(log.take(), [""; 0]);
}
