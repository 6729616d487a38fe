//! Pausing inside callbacks, by the user and by output above the mark.

mod common;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use common::{Lines, resume_fully};
use ropewalk_protocols::{LineProtocol, LineReceiver, LineTransport, SendLine};
use ropewalk_reactor::testing::{Events, Probe, check_protocol};
use ropewalk_reactor::{Protocol, Result, TimerKey, Transport};

fn receiver<F: FnMut(&mut LineTransport<'_>, &[u8]) -> Result>(
    log: &Events,
    react: F,
) -> LineReceiver<impl LineProtocol + use<F>> {
    LineReceiver::new(Lines { log: log.clone(), react })
}

/// Pauses at `pause` and at `both`, where it resumes as well.
fn pausing(transport: &mut LineTransport<'_>, line: &[u8]) -> Result {
    if line == b"pause" || line == b"both" {
        transport.pause_reading();
    }
    if line == b"both" {
        transport.resume_reading();
    }
    transport.send_line(line);
    Ok(())
}

#[test]
fn s11_no_line_follows_a_pause_and_what_arrives_meanwhile_waits() {
    let log = Events::new();
    let mut probe = Probe::new(receiver(&log, pausing));
    probe.deliver("a\r\npause\r\nb\r\nc");
    probe.deliver("d\r\n");
    assert_eq!(log.take(), ["line a", "line pause"]);
    probe.transport().resume_reading();
    assert_eq!(log.take(), [""; 0], "resuming calls nobody");
    probe.settle();
    assert_eq!(log.take(), ["line b", "line cd"]);
}

#[test]
fn s12_resuming_stops_at_the_next_pause() {
    let log = Events::new();
    let mut probe = Probe::new(receiver(&log, pausing));
    probe.deliver("pause\r\na\r\npause\r\nb\r\npause\r\n");
    assert_eq!(log.take(), ["line pause"]);
    probe.transport().resume_reading();
    probe.settle();
    assert_eq!(log.take(), ["line a", "line pause"]);
    probe.transport().resume_reading();
    probe.settle();
    assert_eq!(log.take(), ["line b", "line pause"]);
}

#[test]
fn s12_any_split_with_pauses_gives_the_same() {
    let outcome = check_protocol(
        |log| LineReceiver::new(Lines { log, react: pausing }),
        "a\r\npause\r\n\r\npause\r\nboth\r\nb\r\npause\r\nr",
    );
    assert_eq!(outcome.written, b"a\r\npause\r\n\r\npause\r\nboth\r\nb\r\npause\r\n");
    assert_eq!(outcome.events[7], "eof r");
}

#[test]
fn s13_pausing_and_resuming_in_one_callback_is_nothing() {
    let log = Events::new();
    let mut probe = Probe::new(receiver(&log, pausing));
    probe.deliver("a\r\nboth\r\nb\r\n");
    assert_eq!(log.take(), ["line a", "line both", "line b"]);
}

#[test]
fn s14_while_paused_the_peer_is_held_back() {
    let log = Events::new();
    let mut probe = Probe::new(receiver(&log, pausing));
    probe.deliver("pause\r\n");
    let reads = probe.peer().reads();
    for _ in 0..100 {
        probe.deliver([b'x'; 10_000]);
    }
    assert_eq!(probe.peer().reads(), reads, "nothing is read while paused");
    probe.transport().resume_reading();
    probe.settle();
    assert!(probe.is_closing(), "then the line is too long");
}

#[test]
fn input_before_a_pause_is_delivered_before_the_end_of_input() {
    let log = Events::new();
    let mut probe = Probe::new(receiver(&log, pausing));
    probe.deliver("pause\r\na\r\npause\r\nb\r\nc");
    probe.deliver_eof();
    assert_eq!(log.take(), ["line pause"]);
    resume_fully(&mut probe);
    assert_eq!(log.take()[..4], ["line a", "line pause", "line b", "eof c"]);
}

#[test]
fn lines_held_when_the_connection_breaks_are_delivered_before_the_loss() {
    let log = Events::new();
    let mut probe = Probe::new(receiver(&log, pausing));
    probe.deliver("pause\r\na\r\npause\r\nb\r\n");
    probe.reset();
    assert_eq!(log.take(), ["line pause"]);
    for expected in [vec!["line a", "line pause"], vec!["line b"]] {
        probe.transport().resume_reading();
        probe.settle();
        let heard = log.take();
        assert_eq!(heard[..expected.len()], expected);
    }
}

#[test]
fn one_read_of_small_requests_cannot_run_past_the_mark() {
    const ANSWER: usize = 20_000;
    let log = Events::new();
    let most = Rc::new(Cell::new(0));
    let seen = Rc::clone(&most);
    let mut probe = Probe::new(receiver(&log, move |transport, _| {
        transport.write([b'x'; ANSWER]);
        seen.set(seen.get().max(transport.buffered()));
        Ok(())
    }));
    probe.set_window(Some(0));
    probe.deliver("r\r\n".repeat(1_000));
    assert_eq!(log.take().len(), 7, "128 KiB are the mark");
    for _ in 0..100 {
        probe.set_window(Some(ANSWER));
        probe.written();
    }
    probe.set_window(None);
    assert_eq!(log.take().len(), 993);
    assert!(most.get() <= 128 * 1024 + ANSWER, "{} bytes were waiting", most.get());
}

