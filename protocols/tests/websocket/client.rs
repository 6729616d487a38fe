//! The client's end.

use std::cell::RefCell;
use std::rc::Rc;

use ropewalk_protocols::{Message, MessageKind, WebSocketReceiver, WebSocketUrl};
use ropewalk_reactor::testing::{Events, Probe};

use crate::world::{Listens, act, close, masked, plain};

/// The field of a head.
fn field<'a>(head: &'a str, name: &str) -> &'a str {
    let line = head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    line.unwrap_or_else(|| panic!("no {name} in {head}"))
}

/// What the server has to answer to the client's key; in a world with the same seed that is always the same.
fn accept() -> String {
    let log = Events::new();
    let mut probe = Probe::new(client(&log));
    let asked = String::from_utf8(probe.written()).unwrap();
    // The server's end makes the answer.
    let mut server = Probe::new(WebSocketReceiver::server(Listens::new(&log)));
    server.deliver(&asked);
    field(&String::from_utf8(server.written()).unwrap(), "Sec-WebSocket-Accept").to_owned()
}

fn client(log: &Events) -> WebSocketReceiver<Listens> {
    let url: WebSocketUrl = "ws://server.example:8080/chat?a=b".parse().unwrap();
    WebSocketReceiver::client(Listens::echo(log), &url).subprotocols(["v1", "v2"]).header("Origin", "here")
}

fn answer() -> String {
    format!(
        "HTTP/1.1 101 Go on\r\nUpgrade: WebSocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: {}\r\n\
         Sec-WebSocket-Protocol: v2\r\n\r\n",
        accept()
    )
}

fn opened() -> (Probe, Events) {
    let log = Events::new();
    let mut probe = Probe::new(client(&log));
    probe.deliver(answer());
    assert_eq!(log.take(), ["opened v2"]);
    let _ = probe.written();
    (probe, log)
}

/// The payload of the only frame in `bytes`, which has to be masked.
#[track_caller]
fn unmasked(first: u8, bytes: &[u8]) -> Vec<u8> {
    let [opcode, length, key @ ..] = bytes else { panic!("{bytes:?}") };
    assert_eq!((*opcode, length & 0x80), (first, 0x80));
    let (key, payload) = key.split_at(4);
    assert_eq!(payload.len(), usize::from(length & 0x7f));
    payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect()
}

#[test]
fn it_asks_as_the_standard_says() {
    let mut probe = Probe::new(client(&Events::new()));
    let asked = String::from_utf8(probe.written()).unwrap();
    assert!(asked.starts_with("GET /chat?a=b HTTP/1.1\r\nHost: server.example:8080\r\n"), "{asked}");
    for (name, value) in [
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Protocol", "v1, v2"),
        ("Origin", "here"),
    ] {
        assert_eq!(field(&asked, name), value);
    }
    assert_eq!(field(&asked, "Sec-WebSocket-Key").len(), 24);
    assert!(asked.ends_with("\r\n\r\n"));
}

#[test]
fn messages_go_masked_and_come_plain() {
    let (mut probe, log) = opened();
    probe.deliver(plain(0x81, "hello"));
    let written = probe.written();
    assert_eq!(unmasked(0x81, &written), b"hello");
    probe.deliver(plain(0x82, [5; 100]));
    let again = probe.written();
    assert_eq!(unmasked(0x82, &again), [5; 100]);
    assert_ne!(written[2..6], again[2..6], "each frame has a key of its own");
    assert_eq!(log.take()[0], "text hello");
}

#[test]
fn what_lies_behind_the_answer_is_not_lost() {
    let log = Events::new();
    let mut probe = Probe::new(client(&log));
    probe.deliver([answer().as_bytes(), &plain(0x81, "early")].concat());
    assert_eq!(log.take(), ["opened v2", "text early"]);
}

#[test]
fn the_server_closes_the_connection_first() {
    let (mut probe, log) = opened();
    probe.deliver(plain(0x88, close(1000, "done")));
    assert_eq!(unmasked(0x88, &probe.written()), close(1000, "done"));
    assert!(!probe.is_closing());
    probe.deliver(plain(0x81, "late"));
    probe.deliver_eof();
    assert_eq!(log.take(), ["closing Some(1000) done", "lost the connection was closed cleanly"]);
}

#[test]
fn a_server_that_does_not_close_the_connection_is_not_waited_for() {
    let (mut probe, log) = opened();
    probe.deliver(plain(0x88, ""));
    probe.advance(crate::world::SECOND * 10);
    assert!(probe.is_closing());
    probe.deliver_eof();
    assert_eq!(log.take(), ["closing None ", "lost the connection was closed cleanly"]);
}

#[test]
fn masked_frames_are_refused() {
    let (mut probe, log) = opened();
    probe.deliver(masked(0x81, "hello"));
    assert_eq!(unmasked(0x88, &probe.written()), close(1002, "a server's frame that is masked"));
    probe.deliver_eof();
    assert_eq!(
        log.take(),
        ["lost the connection was closed because of an error: a server's frame that is masked"]
    );
}

#[track_caller]
fn check_no_websocket(answer: &str, error: &str) {
    let log = Events::new();
    let mut probe = Probe::new(client(&log));
    probe.deliver(answer);
    probe.deliver_eof();
    let lost = format!("lost the connection was closed because of an error: {error}");
    assert_eq!(log.take(), [lost], "{answer}");
}

