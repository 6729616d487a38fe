//! Options, as RFC 854, 1073 and 1091 show them.

use std::any::Any;

use ropewalk_protocols::{TelnetEvent, TelnetLayer, TelnetTransport};
use ropewalk_reactor::testing::{Events, ProtocolCheck};
use ropewalk_reactor::{Layer, Protocol, Result, Transport};

use crate::stage::{
    Bytes, DO, DONT, ECHO, IAC, IS, LINEMODE, SB, SE, SUPPRESS_GO_AHEAD, TERMINAL_TYPE, WILL, WINDOW_SIZE,
    WONT, bytes, check, check_bytes, check_client,
};

const SEND: u8 = 1;
const BINARY: u8 = 0;
const TIMING_MARK: u8 = 6;
const INTERRUPT: u8 = 244;

#[test]
fn what_is_unknown_is_refused_and_its_refusal_is_not_answered() {
    for option in [BINARY, TIMING_MARK, LINEMODE, 39, 255] {
        assert_eq!(check_bytes([IAC, WILL, option]).written, [IAC, DONT, option]);
        assert_eq!(check_bytes([IAC, DO, option]).written, [IAC, WONT, option]);
        assert_eq!(check_bytes([IAC, WONT, option, IAC, DONT, option]).written, b"");
    }
}

#[test]
fn an_option_that_stays_as_it_is_gets_no_answer() {
    let outcome = check_bytes([IAC, DO, ECHO, IAC, DO, ECHO, IAC, DO, ECHO]);
    assert_eq!(outcome.written, [IAC, WILL, ECHO]);
    assert_eq!(outcome.events, ["OwnOption(Echo, true)"]);
    let outcome = check_bytes([IAC, DONT, ECHO, IAC, WONT, ECHO]);
    assert_eq!((outcome.written, outcome.events), (vec![], vec![]));
}

#[test]
fn the_server_does_not_want_to_be_echoed() {
    assert_eq!(check_bytes([IAC, WILL, ECHO]).written, [IAC, DONT, ECHO]);
    assert_eq!(check_bytes([IAC, WILL, SUPPRESS_GO_AHEAD]).written, [IAC, DO, SUPPRESS_GO_AHEAD]);
}

#[test]
fn a_client_tells_the_size_of_its_window() {
    // RFC 1073, section 4, with the client beginning; then a window of 255 lines.
    let input = bytes(&[
        &[IAC, WILL, WINDOW_SIZE],
        &[IAC, SB, WINDOW_SIZE, 0, 80, 0, 24, IAC, SE],
        &[IAC, SB, WINDOW_SIZE, 0, 80, 0, IAC, IAC, IAC, SE],
        // Too short, and too long.
        &[IAC, SB, WINDOW_SIZE, 0, 80, 0, IAC, SE],
        &[IAC, SB, WINDOW_SIZE, 0, 80, 0, 24, 1, IAC, SE],
    ]);
    let outcome = check_bytes(input);
    assert_eq!(
        outcome.events,
        [
            "PeerOption(WindowSize, true)",
            "WindowSize { columns: 80, rows: 24 }",
            "WindowSize { columns: 80, rows: 255 }"
        ]
    );
    assert_eq!(outcome.written, [IAC, DO, WINDOW_SIZE]);
}

#[test]
fn a_client_tells_what_its_terminal_is() {
    // RFC 1091, section 9.
    let input =
        bytes(&[&[IAC, WILL, TERMINAL_TYPE], &[IAC, SB, TERMINAL_TYPE, IS], b"DEC-\x1b[VT220", &[IAC, SE]]);
    let outcome = check_bytes(input);
    assert_eq!(outcome.events, ["PeerOption(TerminalType, true)", "TerminalType(\"DEC-[VT220\")"]);
    assert_eq!(outcome.written, [IAC, DO, TERMINAL_TYPE, IAC, SB, TERMINAL_TYPE, SEND, IAC, SE]);
}

#[test]
fn a_client_that_keeps_its_terminal_to_itself_after_all_is_not_asked_again() {
    let outcome = check_bytes([IAC, WILL, TERMINAL_TYPE, IAC, WONT, TERMINAL_TYPE]);
    assert_eq!(outcome.events, ["PeerOption(TerminalType, true)", "PeerOption(TerminalType, false)"]);
    let asks_for_name: &[u8] = &[IAC, SB, TERMINAL_TYPE, SEND, IAC, SE];
    let answers: &[&[u8]] = &[&[IAC, DO, TERMINAL_TYPE], asks_for_name, &[IAC, DONT, TERMINAL_TYPE]];
    assert_eq!(outcome.written, bytes(answers));
}

#[test]
fn the_server_can_ask_for_both() {
    let grants = [IAC, WILL, TERMINAL_TYPE, IAC, WONT, WINDOW_SIZE];
    let outcome = check(bytes(&[b"terminal\r\n", &grants, b"x\r\n"]));
    assert_eq!(outcome.events, ["line terminal", "PeerOption(TerminalType, true)", "line x", "eof "]);
    let asks: &[u8] = &[IAC, DO, TERMINAL_TYPE, IAC, DO, WINDOW_SIZE];
    let asks_for_name: &[u8] = &[IAC, SB, TERMINAL_TYPE, SEND, IAC, SE];
    assert_eq!(outcome.written, bytes(&[b"[terminal]\r\n", asks, asks_for_name, b"[x]\r\n"]));
}

#[test]
fn what_nobody_has_agreed_on_is_not_believed() {
    let input = [IAC, SB, WINDOW_SIZE, 0, 80, 0, 24, IAC, SE, IAC, SB, TERMINAL_TYPE, IS, b'X', IAC, SE];
    let outcome = check_bytes(input);
    assert_eq!((outcome.written, outcome.events), (vec![], vec![]));
}

