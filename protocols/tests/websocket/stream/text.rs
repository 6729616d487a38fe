//! Messages of text.

use ropewalk_protocols::{WebSocketClientConfig, WebSocketServerConfig};
use ropewalk_reactor::testing::{Events, ProtocolCheck};
use ropewalk_reactor::{Layer, LayerEnd, Protocol, Result, Transport};

use super::stage::{ANSWER_TO_ZEROS, Stage, frames, opened};
use crate::world::{REQUEST, masked};

fn replacement(text: &str) -> (u8, Vec<u8>) {
    (1, text.as_bytes().to_vec())
}

#[test]
fn texts_are_sent_by_an_option() {
    let mut stage = Stage::server(WebSocketServerConfig::new().text());
    stage.say(REQUEST);
    assert_eq!(frames(&stage.say(masked(0x82, "\u{20ac}\n"))), [replacement("[\u{20ac}]\n")]);
    let (mut stage, _) = Stage::client(WebSocketClientConfig::new("ws://a/".parse().unwrap()).text());
    stage.say(ANSWER_TO_ZEROS);
    assert_eq!(frames(&stage.say(b"\x82\x02a\n")), [replacement("[a]\n")]);
}

/// Writes parts of its input by themselves, and ends.
struct Parts(&'static [&'static [u8]]);

impl Protocol for Parts {
    fn connection_made(&mut self, transport: &Transport) {
        for part in self.0 {
            transport.write(part);
        }
        transport.lose_connection();
    }

    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result {
        Ok(())
    }
}

/// Sees that each write goes down by itself.
#[track_caller]
fn sent(parts: &'static [&'static [u8]]) -> Vec<(u8, Vec<u8>)> {
    let mut layer = WebSocketServerConfig::new().text().layer();
    let mut down = Vec::new();
    layer.received(&mut REQUEST.as_bytes().to_vec(), &mut Vec::new(), &mut down).unwrap();
    down.clear();
    for part in parts {
        layer.send(part, &mut down).unwrap();
    }
    layer.close(LayerEnd::Finished, &mut down);
    let mut frames = frames(&down);
    assert_eq!(frames.pop(), Some((8, 1000_u16.to_be_bytes().to_vec())));
    frames
}

#[test]
fn a_character_that_is_written_in_parts_waits_until_it_is_whole() {
    assert_eq!(sent(&[b"a\xe2", b"\x82", b"\xacb"]), [replacement("a"), replacement("\u{20ac}b")]);
}

#[test]
fn what_is_no_character_is_replaced() {
    assert_eq!(sent(&[b"a\xffb"]), [replacement("a\u{fffd}b")]);
    assert_eq!(sent(&[b"a\xe2\x82", b"b"]), [replacement("a"), replacement("\u{fffd}b")]);
    // At the end nothing can make it whole.
    assert_eq!(sent(&[b"a\xe2\x82"]), [replacement("a"), replacement("\u{fffd}")]);
}

#[test]
fn texts_that_are_begun_break_no_law() {
    let make = |_: Events| Parts(&[b"a\xe2", b"\x82", b"\xacb\xff", b"\xf0\x9f"]);
    let layers = || vec![opened(&WebSocketServerConfig::new().text())];
    let outcome = ProtocolCheck::new(make).through(layers).run("");
    assert_eq!(outcome.written, "a\u{20ac}b\u{fffd}\u{fffd}<close 1000 >".as_bytes());
}
