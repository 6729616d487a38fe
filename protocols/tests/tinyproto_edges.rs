//! What peers of tinyproto do wrong, and what becomes of it: row by row what breaks the programs in Python.

mod tiny;

use std::time::Duration;

use ropewalk_protocols::{TinyProtoError, TinyReceiver, Transmit};
use ropewalk_reactor::testing::{Events, Probe};
use ropewalk_reactor::{Limits, Transport};
use tiny::{Hears, echo, echo_back, failed, transcript};

const CLOSED: &str = "lost the connection was closed cleanly";

fn tolerant(log: &Events) -> TinyReceiver<Hears<tiny::React>> {
    TinyReceiver::server(Hears { tolerates: true, ..Hears::new(log, echo_back as tiny::React) })
}

/// What an echo server does with `input`, after which the peer finishes: what it writes, and what its protocol hears.
fn heard(input: &[u8]) -> (Vec<u8>, Vec<String>) {
    let log = Events::new();
    let mut server = Probe::new(echo(log.clone()));
    server.deliver(input);
    let written = server.written();
    server.deliver_eof();
    assert!(server.is_closed() && !server.peer().was_reset(), "the peer hears an orderly end");
    (written, log.take())
}

#[test]
fn bytes_may_come_one_by_one() {
    let log = Events::new();
    let mut server = Probe::new(echo(log.clone()));
    for byte in b"\xff\x00\x00\x00\x02hi" {
        server.deliver([*byte]);
    }
    assert_eq!(server.written(), b"\xff\xff\x00\x00\x00\x0d");
    assert_eq!(log.take(), ["ready", "message hi"]);
}

#[test]
fn a_message_may_come_before_it_is_agreed_to() {
    let (written, events) = heard(b"\xff\x00\x00\x00\x02hi");
    assert_eq!(written, b"\xff\xff\x00\x00\x00\x0d");
    assert_eq!(events[..2], ["ready", "message hi"]);
}

#[test]
fn two_messages_may_come_before_the_first_is_agreed_to() {
    let log = Events::new();
    let mut server = Probe::new(echo(log.clone()));
    transcript(
        &mut server,
        &[
            (b"\xff\x00\x00\x00\x02hi\x00\x00\x00\x03you", b"\xff\xff\x00\x00\x00\x0d\xff"),
            (b"\xff", b"Echo back: hi\x00\x00\x00\x0e"),
            (b"\xff", b"Echo back: you"),
        ],
    );
    assert_eq!(log.take(), ["ready", "message hi", "message you"]);
}

#[test]
fn a_wrong_first_byte_ends_the_connection() {
    for (byte, error) in [
        (0x00, TinyProtoError::ConnectionRefused { code: 0 }),
        (0xfe, TinyProtoError::ConnectionRefused { code: 0xfe }),
        (0xfd, TinyProtoError::ConnectionRefused { code: 0xfd }),
        (0x16, TinyProtoError::NotTinyProto { found: 0x16 }),
    ] {
        let mut server = Probe::new(echo(Events::new()));
        server.deliver([byte, 0, 0, 5]);
        assert!(server.peer().has_finished(), "the socket does not stay open");
        let (written, events) = heard(&[byte, 0, 0, 5]);
        assert_eq!(written, b"\xff");
        assert_eq!(events, [failed(error)]);
    }
}

#[test]
fn a_size_that_cannot_be_is_refused_and_the_connection_closed() {
    for (input, size) in [(b"\xff\xf1\x00\x00\x00", 0xf100_0000), (b"\xff\xff\xff\xff\xff", 0xffff_ffff)] {
        let (written, events) = heard(input);
        assert_eq!(written, b"\xff\x00");
        let error = failed(TinyProtoError::MessageTooLarge { size, limit: 4 * 1024 * 1024 });
        assert_eq!(events, ["ready", &format!("too large {size}"), &error]);
    }
}

#[test]
fn a_protocol_may_go_on_after_a_message_that_was_too_large() {
    let log = Events::new();
    let mut server = Probe::new(tolerant(&log).max_message(5));
    transcript(
        &mut server,
        &[
            (b"\xff", b"\xff"),
            (b"\x00\x00\x00\x06", b"\xfd"),
            (b"\xf1\x00\x00\x00", b"\xfd"),
            (b"\x00\x00\x00\x05", b"\xff"),
            (b"hello", b"\x00\x00\x00\x10"),
        ],
    );
    assert_eq!(log.take(), ["ready", "too large 6", "too large 4043309056", "message hello"]);
}

#[test]
fn almost_four_gibibytes_are_refused_unless_they_are_allowed() {
    assert_eq!(heard(b"\xff\xf0\xff\xff\xff").0, b"\xff\x00");
    let log = Events::new();
    let mut server = Probe::new(echo(log.clone()).max_message(u32::MAX));
    transcript(&mut server, &[(b"\xff", b"\xff"), (b"\xf0\xff\xff\xff", b"\xff"), (b"abc", b"")]);
    server.deliver_eof();
    let error = failed(TinyProtoError::Truncated { received: 3, size: Some(0xf0ff_ffff) });
    assert_eq!(log.take(), ["ready", &error]);
    let log = Events::new();
    let mut server = Probe::new(echo(log).max_message(u32::MAX));
    transcript(&mut server, &[(b"\xff", b"\xff"), (b"\xf1\x00\x00\x00", b"\x00")]);
}

