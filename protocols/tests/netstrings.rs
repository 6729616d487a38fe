//! Netstrings.
#![expect(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

mod common;

use std::cell::Cell;
use std::rc::Rc;

use common::{Random, Strings, run};
use ropewalk_protocols::{
    BadNetstring, FrameTooLong, NetstringReceiver, SendString, StringProtocol, StringTransport,
};
use ropewalk_reactor::testing::{Events, Probe, check_protocol};
use ropewalk_reactor::{Reason, Result, Transport};

/// Answers each string, and closes at `quit`.
fn echo(transport: &mut StringTransport<'_>, string: &[u8]) -> Result {
    match string {
        b"quit" => transport.lose_connection(),
        string => transport.send_netstring(string),
    }
    Ok(())
}

fn receiver(log: Events) -> NetstringReceiver<impl StringProtocol> {
    NetstringReceiver::new(Strings { log, react: echo })
}

const CLOSED: &str = "lost the connection was closed cleanly";

fn failed(error: impl std::fmt::Display) -> String {
    format!("lost the connection was closed because of an error: {error}")
}

#[test]
fn s25_any_split_gives_the_same_strings() {
    let outcome = check_protocol(receiver, "0:,4:1:a,,3:abc,10:0123456789,");
    assert_eq!(outcome.events, ["string ", "string 1:a,", "string abc", "string 0123456789", "eof ", CLOSED]);
    assert_eq!(outcome.written, b"0:,4:1:a,,3:abc,10:0123456789,");
}

#[test]
fn s25_long_input_in_random_parts() {
    let mut input = Vec::new();
    for number in 0..50 {
        let length = number * 7919 % 1000;
        input.extend(format!("{length}:").bytes());
        input.extend(std::iter::repeat_n(b'0' + (number % 10) as u8, length));
        input.push(b',');
    }
    assert_eq!(check_protocol(receiver, &input).written, input);
}

/// The error that `input` leads to, and how many bytes of it were enough.
fn rejected(input: &str) -> (String, usize) {
    let log = Events::new();
    let mut probe = Probe::new(receiver(log.clone()));
    for (place, byte) in input.bytes().enumerate() {
        probe.deliver([byte]);
        if probe.is_closing() {
            probe.deliver_eof();
            return (log.take().pop().unwrap(), place + 1);
        }
    }
    panic!("{input} was accepted: {:?}", log.take());
}

#[test]
fn s26_a_bad_length_is_rejected_as_soon_as_it_is_seen() {
    for (input, error, seen) in [
        ("00:,", BadNetstring::LeadingZero, 2),
        ("01:a,", BadNetstring::LeadingZero, 2),
        ("+1:a,", BadNetstring::BadLength { found: b'+' }, 1),
        ("-1:a,", BadNetstring::BadLength { found: b'-' }, 1),
        (" 1:a,", BadNetstring::BadLength { found: b' ' }, 1),
        ("1 :a,", BadNetstring::BadLength { found: b' ' }, 2),
        ("a:0123456789,", BadNetstring::BadLength { found: b'a' }, 1),
        (":,", BadNetstring::BadLength { found: b':' }, 1),
        (",", BadNetstring::BadLength { found: b',' }, 1),
    ] {
        assert_eq!(rejected(input), (failed(error), seen), "{input}");
        check_protocol(receiver, input);
    }
}

#[test]
fn s27_a_length_above_the_limit_is_rejected_before_the_colon() {
    let error = FrameTooLong { limit: 99_999, length: Some(100_000) };
    assert_eq!(rejected("100000:"), (failed(error), 6));
    let error = FrameTooLong { limit: 99_999, length: Some(999_999) };
    assert_eq!(rejected("99999999999999999999999999:"), (failed(error), 6));
    let full = [b"99999:".as_slice(), &[b'x'; 99_999], b","].concat();
    assert_eq!(run(&[&full], receiver).written, full);
}

