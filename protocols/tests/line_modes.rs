//! Lines and raw data in turns, and what the callbacks besides `line_received` may do to both.

mod common;

use std::any::Any;
use std::time::Duration;

use common::{resume_fully, run};
use ropewalk_protocols::{LineProtocol, LineReceiver, LineTransport, SendLine};
use ropewalk_reactor::testing::{Events, Probe, check_protocol};
use ropewalk_reactor::{Reason, Result, TimerKey, Transport};

/// A line that is a number announces so many raw bytes.
#[derive(Clone)]
struct Counted {
    log: Events,
    raw: usize,
}

impl Counted {
    fn new(log: Events) -> LineReceiver<Self> {
        LineReceiver::new(Self { log, raw: 0 })
    }
}

impl LineProtocol for Counted {
    fn line_received(&mut self, transport: &mut LineTransport<'_>, line: &[u8]) -> Result {
        self.log.record_bytes("line", line);
        if let Some(raw) = std::str::from_utf8(line).ok().and_then(|line| line.parse().ok()) {
            self.raw = raw;
            transport.set_raw_mode();
        }
        Ok(())
    }

    fn raw_data_received(&mut self, transport: &mut LineTransport<'_>, data: &[u8]) -> Result {
        let (raw, rest) = data.split_at(self.raw.min(data.len()));
        self.log.record_stream("raw", raw);
        self.raw -= raw.len();
        if self.raw == 0 {
            transport.set_line_mode(rest);
        }
        Ok(())
    }
}

#[test]
fn s7_s8_raw_data_gets_the_rest_of_the_read_and_gives_back_what_is_not_raw() {
    let outcome = check_protocol(Counted::new, "a\r\n5\r\n\r\nb\r\nc\r\n1\r\nxd\r\n3\r\ny");
    assert_eq!(
        outcome.events,
        ["line a", "line 5", "raw \\r\\nb\\r\\n", "line c", "line 1", "raw x", "line d", "line 3", "raw y"]
    );
}

#[test]
fn s8_thousands_of_flips_in_one_read_do_not_recurse() {
    let input = b"1\r\nx".repeat(16_000);
    let flips = run(&[&input], Counted::new).events;
    assert_eq!(flips.len(), 32_000);
    assert_eq!(flips[31_998..], ["line 1", "raw x"]);
}

#[test]
fn s10_raw_mode_has_no_limit() {
    let make = |log| Counted::new(log).max_length(6);
    let input = [b"100000\r\n".as_slice(), &[b'r'; 100_000], b"abcdef\r\n"].concat();
    let events = run(&[&input], make).events;
    assert_eq!(events.len(), 3);
    assert_eq!(events[1].len(), "raw ".len() + 100_000);
    assert_eq!(events[2], "line abcdef");
}

#[test]
fn s17_closing_in_raw_mode_stops_delivery_too() {
    struct Closing(Events);
    impl LineProtocol for Closing {
        fn connection_made(&mut self, transport: &mut LineTransport<'_>) {
            transport.set_raw_mode();
        }

        fn line_received(&mut self, _: &mut LineTransport<'_>, line: &[u8]) -> Result {
            self.0.record_bytes("line", line);
            Ok(())
        }

        fn raw_data_received(&mut self, transport: &mut LineTransport<'_>, data: &[u8]) -> Result {
            self.0.record_stream("raw", &data[..1]);
            transport.lose_connection();
            transport.set_line_mode(&data[1..]);
            Ok(())
        }
    }
    assert_eq!(check_protocol(|log| LineReceiver::new(Closing(log)), "xa\r\nb\r\n").events, ["raw x"]);
}

#[test]
fn raw_mode_without_a_handler_is_an_error_that_says_so() {
    struct Forgetful(Events);
    impl LineProtocol for Forgetful {
        fn line_received(&mut self, transport: &mut LineTransport<'_>, _: &[u8]) -> Result {
            transport.set_raw_mode();
            Ok(())
        }

        fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
            self.0.record(format_args!("lost {reason}"));
        }
    }
    let events = check_protocol(|log| LineReceiver::new(Forgetful(log)), "a\r\nb").events;
    assert!(events[0].contains("raw_data_received"), "{events:?}");
}

