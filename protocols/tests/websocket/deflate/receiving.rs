//! Compressed messages that come.

use std::cell::RefCell;
use std::rc::Rc;

use flate2::{Compress, Compression};
use ropewalk_protocols::{
    DeflateOptions, Delivery, Message, MessageKind, WebSocket, WebSocketProtocol, WebSocketReceiver,
};
use ropewalk_reactor::Result;
use ropewalk_reactor::testing::{Events, Probe};

use super::{deflated, flushed, forgetful_server, request, server};
use crate::world::{Listens, masked};

/// What the standard's examples (section 7.2.3) say.
const HELLO: &[u8] = b"\xf2\x48\xcd\xc9\xc9\x07\x00";

#[test]
fn the_examples_of_the_standard_are_understood() {
    let frames: [&[Vec<u8>]; 7] = [
        &[masked(0xc1, HELLO)],
        &[masked(0x41, &HELLO[..3]), masked(0x80, &HELLO[3..])],
        // A block without compression.
        &[masked(0xc1, b"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00")],
        // A block that says it is the last.
        &[masked(0xc1, b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00")],
        // Two blocks.
        &[masked(0xc1, b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00")],
        // Fragments that end within a byte of a header.
        &[masked(0x41, ""), masked(0x00, b"\xf2\x48"), masked(0x00, &HELLO[2..]), masked(0x80, "")],
        &[masked(0x81, "Hello")],
    ];
    for make in [server, forgetful_server] {
        for frames in frames {
            let (mut probe, log) = make(Listens::new);
            probe.deliver(frames.concat());
            probe.deliver(frames.concat());
            assert_eq!(log.take(), ["text Hello", "text Hello"], "{frames:?}");
        }
        let (mut probe, log) = make(Listens::new);
        probe.deliver(masked(0xc2, b"\x00"));
        assert_eq!(log.take(), ["binary "]);
    }
}

#[test]
fn a_message_refers_to_those_before_it_if_that_was_agreed_on() {
    let second = masked(0xc1, b"\xf2\x00\x11\x00\x00");
    let (mut probe, log) = server(Listens::new);
    probe.deliver([masked(0xc1, HELLO), masked(0x81, "between"), second.clone()].concat());
    assert_eq!(log.take(), ["text Hello", "text between", "text Hello"]);
    let (mut probe, log) = forgetful_server(Listens::new);
    probe.deliver([masked(0xc1, HELLO), second].concat());
    assert_eq!(log.take(), ["text Hello"]);
    assert!(probe.is_closing());
}

#[test]
fn connections_that_share_what_they_inflate_with_do_not_mix() {
    let (mut one, one_log) = forgetful_server(Listens::new);
    let (mut other, other_log) = forgetful_server(Listens::new);
    one.deliver(masked(0x41, &HELLO[..4]));
    other.deliver(masked(0xc1, deflated("something else")));
    one.deliver(masked(0x80, &HELLO[4..]));
    assert_eq!(
        (one_log.take(), other_log.take()),
        (vec!["text Hello".into()], vec!["text something else".into()])
    );
}

#[test]
fn what_one_connection_has_left_unfinished_does_no_harm_to_another() {
    let (mut one, _) = forgetful_server(Listens::new);
    // A block without compression, of a hundred bytes.
    one.deliver(masked(0xc2, b"\x00\x64\x00\x9b\xffabc"));
    assert!(one.is_closing());
    let (mut other, log) = forgetful_server(Listens::new);
    other.deliver(masked(0xc1, HELLO));
    assert_eq!(log.take(), ["text Hello"]);
}

#[test]
fn messages_may_be_as_long_as_any_number_of_steps() {
    for length in [16_383, 16_384, 16_385, 32_768, 65_536] {
        for make in [server, forgetful_server] {
            let (mut probe, log) = make(Listens::new);
            probe.deliver(masked(0xc2, deflated(vec![b'x'; length])).repeat(2));
            assert_eq!(log.take(), vec![format!("binary {}", "x".repeat(length)); 2], "{length}");
        }
    }
}

#[test]
fn control_frames_come_between_the_frames_of_a_compressed_message() {
    let (mut probe, log) = server(Listens::new);
    let message = deflated("x".repeat(40_000));
    let (first, second) = message.split_at(20);
    probe.deliver([masked(0x42, first), masked(0x89, "?"), masked(0x80, second)].concat());
    let heard = log.take();
    assert_eq!(heard[0], "ping ?");
    assert_eq!(heard[1].len(), "binary ".len() + 40_000);
}

/// Takes messages in pieces, and pauses at each.
#[derive(Clone, Default)]
struct Sips(Rc<RefCell<(Vec<usize>, bool)>>);

impl WebSocketProtocol for Sips {
    fn message_received(&mut self, _: &WebSocket, _: Message<'_>) -> Result {
        Err("all come in pieces".into())
    }

    fn message_begun(&mut self, _: &WebSocket, _: MessageKind) -> Delivery {
        Delivery::Pieces
    }

    fn piece_received(&mut self, socket: &WebSocket, piece: Message<'_>) -> Result {
        self.0.borrow_mut().0.push(piece.bytes().len());
        socket.transport().pause_reading();
        Ok(())
    }

    fn message_ended(&mut self, _: &WebSocket) -> Result {
        self.0.borrow_mut().1 = true;
        Ok(())
    }
}

#[test]
fn pieces_are_inflated_as_they_are_taken() {
    let sips = Sips::default();
    let receiver = WebSocketReceiver::server(sips.clone()).deflate(DeflateOptions::new());
    let mut probe = Probe::new(receiver);
    probe.deliver(request("permessage-deflate"));
    probe.deliver(masked(0xc1, deflated("\u{20ac}".repeat(100_000))));
    for taken in 1..100 {
        assert_eq!(sips.0.borrow().0.len(), taken, "paused, it hears no more");
        probe.transport().resume_reading();
        probe.settle();
        if sips.0.borrow().1 {
            break;
        }
    }
    let (pieces, ended) = &*sips.0.borrow();
    assert!(*ended);
    assert_eq!(pieces.iter().sum::<usize>(), 300_000);
    assert!(pieces.iter().all(|length| *length <= 16 * 1024 + 3), "{pieces:?}");
}

#[test]
fn the_limit_holds_for_what_is_inflated() {
    let served = |payload: Vec<u8>| {
        let log = Events::new();
        let receiver = WebSocketReceiver::server(Listens::new(&log)).deflate(DeflateOptions::new());
        let mut probe = Probe::new(receiver.max_message(1_000));
        probe.deliver(request("permessage-deflate"));
        log.take();
        probe.deliver(masked(0xc2, payload));
        (log.take(), probe.is_closing())
    };
    assert_eq!(served(deflated([b'x'; 1_000])), (vec![format!("binary {}", "x".repeat(1_000))], false));
    assert_eq!(served(deflated([b'x'; 1_001])), (vec![], true));
    // Empty blocks make what is compressed longer than what it says.
    let padded = [&b"\x00\x00\x00\xff\xff".repeat(300), HELLO].concat();
    assert_eq!(served(padded), (vec!["binary Hello".into()], false));
}

#[test]
fn a_long_message_with_context_takeover_refers_far_back() {
    let (mut probe, log) = server(Listens::new);
    let mut stream = Compress::new(Compression::best(), false);
    let noise: Vec<u8> =
        (0..30_000_u32).map(|place| (place.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for round in 0..3 {
        let mut payload = flushed(&mut stream, &noise);
        payload.truncate(payload.len() - 4);
        assert!(round == 0 || payload.len() < 1_000, "it refers to the message before");
        probe.deliver(masked(0xc2, payload));
        assert_eq!(log.take(), [format!("binary {}", noise.escape_ascii())]);
    }
}
