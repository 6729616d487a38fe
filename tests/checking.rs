//! The chunking law as users apply it: what it lets pass, what it catches, and what it says then.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use ropewalk::testing::{Events, Probe, check_protocol};
use ropewalk::{LineProtocol, LineReceiver, LineTransport, Protocol, Reason, Result, SendLine, Transport};

/// What the check says about a protocol that breaks the law.
fn report<P: Protocol + 'static>(make: impl Fn(Events) -> P, input: &str) -> String {
    let caught = catch_unwind(AssertUnwindSafe(|| check_protocol(make, input)));
    *caught.expect_err("the protocol breaks the law").downcast::<String>().expect("the message is text")
}

/// A protocol out of one function, with a buffer.
struct Reading<F> {
    events: Events,
    buffer: Vec<u8>,
    read: F,
}

type Read = fn(&Events, &mut Vec<u8>, &Transport, &[u8]);

impl<F: FnMut(&Events, &mut Vec<u8>, &Transport, &[u8])> Protocol for Reading<F> {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        (self.read)(&self.events, &mut self.buffer, transport, data);
        Ok(())
    }
}

fn reading(read: Read) -> impl Fn(Events) -> Reading<Read> {
    move |events| Reading { events, buffer: Vec::new(), read }
}

/// Answers each line in capitals.
struct Shout(Events);

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

fn shout(events: Events) -> LineReceiver<Shout> {
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

#[test]
fn a_delimiter_cut_in_two_is_named() {
    // Looks for the delimiter in what is new.
    let make = reading(|events, buffer, _, data| {
        buffer.extend(data);
        if data.windows(2).any(|pair| pair == b"\r\n") {
            events.record_bytes("lines", &std::mem::take(buffer));
        }
    });
    assert_eq!(
        report(make, "hello\r\n"),
        "\
the chunking law is broken: the outcome depends on how the input is cut into reads
  input:      b\"\\r\\n\"
  cut:        b\"\\r\" b\"\\n\"
  differing:  when all input has arrived
  events:     [\"lines \\\\r\\\\n\"] in one read
              [] in this case
  (shortened from 7 bytes; check_protocol with this input alone fails too, and in every run)"
    );
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
    let report = report(make, "one\ntwo\n");
    assert!(report.contains("  cut:        b\"o\" b\"\\n\"\n"), "{report}");
    assert!(report.contains("[\"line o\"] in one read\n              [\"line \"] in this case"), "{report}");
}

#[test]
fn an_answer_that_tells_the_size_of_reads_is_named() {
    let make = reading(|_, _, transport, data| transport.write(format!("{} ", data.len())));
    let report = report(make, "abc");
    assert!(report.contains("  cut:        b\"a\" b\"b\"\n"), "{report}");
    assert!(
        report.contains("  written:    b\"2 \" in one read\n              b\"1 1 \" in this case"),
        "{report}"
    );
}

#[test]
fn a_close_that_depends_on_the_cut_is_named() {
    let make = reading(|_, _, transport, data| {
        if data == b"quit" {
            transport.lose_connection();
        }
    });
    let report = report(make, "quit");
    let expected = "  connection: closing in one read\n              open in this case";
    assert!(report.contains(expected), "{report}");
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
    let report = report(|events| Forgetful { events, held: Vec::new() }, "a\nb\n");
    let expected =
        "  cut:        nowhere\n  while:      reading is paused and resumed at each recorded event\n";
    assert!(report.contains(expected), "{report}");
    // Without events it is the blocked output that strands them.
    let silent = |_| Forgetful { events: Events::new(), held: Vec::new() };
    let report = self::report(silent, "a\nb\n");
    assert!(report.contains("output is blocked while each part arrives"), "{report}");
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
    let report = report(|events| Overtaken(Forgetful { events, held: Vec::new() }), "a\nb\n");
    assert!(report.contains("the end of input arrives with the last part"), "{report}");
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
    let report = report(|_| Talkative, "abc");
    assert!(
        report.contains("  while:      reading is paused from outside while each part arrives\n"),
        "{report}"
    );
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
    let report = report(|events| Counting(events, 0), "abc");
    assert!(report.contains("after the end of input\n  events:     [\"1\"] in one read\n"), "{report}");
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
    let report = report(make, &input);
    assert!(report.contains("  cut:        b\"#\" b\"y\"\n"), "{report}");
    assert!(report.contains("shortened from 6001 bytes"), "{report}");
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
fn a_panicking_callback_is_no_lawful_outcome() {
    let make = reading(|_, _, _, _| panic!("out of order"));
    let report = report(make, "abc");
    let expected = "  input: b\"abc\"\n  end: a callback of the connection panicked: out of order";
    assert!(report.ends_with(expected), "{report}");
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
    let report = report(make, "abc");
    assert!(report.contains("did not do the same when it was given the same again"), "{report}");
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
