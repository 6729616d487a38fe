//! Lines: delimiters, limits, the end of the connection.

mod common;

use std::cell::Cell;
use std::rc::Rc;

use common::Lines;
use ropewalk_protocols::{Delimiter, FrameTooLong, LineProtocol, LineReceiver, LineTransport, SendLine};
use ropewalk_reactor::testing::{Events, Probe, check_protocol};
use ropewalk_reactor::{Protocol, Reason, Result, Transport};

type React = fn(&mut LineTransport<'_>, &[u8]) -> Result;

fn receiver(log: Events, react: React) -> LineReceiver<impl LineProtocol> {
    LineReceiver::new(Lines { log, react })
}

fn ignore(_: &mut LineTransport<'_>, _: &[u8]) -> Result {
    Ok(())
}

/// Echoes each line, and closes at `quit`.
fn echo(transport: &mut LineTransport<'_>, line: &[u8]) -> Result {
    match line {
        b"quit" => transport.lose_connection(),
        line => transport.send_line(line),
    }
    Ok(())
}

const CLOSED: &str = "lost the connection was closed cleanly";

fn too_long(limit: usize) -> String {
    format!("lost the connection was closed because of an error: {}", FrameTooLong { limit, length: None })
}

#[test]
fn s1_a_line_of_the_limit_is_accepted_and_one_byte_more_is_not() {
    let make = |log| receiver(log, ignore).max_length(5);
    assert_eq!(check_protocol(make, "12345\r\n").events, ["line 12345", "eof ", CLOSED]);
    assert_eq!(check_protocol(make, "123456\r\n1\r\n").events, [too_long(5)]);
}

#[test]
fn s2_an_unended_line_fails_when_no_delimiter_can_end_it_within_the_limit() {
    let log = Events::new();
    let mut probe = Probe::new(receiver(log.clone(), ignore).max_length(5));
    probe.deliver("12345\r");
    assert!(!probe.is_closing());
    probe.deliver("\n123456");
    assert!(!probe.is_closing());
    probe.deliver("7");
    assert!(probe.is_closing());
    probe.deliver_eof();
    assert_eq!(log.take(), ["line 12345", &too_long(5)]);
}

#[test]
fn s3_a_short_line_before_a_long_one_is_delivered() {
    let make = |log| receiver(log, echo).max_length(5);
    let outcome = check_protocol(make, "one\r\nlonger line");
    assert_eq!(outcome.events, ["line one", &too_long(5)]);
    assert_eq!(outcome.written, b"one\r\n", "what was answered before is sent");
}

#[test]
fn s4_the_reason_is_typed() {
    struct Keeping(Rc<Cell<Option<FrameTooLong>>>);
    impl LineProtocol for Keeping {
        fn line_received(&mut self, _: &mut LineTransport<'_>, _: &[u8]) -> Result {
            Ok(())
        }

        fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
            if let Reason::Error(error) = reason {
                self.0.set(error.downcast_ref().copied());
            }
        }
    }
    let reason = Rc::new(Cell::new(None));
    let mut probe = Probe::new(LineReceiver::new(Keeping(Rc::clone(&reason))));
    probe.deliver([b'x'; 16_385]);
    assert!(!probe.is_closing());
    probe.deliver("x");
    probe.deliver_eof();
    assert_eq!(reason.get(), Some(FrameTooLong { limit: 16_384, length: None }));
}

/// Notes lines that are too long and does something about them.
struct Tolerant {
    log: Events,
    deed: fn(&mut LineTransport<'_>),
}

impl LineProtocol for Tolerant {
    fn line_received(&mut self, _: &mut LineTransport<'_>, line: &[u8]) -> Result {
        self.log.record_bytes("line", line);
        Ok(())
    }

    fn raw_data_received(&mut self, _: &mut LineTransport<'_>, data: &[u8]) -> Result {
        self.log.record_stream("raw", data);
        Ok(())
    }

