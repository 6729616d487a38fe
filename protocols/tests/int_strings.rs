//! Strings after their length in binary.

mod common;

use common::{Strings, resume_fully, run};
use ropewalk_protocols::{
    FrameTooLong, Int8StringReceiver, Int16StringReceiver, Int32StringReceiver, SendString, StringProtocol,
    StringTooLong, StringTransport,
};
use ropewalk_reactor::testing::{Events, Probe, check_protocol};
use ropewalk_reactor::{Protocol, Result};

const CLOSED: &str = "lost the connection was closed cleanly";

fn failed(error: impl std::fmt::Display) -> String {
    format!("lost the connection was closed because of an error: {error}")
}

/// Answers each string; `quit` closes, `pause` pauses, `both` pauses and resumes, `switch` hands over to strings with
/// another prefix.
fn react(transport: &mut StringTransport<'_>, string: &[u8]) -> Result {
    match string {
        b"quit" => transport.lose_connection(),
        b"pause" => transport.pause_reading(),
        b"both" => {
            transport.pause_reading();
            transport.resume_reading();
        }
        string => transport.send_string16(string)?,
    }
    Ok(())
}

fn int8(log: Events) -> Int8StringReceiver<impl StringProtocol> {
    Int8StringReceiver::new(Strings { log, react })
}

fn int16(log: Events) -> Int16StringReceiver<impl StringProtocol> {
    Int16StringReceiver::new(Strings { log, react })
}

fn int32(log: Events) -> Int32StringReceiver<impl StringProtocol> {
    Int32StringReceiver::new(Strings { log, react })
}

#[test]
fn s34_the_prefix_is_big_endian() {
    let expected = ["string abc", "string ", "string d", "eof ", CLOSED];
    assert_eq!(check_protocol(int8, b"\x03abc\x00\x01d").events, expected);
    assert_eq!(check_protocol(int16, b"\x00\x03abc\x00\x00\x00\x01d").events, expected);
    assert_eq!(
        check_protocol(int32, b"\x00\x00\x00\x03abc\x00\x00\x00\x00\x00\x00\x00\x01d").events,
        expected
    );
    let long = [b"\x01\x02".as_slice(), &[b'x'; 0x102]].concat();
    assert_eq!(run(&[&long], int16).written, long);
}

#[test]
fn s34_a_length_above_the_limit_fails_as_soon_as_the_prefix_has_come() {
    let log = Events::new();
    let mut probe = Probe::new(int32(log.clone()).max_length(5));
    probe.deliver(b"\x00\x00\x00\x0512345\x00\x00\x00");
    assert_eq!(log.take(), ["string 12345"]);
    probe.deliver(b"\x06");
    assert!(probe.is_closing());
    probe.deliver_eof();
    assert_eq!(log.take(), [failed(FrameTooLong { limit: 5, length: Some(6) })]);
    let make = |log| int16(log).max_length(5);
    let outcome = check_protocol(make, b"\x00\x01a\x00\x06123456\x00\x01b");
    assert_eq!(outcome.events, ["string a", &failed(FrameTooLong { limit: 5, length: Some(6) })]);
}

#[test]
fn s35_the_default_limit_is_99999_for_all() {
    let error = failed(FrameTooLong { limit: 99_999, length: Some(100_000) });
    assert_eq!(check_protocol(int32, 100_000_u32.to_be_bytes()).events, [error]);
    let error = failed(FrameTooLong { limit: 99_999, length: Some(u64::from(u32::MAX)) });
    assert_eq!(check_protocol(int32, b"\xff\xff\xff\xffab").events, [error]);
    let input = [&99_999_u32.to_be_bytes()[..], &[b'x'; 99_999]].concat();
    assert_eq!(
        run(&[&input], |log| Int32StringReceiver::new(Strings { log, react: ignore })).events.len(),
        3
    );
    let input = [b"\xff\xff".as_slice(), &[b'x'; 65_535]].concat();
    assert_eq!(run(&[&input], int16).written, input);
}

fn ignore(_: &mut StringTransport<'_>, _: &[u8]) -> Result {
    Ok(())
}

#[test]
fn s36_empty_strings_are_delivered_also_under_a_limit_of_zero() {
    let make = |log| int16(log).max_length(0);
    assert_eq!(check_protocol(make, [0; 4]).events, ["string ", "string ", "eof ", CLOSED]);
    let error = failed(FrameTooLong { limit: 0, length: Some(1) });
    assert_eq!(check_protocol(make, [0, 0, 0, 1, 0]).events, ["string ", &error]);
}