#[test]
fn a_refusal_ends_the_connection_and_the_message_is_not_sent() {
    for code in [0xfd, 0xfe, 0xf1] {
        let log = Events::new();
        let mut server = Probe::new(echo(log.clone()));
        transcript(&mut server, &[(b"\xff\x00\x00\x00\x02hi", b"\xff\xff\x00\x00\x00\x0d"), (&[code], b"")]);
        assert!(server.peer().has_finished());
        server.deliver_eof();
        let error = failed(TinyProtoError::TransmissionRefused { code });
        assert_eq!(log.take(), ["ready", "message hi", &format!("refused {code:02x}"), &error]);
    }
}

#[test]
fn a_zero_is_a_refusal_if_nothing_follows() {
    let log = Events::new();
    let mut server = Probe::new(echo(log.clone()));
    server.deliver(b"\xff\x00\x00\x00\x02hi");
    server.deliver([0]);
    server.advance(Duration::from_secs(9));
    assert!(server.transport().is_open());
    server.advance(Duration::from_secs(1));
    assert!(server.peer().has_finished());
    server.deliver_eof();
    let error = failed(TinyProtoError::TransmissionRefused { code: 0 });
    assert_eq!(log.take(), ["ready", "message hi", "refused 00", &error]);
}

#[test]
fn a_zero_is_a_refusal_if_the_input_ends_there() {
    let log = Events::new();
    let mut server = Probe::new(tolerant(&log));
    server.deliver(b"\xff\x00\x00\x00\x02hi\x00");
    server.deliver_eof();
    assert_eq!(log.take(), ["ready", "message hi", "refused 00", "eof", CLOSED]);
}

#[test]
fn a_zero_is_no_refusal_if_more_of_a_size_follows_in_time() {
    let log = Events::new();
    let mut server = Probe::new(echo(log.clone()));
    server.deliver(b"\xff\x00\x00\x00\x02hi\x00");
    server.advance(Duration::from_secs(9));
    server.deliver(b"\x00");
    server.advance(Duration::from_secs(9));
    server.deliver(b"\x00\x03you");
    assert_eq!(log.take(), ["ready", "message hi", "message you"]);
}

#[test]
fn after_a_refusal_that_is_tolerated_the_next_message_is_announced() {
    let log = Events::new();
    let mut server = Probe::new(tolerant(&log));
    transcript(
        &mut server,
        &[
            (b"\xff\x00\x00\x00\x02hi", b"\xff\xff\x00\x00\x00\x0d"),
            (b"\x00\x00\x00\x03you", b"\xff"),
            (b"\xfd", b"\x00\x00\x00\x0e"),
            (b"\xff", b"Echo back: you"),
        ],
    );
}

#[test]
fn a_message_that_breaks_off_is_not_delivered() {
    for (input, received, size) in [
        (&b"\xff\x00\x00\x00\x0aabc"[..], 3, Some(10)),
        (b"\xff\x00\x00\x00\x0a", 0, Some(10)),
        (b"\xff\x00\x05", 2, None),
        (b"\xff\x00", 1, None),
    ] {
        let (_, events) = heard(input);
        assert_eq!(events, ["ready", &failed(TinyProtoError::Truncated { received, size })]);
    }
}

#[test]
fn a_message_that_a_reset_cuts_off_is_not_delivered() {
    let log = Events::new();
    let mut server = Probe::new(echo(log.clone()));
    server.deliver(b"\xff\x00\x00\x00\x0aabc");
    server.reset();
    let events = log.take();
    assert!(events.len() == 2 && events[1].starts_with("lost the connection was lost: "), "{events:?}");
}

#[test]
fn an_end_between_messages_is_orderly() {
    assert_eq!(heard(b"\xff").1, ["ready", "eof", CLOSED]);
    assert_eq!(heard(b"").1, ["eof", CLOSED]);
}

/// A client and its peer announce a message at the same time, and the peer is one in Python.
fn collided(log: &Events, make: fn(Hears<tiny::React>) -> TinyReceiver<Hears<tiny::React>>) -> Probe {
    let mut end = Probe::new(make(Hears::new(log, (|_, _| Ok(())) as tiny::React)));
    end.deliver(b"\xff");
    end.transport().transmit("from this end....");
    end.settle();
    end.deliver(b"\x00\x00\x00\x11");
    end
}

#[test]
fn a_peer_that_breaks_at_a_collision_is_reported() {
    for make in [TinyReceiver::client, TinyReceiver::server] {
        for how in ["waits", "finishes", "resets"] {
            let log = Events::new();
            let mut end = collided(&log, make);
            match how {
                "waits" => end.advance(Duration::from_secs(10)),
                "finishes" => end.deliver_eof(),
                _ => end.reset(),
            }
            assert!(end.is_closing() || end.is_closed());
            end.deliver_eof();
            assert_eq!(log.take(), ["ready", &failed(TinyProtoError::Collision)], "{how}");
        }
    }
}

