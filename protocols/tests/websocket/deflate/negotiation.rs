//! Agreeing on compression (RFC 7692, sections 5 and 7.1).

use ropewalk_protocols::{DeflateOptions, WebSocketReceiver};
use ropewalk_reactor::testing::{Events, Probe};

use super::{extensions, negotiated, request};
use crate::world::{ANSWER, Listens, masked, plain};

const KEEP: bool = true;
const FORGET: bool = false;

fn options(takeover: bool) -> DeflateOptions {
    DeflateOptions::new().context_takeover(takeover).threshold(0)
}

#[test]
fn a_server_answers_as_it_is_asked() {
    for (takeover, offer, answer) in [
        (KEEP, "permessage-deflate", "permessage-deflate"),
        (
            FORGET,
            "permessage-deflate",
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
        ),
        (
            KEEP,
            "permessage-deflate; server_no_context_takeover",
            "permessage-deflate; server_no_context_takeover",
        ),
        (
            KEEP,
            "permessage-deflate; client_no_context_takeover",
            "permessage-deflate; client_no_context_takeover",
        ),
        (
            KEEP,
            "permessage-deflate; client_max_window_bits; server_max_window_bits=10",
            "permessage-deflate; server_max_window_bits=10",
        ),
        (
            KEEP,
            "permessage-deflate; server_max_window_bits=15; client_max_window_bits=9",
            "permessage-deflate; server_max_window_bits=15",
        ),
        (
            KEEP,
            "permessage-deflate;server_max_window_bits=\"8\"",
            "permessage-deflate; server_max_window_bits=8",
        ),
        // The first that is understood, of several.
        (
            KEEP,
            "x-unknown; a=\",\", permessage-deflate; server_max_window_bits=12, permessage-deflate",
            "permessage-deflate; server_max_window_bits=12",
        ),
        (KEEP, "permessage-deflate; server_max_window_bits=7, permessage-deflate", "permessage-deflate"),
        (
            KEEP,
            "permessage-deflate; unknown\r\nSec-WebSocket-Extensions: permessage-deflate",
            "permessage-deflate",
        ),
    ] {
        let (_, _, answered) = negotiated(options(takeover), offer, Listens::new);
        assert_eq!(answered.as_deref(), Some(answer), "{offer}");
    }
}

#[test]
fn a_server_declines_what_is_malformed_or_unknown() {
    for offer in [
        "",
        "x-webkit-deflate-frame",
        "permessage-deflate; unknown",
        "permessage-deflate; unknown=1",
        "permessage-deflate; server_no_context_takeover=true",
        "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=7",
        "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_max_window_bits=010",
        "permessage-deflate; client_max_window_bits=",
        "permessage-deflate; client_max_window_bits; client_max_window_bits=9",
        "x; a=\", permessage-deflate, \"",
    ] {
        let (mut probe, _, answered) = negotiated(options(KEEP), offer, Listens::echo);
        assert_eq!(answered, None, "{offer}");
        probe.deliver(masked(0x81, "abc"));
        assert_eq!(probe.written(), plain(0x81, "abc"), "{offer}");
        probe.deliver(masked(0xc1, "abc"));
        assert!(probe.is_closing(), "{offer}");
    }
}

#[test]
fn without_the_option_nothing_is_agreed_on() {
    let mut probe = Probe::new(WebSocketReceiver::server(Listens::new(&Events::new())));
    probe.deliver(request("permessage-deflate"));
    assert_eq!(probe.written(), ANSWER.as_bytes());
}

/// A client's end, and what it hears.
fn client(takeover: bool) -> (Probe, Events) {
    let (log, url) = (Events::new(), "ws://server.example/".parse().unwrap());
    (Probe::new(WebSocketReceiver::client(Listens::echo(&log), &url).deflate(options(takeover))), log)
}

/// A client's end that was answered so.
fn answered(takeover: bool, answer: &str) -> (Probe, Vec<String>) {
    let (mut probe, log) = client(takeover);
    let mut server = Probe::new(WebSocketReceiver::server(Listens::new(&Events::new())));
    server.deliver(probe.written());
    let head = String::from_utf8(server.written()).unwrap();
    let field = format!("\r\nSec-WebSocket-Extensions: {answer}\r\n\r\n");
    probe.deliver(if answer.is_empty() { head } else { head.replace("\r\n\r\n", &field) });
    probe.deliver_eof();
    (probe, log.take())
}

#[test]
fn a_client_offers_what_it_can_do() {
    let offered = |takeover| extensions(&client(takeover).0.written());
    assert_eq!(offered(KEEP).as_deref(), Some("permessage-deflate; client_max_window_bits"));
    let forgetful =
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits";
    assert_eq!(offered(FORGET).as_deref(), Some(forgetful));
}

#[test]
fn a_client_takes_answers_to_its_offer() {
    for (takeover, answer) in [
        (KEEP, ""),
        (KEEP, "permessage-deflate"),
        (KEEP, "permessage-deflate; server_no_context_takeover"),
        (KEEP, "permessage-deflate; client_no_context_takeover; server_max_window_bits=8"),
        (KEEP, "permessage-deflate; client_max_window_bits=8"),
        (KEEP, "permessage-deflate; client_max_window_bits=\"15\""),
        (FORGET, ""),
        (FORGET, "permessage-deflate; server_no_context_takeover"),
        (FORGET, "permessage-deflate; server_no_context_takeover; client_no_context_takeover"),
    ] {
        assert_eq!(answered(takeover, answer).1[0], "opened ", "{answer}");
    }
}

#[test]
fn a_client_fails_on_answers_to_no_offer_of_its_own() {
    for (takeover, answer) in [
        (KEEP, "x-webkit-deflate-frame"),
        (KEEP, "permessage-deflate, permessage-deflate"),
        (KEEP, "permessage-deflate, x-other"),
        (KEEP, "permessage-deflate; unknown"),
        (KEEP, "permessage-deflate; client_max_window_bits"),
        (KEEP, "permessage-deflate; client_max_window_bits=16"),
        (KEEP, "permessage-deflate; server_max_window_bits"),
        (KEEP, "permessage-deflate; server_max_window_bits=0"),
        // That the server forgets was asked for.
        (FORGET, "permessage-deflate"),
        (FORGET, "permessage-deflate; client_no_context_takeover"),
    ] {
        let error = format!("the server chose the extensions {answer:?}, which were not offered so");
        let lost = format!("lost the connection was closed because of an error: {error}");
        assert_eq!(answered(takeover, answer).1, [lost]);
    }
}