#[test]
fn s28_a_string_without_its_comma_is_rejected_and_not_delivered() {
    let error = BadNetstring::MissingComma { found: b'd' };
    assert_eq!(rejected("3:abcd"), (failed(error), 6));
    assert_eq!(check_protocol(receiver, "1:a,3:abcd,").events, ["string a", &failed(error)]);
    assert_eq!(check_protocol(receiver, "0:x").events, [failed(BadNetstring::MissingComma { found: b'x' })]);
}

#[test]
fn s29_strings_before_a_rejection_were_delivered_and_the_reason_is_typed() {
    struct Keeping(Rc<Cell<Option<BadNetstring>>>);
    impl StringProtocol for Keeping {
        fn string_received(&mut self, transport: &mut StringTransport<'_>, string: &[u8]) -> Result {
            transport.send_netstring(string);
            Ok(())
        }

        fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
            if let Reason::Error(error) = reason {
                self.0.set(error.downcast_ref().copied());
            }
        }
    }
    let reason = Rc::new(Cell::new(None));
    let mut probe = Probe::new(NetstringReceiver::new(Keeping(Rc::clone(&reason))));
    probe.deliver("1:a,2:bc,x");
    assert_eq!(probe.written(), b"1:a,2:bc,");
    probe.deliver_eof();
    assert_eq!(reason.get(), Some(BadNetstring::BadLength { found: b'x' }));
}

#[test]
fn s30_digits_followed_by_a_line_feed_are_rejected() {
    assert_eq!(rejected("3\n:abc,"), (failed(BadNetstring::BadLength { found: b'\n' }), 2));
}

#[test]
fn s31_closing_stops_the_strings_of_the_same_read() {
    let outcome = check_protocol(receiver, "1:a,4:quit,1:b,");
    assert_eq!(outcome.events, ["string a", "string quit", CLOSED]);
    assert_eq!(outcome.written, b"1:a,");
}

#[test]
fn s32_a_limit_of_zero_accepts_only_the_empty_string() {
    let make = |log| receiver(log).max_length(0);
    assert_eq!(check_protocol(make, "0:,0:,").events, ["string ", "string ", "eof ", CLOSED]);
    let error = FrameTooLong { limit: 0, length: Some(1) };
    assert_eq!(check_protocol(make, "0:,1:a,").events, ["string ", &failed(error)]);
}

#[test]
fn s33_sending_has_no_limit() {
    let log = Events::new();
    let probe = Probe::new(receiver(log).max_length(1));
    probe.transport().send_netstring("longer than the limit");
    let mut probe = probe;
    probe.settle();
    assert_eq!(probe.written(), b"21:longer than the limit,");
}

/// A model that knows the whole input: what a correct receiver delivers from it.
fn model(mut input: &[u8], limit: usize) -> Vec<String> {
    let mut strings = Vec::new();
    loop {
        let digits = input.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (number, after) = input.split_at(digits);
        let number = std::str::from_utf8(number).unwrap();
        let Ok(length) = number.parse::<usize>() else { return strings };
        if length > limit || (number.len() > 1 && number.starts_with('0')) {
            return strings;
        }
        let Some(after) = after.strip_prefix(b":") else { return strings };
        if after.get(length) != Some(&b',') {
            return strings;
        }
        strings.push(format!("string {}", after[..length].escape_ascii()));
        input = &after[length + 1..];
    }
}

#[test]
fn random_bytes_of_the_alphabet_of_netstrings_agree_with_the_model() {
    let mut random = Random(25);
    for _ in 0..2_000 {
        let length = random.below(24);
        let input: Vec<u8> = (0..length).map(|_| b"0011223:::,,,"[random.below(13)]).collect();
        let parts = common::random_parts(&input, &mut random);
        let log = Events::new();
        let mut probe = Probe::new(receiver(log.clone()).max_length(12));
        for part in parts {
            probe.deliver(part);
        }
        let heard: Vec<_> = log.take().into_iter().filter(|event| event.starts_with("string")).collect();
        assert_eq!(heard, model(&input, 12), "{}", input.escape_ascii());
    }
}