/// An empty message is over at once, so it does not show that the peer goes on.
#[test]
fn a_peer_that_breaks_at_a_collision_with_an_empty_message_is_reported() {
    let log = Events::new();
    let mut server = Probe::new(TinyReceiver::server(Hears::new(&log, |_, _| Ok(()))));
    server.deliver(b"\xff");
    server.transport().transmit("from this end....");
    server.settle();
    server.deliver(b"\x00\x00\x00\x00");
    server.advance(Duration::from_secs(10));
    assert!(server.is_closing());
    server.deliver_eof();
    assert_eq!(log.take(), ["ready", "message ", &failed(TinyProtoError::Collision)]);
}

#[test]
fn a_collision_waits_for_an_end_that_has_paused() {
    let log = Events::new();
    let mut end = collided(&log, TinyReceiver::client);
    end.transport().pause_reading();
    end.settle();
    end.advance(Duration::from_secs(100));
    end.deliver(b"\xff");
    end.transport().resume_reading();
    end.settle();
    end.advance(Duration::from_secs(100));
    assert_eq!(end.written(), b"\xff\x00\x00\x00\x11\x66rom this end....\xff");
    assert!(end.transport().is_open());
}

#[test]
fn no_two_messages_are_announced_in_a_row_by_a_polite_end() {
    let log = Events::new();
    let quiet = Duration::from_millis(100);
    let mut client = Probe::new(TinyReceiver::client(Hears::new(&log, |_, _| Ok(()))).polite(quiet));
    client.transport().transmit("one");
    client.transport().transmit("two");
    client.settle();
    transcript(&mut client, &[(b"\xff", b"\xff")]);
    client.advance(quiet);
    transcript(&mut client, &[(b"", b"\x00\x00\x00\x03"), (b"\xff", b"one")]);
    client.advance(quiet / 2);
    transcript(&mut client, &[(b"\x00\x00\x00\x0e", b"\xff"), (b"Echo back: ", b"")]);
    client.advance(quiet * 10);
    transcript(&mut client, &[(b"one", b"")]);
    client.advance(quiet - Duration::from_millis(1));
    transcript(&mut client, &[(b"", b"")]);
    client.advance(Duration::from_millis(1));
    transcript(&mut client, &[(b"", b"\x00\x00\x00\x03"), (b"\xff", b"two")]);
}

#[test]
fn a_polite_end_does_not_interrupt_the_announcement_of_its_peer() {
    let quiet = Duration::from_millis(100);
    let hears = Hears::new(&Events::new(), |_, _| Ok(()));
    let mut server = Probe::new(TinyReceiver::server(hears).polite(quiet));
    server.transport().transmit("hi");
    transcript(&mut server, &[(b"\xff\x00\x00", b"\xff")]);
    server.advance(quiet * 10);
    transcript(&mut server, &[(b"", b""), (b"\x00\x01", b"\xff"), (b"?", b"")]);
    server.advance(quiet);
    transcript(&mut server, &[(b"", b"\x00\x00\x00\x02")]);
}

#[test]
fn an_answer_waits_if_its_protocol_has_paused_reading() {
    let pause = |transport: &Transport, message: &[u8]| {
        transport.pause_reading();
        transport.transmit(message);
        Ok(())
    };
    let mut server = Probe::new(TinyReceiver::server(Hears::new(&Events::new(), pause)));
    transcript(&mut server, &[(b"\xff\x00\x00\x00\x02hi\x00\x00\x00\x03you", b"\xff\xff")]);
    server.transport().resume_reading();
    server.settle();
    transcript(&mut server, &[(b"", b"\x00\x00\x00\x02\xff")]);
}

#[test]
fn nothing_is_transmitted_while_reading_is_paused() {
    let mut client = Probe::new(TinyReceiver::client(Hears::new(&Events::new(), |_, _| Ok(()))));
    transcript(&mut client, &[(b"\xff", b"\xff")]);
    client.transport().pause_reading();
    client.transport().transmit("hi");
    client.settle();
    transcript(&mut client, &[(b"", b"")]);
    client.transport().resume_reading();
    client.settle();
    transcript(&mut client, &[(b"", b"\x00\x00\x00\x02")]);
}

#[test]
fn what_waits_for_a_peer_that_agrees_to_nothing_is_bounded() {
    let log = Events::new();
    let mut server = Probe::new(echo(log.clone()));
    let mut limits = Limits::default();
    limits.output = 1000;
    server.transport().set_limits(limits);
    server.deliver(b"\xff");
    // Each echo counts 75 bytes.
    for _ in 0..14 {
        assert!(server.transport().is_open());
        server.deliver(b"\x00\x00\x00\x00");
    }
    assert!(server.is_closed());
    let events = log.take();
    let reason = "lost the peer reads too slowly: more than 1000 bytes of output were waiting";
    assert_eq!(events.last().map(String::as_str), Some(reason));
}