/// Answers `more` with lines put behind the others.
#[derive(Clone)]
struct Appending(Events);

impl LineProtocol for Appending {
    fn line_received(&mut self, transport: &mut LineTransport<'_>, line: &[u8]) -> Result {
        self.0.record_bytes("line", line);
        if line == b"more" {
            transport.set_line_mode("x\r\n");
            transport.set_line_mode("y\r\n");
            self.0.record_bytes("rest", &transport.rest());
        }
        Ok(())
    }
}

#[test]
fn s9_line_mode_set_in_line_mode_appends_to_what_is_buffered() {
    let events =
        run(&[b"more\r\na\r\n", b"b\r\nmo", b"re\r\nc\r\n"], |log| LineReceiver::new(Appending(log)));
    assert_eq!(
        events.events,
        [
            "line more",
            "rest a\\r\\nx\\r\\ny\\r\\n",
            "line a",
            "line x",
            "line y",
            "line b",
            "line more",
            "rest c\\r\\nx\\r\\ny\\r\\n",
            "line c",
            "line x",
            "line y"
        ]
    );
}

#[test]
fn bytes_of_ones_own_come_before_what_is_given_back_after_them() {
    struct Inserting(Events);
    impl LineProtocol for Inserting {
        fn connection_made(&mut self, transport: &mut LineTransport<'_>) {
            transport.set_raw_mode();
        }

        fn line_received(&mut self, _: &mut LineTransport<'_>, line: &[u8]) -> Result {
            self.0.record_bytes("line", line);
            Ok(())
        }

        fn raw_data_received(&mut self, transport: &mut LineTransport<'_>, data: &[u8]) -> Result {
            transport.set_line_mode("own\r\n");
            transport.set_line_mode(data);
            Ok(())
        }
    }
    let events = check_protocol(|log| LineReceiver::new(Inserting(log)), "a\r\nb\r\n").events;
    assert_eq!(events, ["line own", "line a", "line b"]);
}

/// Does in every other callback what changes how the input is read.
struct Busy(Events);

impl LineProtocol for Busy {
    fn connection_made(&mut self, transport: &mut LineTransport<'_>) {
        transport.set_line_mode("made\r\n");
        transport.set_timer(Duration::from_secs(1));
    }

    fn line_received(&mut self, _: &mut LineTransport<'_>, line: &[u8]) -> Result {
        self.0.record_bytes("line", line);
        if line == b"fail" { Err("told to".into()) } else { Ok(()) }
    }

    fn raw_data_received(&mut self, _: &mut LineTransport<'_>, data: &[u8]) -> Result {
        self.0.record_stream("raw", data);
        Ok(())
    }

    fn timer_expired(&mut self, transport: &mut LineTransport<'_>, _: TimerKey) {
        self.0.record_bytes("timer with", &transport.rest());
        transport.set_line_mode("-timer\r\n");
    }

    fn event_received(&mut self, transport: &mut LineTransport<'_>, event: Box<dyn Any>) {
        match event.downcast_ref() {
            Some(&"raw") => transport.set_raw_mode(),
            Some(&"lines") => transport.set_line_mode("event\r\n"),
            Some(&"limit") => transport.set_max_length(2),
            Some(&"fail") => transport.set_line_mode("fail\r\n"),
            Some(&"clear") => self.0.record_bytes("cleared", &transport.clear_line_buffer()),
            _ => {}
        }
    }

    fn line_too_long(&mut self, _: &mut LineTransport<'_>, start: &[u8], _: usize) -> Result {
        self.0.record_bytes("too long", start);
        Ok(())
    }

    fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
        self.0.record(format_args!("lost {reason}"));
    }
}

