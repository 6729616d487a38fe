//! Messages and how they are delivered.

use std::rc::Rc;

use ropewalk_protocols::{Delivery, Message, WebSocket, WebSocketProtocol, WebSocketReceiver};
use ropewalk_reactor::Result;
use ropewalk_reactor::testing::{Events, Probe};

use crate::layering::{Through, check_a_beginning_refuses_a_layer};
use crate::world::{Listens, REQUEST, masked, opened, plain, server};

#[test]
fn messages_of_every_form_of_length_come_back() {
    for length in [0, 1, 125, 126, 127, 65_535, 65_536, 200_000] {
        let payload: Vec<u8> = (0..length).map(|place| (place % 251) as u8).collect();
        let (mut probe, log) = server(Listens::echo);
        probe.deliver(masked(0x82, &payload));
        assert!(probe.written() == plain(0x82, &payload), "{length}");
        let text = "x".repeat(length);
        probe.deliver(masked(0x81, &text));
        assert!(probe.written() == plain(0x81, &text), "{length}");
        assert_eq!(log.take().len(), 2);
    }
}

#[test]
fn fragments_are_put_together_and_control_frames_come_between() {
    let (mut probe, log) = server(Listens::echo);
    probe.deliver(masked(0x01, "Hel"));
    probe.deliver(masked(0x89, "now"));
    probe.deliver(masked(0x00, ""));
    probe.deliver(masked(0x8a, ""));
    probe.deliver(masked(0x80, "lo"));
    assert_eq!(probe.written(), [plain(0x8a, "now"), plain(0x81, "Hello")].concat());
    assert_eq!(log.take(), ["ping now", "pong ", "text Hello"]);
}

/// Answers each ping with two pongs of its own.
struct AnswersTwice;

impl WebSocketProtocol for AnswersTwice {
    fn message_received(&mut self, _: &WebSocket, _: Message<'_>) -> Result {
        Ok(())
    }

    fn ping_received(&mut self, socket: &WebSocket, payload: &[u8]) -> Result {
        socket.pong("seen")?;
        Ok(socket.pong([payload, b"!"].concat())?)
    }
}

#[test]
fn who_hears_of_pings_answers_them_as_it_likes() {
    let mut probe = Probe::new(WebSocketReceiver::server(AnswersTwice));
    probe.deliver(REQUEST);
    probe.written();
    probe.deliver(masked(0x89, "now"));
    assert_eq!(probe.written(), [plain(0x8a, "seen"), plain(0x8a, "now!")].concat());
}

#[test]
fn a_character_may_lie_in_several_fragments_and_reads() {
    let (mut probe, log) = server(Listens::new);
    let text = "h\u{e9}\u{20ac}\u{1f600}".as_bytes();
    let mut frames = masked(0x01, &text[..2]);
    frames.extend((2..text.len()).flat_map(|place| masked(0x00, &text[place..=place])));
    frames.extend(masked(0x80, ""));
    frames.iter().for_each(|byte| probe.deliver([*byte]));
    assert_eq!(log.take(), [format!("text {}", text.escape_ascii())]);
}

#[test]
fn pieces_come_as_the_network_gives_them_with_whole_characters() {
    let (mut probe, log) = server(Listens::in_pieces);
    let frame = masked(0x01, "a\u{20ac}b");
    // The header takes six bytes, so the first part ends in the middle of the character.
    probe.deliver(&frame[..8]);
    assert_eq!(log.take(), ["text a"]);
    probe.deliver(&frame[8..]);
    assert_eq!(log.take(), [r"text \xe2\x82\xacb"]);
    probe.deliver(masked(0x80, "c"));
    assert_eq!(log.take(), ["text c", "ended"]);
    probe.deliver(masked(0x82, ""));
    assert_eq!(log.take(), ["ended"]);
}

