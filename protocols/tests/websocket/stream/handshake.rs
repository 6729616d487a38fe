//! Who gets a stream, and what others get.

use std::time::Duration;

use ropewalk_protocols::{HttpResponse, WebSocketClientConfig, WebSocketServerConfig};

use super::stage::{ANSWER_TO_ZEROS, Stage, frames};
use crate::world::{ANSWER, REQUEST, masked, plain};

/// The request with more header fields.
fn request(fields: &str) -> String {
    REQUEST.replace("Upgrade: websocket\r\n", &format!("Upgrade: websocket\r\n{fields}"))
}

#[test]
fn a_protocol_is_made_once_the_handshake_is_done() {
    let mut stage = Stage::server(WebSocketServerConfig::new());
    let (one, other) = REQUEST.split_at(50);
    assert!(stage.say(one).is_empty());
    assert!(stage.events.take().is_empty());
    // What comes with the request is the first input.
    let answer = stage.say([other.as_bytes(), &masked(0x81, "one\n")].concat());
    assert_eq!(answer, [ANSWER.as_bytes(), &plain(0x82, "[one]\n")].concat());
    assert_eq!(stage.events.take(), ["built", "line one"]);
}

#[test]
fn who_asks_for_a_page_gets_one_and_is_no_connection() {
    let page = "GET /page?1 HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut stage = Stage::server(WebSocketServerConfig::new());
    assert_eq!(stage.status(page), "HTTP/1.1 426 Upgrade Required");
    let failed = stage.events.take();
    assert_eq!(failed.len(), 0, "{failed:?}");
    stage.peer.finish();
    stage.memory.settle(&mut stage.reactor);
    let failed = stage.events.take();
    assert!(failed[0].ends_with("answered with the status 426 instead of a WebSocket"), "{failed:?}");

    let config = WebSocketServerConfig::new().path("/chat").page(|request| match request.path() {
        "/page" => HttpResponse::new(200).body("text/plain", "hello"),
        _ => HttpResponse::new(404),
    });
    let answer = String::from_utf8(Stage::server(config.clone()).say(page)).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nhello"), "{answer}");
    let head = page.replace("GET", "HEAD");
    let answer = String::from_utf8(Stage::server(config.clone()).say(head)).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
    let other = page.replace("page", "other");
    assert_eq!(Stage::server(config).status(other), "HTTP/1.1 404 Not Found");
}

#[test]
fn paths_and_origins_and_what_else_is_wanted_are_looked_at() {
    let config = WebSocketServerConfig::new()
        .path("/chat")
        .origins(["https://a.example", "https://b.example"])
        .accept_if(|request| match request.query() {
            Some("full") => Err(HttpResponse::new(503)),
            _ => Ok(()),
        });
    let status = |request: String| Stage::server(config.clone()).status(request);
    let accepted = "HTTP/1.1 101 Switching Protocols";
    assert_eq!(status(request("")), accepted);
    assert_eq!(status(request("").replace("/chat", "/chat?x")), accepted);
    assert_eq!(status(request("").replace("/chat", "/chat?full")), "HTTP/1.1 503 Service Unavailable");
    assert_eq!(status(request("").replace("/chat", "/")), "HTTP/1.1 404 Not Found");
    assert_eq!(status(request("Origin: https://b.example\r\n")), accepted);
    for origin in ["https://c.example", "null", "", "https://a.example.org"] {
        assert_eq!(status(request(&format!("Origin: {origin}\r\n"))), "HTTP/1.1 403 Forbidden", "{origin}");
    }
}

#[test]
fn a_subprotocol_is_chosen() {
    let config = WebSocketServerConfig::new().subprotocols(["binary"]);
    let answer = Stage::server(config.clone()).say(request("Sec-WebSocket-Protocol: base64, binary\r\n"));
    assert!(String::from_utf8(answer).unwrap().contains("\r\nSec-WebSocket-Protocol: binary\r\n"));
    assert_eq!(Stage::server(config).say(REQUEST), ANSWER.as_bytes());
}

