//! Time that passes between two reads, where that is to make no difference.

use std::time::Duration;

use ropewalk::testing::{Events, Law, ProtocolCheck, Script};
use ropewalk::{Protocol, Result, TimerKey, Transport};

const SECOND: Duration = Duration::from_secs(1);

/// Takes three seconds of silence for the end of a message.
struct Silence {
    events: Events,
    message: Vec<u8>,
    timer: Option<TimerKey>,
}

impl Silence {
    fn new(events: Events) -> Self {
        Self { events, message: Vec::new(), timer: None }
    }
}

impl Protocol for Silence {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        self.message.extend(data);
        if let Some(timer) = self.timer.replace(transport.set_timer(3 * SECOND)) {
            transport.cancel_timer(timer);
        }
        Ok(())
    }

    fn timer_expired(&mut self, _: &Transport, _: TimerKey) {
        self.events.record_bytes("message", &self.message);
        self.message.clear();
    }
}

fn script() -> Script {
    Script::new().send("ab").wait(5 * SECOND).send("cd").wait(5 * SECOND)
}

#[test]
fn time_between_reads_is_not_spent_unless_that_is_stated() {
    assert_eq!(ProtocolCheck::new(Silence::new).run(script()).events, ["message ab", "message cd"]);
}

#[test]
fn silence_that_is_shorter_makes_no_difference() {
    ProtocolCheck::new(Silence::new).time_between_reads(2 * SECOND).run(script());
}

#[test]
fn silence_that_is_longer_is_found() {
    let check = ProtocolCheck::new(Silence::new).time_between_reads(3 * SECOND);
    let failure = check.try_run(script()).expect_err("the message ends too early");
    assert_eq!(failure.law, Law::Timers);
    let report = failure.to_string();
    assert!(
        report.starts_with("the outcome depends on time and on how the input was cut into reads\n"),
        "{report}"
    );
    let shown = r#".run_exactly(Script::new().send(b"a").idle(Duration::from_secs(3)).send(b"b"));"#;
    assert!(report.contains(shown), "{report}");
}

#[test]
fn idling_is_no_part_of_the_plain_course_of_things() {
    let check = ProtocolCheck::new(Silence::new);
    check.run_exactly(Script::new().send("a").idle(2 * SECOND).send("b").wait(3 * SECOND));
    let alone = check.run_exactly(Script::new().send("ab").wait(3 * SECOND));
    assert_eq!(alone.events, ["message ab"]);
}
