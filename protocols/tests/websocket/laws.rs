//! However the input is cut, and whatever happens: the laws of protocols.

use ropewalk_protocols::WebSocketReceiver;
use ropewalk_reactor::testing::{Events, ProtocolCheck, Script};

use crate::world::{Listens, REQUEST, SECOND, close, masked, plain};

/// With a request that is as short as can be, so that the check has time for the frames.
const SHORT_REQUEST: &str = "GET / HTTP/1.1\nHost:a\nUpgrade:websocket\nConnection:upgrade\n\
    Sec-WebSocket-Version:13\nSec-WebSocket-Key:dGhlIHNhbXBsZSBub25jZQ==\n\n";

fn check_server(make: fn(&Events) -> Listens, frames: &[Vec<u8>]) -> Vec<String> {
    let input = [SHORT_REQUEST.as_bytes(), &frames.concat()].concat();
    let check = ProtocolCheck::new(|events| WebSocketReceiver::server(make(&events)).max_message(50));
    check.run(input).events
}

#[test]
fn good_messages_break_no_law() {
    let frames = [
        masked(0x81, "one"),
        masked(0x01, "t\u{20ac}"),
        masked(0x89, "?"),
        masked(0x80, b"\x21"),
        masked(0x82, ""),
        masked(0x88, close(1000, "end")),
        masked(0x81, "late"),
    ];
    let heard = [
        "asked /",
        "opened ",
        "text one",
        "ping ?",
        r"text t\xe2\x82\xac!",
        "binary ",
        "closing Some(1000) end",
        "lost the connection was closed cleanly",
    ];
    assert_eq!(check_server(Listens::echo, &frames), heard);
}

#[test]
fn pieces_break_no_law() {
    let frames =
        [masked(0x01, "t\u{20ac}"), masked(0x00, ""), masked(0x80, b"x\xf0\x9f\x98"), masked(0x82, "a")];
    let heard = [
        "asked /",
        "opened ",
        r"text t\xe2\x82\xacx",
        "lost the connection was closed because of an error: text that is not UTF-8",
    ];
    assert_eq!(check_server(Listens::in_pieces, &frames), heard);
}

#[test]
fn bad_frames_break_no_law() {
    for bad in [
        masked(0xc1, "x"),
        masked(0x83, "x"),
        plain(0x81, "x"),
        masked(0x80, "x"),
        masked(0x09, ""),
        masked(0x88, b"\x03"),
        masked(0x81, b"ab\xffcd"),
        masked(0x82, [0; 51]),
        masked(0x81, "fail"),
    ] {
        let heard = check_server(Listens::echo, &[masked(0x81, "a"), bad, masked(0x81, "b")]);
        assert!(heard.contains(&"text a".to_owned()) && !heard.contains(&"text b".to_owned()), "{heard:?}");
    }
}

#[test]
fn closing_breaks_no_law() {
    for answer in [masked(0x88, ""), masked(0x82, "more")] {
        check_server(Listens::echo, &[masked(0x81, "quit"), masked(0x01, "x"), answer]);
    }
}

#[test]
fn bad_requests_break_no_law() {
    let check = ProtocolCheck::new(|events| WebSocketReceiver::server(Listens::new(&events)).max_head(60));
    for request in ["GET / HTTP/1.1\r\n\r\nmore", "POST / HTTP/1.1\n\n", "\r\n\r\n", &REQUEST[..70], "no\n\n"]
    {
        check.run(request);
    }
}

#[test]
fn a_client_breaks_no_law() {
    let url = "ws://a/".parse().unwrap();
    let check = ProtocolCheck::new(|events| WebSocketReceiver::client(Listens::echo(&events), &url));
    // In the world of the check, the client's key is always the same.
    let asked = String::from_utf8(check.run("").written).unwrap();
    let mut server =
        ropewalk_reactor::testing::Probe::new(WebSocketReceiver::server(Listens::new(&Events::new())));
    server.deliver(&asked);
    let answer = server.written();
    for frames in [
        [plain(0x81, "one"), plain(0x02, "two"), plain(0x80, ""), plain(0x88, "")],
        [plain(0x81, b"a\xff"), plain(0x82, "x"), vec![], vec![]],
        [plain(0x81, "quit"), plain(0x82, "x"), plain(0x88, close(1000, "")), plain(0x82, "x")],
        [masked(0x81, "one"), vec![], vec![], vec![]],
    ] {
        let outcome = check.run([answer.as_slice(), &frames.concat()].concat());
        assert_eq!(outcome.events[0], "opened ");
    }
    check.run("HTTP/1.1 200 OK\r\n\r\n");
}

#[test]
fn a_heartbeat_breaks_no_law() {
    let check =
        ProtocolCheck::new(|events| WebSocketReceiver::server(Listens::echo(&events)).heartbeat(5 * SECOND));
    let script = Script::new()
        .send(SHORT_REQUEST)
        .wait(7 * SECOND)
        .send(masked(0x8a, ""))
        .wait(12 * SECOND)
        .send(masked(0x81, "late"));
    check.run(script);
}
