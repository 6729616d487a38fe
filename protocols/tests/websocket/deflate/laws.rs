//! However compressed messages are cut, and whatever happens: the laws of protocols.

use ropewalk_protocols::{DeflateOptions, WebSocketReceiver};
use ropewalk_reactor::testing::{Events, ProtocolCheck};

use super::deflated;
use crate::world::{Listens, close, masked};

const REQUEST: &str = "GET / HTTP/1.1\nHost:a\nUpgrade:websocket\nConnection:upgrade\nSec-WebSocket-Version:13\n\
    Sec-WebSocket-Key:dGhlIHNhbXBsZSBub25jZQ==\nSec-WebSocket-Extensions:permessage-deflate\n\n";

fn check(make: fn(&Events) -> Listens, takeover: bool, frames: &[Vec<u8>]) -> Vec<String> {
    let options = DeflateOptions::new().threshold(0).context_takeover(takeover);
    let check = ProtocolCheck::new(|events| {
        WebSocketReceiver::server(make(&events)).deflate(options).max_message(50)
    });
    check.run([REQUEST.as_bytes(), &frames.concat()].concat()).events
}

#[test]
fn compressed_messages_break_no_law() {
    let second = deflated("second");
    let frames = [
        masked(0xc1, b"\xf2\x48\xcd\xc9\xc9\x07\x00"),
        masked(0x41, &second[..3]),
        masked(0x89, "?"),
        masked(0x80, &second[3..]),
        masked(0x81, "plain"),
        masked(0xc2, b"\x00"),
        masked(0x88, close(1000, "end")),
    ];
    let heard = [
        "asked /",
        "opened ",
        "text Hello",
        "ping ?",
        "text second",
        "text plain",
        "binary ",
        "closing Some(1000) end",
        "lost the connection was closed cleanly",
    ];
    for takeover in [false, true] {
        assert_eq!(check(Listens::echo, takeover, &frames), heard);
    }
}

#[test]
fn compressed_pieces_break_no_law() {
    let text = "\u{20ac}uro".repeat(3);
    for takeover in [false, true] {
        let heard = check(Listens::in_pieces, takeover, &[masked(0xc1, deflated(&text)), masked(0x81, "a")]);
        let text = format!("text {}", text.as_bytes().escape_ascii());
        assert_eq!(heard[2..5], [text.as_str(), "ended", "text a"]);
    }
}

#[test]
fn bad_compressed_messages_break_no_law() {
    for bad in [
        masked(0xc1, b"\x07"),
        masked(0xc1, deflated(b"ab\xffcd")),
        masked(0xc2, deflated([0; 51])),
        masked(0xc1, deflated("fail")),
        masked(0xc1, deflated("quit")),
    ] {
        let heard = check(Listens::echo, false, &[masked(0x81, "a"), bad, masked(0xc1, deflated("b"))]);
        assert!(heard.contains(&"text a".to_owned()) && !heard.contains(&"text b".to_owned()), "{heard:?}");
    }
}
