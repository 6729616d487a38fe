//! How long tinyproto's ends wait, for what, and how much may wait with them.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

mod tiny;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use ropewalk_protocols::{TinyProtoError, TinyProtocol, TinyReceiver, Transmit};
use ropewalk_reactor::driver::PollUntil;
use ropewalk_reactor::testing::{Events, Memory, Probe};
use ropewalk_reactor::{ConnectOptions, Limits, Reason, Result, TimerKey, Transport, for_protocol};
use tiny::failed;

const SECOND: Duration = Duration::from_secs(1);

const MEBIBYTE: usize = 1024 * 1024;

/// What each message costs in the outbox, besides its bytes.
const COST: usize = 64;

/// Hears nothing but messages, and leaves the rest to the defaults.
struct Plain(Events);

impl TinyProtocol for Plain {
    fn message_received(&mut self, _: &Transport, message: &[u8]) -> Result {
        self.0.record_bytes("message", message);
        Ok(())
    }

    fn writing_paused(&mut self, _: &Transport) {
        self.0.record("paused");
    }

    fn timer_expired(&mut self, _: &Transport, _: TimerKey) {
        self.0.record("timer");
    }

    fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
        self.0.record(format_args!("lost {reason}"));
    }
}

/// A server whose peer has said that it speaks tinyproto.
fn server(log: &Events) -> Probe {
    let mut server = Probe::new(TinyReceiver::server(Plain(log.clone())));
    server.deliver(b"\xff");
    server.written();
    server
}

#[test]
fn a_peer_may_take_its_time_to_agree() {
    let log = Events::new();
    let mut server = server(&log);
    server.transport().transmit("hello");
    server.settle();
    assert_eq!(server.written(), b"\x00\x00\x00\x05");
    server.advance(3_600 * SECOND);
    assert!(server.transport().is_open());
    server.deliver(b"\xff");
    assert_eq!(server.written(), b"hello");
}

#[test]
fn what_comes_in_a_collision_gives_the_peer_its_time_anew() {
    let log = Events::new();
    let mut server = server(&log);
    server.transport().transmit("hello");
    server.settle();
    server.deliver(b"\x00");
    server.advance(9 * SECOND);
    server.deliver(b"\x00\x00\x02");
    server.advance(9 * SECOND);
    assert!(server.transport().is_open());
    server.advance(SECOND);
    assert!(server.is_closing());
    server.deliver_eof();
    assert_eq!(log.take(), [failed(TinyProtoError::Collision)]);
}

#[test]
fn a_pause_in_a_collision_gives_the_peer_no_time_anew_and_tells_nobody_of_timers() {
    let log = Events::new();
    let mut server = server(&log);
    server.transport().transmit("hello");
    server.settle();
    server.deliver(b"\x00\x00\x00\x02");
    server.advance(9 * SECOND);
    server.transport().pause_reading();
    server.settle();
    server.transport().resume_reading();
    server.advance(SECOND);
    assert!(server.is_closing());
    server.deliver_eof();
    assert_eq!(log.take(), [failed(TinyProtoError::Collision)]);
}

/// Otherwise a connection that does nothing would have the reactor wake up again and again.
#[test]
fn a_polite_end_with_nothing_to_say_waits_for_nothing() {
    let memory = Memory::new();
    let mut reactor = memory.reactor();
    let address = ([10, 0, 0, 1], 1).into();
    let peer = memory.expect_connect(address);
    peer.accept();
    let factory = for_protocol(|| TinyReceiver::client(Plain(Events::new())).polite(SECOND));
    reactor.connect(address, &ConnectOptions::default(), factory).then(drop);
    peer.send(b"\xff");
    memory.run_for(&mut reactor, 20 * SECOND);
    assert_eq!(reactor.stats().connections, 1);
    assert_eq!(reactor.next_poll(), PollUntil::Event);
}

#[test]
fn a_message_that_may_just_wait_is_kept_and_one_byte_more_is_too_much() {
    for excess in [0, 1] {
        let log = Events::new();
        let server = server(&log);
        let mut limits = Limits::DEFAULT;
        limits.output = 100 + COST;
        server.transport().set_limits(limits);
        server.transport().transmit(vec![b'x'; 100 + excess]);
        assert_eq!(server.transport().is_open(), excess == 0);
    }
}

