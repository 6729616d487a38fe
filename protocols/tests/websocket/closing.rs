//! How WebSockets end.

use ropewalk_protocols::{CloseCode, Message, WebSocket, WebSocketProtocol, WebSocketReceiver};
use ropewalk_reactor::Result;
use ropewalk_reactor::testing::{Events, Probe};

use crate::world::{Listens, REQUEST, SECOND, act, close, masked, opened, plain, server};

const CLEANLY: &str = "lost the connection was closed cleanly";

#[test]
fn the_peer_closes_and_is_answered_with_what_it_said() {
    for (payload, heard) in [
        (vec![], "closing None "),
        (close(1000, ""), "closing Some(1000) "),
        (close(4999, "enough \u{e9}"), "closing Some(4999) enough \u{e9}"),
        (close(1000, [b'x'; 123]), &format!("closing Some(1000) {}", "x".repeat(123))),
    ] {
        let (mut probe, log) = server(Listens::new);
        probe.deliver([masked(0x88, &payload), masked(0x81, "late")].concat());
        assert_eq!(probe.written(), plain(0x88, &payload));
        assert!(probe.is_closing());
        probe.deliver_eof();
        assert_eq!(log.take(), [heard, CLEANLY]);
    }
}

#[test]
fn codes_that_may_not_be_sent_break_the_protocol() {
    let bad = [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535];
    for code in bad {
        assert_eq!(CloseCode::new(code), None);
        let (mut probe, log) = server(Listens::new);
        probe.deliver(masked(0x88, close(code, "")));
        let error = format!("a close frame with the code {code}, which may not be sent");
        assert_eq!(probe.written(), plain(0x88, close(1002, &error)));
        probe.deliver_eof();
        assert_eq!(log.take(), [format!("lost the connection was closed because of an error: {error}")]);
    }
    for code in (1000..=1003).chain(1007..=1014).chain([3000, 3999, 4000, 4999]) {
        let (mut probe, log) = server(Listens::new);
        probe.deliver(masked(0x88, close(code, "")));
        assert_eq!(probe.written(), plain(0x88, close(code, "")));
        assert_eq!(log.take(), [format!("closing Some({code}) ")]);
    }
}

#[test]
fn half_a_code_and_a_reason_that_is_no_text_are_refused() {
    for (payload, code, error) in [
        (b"\x03".to_vec(), 1002, "a close frame with half a code"),
        (close(1000, b"\xff"), 1007, "text that is not UTF-8"),
    ] {
        let (mut probe, log) = server(Listens::new);
        probe.deliver(masked(0x88, payload));
        assert_eq!(probe.written(), plain(0x88, close(code, error)));
        assert_eq!(log.take(), Vec::<String>::new());
    }
}

#[test]
fn this_side_closes_and_waits_for_the_answer() {
    let (mut probe, log) = server(Listens::echo);
    probe.deliver([masked(0x81, "quit"), masked(0x81, "more"), masked(0x89, "ping")].concat());
    assert_eq!(probe.written(), plain(0x88, close(1000, "bye")));
    assert!(!probe.is_closing());
    act(&mut probe, |socket| {
        assert!(!socket.is_open());
        socket.send("too late");
        socket.ping("too late").unwrap();
        socket.close(CloseCode::GOING_AWAY, "again");
    });
    probe.deliver(masked(0x88, close(1001, "you too")));
    probe.deliver_eof();
    assert_eq!(probe.written(), b"");
    assert_eq!(log.take(), ["text quit", "closing Some(1001) you too", CLEANLY]);
}

#[test]
fn closing_goes_on_although_reading_is_paused() {
    let (mut probe, log) = server(Listens::new);
    act(&mut probe, |socket| {
        socket.transport().pause_reading();
        socket.close(CloseCode::NORMAL, "");
    });
    probe.deliver(masked(0x88, close(1000, "")));
    probe.deliver_eof();
    assert_eq!(log.take(), ["closing Some(1000) ", CLEANLY]);
}

#[test]
fn a_message_that_was_coming_is_given_up() {
    let (mut probe, log) = server(Listens::new);
    probe.deliver(masked(0x01, "begin"));
    act(&mut probe, |socket| socket.close(CloseCode::NORMAL, ""));
    probe.deliver([masked(0x80, "end"), masked(0x88, "")].concat());
    probe.deliver_eof();
    assert_eq!(log.take(), ["closing None ", CLEANLY]);
}

#[test]
fn who_does_not_answer_is_not_waited_for() {
    let (mut probe, log) = opened(Listens::new, |receiver| receiver.close_timeout(3 * SECOND));
    act(&mut probe, |socket| socket.close(CloseCode::GOING_AWAY, ""));
    probe.advance(3 * SECOND - SECOND / 10);
    assert!(!probe.is_closing());
    probe.advance(SECOND / 10);
    assert!(probe.is_closing());
    probe.deliver_eof();
    assert_eq!(
        log.take(),
        ["lost the connection was closed because of an error: no answer to the close frame within 3s"]
    );
}

#[test]
fn a_long_reason_is_cut_between_characters() {
    let (mut probe, _) = server(Listens::new);
    act(&mut probe, |socket| socket.close(CloseCode::NORMAL, &"\u{e9}".repeat(100)));
    assert_eq!(probe.written(), plain(0x88, close(1000, "\u{e9}".repeat(61))));
}

#[test]
fn the_end_without_a_close_frame_is_no_clean_end() {
    let (mut probe, log) = server(Listens::new);
    probe.deliver(masked(0x01, "begin"));
    probe.deliver_eof();
    assert_eq!(
        log.take(),
        ["lost the connection was closed because of an error: the connection ended without a close frame"]
    );
}

#[test]
fn who_only_looks_at_the_port_is_no_error_and_half_a_request_is_one() {
    for (request, lost) in [
        ("", CLEANLY),
        (
            &REQUEST[..20],
            "lost the connection was closed because of an error: the connection ended before the WebSocket was open",
        ),
    ] {
        let log = Events::new();
        let receiver = WebSocketReceiver::server(Listens::new(&log));
        let mut probe = Probe::new(receiver);
        probe.deliver(request);
        probe.deliver_eof();
        assert_eq!(log.take(), [lost]);
    }
}

/// Has a last word.
struct Polite;

impl WebSocketProtocol for Polite {
    fn message_received(&mut self, _: &WebSocket, _: Message<'_>) -> Result {
        Ok(())
    }

    fn closing(&mut self, socket: &WebSocket, _: Option<CloseCode>, _: &str) {
        socket.send("farewell");
    }
}

#[test]
fn the_last_word_goes_out_before_the_answer() {
    let mut probe = Probe::new(WebSocketReceiver::server(Polite));
    probe.deliver(REQUEST);
    let _ = probe.written();
    probe.deliver(masked(0x88, close(1000, "")));
    assert_eq!(probe.written(), [plain(0x81, "farewell"), plain(0x88, close(1000, ""))].concat());
}