#[test]
fn a_client_tells_its_terminal_and_lets_the_server_echo() {
    let asks =
        [IAC, DO, TERMINAL_TYPE, IAC, SB, TERMINAL_TYPE, SEND, IAC, SE, IAC, WILL, ECHO, IAC, WONT, ECHO];
    let outcome = check_client(asks);
    assert_eq!(
        outcome.events,
        ["OwnOption(TerminalType, true)", "PeerOption(Echo, true)", "PeerOption(Echo, false)"]
    );
    let answers: &[&[u8]] = &[
        &[IAC, WILL, TERMINAL_TYPE, IAC, SB, TERMINAL_TYPE, IS],
        b"XTERM",
        &[IAC, SE, IAC, DO, ECHO, IAC, DONT, ECHO],
    ];
    assert_eq!(outcome.written, bytes(answers));
}

/// A client whose window grows each time when it gets data.
struct Grows(Events);

impl Protocol for Grows {
    fn connection_made(&mut self, transport: &Transport) {
        transport.set_window_size(13, 10);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        for byte in data {
            self.0.record(byte);
            transport.set_window_size(255, 65_535);
        }
        Ok(())
    }

    fn event_received(&mut self, _: &Transport, event: Box<dyn Any>) {
        self.0.record(format_args!("{:?}", event.downcast::<TelnetEvent>().unwrap()));
    }
}

#[test]
fn a_client_tells_its_window_when_it_is_asked_and_when_that_changes() {
    let client = || -> Vec<Box<dyn Layer>> { vec![Box::new(TelnetLayer::client("XTERM"))] };
    let check = |input: &[u8]| ProtocolCheck::new(Grows).through(client).run(input);
    let outcome = check(&bytes(&[&[IAC, DO, WINDOW_SIZE], b"ab"]));
    assert_eq!(outcome.events, ["OwnOption(WindowSize, true)", "97", "98"]);
    // 13 and 10 are no line's end here, and each 255 is doubled.
    let told: &[&[u8]] = &[
        &[IAC, WILL, WINDOW_SIZE],
        &[IAC, SB, WINDOW_SIZE, 0, 13, 0, 10, IAC, SE],
        &[IAC, SB, WINDOW_SIZE, 0, IAC, IAC, IAC, IAC, IAC, IAC, IAC, SE],
    ];
    assert_eq!(outcome.written, bytes(told));
    let outcome = check(&bytes(&[b"a", &[IAC, DO, WINDOW_SIZE, IAC, DONT, WINDOW_SIZE], b"b"]));
    let told: &[&[u8]] = &[
        &[IAC, WILL, WINDOW_SIZE],
        &[IAC, SB, WINDOW_SIZE, 0, IAC, IAC, IAC, IAC, IAC, IAC, IAC, SE],
        &[IAC, WONT, WINDOW_SIZE],
    ];
    assert_eq!(outcome.written, bytes(told));
    assert_eq!(check_client([IAC, DO, WINDOW_SIZE]).written, [IAC, WONT, WINDOW_SIZE], "who has no window");
    // A server has none either, whatever it may say.
    let server = || -> Vec<Box<dyn Layer>> { vec![Box::new(TelnetLayer::server())] };
    let outcome = ProtocolCheck::new(Grows).through(server).run([IAC, DO, WINDOW_SIZE]);
    assert_eq!(outcome.written, [IAC, WONT, WINDOW_SIZE]);
}

#[test]
fn a_client_does_not_edit_and_refuses_what_only_servers_do() {
    let outcome = check_client(bytes(&[&[IAC, DO, SUPPRESS_GO_AHEAD, IAC, DO, ECHO], b"a\x7fb\x03"]));
    assert_eq!(outcome.events, ["OwnOption(SuppressGoAhead, true)", "data a\\x7fb\\x03"]);
    let answers: &[&[u8]] = &[&[IAC, WILL, SUPPRESS_GO_AHEAD, IAC, WONT, ECHO], b"a\x7fb\x03"];
    assert_eq!(outcome.written, bytes(answers));
}

#[test]
fn an_empty_subnegotiation_and_one_whose_end_was_forgotten_do_no_harm() {
    let outcome = check_bytes(bytes(&[&[IAC, SB, IAC, SE], b"a", &[IAC, SB, 99, 1, IAC, DO, 99], b"b"]));
    assert_eq!(outcome.events, ["data ab"]);
    assert_eq!(outcome.written, bytes(&[b"a", &[IAC, WONT, 99], b"b"]));
}

/// Offers to echo, as only servers do.
struct Offering(Bytes);

impl Protocol for Offering {
    fn connection_made(&mut self, transport: &Transport) {
        transport.set_character_mode(true);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        self.0.data_received(transport, data)
    }

    fn event_received(&mut self, transport: &Transport, event: Box<dyn Any>) {
        self.0.event_received(transport, event);
    }
}

#[test]
fn a_client_that_has_offered_to_echo_edits_nothing_all_the_same() {
    let client = || -> Vec<Box<dyn Layer>> { vec![Box::new(TelnetLayer::client("XTERM"))] };
    let check = ProtocolCheck::new(|events| Offering(Bytes::new(events))).through(client);
    let outcome = check.run([IAC, DO, ECHO, IAC, INTERRUPT]);
    assert_eq!(outcome.events, ["OwnOption(Echo, true)", "Interrupt"]);
    assert_eq!(outcome.written, [IAC, WILL, SUPPRESS_GO_AHEAD, IAC, WILL, ECHO]);
}