/// Begins paused, until a timer expires.
struct Late(Events);

impl LineProtocol for Late {
    fn connection_made(&mut self, transport: &mut LineTransport<'_>) {
        transport.set_line_mode("made\r\n");
        transport.pause_reading();
        transport.set_timer(Duration::from_secs(1));
    }

    fn line_received(&mut self, _: &mut LineTransport<'_>, line: &[u8]) -> Result {
        self.0.record_bytes("line", line);
        Ok(())
    }

    fn timer_expired(&mut self, transport: &mut LineTransport<'_>, _: TimerKey) {
        transport.resume_reading();
    }
}

#[test]
fn s63_a_pause_from_the_beginning_holds_everything_until_it_ends() {
    let log = Events::new();
    let mut probe = Probe::new(LineReceiver::new(Late(log.clone())));
    probe.deliver("a\r\n");
    assert_eq!(log.take(), [""; 0]);
    probe.advance(Duration::from_secs(1));
    assert_eq!(log.take(), ["line made", "line a"]);
}

/// Has a timer put lines behind the others, and answers each so that output passes the mark until it is flushed.
struct Timed(Events);

impl LineProtocol for Timed {
    fn connection_made(&mut self, transport: &mut LineTransport<'_>) {
        transport.set_timer(Duration::from_secs(1));
    }

    fn line_received(&mut self, transport: &mut LineTransport<'_>, line: &[u8]) -> Result {
        self.0.record_bytes("line", line);
        transport.write(vec![b'x'; 100_000]);
        Ok(())
    }

    fn timer_expired(&mut self, transport: &mut LineTransport<'_>, _: TimerKey) {
        transport.set_line_mode("a\r\nb\r\nc\r\n");
    }
}

#[test]
fn a_pause_that_ends_before_the_turn_does_not_strand_lines() {
    let log = Events::new();
    let mut probe = Probe::new(LineReceiver::new(Timed(log.clone())));
    probe.advance(Duration::from_secs(1));
    assert_eq!(log.take(), ["line a", "line b", "line c"]);
}

/// Ends every pause of the protocol that it wraps, in the callback in which it began.
struct Impatient<P>(P);

impl<P: Protocol> Protocol for Impatient<P> {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        self.0.data_received(transport, data)?;
        transport.resume_reading();
        Ok(())
    }

    fn reading_resumed(&mut self, transport: &Transport) -> Result {
        self.0.reading_resumed(transport)?;
        transport.resume_reading();
        Ok(())
    }
}

#[test]
fn a_pause_that_a_wrapper_ends_in_the_same_callback_does_not_strand_lines() {
    let log = Events::new();
    let mut probe = Probe::new(Impatient(receiver(&log, pausing)));
    probe.deliver("pause\r\na\r\npause\r\npause\r\nb\r\n");
    assert_eq!(log.take(), ["line pause", "line a", "line pause", "line pause", "line b"]);
}

#[test]
fn lines_behind_such_a_pause_are_delivered_before_the_end_of_input() {
    for breaks in [false, true] {
        let log = Events::new();
        let mut probe = Probe::new(Impatient(receiver(&log, pausing)));
        probe.peer().send("pause\r\na\r\npause\r\nb\r\n");
        if breaks {
            probe.peer().reset();
        } else {
            probe.peer().finish();
        }
        probe.settle();
        assert_eq!(log.take(), ["line pause", "line a", "line pause", "line b"], "breaks: {breaks}");
        assert!(probe.is_closed());
    }
}

/// Has ever higher marks, which it sets in the callback in which answers have passed the one before.
struct Generous<P>(P);

impl<P: Protocol> Protocol for Generous<P> {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        self.0.data_received(transport, data)?;
        raise_mark(transport);
        Ok(())
    }

    fn reading_resumed(&mut self, transport: &Transport) -> Result {
        self.0.reading_resumed(transport)?;
        raise_mark(transport);
        Ok(())
    }
}

fn raise_mark(transport: &Transport) {
    let mut limits = transport.limits();
    limits.high_water = transport.buffered();
    transport.set_limits(limits);
}

#[test]
fn a_mark_that_is_raised_in_the_same_callback_does_not_strand_lines() {
    let log = Events::new();
    let lines = receiver(&log, |transport, _| {
        transport.write(vec![b'x'; 100_000]);
        Ok(())
    });
    let mut probe = Probe::new(Generous(lines));
    probe.set_window(Some(0));
    probe.deliver("a\r\nb\r\nc\r\n");
    assert_eq!(log.take(), ["line a", "line b", "line c"]);
}