    fn line_too_long(&mut self, transport: &mut LineTransport<'_>, start: &[u8], limit: usize) -> Result {
        self.log.record_bytes("too long", start);
        assert_eq!(start.len(), limit + 1);
        (self.deed)(transport);
        Ok(())
    }
}

#[test]
fn s23_a_tolerated_long_line_is_thrown_away_and_the_next_is_delivered() {
    for delimiter in [Delimiter::CrLf, Delimiter::LfOrCrLf] {
        let delimiter = &delimiter;
        let make = |log| {
            let protocol = Tolerant { log, deed: |_| {} };
            LineReceiver::new(protocol).max_length(3).delimiter(delimiter.clone())
        };
        let outcome = check_protocol(make, "abcde\r\nab\r\nabcdefgh\rij\r\r\nabcd\r\nabc\r\nabcdef");
        let expected =
            ["too long abcd", "line ab", "too long abcd", "too long abcd", "line abc", "too long abcd"];
        assert_eq!(outcome.events, expected, "{delimiter:?}");
    }
}

#[test]
fn s5_line_mode_set_by_the_hook_parses_at_once() {
    let make = |log| {
        let deed = |transport: &mut LineTransport<'_>| transport.set_line_mode("");
        LineReceiver::new(Tolerant { log, deed }).max_length(3)
    };
    let outcome = check_protocol(make, "abcdef\r\nxyz\r\nabcdefghijk\r\n");
    assert_eq!(
        outcome.events,
        ["too long abcd", "line ef", "line xyz", "too long abcd", "too long efgh", "line ijk"]
    );
}

#[test]
fn raw_mode_set_by_the_hook_gets_what_follows() {
    let make = |log| {
        let deed = |transport: &mut LineTransport<'_>| transport.set_raw_mode();
        LineReceiver::new(Tolerant { log, deed }).max_length(3)
    };
    assert_eq!(check_protocol(make, "abcdef\r\nxyz").events, ["too long abcd", "raw ef\\r\\nxyz"]);
}

#[test]
fn a_limit_of_zero_accepts_only_empty_lines() {
    let make = |log| receiver(log, ignore).max_length(0);
    assert_eq!(check_protocol(make, "\r\n\r\n").events, ["line ", "line ", "eof ", CLOSED]);
    assert_eq!(check_protocol(make, "\r\na\r\n").events, ["line ", &too_long(0)]);
    let tolerant =
        |deed: fn(&mut LineTransport<'_>)| move |log| LineReceiver::new(Tolerant { log, deed }).max_length(0);
    assert_eq!(check_protocol(tolerant(|_| {}), "abc\r\n\r\n").events, ["too long a", "line "]);
    let flipping = check_protocol(tolerant(|transport| transport.set_line_mode("")), "abc\r\n");
    assert_eq!(flipping.events, ["too long a", "too long b", "too long c", "line "]);
}

#[test]
fn a_limit_of_everything_does_not_overflow() {
    let make = |log| receiver(log, ignore).max_length(usize::MAX);
    assert_eq!(check_protocol(make, "abc\r\nd").events, ["line abc", "eof d", CLOSED]);
}

#[test]
fn s6_any_split_gives_the_same_lines() {
    let make = |log| receiver(log, echo);
    let outcome = check_protocol(make, "one\r\n\r\nt\rw\no\r\r\n\nthree\r\nrest\r");
    assert_eq!(
        outcome.events,
        ["line one", "line ", "line t\\rw\\no\\r", "line \\nthree", "eof rest\\r", CLOSED]
    );
}

#[test]
fn s6_long_input_in_random_parts() {
    let mut input = Vec::new();
    for number in 0..200_usize {
        input.extend(std::iter::repeat_n(b'a' + (number % 26) as u8, number * 7919 % 300));
        input.extend(b"\r\n");
    }
    let make = |log| receiver(log, echo);
    assert_eq!(check_protocol(make, &input).written, input);
}

#[test]
fn s15_s17_closing_stops_the_lines_of_the_same_read() {
    let make = |log| receiver(log, echo);
    let outcome = check_protocol(make, "one\r\nquit\r\nignored\r\nrest");
    assert_eq!(outcome.events, ["line one", "line quit", CLOSED]);
    assert_eq!(outcome.written, b"one\r\n");
}

#[test]
fn s16_clearing_the_buffer_takes_the_rest_and_later_data_starts_a_line() {
    let log = Events::new();
    let taken = log.clone();
    let react = move |transport: &mut LineTransport<'_>, line: &[u8]| {
        if line == b"clear" {
            taken.record_bytes("taken", &transport.clear_line_buffer());
            assert!(transport.rest().is_empty());
        }
        Ok(())
    };
    let mut probe = Probe::new(LineReceiver::new(Lines { log: log.clone(), react }));
    probe.deliver("a\r\nclear\r\nb\r\nc");
    probe.deliver("d\r\nclear\r\n");
    probe.deliver("e\r\n");
    assert_eq!(
        log.take(),
        ["line a", "line clear", "taken b\\r\\nc", "line d", "line clear", "taken ", "line e"]
    );
}

#[test]
fn s19_an_error_ends_the_connection_with_that_error_after_what_was_written() {
    let make = |log| {
        receiver(log, |transport, line| {
            transport.send_line(line);
            if line == b"bad" { Err("no such command".into()) } else { Ok(()) }
        })
    };
    let outcome = check_protocol(make, "good\r\nbad\r\nignored\r\n");
    let lost = "lost the connection was closed because of an error: no such command";
    assert_eq!(outcome.events, ["line good", "line bad", lost]);
    assert_eq!(outcome.written, b"good\r\nbad\r\n");
}

#[test]
fn s21_any_delimiter_but_an_empty_one() {
    let with = |delimiter: &'static Delimiter| move |log| receiver(log, echo).delimiter(delimiter.clone());
    let leak = |delimiter| -> &'static Delimiter { Box::leak(Box::new(delimiter)) };
    let error = Delimiter::custom("").unwrap_err();
    assert_eq!(error.to_string(), "the delimiter of lines must not be empty");
    for (delimiter, input, expected) in [
        (Delimiter::Lf, "a\r\n\nb", vec!["line a\\r", "line ", "eof b"]),
        (
            Delimiter::LfOrCrLf,
            "a\r\nb\n\r\n\nc\r\r\n\rd\n",
            vec!["line a", "line b", "line ", "line ", "line c\\r", "line \\rd", "eof "],
        ),
        (Delimiter::custom("\0").unwrap(), "a\0\0b", vec!["line a", "line ", "eof b"]),
        (Delimiter::custom("aab").unwrap(), "aaab1aabaab2aa", vec!["line a", "line 1", "line ", "eof 2aa"]),
        (
            Delimiter::custom("----").unwrap(),
            "-----x---------y--",
            vec!["line ", "line -x", "line ", "eof -y--"],
        ),
    ] {
        let mut expected = expected;
        expected.push(CLOSED);
        assert_eq!(check_protocol(with(leak(delimiter)), input).events, expected);
    }
}

#[test]
fn s22_the_limit_leaves_room_for_a_partial_delimiter_of_any_kind() {
    let delimiter = &Delimiter::custom("<end>").unwrap();
    let make =
        |log| LineReceiver::new(Tolerant { log, deed: |_| {} }).max_length(3).delimiter(delimiter.clone());
    let outcome = check_protocol(make, "abc<end>abcd<end>abc<en<end>ab<end>abcde");
    assert_eq!(outcome.events, ["line abc", "too long abcd", "too long abc<", "line ab"]);
    let outcome = check_protocol(make, "abcdefgh");
    assert_eq!(outcome.events, ["too long abcd"]);
}

#[test]
fn s24_send_line_adds_the_delimiter_and_nothing_else() {
    let make = |log| {
        receiver(log, |transport, line| {
            transport.send_line(line);
            transport.send_line_with(line, &Delimiter::Lf);
            transport.send_line_with(line, &Delimiter::LfOrCrLf);
            transport.send_line_with(line, &Delimiter::custom("|").unwrap());
            Ok(())
        })
    };
    assert_eq!(check_protocol(make, "a\nb\r\n").written, b"a\nb\r\na\nb\na\nb\r\na\nb|");
}

#[test]
fn a_receiver_can_be_boxed_and_is_named_after_its_protocol() {
    let receiver: Box<dyn Protocol> =
        Box::new(LineReceiver::new(Tolerant { log: Events::new(), deed: |_| {} }));
    assert!(receiver.name().ends_with("Tolerant"), "{}", receiver.name());
}