#[test]
fn who_speaks_something_else_is_told() {
    for (said, answer, problem) in [
        ("hello\r\n\r\n", "HTTP/1.1 400 Bad Request", "this is not HTTP"),
        ("POST / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 405 Method Not Allowed", "the method is not GET"),
        (&REQUEST.replace("13", "8"), "HTTP/1.1 426 Upgrade Required", "Sec-WebSocket-Version: 13"),
        (&"x".repeat(8193), "HTTP/1.1 431 Request Header Fields Too Large", "limit of 8192 bytes"),
        // The record of a ClientHello: no HTTP will follow.
        ("\x16\x03\x01\x02\x00\x01\x00", "", "it speaks TLS, which is wss instead of ws"),
    ] {
        let mut stage = Stage::server(WebSocketServerConfig::new());
        assert_eq!(stage.status(said), answer);
        stage.peer.finish();
        stage.memory.settle(&mut stage.reactor);
        let failed = stage.events.take();
        assert!(failed.len() == 1 && failed[0].contains(problem), "{failed:?}");
        assert_eq!(stage.reactor.stats().connections, 0);
    }
}

#[test]
fn who_is_slow_has_ten_seconds() {
    let mut stage = Stage::server(WebSocketServerConfig::new());
    // Slowly, such as somebody who types.
    for byte in REQUEST.bytes().take(9) {
        stage.say([byte]);
        stage.memory.run_for(&mut stage.reactor, Duration::from_secs(1));
    }
    assert_eq!(stage.reactor.stats().connections, 1);
    stage.memory.run_for(&mut stage.reactor, Duration::from_secs(1));
    assert_eq!(stage.reactor.stats().connections, 0);
    let failed = stage.events.take();
    assert!(failed.len() == 1 && failed[0].contains("10s"), "{failed:?}");
    let mut stage = Stage::server(WebSocketServerConfig::new().handshake_timeout(Duration::from_secs(1)));
    stage.say("GET");
    stage.memory.run_for(&mut stage.reactor, Duration::from_secs(1));
    assert_eq!(stage.reactor.stats().connections, 0);
}

#[test]
fn who_only_looks_whether_the_port_is_open_is_cut_off() {
    let mut stage = Stage::server(WebSocketServerConfig::new());
    stage.peer.finish();
    stage.memory.settle(&mut stage.reactor);
    assert_eq!(stage.reactor.stats().connections, 0);
    assert_eq!(stage.events.take().len(), 1);
}

#[test]
fn a_client_asks_for_what_it_wants() {
    let url = "ws://example.org:80/chat?room=1".parse().unwrap();
    let config = WebSocketClientConfig::new(url).header("Origin", "https://a").subprotocols(["binary"]);
    let (mut stage, failure) = Stage::client(config);
    let asked = stage.say("");
    let expected = "GET /chat?room=1 HTTP/1.1\r\nHost: example.org\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Protocol: binary\r\nOrigin: https://a\r\n\r\n";
    assert_eq!(String::from_utf8(asked).unwrap(), expected);
    assert!(stage.events.take().is_empty());
    let answer = stage.say([ANSWER_TO_ZEROS.as_bytes(), &plain(0x82, "one\n")].concat());
    assert_eq!(frames(&answer), [(2, b"[one]\n".to_vec())]);
    assert_eq!(stage.events.take(), ["built", "line one"]);
    assert_eq!(*failure.borrow(), None);
}

#[test]
fn a_client_tells_why_it_got_no_stream() {
    for (answer, problem) in [
        ("HTTP/1.1 404 Not Found\r\n\r\n", "the server answered with the status 404 (Not Found)"),
        (ANSWER, "Sec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI="),
        ("HTTP/1.1 101\r\n\r\n", "\"Upgrade: websocket\""),
        // Nobody waits for the end of what is no answer.
        ("220 mail.example ESMTP", "does not speak HTTP/1.1"),
        (&format!("HTTP/{}", "x".repeat(8188)), "limit of 8192 bytes"),
    ] {
        let (mut stage, failure) = Stage::client(WebSocketClientConfig::new("ws://a/".parse().unwrap()));
        stage.say(answer);
        stage.peer.finish();
        stage.memory.settle(&mut stage.reactor);
        let failure = failure.take().unwrap();
        assert!(failure.contains(problem), "{failure}");
    }
}