#[test]
fn pieces_have_no_limit_of_messages_and_messages_do() {
    let make = |delivery| move |log: &Events| Listens { delivery, ..Listens::new(log) };
    let frames = [masked(0x02, [1; 6]), masked(0x80, [1; 5])].concat();
    let (mut probe, log) = opened(make(Delivery::Pieces), |receiver| receiver.max_message(10));
    probe.deliver(&frames);
    assert_eq!(log.take().last().unwrap(), "ended");
    let (mut probe, log) = opened(make(Delivery::Whole), |receiver| receiver.max_message(11));
    probe.deliver(&frames);
    assert_eq!(log.take().len(), 1);
    let (mut probe, log) = opened(make(Delivery::Whole), |receiver| receiver.max_message(10));
    probe.deliver(&frames);
    let error = "a message longer than the limit of 10 bytes";
    assert_eq!(probe.written(), plain(0x88, [b"\x03\xf1", error.as_bytes()].concat()));
    probe.deliver_eof();
    assert_eq!(log.take(), [format!("lost the connection was closed because of an error: {error}")]);
}

#[test]
fn a_frame_that_is_too_big_is_refused_by_its_header() {
    let (mut probe, _) = opened(Listens::new, |receiver| receiver.max_frame(10));
    probe.deliver(masked(0x82, [0; 10]));
    assert_eq!(probe.written(), b"");
    probe.deliver(&masked(0x82, [0; 11])[..6]);
    assert_eq!(probe.written(), plain(0x88, b"\x03\xf1a frame of 11 bytes; the limit is 10"));
}

#[test]
fn what_is_paused_comes_when_reading_goes_on() {
    let (mut probe, log) = server(|log| {
        Listens::with(log, |socket, _| {
            socket.transport().pause_reading();
            Ok(())
        })
    });
    probe.deliver([masked(0x81, "one"), masked(0x81, ""), masked(0x81, "three")].concat());
    for expected in ["text one", "text ", "text three"] {
        assert_eq!(log.take(), [expected]);
        probe.transport().resume_reading();
        probe.settle();
    }
}

#[test]
fn an_error_is_told_to_the_peer_without_its_words() {
    let (mut probe, log) = server(Listens::echo);
    probe.deliver([masked(0x81, "fail"), masked(0x81, "more")].concat());
    assert_eq!(probe.written(), plain(0x88, b"\x03\xf3"));
    probe.deliver_eof();
    assert_eq!(log.take(), ["text fail", "lost the connection was closed because of an error: as asked"]);
}

#[test]
fn a_slow_peer_is_not_read_from() {
    let (mut probe, log) = server(|log| Listens { hears_flow: true, ..Listens::echo(log) });
    probe.set_window(Some(0));
    let many = masked(0x82, [7; 1000]).repeat(1000);
    probe.deliver(&many);
    assert!(probe.transport().buffered() < 200_000, "{}", probe.transport().buffered());
    probe.set_window(None);
    probe.settle();
    let mut written = probe.written();
    written.extend(probe.written());
    assert!(written == plain(0x82, [7; 1000]).repeat(1000), "{} bytes", written.len());
    let heard = log.take();
    assert!(heard.contains(&"paused".to_owned()) && heard.contains(&"resumed".to_owned()));
}

#[test]
fn a_protocol_hears_its_timers_and_events() {
    let (mut probe, log) = server(Listens::new);
    probe.transport().set_timer(crate::world::SECOND);
    probe.transport().post(1_u8);
    probe.advance(crate::world::SECOND);
    assert_eq!(log.take(), ["event", "timer"]);
}

#[test]
fn a_layer_may_be_inserted_between_frames_and_not_within_one() {
    let (mut probe, log) = server(Listens::echo);
    probe.transport().insert_layer(Through);
    probe.settle();
    assert_eq!(log.take(), ["layer opened"]);
    probe.deliver(masked(0x81, "through"));
    assert_eq!(probe.written(), plain(0x81, "through"));
    let make = || WebSocketReceiver::server(Listens::new(&Events::new()));
    check_a_beginning_refuses_a_layer(make, b"GET");
}

#[test]
fn the_callback_may_drop_what_it_likes() {
    let seen = Rc::new(std::cell::Cell::new(0));
    let count = Rc::clone(&seen);
    let (mut probe, _) = server(move |log| {
        let count = Rc::clone(&count);
        Listens::with(log, move |socket, message| {
            assert_eq!(message, Message::Text("x"));
            count.set(count.get() + 1);
            socket.transport().abort_connection();
            Ok(())
        })
    });
    probe.deliver(masked(0x81, "x").repeat(3));
    assert_eq!(seen.get(), 1);
}