#[test]
fn s37_sending_fails_when_the_length_does_not_fit_the_prefix() {
    let mut probe = Probe::new(int8(Events::new()).max_length(1));
    let transport = probe.transport();
    let error = StringTooLong { limit: 255, length: 256 };
    assert_eq!(transport.send_string8([b'x'; 256]), Err(error));
    assert_eq!(error.to_string(), "a string of 256 bytes is longer than 255 bytes");
    let error = StringTooLong { limit: 65_535, length: 65_536 };
    assert_eq!(transport.send_string16([b'x'; 65_536]), Err(error));
    assert_eq!(transport.send_string8([b'8'; 255]), Ok(()));
    assert_eq!(transport.send_string16([b'6'; 65_535]), Ok(()));
    assert_eq!(transport.send_string32(b"32"), Ok(()));
    probe.settle();
    let expected = [b"\xff".as_slice(), &[b'8'; 255], b"\xff\xff", &[b'6'; 65_535], b"\0\0\0\x0232"].concat();
    assert!(probe.written() == expected);
}

#[test]
fn s38_s40_pausing_stops_after_that_string_and_resuming_goes_on_once() {
    let log = Events::new();
    let mut probe = Probe::new(int8(log.clone()));
    probe.deliver(b"\x01a\x05pause\x04both\x01b\x05pause\x01");
    probe.deliver(b"c");
    assert_eq!(log.take(), ["string a", "string pause"]);
    probe.transport().resume_reading();
    probe.settle();
    assert_eq!(log.take(), ["string both", "string b", "string pause"]);
    resume_fully(&mut probe);
    assert_eq!(log.take(), ["string c"]);
    let outcome = check_protocol(int8, b"\x01a\x05pause\x04both\x01b\x05pause\x01c");
    assert_eq!(outcome.written, b"\0\x01a\0\x01b\0\x01c");
}

/// Tolerates strings that are too long.
struct Tolerant(Events);

impl StringProtocol for Tolerant {
    fn string_received(&mut self, _: &mut StringTransport<'_>, string: &[u8]) -> Result {
        self.0.record_bytes("string", string);
        Ok(())
    }

    fn string_too_long(&mut self, _: &mut StringTransport<'_>, length: u64, limit: usize) -> Result {
        self.0.record_bytes("too long", format!("{length} > {limit}").as_bytes());
        Ok(())
    }
}

#[test]
fn s39_after_a_tolerated_long_string_comes_the_next_one_and_nothing_twice() {
    let make = |log| Int8StringReceiver::new(Tolerant(log)).max_length(3);
    let outcome = check_protocol(make, b"\x01a\x05abcde\x03abc\x04abcd\x00\x09rest");
    assert_eq!(
        outcome.events,
        ["string a", "too long 5 > 3", "string abc", "too long 4 > 3", "string ", "too long 9 > 3"]
    );
}

#[test]
fn s41_closing_stops_the_strings_of_the_same_read() {
    let outcome = check_protocol(int8, b"\x01a\x04quit\x01b");
    assert_eq!(outcome.events, ["string a", "string quit", CLOSED]);
    assert_eq!(outcome.written, b"\0\x01a");
}

#[test]
fn s42_a_successor_gets_the_rest_and_nothing_twice() {
    fn make(log: Events) -> impl Protocol {
        let successor = log.clone();
        let react = move |transport: &mut StringTransport<'_>, string: &[u8]| {
            if string == b"switch" {
                transport.switch_protocol(int16(successor.clone()), transport.rest());
            }
            Ok(())
        };
        Int8StringReceiver::new(Strings { log, react })
    }
    let outcome = check_protocol(make, b"\x01a\x06switch\0\x01b\0\x02cd\0");
    assert_eq!(outcome.events, ["string a", "string switch", "string b", "string cd", "eof \\x00", CLOSED]);
}

#[test]
fn the_limit_can_be_raised_from_within() {
    fn make(log: Events) -> impl Protocol {
        let react = |transport: &mut StringTransport<'_>, _: &[u8]| {
            transport.set_max_length(5);
            Ok(())
        };
        Int8StringReceiver::new(Strings { log, react }).max_length(1)
    }
    let outcome = check_protocol(make, b"\x01a\x05abcde");
    assert_eq!(outcome.events[..2], ["string a", "string abcde"]);
}

#[test]
fn an_error_ends_the_connection_with_that_error() {
    fn make(log: Events) -> impl Protocol {
        let react = |_: &mut StringTransport<'_>, _: &[u8]| Err("no".into());
        Int8StringReceiver::new(Strings { log, react })
    }
    assert_eq!(check_protocol(make, b"\x01a\x01b").events, ["string a", &failed("no")]);
}