#[test]
fn two_messages_may_wait_that_are_as_long_as_the_largest_and_no_third() {
    let log = Events::new();
    let mut server = Probe::new(TinyReceiver::server(Plain(log.clone())).max_message(10 * MEBIBYTE as u32));
    for messages in 1..=3 {
        server.transport().transmit(vec![b'x'; 10 * MEBIBYTE]);
        assert_eq!(server.transport().is_open(), messages < 3, "the message number {messages}");
    }
    server.settle();
    let limit = 20 * MEBIBYTE + 64 * 1024;
    let too_slow = format!("lost the peer reads too slowly: more than {limit} bytes of output were waiting");
    assert_eq!(log.take(), [too_slow]);
}

/// Notes the limit of output when it is connected.
struct Looks(Rc<Cell<usize>>);

impl TinyProtocol for Looks {
    fn connection_made(&mut self, transport: &Transport) {
        self.0.set(transport.limits().output);
    }

    fn message_received(&mut self, _: &Transport, _: &[u8]) -> Result {
        Ok(())
    }
}

#[test]
fn only_messages_larger_than_by_default_raise_the_limit_of_output() {
    let raised = |max_message: usize, output: usize| {
        let memory = Memory::new();
        let mut reactor = memory.reactor();
        let mut limits = Limits::DEFAULT;
        limits.output = output;
        reactor.set_default_limits(limits);
        let address = ([10, 0, 0, 1], 1).into();
        memory.expect_connect(address).accept();
        let max_message = u32::try_from(max_message).unwrap();
        let found = Rc::new(Cell::new(0));
        let looks = Rc::clone(&found);
        let factory =
            for_protocol(move || TinyReceiver::client(Looks(Rc::clone(&looks))).max_message(max_message));
        reactor.connect(address, &ConnectOptions::default(), factory).then(drop);
        memory.settle(&mut reactor);
        found.get()
    };
    assert_eq!(raised(4 * MEBIBYTE, 10_000), 10_000);
    assert_eq!(raised(4 * MEBIBYTE + 1, 10_000), 8 * MEBIBYTE + 2 + 64 * 1024);
    assert_eq!(raised(7 * MEBIBYTE, 16 * MEBIBYTE), 16 * MEBIBYTE);
}

#[test]
fn a_protocol_is_told_to_pause_above_the_mark_and_not_at_it() {
    for excess in [0, 1] {
        let log = Events::new();
        let mut server = server(&log);
        let mut limits = Limits::DEFAULT;
        (limits.high_water, limits.low_water) = (2 * (100 + COST), 0);
        server.transport().set_limits(limits);
        server.transport().transmit(vec![b'x'; 100]);
        server.transport().transmit(vec![b'x'; 100 + excess]);
        // The peer has a message of its own agreed to, so that there is something to do.
        server.settle();
        server.deliver(b"\x00\x00\x00\x01y");
        let told = log.take().contains(&"paused".to_owned());
        assert_eq!(told, excess == 1);
    }
}

#[test]
fn without_a_word_of_the_protocol_refusals_are_errors() {
    let log = Events::new();
    let mut end = Probe::new(TinyReceiver::server(Plain(log.clone())).max_message(10));
    end.deliver(b"\xff\x00\x00\x00\x0b");
    end.deliver_eof();
    assert_eq!(log.take(), [failed(TinyProtoError::MessageTooLarge { size: 11, limit: 10 })]);

    let mut end = server(&log);
    end.transport().transmit("hello");
    end.settle();
    end.deliver(b"\xfd");
    end.deliver_eof();
    assert_eq!(log.take(), [failed(TinyProtoError::TransmissionRefused { code: 0xfd })]);
}

#[test]
fn errors_say_what_the_peer_has_done() {
    let said = |error: TinyProtoError, words: &[&str]| {
        let text = error.to_string();
        assert!(words.iter().all(|word| text.contains(word)), "{text}");
    };
    said(TinyProtoError::ConnectionRefused { code: 0xfe }, &["refused"]);
    said(TinyProtoError::ConnectionRefused { code: 0xfd }, &["refused", "fd"]);
    said(TinyProtoError::NotTinyProto { found: 0x47 }, &["47"]);
    said(TinyProtoError::MessageTooLarge { size: 11, limit: 10 }, &["11 bytes", "10"]);
    said(TinyProtoError::TransmissionRefused { code: 0xfd }, &["refused", "fd"]);
    said(TinyProtoError::Truncated { received: 3, size: Some(5) }, &["3 of 5"]);
    said(TinyProtoError::Truncated { received: 3, size: None }, &["size", "3"]);
    said(TinyProtoError::NotTransmitted { messages: 7 }, &["7"]);
}
