//! The same however the input is cut, whatever hinders it.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use ropewalk::testing::{Events, Law, Probe, check_protocol};
use ropewalk::{LineProtocol, LineReceiver, LineTransport, Protocol, Reason, Result, SendLine, Transport};

use super::{Reading, failure, reading};

/// Answers each line in capitals.
pub(super) struct Shout(Events);

impl LineProtocol for Shout {
    fn line_received(&mut self, transport: &mut LineTransport<'_>, line: &[u8]) -> Result {
        self.0.record_bytes("line", line);
        match line {
            b"quit" => transport.lose_connection(),
            b"abort" => transport.abort_connection(),
            b"fail" => return Err("told to".into()),
            line => transport.send_line(line.to_ascii_uppercase()),
        }
        Ok(())
    }
}

pub(super) fn shout(events: Events) -> LineReceiver<Shout> {
    LineReceiver::new(Shout(events))
}

#[test]
fn a_lawful_protocol_passes_and_its_outcome_is_returned() {
    let outcome = check_protocol(shout, "one\r\ntwo\r\nth");
    assert_eq!(outcome.events, ["line one", "line two"]);
    assert_eq!(outcome.written, b"ONE\r\nTWO\r\n");
    assert_eq!(outcome.connection, "the connection was closed cleanly");
    assert_eq!(check_protocol(shout, "a\r\nquit\r\nb\r\n").events, ["line a", "line quit"]);
    let failing = check_protocol(shout, "a\r\nfail\r\nb\r\n");
    assert_eq!(failing.connection, "the connection was closed because of an error: told to");
    assert_eq!(failing.written, b"A\r\n");
    let long = check_protocol(shout, "one line\r\n".repeat(1_000));
    assert_eq!(long.written.len(), 10_000);
}

#[test]
fn an_abort_may_throw_away_answers_and_passes() {
    let outcome = check_protocol(shout, "a\r\nabort\r\nb\r\n");
    assert_eq!(outcome.events, ["line a", "line abort"]);
    assert_eq!(outcome.written, b"");
    assert_eq!(outcome.connection, "the connection was aborted by this side");
}

/// Which law a protocol breaks, and the script that shows it.
fn broken<P: Protocol + 'static>(make: impl Fn(Events) -> P, input: &str) -> (Law, String) {
    let failure = failure(make, input);
    (failure.law, format!("{:?}", failure.script()).replace("Script::new()", ""))
}

