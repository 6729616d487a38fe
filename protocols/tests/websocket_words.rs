//! What WebSockets say to people: errors, responses to browsers, names in logs.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

use ropewalk_protocols::{
    CloseCode, ControlTooLong, HttpRequest, HttpResponse, Message, MessageInProgress, WebSocket,
    WebSocketProtocol, WebSocketReceiver,
};
use ropewalk_reactor::testing::Probe;
use ropewalk_reactor::{Protocol, Result, Transport};

/// Answers each request for a page with the status that its path is.
struct Statuses;

impl WebSocketProtocol for Statuses {
    fn page_requested(&mut self, _: &Transport, request: &HttpRequest<'_>) -> HttpResponse {
        HttpResponse::new(request.path()[1..].parse().unwrap())
    }

    fn message_received(&mut self, _: &WebSocket, _: Message<'_>) -> Result {
        Ok(())
    }
}

/// The names of the statuses, as IANA has them registered.
#[test]
fn a_response_says_what_its_status_means() {
    for response in [
        "200 OK",
        "204 No Content",
        "301 Moved Permanently",
        "302 Found",
        "303 See Other",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
        "401 Unauthorized",
        "403 Forbidden",
        "404 Not Found",
        "410 Gone",
        "429 Too Many Requests",
        "500 Internal Server Error",
        "503 Service Unavailable",
    ] {
        let mut probe = Probe::new(WebSocketReceiver::server(Statuses));
        probe.deliver(format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", &response[..3]));
        let written = String::from_utf8(probe.written()).unwrap();
        assert!(written.starts_with(&format!("HTTP/1.1 {response}\r\n")), "{written}");
        assert!(written.ends_with(&format!("\r\n\r\n{response}\n")), "{written}");
    }
}

#[test]
fn errors_and_codes_are_words_and_numbers() {
    assert_eq!(CloseCode::GOING_AWAY.to_string(), "1001");
    assert!(ControlTooLong { length: 126 }.to_string().contains("126 bytes"));
    assert!(MessageInProgress.to_string().contains("another message"));
}

#[test]
fn logs_call_a_receiver_as_its_protocol() {
    assert!(WebSocketReceiver::server(Statuses).name().ends_with("::Statuses"));
}
