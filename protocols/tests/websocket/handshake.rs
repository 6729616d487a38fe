//! The server's handshake.

use ropewalk_protocols::{
    HttpRequest, HttpResponse, Message, WebSocket, WebSocketProtocol, WebSocketReceiver,
};
use ropewalk_reactor::testing::{Events, Probe};
use ropewalk_reactor::{Result, Transport};

use crate::world::{ANSWER, Listens, REQUEST, masked, plain};

/// What a server answers to a request, and what its protocol hears.
fn ask(request: impl AsRef<[u8]>) -> (String, Vec<String>) {
    let log = Events::new();
    let receiver = WebSocketReceiver::server(Listens::new(&log)).subprotocols(["v2", "v1"]);
    let mut probe = Probe::new(receiver);
    probe.deliver(request);
    let answer = String::from_utf8(probe.written()).unwrap();
    assert_eq!(probe.is_closing(), !answer.starts_with("HTTP/1.1 101"), "{answer}");
    (answer, log.take())
}

fn replaced(from: &str, to: &str) -> String {
    assert!(REQUEST.contains(from), "{from}");
    REQUEST.replace(from, to)
}

#[track_caller]
fn check_accepted(request: &str) {
    assert_eq!(ask(request).0, ANSWER, "{request}");
}

#[track_caller]
fn check_refused(request: &str, status: &str) -> String {
    let (answer, heard) = ask(request);
    assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{answer} to {request}");
    assert!(answer.contains("\r\nConnection: close"), "{answer}");
    // The head is whole and says how long the body is.
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(request.starts_with("HEAD") || head.contains(&format!("\r\nContent-Length: {}", body.len())));
    assert!(!heard.contains(&"opened ".to_owned()));
    answer
}

#[test]
fn the_example_of_the_standard_is_answered() {
    check_accepted(REQUEST);
}

#[test]
fn names_and_tokens_have_no_case_and_connection_is_a_list() {
    check_accepted(&replaced("Connection: Upgrade", "Connection: keep-alive, Upgrade"));
    check_accepted(&replaced("Upgrade: websocket", "upgrade:WebSocket"));
    check_accepted(&REQUEST.replace("Sec-WebSocket", "sec-websocket").replace("Host", "hOST"));
    check_accepted(&replaced("Connection: Upgrade", "connection: keep-alive\r\nCONNECTION:\tupgrade "));
    check_accepted(&REQUEST.replace("\r\n", "\n"));
}

#[test]
fn what_a_websocket_needs_is_demanded() {
    check_refused(&replaced("HTTP/1.1", "HTTP/1.0"), "400 Bad Request");
    check_refused(&replaced("Host: server.example.com\r\n", ""), "400 Bad Request");
    check_refused(&replaced("Host: server.example.com", "Host: a\r\nHost: b"), "400 Bad Request");
    check_refused(&replaced("Connection: Upgrade", "Connection: close"), "400 Bad Request");
    for key in ["", "dGhl", "dGhlIHNhbXBsZSBub25jZQ", "!GhlIHNhbXBsZSBub25jZQ=="] {
        check_refused(&replaced("dGhlIHNhbXBsZSBub25jZQ==", key), "400 Bad Request");
    }
    check_refused(&replaced("Sec-WebSocket-Key", "Other"), "400 Bad Request");
    check_refused("\r\n", "400 Bad Request");
    check_refused("hello\r\n\r\n", "400 Bad Request");
    check_refused("\x16\x03\x01\n\n", "400 Bad Request");
    let answer = check_refused(&replaced("GET", "POST"), "405 Method Not Allowed");
    assert!(answer.contains("\r\nAllow: GET, HEAD\r\n"), "{answer}");
}

#[test]
fn other_versions_are_told_which_there_is() {
    for version in ["12", "14", "", "13\r\nSec-WebSocket-Version: 13"] {
        let request = replaced("Version: 13", &format!("Version: {version}"));
        let answer = check_refused(&request, "426 Upgrade Required");
        assert!(answer.contains("\r\nSec-WebSocket-Version: 13\r\n"), "{answer}");
    }
}

