//! Both ends of WebSockets.

#[path = "../../examples/ws_client.rs"]
#[allow(dead_code, reason = "its main is for people")]
mod ws_client;
#[path = "../../examples/ws_echo.rs"]
#[allow(dead_code, reason = "its main is for people")]
mod ws_echo;

use ropewalk::testing::{Probe, ProtocolCheck};

use crate::check;

/// As short as can be.
const REQUEST: &[u8] = b"GET / HTTP/1.1\nHost:a\nUpgrade:websocket\nConnection:upgrade\n\
    Sec-WebSocket-Version:13\nSec-WebSocket-Key:dGhlIHNhbXBsZSBub25jZQ==\n\n";

#[test]
fn ws_echo() {
    // "hi", with a mask that changes nothing; half of a message, a ping, the other half; the close.
    let frames = b"\x81\x82\0\0\0\0hi\x01\x81\0\0\0\0a\x89\x80\0\0\0\0\x80\x81\0\0\0\0b\x88\x80\0\0\0\0";
    let written = check(ws_echo::echo).run([REQUEST, frames].concat()).written;
    assert!(written.ends_with(b"\x81\x02hi\x8a\x00\x81\x02ab\x88\x00"), "{}", written.escape_ascii());
    check(ws_echo::echo).run([REQUEST, b"\x81\x02hi"].concat());
    check(ws_echo::echo).run("GET / HTTP/1.1\r\n\r\n");
}

#[test]
fn ws_client() {
    let url = "ws://a/".parse().unwrap();
    let check = ProtocolCheck::new(|_| ws_client::client(&url, None, ended()));
    // In the world of the check, the client's key is always the same.
    let mut server = Probe::new(ropewalk::WebSocketReceiver::server(ws_echo::Echo));
    server.deliver(check.run("").written);
    let answer = server.written();
    for frames in [&b"\x81\x02hi\x82\x00\x88\x00"[..], b"\x81\x82\0\0\0\0hi", b"\x81\x02h"] {
        check.run([&answer, frames].concat());
    }
    check.run("HTTP/1.1 200 OK\r\n\r\n");
}

fn ended() -> ws_client::Ended {
    ws_client::Ended::new(std::cell::RefCell::new(Ok(())))
}
