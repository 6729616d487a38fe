//! Protocols that break no law, though they come near: no alarm may be false.

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use ropewalk::testing::{Events, ProtocolCheck, Script, check_protocol};
use ropewalk::{DelayedCall, Layer, LayerState, Protocol, Reason, Result, Task, TimerKey, Transport};

use super::chunking::shout;
use super::reading;

/// Greets, pings when nothing has come for a while, and gives up after the third time.
struct Patient {
    events: Events,
    timer: Option<TimerKey>,
    pings: usize,
}

impl Patient {
    const PATIENCE: Duration = Duration::from_secs(10);

    fn new(events: Events) -> Self {
        Self { events, timer: None, pings: 0 }
    }

    fn wait(&mut self, transport: &Transport) {
        if let Some(timer) = self.timer.replace(transport.set_timer(Self::PATIENCE)) {
            transport.cancel_timer(timer);
        }
    }
}

impl Protocol for Patient {
    fn connection_made(&mut self, transport: &Transport) {
        transport.write("hello\n");
        self.wait(transport);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        self.events.record_stream("data", data);
        self.pings = 0;
        self.wait(transport);
        Ok(())
    }

    fn timer_expired(&mut self, transport: &Transport, _: TimerKey) {
        self.pings += 1;
        self.events.record(format_args!("ping {}", self.pings));
        if self.pings == 3 {
            transport.lose_connection();
        } else {
            transport.write("ping\n");
            self.wait(transport);
        }
    }

    fn event_received(&mut self, transport: &Transport, event: Box<dyn Any>) {
        if let Ok(text) = event.downcast::<&str>() {
            transport.write(*text);
        }
    }

    fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
        self.events.record(reason);
    }
}

#[test]
fn timers_of_the_connection() {
    let script = Script::new()
        .send("ab")
        .wait(Duration::from_secs(15))
        .post(|| Box::new("news\n"))
        .send("cd")
        .wait(Duration::from_secs(60));
    let outcome = check_protocol(Patient::new, script);
    assert_eq!(
        outcome.events,
        ["data ab", "ping 1", "data cd", "ping 1", "ping 2", "ping 3", "the connection was closed cleanly"]
    );
    assert_eq!(outcome.written, b"hello\nping\nnews\nping\nping\n");
}

/// Answers after a second, by calls and tasks that it cancels when the connection is lost.
struct Later {
    calls: Vec<DelayedCall>,
    task: Option<Task<()>>,
    events: Events,
}

impl Protocol for Later {
    fn connection_made(&mut self, transport: &Transport) {
        let (other, events) = (transport.clone(), self.events.clone());
        let sleep = transport.reactor().sleep(Duration::from_secs(3));
        self.task = Some(transport.reactor().spawn(async move {
            sleep.await;
            events.record("awake");
            other.write("!");
        }));
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        for byte in data.iter().copied() {
            let other = transport.clone();
            let call = move |_: &_| other.write([byte]);
            self.calls.push(transport.reactor().call_later(Duration::from_secs(1), call));
        }
        Ok(())
    }

    fn connection_lost(&mut self, _: &Transport, _: &Reason) {
        for call in self.calls.drain(..) {
            // One that has run already is no mistake.
            let _ = call.cancel();
        }
        self.task.take().into_iter().for_each(|task| task.cancel());
    }
}

#[test]
fn calls_and_tasks_that_end_with_the_connection() {
    let make = |events| Later { calls: Vec::new(), task: None, events };
    let script = Script::new().send("abc").wait(Duration::from_secs(4));
    assert_eq!(check_protocol(make, script).written, b"abc!");
}

/// Goes on writing after the peer has finished.
struct HalfClosed(Vec<u8>);

impl Protocol for HalfClosed {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        self.0.extend(data);
        Ok(())
    }

    fn eof_received(&mut self, transport: &Transport) -> Result {
        self.0.reverse();
        transport.write(&self.0);
        transport.lose_connection();
        Ok(())
    }
}

#[test]
fn answers_after_the_end_of_input() {
    assert_eq!(check_protocol(|_| HalfClosed(Vec::new()), "olleh").written, b"hello");
}

