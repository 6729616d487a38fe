//! Layers that take part in the conversation: they stop, raise events, and keep to the order of things.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::any::Any;

use ropewalk::testing::{Events, Outcome, Probe, ProtocolCheck, Script};
use ropewalk::{Layer, LayerState, LayerStop, Protocol, Result, Transport};

/// Passes words up, each with the semicolon that ends it; answers `?` itself, and raises an event for `!`.
#[derive(Default)]
struct Talk {
    loud: bool,
    stop: Option<LayerStop>,
}

impl Layer for Talk {
    fn name(&self) -> &'static str {
        "talk"
    }

    fn received(&mut self, input: &mut [u8], up: &mut Vec<u8>, down: &mut Vec<u8>) -> Result<usize> {
        for (used, byte) in input.iter().enumerate() {
            match byte {
                b'?' | b'!' if !up.is_empty() => {
                    self.stop = Some(LayerStop::Deliver);
                    return Ok(used);
                }
                b'?' => down.extend_from_slice(b"(yes)"),
                b'!' => {
                    self.stop = Some(LayerStop::Event(Box::new("shout")));
                    return Ok(used + 1);
                }
                b';' => {
                    up.push(b';');
                    self.stop = Some(LayerStop::Deliver);
                    return Ok(used + 1);
                }
                byte if self.loud => up.push(byte.to_ascii_uppercase()),
                byte => up.push(*byte),
            }
        }
        Ok(input.len())
    }

    fn converses(&self) -> bool {
        true
    }

    fn take_stop(&mut self) -> Option<LayerStop> {
        self.stop.take()
    }

    fn state(&self) -> LayerState {
        LayerState::Open
    }
}

/// Turns some bits over, on the way up and on the way down.
struct Flipped;

const FLIP: u8 = 0x80;

fn flipped(data: &[u8]) -> Vec<u8> {
    data.iter().map(|byte| byte ^ FLIP).collect()
}

impl Layer for Flipped {
    fn name(&self) -> &'static str {
        "flipped"
    }

    fn received(&mut self, input: &mut [u8], up: &mut Vec<u8>, _: &mut Vec<u8>) -> Result<usize> {
        up.extend(flipped(input));
        Ok(input.len())
    }

    fn send(&mut self, data: &[u8], down: &mut Vec<u8>) -> Result {
        down.extend(flipped(data));
        Ok(())
    }

    fn state(&self) -> LayerState {
        LayerState::Open
    }
}

/// Answers words in brackets, and does what some say.
struct Words {
    events: Events,
    word: Vec<u8>,
}

impl Words {
    fn new(events: Events) -> Self {
        Self { events, word: Vec::new() }
    }

    fn word_received(&self, transport: &Transport, word: &[u8]) {
        self.events.record_bytes("word", word);
        transport.write([b"[", word, b"]"].concat());
        match word {
            b"loud" => drop(transport.tell_layer(|layer: &mut Talk, _| layer.loud = true)),
            b"tell" => drop(transport.tell_layer(|_: &mut Talk, down| down.extend_from_slice(b"<told>"))),
            b"close" => return transport.lose_connection(),
            b"insert" => transport.insert_layer(Flipped),
            _ => {}
        }
        transport.write(".");
    }
}

impl Protocol for Words {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        for byte in data {
            match byte {
                b';' => {
                    let word = std::mem::take(&mut self.word);
                    self.word_received(transport, &word);
                }
                byte => self.word.push(*byte),
            }
        }
        Ok(())
    }

    fn event_received(&mut self, transport: &Transport, event: Box<dyn Any>) {
        self.events.record(event.downcast::<&str>().unwrap());
        transport.write("!");
    }
}

fn talk() -> Vec<Box<dyn Layer>> {
    vec![Box::new(Talk::default())]
}

#[track_caller]
fn check(layers: fn() -> Vec<Box<dyn Layer>>, input: impl Into<Script>) -> Outcome {
    ProtocolCheck::new(Words::new).through(layers).run(input)
}

#[test]
fn what_the_protocol_does_about_one_word_holds_for_the_next() {
    let outcome = check(talk, "a;loud;b;");
    assert_eq!(outcome.events, ["word a", "word loud", "word B"]);
}

