//! Protocols that work off what they are asked, in their own time or when somebody else tells them to: no alarm may be false.

use std::any::Any;
use std::collections::VecDeque;
use std::time::Duration;

use ropewalk::testing::{Events, Script, check_protocol};
use ropewalk::{Protocol, Reason, Result, Transport};

/// Passes on what is posted to it.
struct News;

impl Protocol for News {
    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result {
        Ok(())
    }

    fn event_received(&mut self, transport: &Transport, event: Box<dyn Any>) {
        if let Ok(news) = event.downcast::<&str>() {
            transport.write(*news);
        }
    }
}

#[test]
fn an_event_from_outside_and_the_end_of_input_may_meet() {
    let script = Script::new().post(|| Box::new("news")).finish();
    assert_eq!(check_protocol(|_| News, script).written, b"news");
    let script = Script::new().send("a").post(|| Box::new("one ")).send("b").post(|| Box::new("two"));
    assert_eq!(check_protocol(|_| News, script).written, b"one two");
}

/// Deals with one byte in a turn, so as not to hold others up.
struct OneByOne {
    events: Events,
    waiting: VecDeque<u8>,
}

impl OneByOne {
    fn new(events: Events) -> Self {
        Self { events, waiting: VecDeque::new() }
    }

    fn deal_with_one(&mut self) {
        if let Some(byte) = self.waiting.pop_front() {
            self.events.record_stream("data", &[byte]);
        }
    }
}

impl Protocol for OneByOne {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        if self.waiting.is_empty() {
            transport.post(());
        }
        self.waiting.extend(data);
        Ok(())
    }

    fn event_received(&mut self, transport: &Transport, _: Box<dyn Any>) {
        self.deal_with_one();
        if !self.waiting.is_empty() {
            transport.post(());
        }
    }

    fn connection_lost(&mut self, _: &Transport, _: &Reason) {
        while !self.waiting.is_empty() {
            self.deal_with_one();
        }
    }
}

#[test]
fn who_takes_a_turn_for_each_byte_comes_to_rest_in_the_end() {
    assert_eq!(check_protocol(OneByOne::new, "abc").events, ["data abc"]);
}

#[test]
fn much_may_happen_in_scripts_that_are_repeated() {
    let second = Duration::from_secs(1);
    let script = Script::new().send("a").wait(second).send("b").wait(second);
    assert_eq!(check_protocol(OneByOne::new, script).events, ["data ab"]);
}

#[test]
fn bytes_of_any_kind_are_a_script() {
    let scripts: [Script; 6] = [
        "hi".into(),
        b"hi".into(),
        (*b"hi").into(),
        b"hi".as_slice().into(),
        b"hi".to_vec().into(),
        (&b"hi".to_vec()).into(),
    ];
    for script in scripts {
        assert_eq!(check_protocol(|_| Echo, script).written, b"hi");
    }
}

/// Sends back what it hears.
struct Echo;

impl Protocol for Echo {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        transport.write(data);
        Ok(())
    }
}

#[test]
fn a_script_shows_all_its_steps() {
    let second = Duration::from_secs(1);
    let ends: [fn(Script) -> Script; 3] = [
        |script| script.finish().reset(),
        |script| script.hang_up().abort_after_callback(2),
        |script| script.reset_after_callback(3),
    ];
    let shown = ends.map(|end| format!("{:?}", end(Script::new().send("a").idle(second).send("b").and())));
    let begin = r#"Script::new().send(b"a").idle(Duration::from_secs(1)).send(b"b").and()"#;
    let ends = [".finish().reset()", ".hang_up().abort_after_callback(2)", ".reset_after_callback(3)"];
    assert_eq!(shown, ends.map(|end| format!("{begin}{end}")));
}