#[test]
fn a_subprotocol_is_chosen_as_the_server_prefers() {
    for (offered, chosen) in [("v1, v2", "v2"), ("v1", "v1"), ("v0\r\nSec-WebSocket-Protocol: v1", "v1")] {
        let field = format!("Host: x\r\nSec-WebSocket-Protocol: {offered}");
        let (answer, heard) = ask(replaced("Host: server.example.com", &field));
        assert!(answer.contains(&format!("\r\nSec-WebSocket-Protocol: {chosen}\r\n")), "{answer}");
        assert_eq!(heard, ["asked /chat", &format!("opened {chosen}")]);
    }
    check_accepted(&replaced("Host: server.example.com", "Host: x\r\nSec-WebSocket-Protocol: V1, v"));
}

#[test]
fn a_protocol_refuses_paths_and_origins() {
    check_refused(&replaced("/chat", "/secret?key=1"), "404 Not Found");
    let evil = "Host: x\r\nOrigin: https://evil.example";
    check_refused(&replaced("Host: server.example.com", evil), "403 Forbidden");
}

#[test]
fn what_lies_behind_the_handshake_is_not_lost() {
    let log = Events::new();
    let mut probe = Probe::new(WebSocketReceiver::server(Listens::echo(&log)));
    probe.deliver([REQUEST.as_bytes(), &masked(0x81, "early")].concat());
    assert_eq!(probe.written(), [ANSWER.as_bytes(), &plain(0x81, "early")].concat());
}

#[test]
fn a_long_head_is_refused_at_the_limit() {
    let padded = |length: usize| replaced("Host: ", &format!("A: {}\r\nHost: ", "x".repeat(length)));
    let room = 8192 - padded(0).len();
    check_accepted(&padded(room));
    check_refused(&padded(room + 1), "431 Request Header Fields Too Large");
    check_refused(&"x".repeat(8193), "431 Request Header Fields Too Large");
    check_refused(
        &replaced("Host: ", &format!("{}Host: ", "A: b\r\n".repeat(64))),
        "431 Request Header Fields Too Large",
    );
}

#[test]
fn who_asks_for_no_websocket_is_told_of_it() {
    let answer = check_refused("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "426 Upgrade Required");
    assert!(answer.contains("\r\nUpgrade: websocket\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n426 Upgrade Required\n"), "{answer}");
    let head = check_refused("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", "426 Upgrade Required");
    assert!(head.ends_with("\r\n\r\n"), "{head}");
}

/// Has a page.
struct Site;

impl WebSocketProtocol for Site {
    fn page_requested(&mut self, _: &Transport, request: &HttpRequest<'_>) -> HttpResponse {
        match request.path() {
            "/" => {
                HttpResponse::new(200).body("text/html", "<p>Hi!").header("X-Query", request.query().unwrap())
            }
            _ => HttpResponse::new(404),
        }
    }

    fn message_received(&mut self, _: &WebSocket, _: Message<'_>) -> Result {
        Ok(())
    }
}

#[test]
fn one_port_serves_a_page_and_its_websocket() {
    let get = |request: &str| {
        let mut probe = Probe::new(WebSocketReceiver::server(Site));
        probe.deliver(request);
        String::from_utf8(probe.written()).unwrap()
    };
    assert_eq!(
        get("GET /?a=b%0d HTTP/1.1\r\n\r\n"),
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 6\r\nContent-Type: text/html\r\n\
         X-Query: a=b%0d\r\n\r\n<p>Hi!"
    );
    assert!(get("GET /favicon.ico HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404 Not Found\r\n"));
    assert_eq!(get(REQUEST), ANSWER);
}

#[test]
fn a_field_cannot_smuggle_another_in() {
    let log = Events::new();
    let url = "ws://example.org/".parse().unwrap();
    let receiver = WebSocketReceiver::client(Listens::new(&log), &url).header("A:\r\nB", "x\r\nEvil: yes");
    let written = String::from_utf8(Probe::new(receiver).written()).unwrap();
    assert!(written.ends_with("\r\nAB: x  Evil: yes\r\n\r\n"), "{written}");
}