#[test]
fn events_and_answers_come_in_their_place() {
    let outcome = check(talk, "a;?b!c;!tell;?d");
    assert_eq!(outcome.events, ["word a", "shout", "word bc", "shout", "word tell"]);
    assert_eq!(outcome.written, b"[a].(yes)![bc].![tell]<told>.(yes)");
}

#[test]
fn it_is_the_same_above_another_layer() {
    let below_talk = || -> Vec<Box<dyn Layer>> { vec![Box::new(Flipped), Box::new(Talk::default())] };
    let outcome = check(below_talk, flipped(b"a;?b!c;tell;?"));
    assert_eq!(outcome.events, ["word a", "shout", "word bc", "word tell"]);
    assert_eq!(outcome.written, flipped(b"[a].(yes)![bc].[tell]<told>.(yes)"));
}

#[test]
fn it_is_the_same_below_another_layer() {
    let above_talk = || -> Vec<Box<dyn Layer>> { vec![Box::new(Talk::default()), Box::new(Flipped)] };
    let outcome = check(above_talk, [&flipped(b"a;b")[..], b"!", &flipped(b"c;")].concat());
    assert_eq!(outcome.events, ["word a", "shout", "word bc"]);
    assert_eq!(outcome.written, [flipped(b"[a]."), flipped(b"!"), flipped(b"[bc].")].concat());
}

#[test]
fn two_of_them_take_turns() {
    let both = || -> Vec<Box<dyn Layer>> { vec![Box::new(Talk::default()), Box::new(Talk::default())] };
    let outcome = check(both, "a;?b!c;loud;d;!");
    assert_eq!(outcome.events, ["word a", "shout", "word bc", "word loud", "word D", "shout"]);
    assert_eq!(outcome.written, b"[a].(yes)![bc].[loud].[D].!");
}

#[test]
fn nothing_is_heard_or_said_once_the_connection_is_closing() {
    let outcome = check(talk, "a;close;?b;!c;");
    assert_eq!(outcome.events, ["word a", "word close"]);
    assert_eq!(outcome.written, b"[a].[close]");
}

#[test]
fn any_words_are_the_same_in_any_division() {
    let check = ProtocolCheck::new(Words::new).through(talk);
    check.run_seeds(20, |dice| {
        let words = ["a", "bc", ";", ";", "?", "!", "loud;", "tell;", "close;"];
        (0..8).map(|_| *dice.pick(&words)).collect::<String>().into()
    });
}

#[test]
fn input_that_a_layer_still_has_cannot_come_through_one_that_is_inserted() {
    let inserts = ProtocolCheck::new(Words::new).through(talk);
    let refused = inserts.run_exactly(Script::new().send("insert;more;").finish());
    assert_eq!(refused.events, ["word insert"]);
    assert!(refused.connection.contains("the peer sent more before the layer"), "{}", refused.connection);
    // Without a rest the layer is put in place.
    let outcome = inserts.run_exactly(Script::new().send("insert;").finish());
    assert_eq!(outcome.events, ["word insert"]);
    assert_eq!(outcome.written, [b"[insert]", &flipped(b".")[..]].concat());
    assert_eq!(outcome.connection, "the connection was closed cleanly");
}

#[test]
fn a_layer_that_is_not_there_is_told_nothing() {
    let probe = Probe::new(Words::new(Events::default()));
    assert!(probe.transport().tell_layer(|_: &mut Talk, _| ()).is_none());
}

/// Says much about each word.
struct Talkative;

impl Protocol for Talkative {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        for _ in data.iter().filter(|byte| **byte == b';') {
            transport.write([b'x'; 1_000]);
        }
        Ok(())
    }
}

#[test]
fn g4_who_hears_no_answers_may_ask_no_more_through_it_either() {
    let high_water = ropewalk::Limits::DEFAULT.high_water;
    ProtocolCheck::new(|_| Talkative).through(talk).output_at_most(high_water + 1_000).run("a;b;");
}

#[test]
fn an_interrupted_flood_goes_on_in_linear_time() {
    // Each of the words stops the layer; what is left of a read is not moved for each.
    let outcome = ProtocolCheck::new(Words::new).through(talk).run_exactly("a;".repeat(30_000));
    assert_eq!(outcome.written.len(), "[a].".len() * 30_000);
}