#[test]
fn a_delimiter_cut_in_two_is_named() {
    // Looks for the delimiter in what is new.
    let make = reading(|events, buffer, _, data| {
        buffer.extend(data);
        if data.windows(2).any(|pair| pair == b"\r\n") {
            events.record_bytes("lines", &std::mem::take(buffer));
        }
    });
    assert_eq!(broken(make, "hello\r\n"), (Law::Chunking, r#".send(b"\r").send(b"\n")"#.into()));
}

#[test]
fn a_dropped_remainder_is_named() {
    let make = reading(|events, _, _, data| {
        for line in data.split_inclusive(|byte| *byte == b'\n') {
            if let Some(line) = line.strip_suffix(b"\n") {
                events.record_bytes("line", line);
            }
        }
    });
    assert_eq!(broken(make, "one\ntwo\n"), (Law::Chunking, r#".send(b"o").send(b"\n")"#.into()));
}

#[test]
fn an_answer_that_tells_the_size_of_reads_is_named() {
    let make = reading(|_, _, transport, data| transport.write(format!("{} ", data.len())));
    let failure = failure(make, "abc");
    assert_eq!(format!("{:?}", failure.script()), r#"Script::new().send(b"a").send(b"c")"#);
    let expected = "  written:    b\"2 \" plainly\n              b\"1 1 \" in this test";
    assert!(failure.to_string().contains(expected), "{failure}");
}

#[test]
fn a_close_that_depends_on_the_cut_is_named() {
    let make = reading(|_, _, transport, data| {
        if data == b"quit" {
            transport.lose_connection();
        }
    });
    let failure = failure(make, "quit");
    let expected = "  connection: closing plainly\n              open in this test";
    assert!(failure.to_string().contains(expected), "{failure}");
}

/// Holds lines back while paused, and forgets them when resumed unless more input comes.
struct Forgetful {
    events: Events,
    held: Vec<u8>,
}

impl Protocol for Forgetful {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        self.held.extend(data);
        while transport.delivers_input() {
            let Some(end) = self.held.iter().position(|byte| *byte == b'\n') else { break };
            self.events.record_bytes("line", &self.held[..end]);
            transport.write("ok\n");
            self.held.drain(..=end);
        }
        Ok(())
    }
}

#[test]
fn lines_stranded_by_a_pause_are_named_with_what_paused() {
    let held = |events| Forgetful { events, held: Vec::new() };
    assert_eq!(broken(held, "a\nb\n"), (Law::Pausing, r#".send(b"\n\n").pause_at_events()"#.into()));
    // Without events it is the blocked output that strands them.
    let silent = |_| Forgetful { events: Events::new(), held: Vec::new() };
    let blocked = r#".block_output().send(b"\n\n").unblock_output()"#;
    assert_eq!(broken(silent, "a\nb\n"), (Law::BlockedOutput, blocked.into()));
}

#[test]
fn lines_that_the_end_of_input_overtakes_are_named() {
    /// Goes on with held lines in an event, for which the end of input does not wait.
    struct Overtaken(Forgetful);
    impl Protocol for Overtaken {
        fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
            self.0.data_received(transport, data)
        }

        fn reading_resumed(&mut self, transport: &Transport) -> Result {
            transport.post(());
            Ok(())
        }

        fn event_received(&mut self, transport: &Transport, _: Box<dyn Any>) {
            if let Err(error) = self.0.data_received(transport, b"") {
                transport.fail(error);
            }
        }
    }
    let overtaken = |events| Overtaken(Forgetful { events, held: Vec::new() });
    let together = r#".send(b"\n\n").and().finish().pause_at_events()"#;
    assert_eq!(broken(overtaken, "a\nb\n"), (Law::Pausing, together.into()));
}

#[test]
fn a_protocol_that_talks_about_pauses_of_others_is_named() {
    struct Talkative;
    impl Protocol for Talkative {
        fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result {
            Ok(())
        }

        fn reading_resumed(&mut self, transport: &Transport) -> Result {
            transport.write("welcome back");
            Ok(())
        }
    }
    let paused = r#".pause_reading().resume_reading()"#;
    assert_eq!(broken(|_| Talkative, "abc"), (Law::Pausing, paused.into()));
}

#[test]
fn what_differs_at_the_end_of_input_only_is_found() {
    /// Tells at the end how often it was called.
    struct Counting(Events, usize);
    impl Protocol for Counting {
        fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result {
            self.1 += 1;
            Ok(())
        }

        fn connection_lost(&mut self, _: &Transport, _: &Reason) {
            self.0.record(self.1);
        }
    }
    let ended = r#".send(b"a").send(b"c").finish()"#;
    assert_eq!(broken(|events| Counting(events, 0), "abc"), (Law::EndOfInput, ended.into()));
}

#[test]
fn a_fault_far_into_a_long_input_is_shortened() {
    // Loses what a second read brings directly after a hash.
    let make = reading(|events, buffer, _, data| {
        if buffer.last() != Some(&b'#') {
            events.record_stream("data", data);
        }
        buffer.extend(data);
    });
    let input = [&"x".repeat(3_000), "#", &"y".repeat(3_000)].concat();
    let failure = failure(make, &input);
    assert_eq!(format!("{:?}", failure.script()), r##"Script::new().send(b"#").send(b"y")"##);
    assert!(failure.to_string().contains("shortened:  from 6001 bytes"), "{failure}");
}

#[test]
fn the_reason_is_known_of_a_successor_too() {
    let make = |events: Events| {
        let first = move |_: &Events, _: &mut Vec<u8>, transport: &Transport, data: &[u8]| {
            transport.switch_protocol(shout(events.clone()), &data[1..]);
        };
        Reading { events: Events::new(), buffer: Vec::new(), read: first }
    };
    let outcome = check_protocol(make, "!a\r\nfail\r\n");
    assert_eq!(outcome.events, ["line a", "line fail"]);
    assert_eq!(outcome.connection, "the connection was closed because of an error: told to");
}

#[test]
fn a_protocol_that_is_different_each_time_is_no_riddle() {
    let calls = Rc::new(Cell::new(0));
    let make = |events: Events| {
        calls.set(calls.get() + 1);
        if calls.get() == 2 {
            events.record("only once");
        }
        reading(|_, _, _, _| {})(events)
    };
    let failure = failure(make, "abc");
    assert_eq!(failure.law, Law::Determinism);
    assert!(
        failure.to_string().contains("did not do the same when it was given the same again"),
        "{failure}"
    );
}

#[test]
fn the_panic_points_at_the_test() {
    thread_local! {
        static LINE: Cell<u32> = const { Cell::new(0) };
    }
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let place = info.location().filter(|place| place.file() == file!());
        LINE.set(place.map_or(0, |place| place.line()));
        before(info);
    }));
    let make = reading(|_, _, transport, data| transport.write(format!("{} ", data.len())));
    let line = line!() + 1;
    let caught = catch_unwind(AssertUnwindSafe(|| check_protocol(make, "abc")));
    assert!(caught.is_err());
    assert_eq!(LINE.get(), line);
}

#[test]
fn events_work_with_a_probe_as_well() {
    let events = Events::new();
    let mut probe = Probe::new(shout(events.clone()));
    probe.deliver("one\r\ntw");
    assert_eq!(events.take(), ["line one"]);
    probe.deliver("o\r\n");
    assert_eq!(events.take(), ["line two"]);
    events.record_stream("part", b"a");
    events.record_stream("part", b"");
    events.record_stream("other", b"b");
    events.record_stream("other", b"c");
    events.record("end");
    events.record_stream("other", b"d");
    assert_eq!(events.take(), ["part a", "other bc", "end", "other d"]);
}
