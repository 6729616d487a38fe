//! What whole reports look like, and that the tests in them show what they say.

use ropewalk::testing::{Events, ProtocolCheck, Script};
use ropewalk::{Protocol, Result, Transport};

use super::Reading;

/// Looks for the end of a line in what is new, and forgets its clock.
struct Hasty {
    events: Events,
    line: Vec<u8>,
    clock: bool,
}

impl Hasty {
    fn without_clock(events: Events) -> Self {
        Self { events, line: Vec::new(), clock: false }
    }

    fn with_clock(events: Events) -> Self {
        Self { clock: true, ..Self::without_clock(events) }
    }
}

impl Protocol for Hasty {
    fn connection_made(&mut self, transport: &Transport) {
        if self.clock {
            let events = self.events.clone();
            transport.reactor().call_every(std::time::Duration::from_secs(1), move |_| events.record("tick"));
        }
    }

    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        self.line.extend(data);
        if data.ends_with(b"\r\n") {
            self.events.record_bytes("line", self.line.trim_ascii_end());
            self.line.clear();
        }
        Ok(())
    }
}

#[test]
fn a_difference() {
    let failure = ProtocolCheck::new(Hasty::without_clock).try_run("hello\r\n").expect_err("it is hasty");
    assert_eq!(
        failure.to_string(),
        "\
the outcome depends on how the input is cut into reads
  protocol:   checking::reports::Hasty
  plainly:    Script::new().send(b\"\\r\\n\")
  events:     [\"line \"] plainly
              [] in this test
  shortened:  from 7 bytes of input
This test shows it:

#[test]
fn it_does_the_same_however_its_input_is_cut() {
    // `make` makes a checking::reports::Hasty, as in the check that failed.
    ProtocolCheck::new(make).run_exactly(Script::new().send(b\"\\r\").send(b\"\\n\"));
}"
    );
    assert_eq!(format!("{failure:?}"), failure.to_string(), "what `unwrap` shows");
}

#[test]
fn a_breach() {
    let check = ProtocolCheck::new(Hasty::with_clock).output_at_most(5_000).peer_reads(1_000);
    let failure = check.try_run("hello\r\n").expect_err("it leaves its clock behind");
    assert_eq!(
        failure.to_string(),
        "\
something happens after the loss
  protocol:   checking::reports::Hasty
  what:       an event was recorded after `connection_lost`: tick
  shortened:  from 7 bytes of input
This test shows it:

#[test]
fn nothing_happens_after_the_loss() {
    // `make` makes a checking::reports::Hasty, as in the check that failed.
    ProtocolCheck::new(make).output_at_most(5000).peer_reads(1000).run_exactly(Script::new());
}"
    );
}

/// Long lists are shown from where they begin to differ.
#[test]
fn a_difference_after_much_that_is_the_same() {
    // Counts up to ten for nothing, and then says how long the read was.
    let counting = |events: Events| Reading {
        events,
        buffer: Vec::new(),
        read: |events: &Events, buffer: &mut Vec<u8>, transport: &Transport, data: &[u8]| {
            if buffer.is_empty() {
                (1..=10).for_each(|number| events.record(number));
                transport.write([b'='; 150]);
            }
            buffer.extend(data);
            events.record(format_args!("read {}", data.len()));
            transport.write(data.len().to_string());
        },
    };
    let report = ProtocolCheck::new(counting).try_run("hello").expect_err("it counts reads").to_string();
    assert!(report.contains("10 the same, then [\"read 1\""), "{report}");
    assert!(report.contains("150 bytes the same, then b\"1"), "{report}");
}

// The tests that the reports print, pasted:

#[test]
#[should_panic(expected = "the outcome depends on how the input is cut into reads")]
fn it_does_the_same_however_its_input_is_cut() {
    let make = Hasty::without_clock;
    ProtocolCheck::new(make).run_exactly(Script::new().send(b"\r").send(b"\n"));
}

#[test]
#[should_panic(expected = "something happens after the loss")]
fn nothing_happens_after_the_loss() {
    let make = Hasty::with_clock;
    ProtocolCheck::new(make).output_at_most(5000).peer_reads(1000).run_exactly(Script::new());
}

#[test]
fn a_script_that_shows_nothing_passes() {
    let check = ProtocolCheck::new(Hasty::without_clock);
    assert_eq!(check.run_exactly(Script::new().send("hello\r").send("\r\n")).events, ["line hello"]);
    assert_eq!(check.run_exactly("hello\r\n").connection, "open");
}