#[test]
fn every_callback_may_change_how_the_input_is_read() {
    let log = Events::new();
    let mut probe = Probe::new(LineReceiver::new(Busy(log.clone())));
    assert_eq!(log.take(), ["line made"]);
    probe.deliver("begun");
    probe.advance(Duration::from_secs(1));
    assert_eq!(log.take(), ["timer with begun", "line begun-timer"]);
    let mut post = |event: &'static str| {
        probe.deliver("abcd");
        probe.transport().post(event);
        probe.settle();
        log.take()
    };
    assert_eq!(post("raw"), ["raw abcd"]);
    assert_eq!(post("lines"), ["raw abcd", "line event"]);
    assert_eq!(post("clear"), ["cleared abcd"]);
    assert_eq!(post("limit"), ["too long abc"]);
    assert_eq!(post("clear"), ["cleared "], "the rest of the long line was thrown away");
    probe.deliver("ab\r\n");
    assert_eq!(log.take(), ["line ab"], "clearing has ended the long line");
    probe.transport().post("fail");
    probe.settle();
    probe.deliver_eof();
    assert_eq!(log.take()[0], "too long fai");
}

#[test]
fn an_error_after_an_informing_callback_ends_the_connection() {
    let log = Events::new();
    let mut probe = Probe::new(LineReceiver::new(Busy(log.clone())));
    probe.transport().post("fail");
    probe.settle();
    assert!(probe.is_closing());
    probe.deliver_eof();
    let lost = "lost the connection was closed because of an error: told to";
    assert_eq!(log.take(), ["line made", "line fail", lost]);
}

/// Hands the connection to lines of another kind when told to.
struct Login(Events);

impl LineProtocol for Login {
    fn line_received(&mut self, transport: &mut LineTransport<'_>, line: &[u8]) -> Result {
        self.0.record_bytes("login", line);
        if line == b"later" {
            transport.pause_reading();
        } else {
            transport.switch_protocol(Counted::new(self.0.clone()), transport.rest());
        }
        Ok(())
    }

    fn event_received(&mut self, transport: &mut LineTransport<'_>, _: Box<dyn Any>) {
        transport.switch_protocol(Counted::new(self.0.clone()), transport.rest());
        transport.resume_reading();
    }
}

#[test]
fn s42_a_successor_gets_the_rest_and_nothing_twice() {
    let make = |log| LineReceiver::new(Login(log));
    let outcome = check_protocol(make, "bob\r\nhello\r\n1\r\nx");
    assert_eq!(outcome.events, ["login bob", "line hello", "line 1", "raw x"]);
}

#[test]
fn a_successor_that_an_event_brings_gets_what_was_held_meanwhile() {
    let log = Events::new();
    let mut probe = Probe::new(LineReceiver::new(Login(log.clone())));
    probe.deliver("later\r\nhello\r\nwor");
    probe.deliver("ld\r\n");
    probe.transport().post(());
    probe.settle();
    assert_eq!(log.take(), ["login later", "line hello", "line world"]);
}

/// Goes from lines to raw data and back at every opportunity, and pauses at each step.
struct Pausing<P>(P);

impl<P: LineProtocol> LineProtocol for Pausing<P> {
    fn line_received(&mut self, transport: &mut LineTransport<'_>, line: &[u8]) -> Result {
        transport.pause_reading();
        transport.send_line(line);
        self.0.line_received(transport, line)
    }

    fn raw_data_received(&mut self, transport: &mut LineTransport<'_>, data: &[u8]) -> Result {
        transport.pause_reading();
        self.0.raw_data_received(transport, data)
    }
}

#[test]
fn s12_pausing_at_every_step_changes_nothing_but_the_time() {
    let input = "a\r\n5\r\n\r\nb\r\nc\r\n1\r\nxd\r\n3\r\ny";
    let make = |log| LineReceiver::new(Pausing(Counted { log, raw: 0 }));
    let outcome = check_protocol(make, input);
    assert_eq!(outcome.events, run(&[input.as_bytes()], Counted::new).events);
}

#[test]
fn flips_in_what_was_held_are_as_good_as_in_a_read() {
    let log = Events::new();
    let mut probe = Probe::new(LineReceiver::new(Pausing(Counted { log: log.clone(), raw: 0 })));
    probe.deliver(b"1\r\nx".repeat(2_000));
    resume_fully(&mut probe);
    assert_eq!(log.take().len(), 4_000);
}