#[test]
fn answers_after_finishing_go_nowhere_and_are_no_mistake() {
    let make = reading(|_, _, transport, data| {
        for byte in data {
            transport.write([*byte]);
            if *byte == b'.' {
                transport.lose_write_connection();
            }
        }
    });
    assert_eq!(check_protocol(make, "ab.cd").written, b"ab.");
}

/// Members write to each other, and go when they are lost.
struct Member(Rc<RefCell<Vec<Transport>>>);

impl Protocol for Member {
    fn connection_made(&mut self, transport: &Transport) {
        self.0.borrow_mut().push(transport.clone());
    }

    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        self.0.borrow().iter().for_each(|member| member.write(data));
        Ok(())
    }

    fn connection_lost(&mut self, transport: &Transport, _: &Reason) {
        self.0.borrow_mut().retain(|member| member.id() != transport.id());
        self.0.borrow().iter().for_each(|member| member.write("somebody left"));
    }
}

#[test]
fn state_that_outlives_the_protocol() {
    let room = Rc::default();
    assert_eq!(check_protocol(|_| Member(Rc::clone(&room)), "hello").written, b"hello");
    assert!(room.borrow().is_empty());
}

#[test]
fn what_is_stated_of_memory() {
    ProtocolCheck::new(|_| Member(Rc::default())).output_at_most(200_000).run("hello");
    ProtocolCheck::new(|events| Words { events, word: Vec::new() })
        .holds_at_most(8, |words| words.word.len())
        .run("to be or not to be");
}

/// Notes words, of which only the first eight bytes count.
struct Words {
    events: Events,
    word: Vec<u8>,
}

impl Protocol for Words {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        for byte in data {
            match byte {
                b' ' => self.events.record_bytes("word", &std::mem::take(&mut self.word)),
                byte if self.word.len() < 8 => self.word.push(*byte),
                _ => {}
            }
        }
        Ok(())
    }
}

#[test]
fn seeds() {
    ProtocolCheck::new(shout).run_seeds(5, |dice| {
        let words: [&str; 4] = ["a\r\n", "quit\r\n", "\r", "abort\r\n"];
        let words: Vec<_> = (0..dice.roll(5)).map(|_| *dice.pick(&words)).collect();
        words.concat().into()
    });
}

#[test]
fn an_end_without_an_end() {
    /// Sends all that there is room for.
    struct Endless;
    impl ropewalk::Producer for Endless {
        fn resume_producing(&mut self, transport: &Transport) {
            transport.write([b'x'; 1_000]);
        }
    }
    impl Protocol for Endless {
        fn connection_made(&mut self, transport: &Transport) {
            transport.register_producer(Self, ropewalk::ProducerKind::Pull).expect("it is the first");
        }
        fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result {
            Ok(())
        }
    }
    let outcome = ProtocolCheck::new(|_| Endless).peer_reads(5_000).run("abc");
    assert_eq!(outcome.written.len(), 5_000);
}

/// Passes everything on.
struct Transparent;

impl Layer for Transparent {
    fn name(&self) -> &'static str {
        "transparent"
    }

    fn received(&mut self, input: &mut [u8], up: &mut Vec<u8>, _: &mut Vec<u8>) -> Result<usize> {
        up.extend_from_slice(input);
        Ok(input.len())
    }

    fn state(&self) -> LayerState {
        LayerState::Open
    }
}

/// Inserts a layer at the first input, and does not mind what came before.
struct Inserting {
    events: Events,
    inserted: bool,
}

impl Protocol for Inserting {
    fn data_received(&mut self, transport: &Transport, _: &[u8]) -> Result {
        if !std::mem::replace(&mut self.inserted, true) {
            transport.insert_layer(Transparent);
        }
        Ok(())
    }

    fn layer_inserted(&mut self, _: &Transport) -> Result {
        self.events.record("inserted");
        Ok(())
    }
}

#[test]
fn layers_that_are_inserted() {
    let outcome = check_protocol(|events| Inserting { events, inserted: false }, "go");
    assert_eq!(outcome.events, ["inserted"]);
}