#[test]
fn answers_that_open_no_websocket_are_told_apart() {
    for (status, hint) in [
        ("200 OK", ": there is a page at this path, and no WebSocket"),
        ("301 Moved", ": it has moved, and redirections are not followed; ask for its new address"),
        ("401 Unauthorized", ": it wants to know who asks, in a header Authorization for instance"),
        ("403 Forbidden", ": it may want a header Origin that is its own, or a login"),
        ("410 Gone", ": there is no WebSocket at this path"),
        ("500 Oops", ""),
    ] {
        let (code, meaning) = status.split_once(' ').unwrap();
        check_no_websocket(
            &format!("HTTP/1.1 {status}\r\n\r\n"),
            &format!("the server answered with the status {code} ({meaning}) instead of 101{hint}"),
        );
    }
    let good = answer();
    let refuse = |from: &str, to: &str, error: &str| check_no_websocket(&good.replace(from, to), error);
    let lacks = |field: &str| format!("the server's answer has not exactly one field \"{field}\"");
    refuse("Upgrade: WebSocket\r\n", "", &lacks("Upgrade: websocket"));
    refuse("Connection: upgrade", "Connection: close", &lacks("Connection: Upgrade"));
    let accept = accept();
    refuse(&accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", &lacks(&format!("Sec-WebSocket-Accept: {accept}")));
    refuse(": v2", ": v3", "the server chose the subprotocol \"v3\", which was not offered");
    refuse(
        ": v2",
        ": v2\r\nSec-WebSocket-Extensions: permessage-deflate",
        "the server's answer has a field Sec-WebSocket-Extensions, though nothing was offered",
    );
    check_no_websocket("+OK ready\r\n\r\n", "the peer does not speak HTTP/1.1: its answer cannot be read");
    check_no_websocket("HTTP/1.1 101 ", "the connection ended before the WebSocket was open");
    check_no_websocket("", "the connection ended before the WebSocket was open");
    check_no_websocket(
        &"x".repeat(9000),
        "the head of the peer's HTTP message is longer than the limit of 8192 bytes",
    );
}

#[test]
fn a_subprotocol_need_not_be_chosen() {
    let log = Events::new();
    let mut probe = Probe::new(client(&log));
    probe.deliver(answer().replace("Sec-WebSocket-Protocol: v2\r\n", ""));
    assert_eq!(log.take(), ["opened "]);
}

#[test]
fn what_is_encoded_for_all_is_masked_by_a_client() {
    let (mut probe, _) = opened();
    act(&mut probe, |socket| socket.send_encoded(&ropewalk_protocols::EncodedMessage::new("to all")));
    assert_eq!(unmasked(0x81, &probe.written()), b"to all");
    act(&mut probe, |socket| socket.send(Message::Text("to one")));
    assert_eq!(unmasked(0x81, &probe.written()), b"to one");
}

#[test]
fn addresses_are_read() {
    let read = |text: &str| text.parse::<WebSocketUrl>().map_err(|error| error.to_string());
    for (text, secure, host, port, resource, authority) in [
        ("ws://example.org", false, "example.org", 80, "/", "example.org:80"),
        ("WSS://example.org?x=/y", true, "example.org", 443, "/?x=/y", "example.org:443"),
        ("ws://[::1]:8000/a/b", false, "::1", 8000, "/a/b", "[::1]:8000"),
        ("ws://[::1]", false, "::1", 80, "/", "[::1]:80"),
    ] {
        let url = read(text).unwrap();
        let parts = (url.is_secure(), url.host(), url.port(), url.resource());
        assert_eq!(parts, (secure, host, port, resource), "{text}");
        assert_eq!(url.authority(), authority);
        assert_eq!(url.endpoint(), format!("{}:{authority}", if secure { "tls" } else { "tcp" }));
    }
    for (text, problem) in [
        ("http://example.org/", "it has to begin with ws:// or wss://"),
        ("example.org", "it has to begin with ws:// or wss://"),
        ("ws:///chat", "it names no host"),
        ("ws://a/#b", "it may not have a fragment"),
        ("ws://a/ b", "only visible ASCII characters may be in it"),
        ("ws://me@a/", "it may not have a user"),
        ("ws://a:65536/", "its port is no number of a port"),
        ("ws://[::1/", "the bracket of its host is not closed"),
        ("ws://[::1]x/", "its host is followed by something else than a port"),
    ] {
        assert_eq!(read(text), Err(format!("{text:?} is not the address of a WebSocket: {problem}")));
    }
}

#[test]
fn what_it_says_when_it_is_dismissed_is_masked_with_secrets_too() {
    let (mut probe, _) = opened();
    act(&mut probe, |socket| socket.transport().dismiss());
    let frame = probe.written();
    assert_eq!(unmasked(0x88, &frame), close(1001, ""));
    // The first that there are in a world with the same seed.
    let other = Probe::new(WebSocketReceiver::server(Listens::new(&Events::new())));
    let secrets: [u8; 1024] = other.transport().reactor().secret().unwrap();
    assert!(secrets.windows(4).any(|secret| secret == &frame[2..6]));
}

/// What passes messages on may begin before there is anybody to have them.
#[test]
fn a_message_that_was_begun_before_it_is_open_goes_nowhere_to_its_end() {
    let log = Events::new();
    let message = Rc::new(RefCell::new(None));
    let mut probe = Probe::new(client(&log));
    let begun = Rc::clone(&message);
    act(&mut probe, move |socket| {
        let mut message = socket.begin(MessageKind::Binary).unwrap();
        message.send("before");
        *begun.borrow_mut() = Some(message);
    });
    probe.deliver(answer());
    let _ = probe.written();
    act(&mut probe, move |socket| {
        let mut message = message.take().unwrap();
        message.send("after");
        message.finish("it");
        socket.send("whole");
    });
    assert_eq!(unmasked(0x81, &probe.written()), b"whole");
}
