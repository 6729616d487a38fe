//! Sending.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use ropewalk_protocols::{
    CloseCode, ControlTooLong, EncodedMessage, FragmentedMessage, Message, MessageInProgress, MessageKind,
    WebSocket, WebSocketProtocol, WebSocketReceiver,
};
use ropewalk_reactor::testing::{Events, Probe};
use ropewalk_reactor::{Limits, Result};

use crate::world::{Listens, REQUEST, act, close, masked, opened, plain, server};

const MEBIBYTE: usize = 1024 * 1024;

#[test]
fn texts_and_bytes_are_frames() {
    let (mut probe, _) = server(Listens::new);
    act(&mut probe, |socket| {
        socket.send("text");
        socket.send(&b"bytes"[..]);
        socket.send(&String::new());
        socket.ping("?").unwrap();
        socket.pong("!").unwrap();
    });
    let frames = [(0x81, "text"), (0x82, "bytes"), (0x81, ""), (0x89, "?"), (0x8a, "!")];
    let frames: Vec<u8> = frames.iter().flat_map(|(first, payload)| plain(*first, payload)).collect();
    assert_eq!(probe.written(), frames);
}

#[test]
fn pings_and_pongs_have_at_most_125_bytes() {
    let (mut probe, _) = server(Listens::new);
    act(&mut probe, |socket| {
        assert_eq!(socket.ping([0; 126]), Err(ControlTooLong { length: 126 }));
        assert_eq!(socket.pong([0; 126]), Err(ControlTooLong { length: 126 }));
        socket.ping([0; 125]).unwrap();
        socket.pong([0; 125]).unwrap();
    });
    assert_eq!(probe.written(), [plain(0x89, [0; 125]), plain(0x8a, [0; 125])].concat());
}

#[test]
fn fragments_are_sent_as_they_come() {
    let (mut probe, _) = server(Listens::new);
    act(&mut probe, |socket| {
        let mut message = socket.begin(MessageKind::Binary).unwrap();
        message.send("Hello ");
        message.finish("World!");
        let mut message = socket.begin(MessageKind::Text).unwrap();
        message.send("a");
        message.send("");
        message.finish("");
    });
    assert_eq!(probe.written(), b"\x02\x06Hello \x80\x06World!\x01\x01a\x00\x00\x80\x00");
}

#[test]
fn messages_wait_for_the_end_of_fragments_and_pings_do_not() {
    let (mut probe, _) = server(Listens::new);
    act(&mut probe, |socket| {
        let mut message = socket.begin(MessageKind::Text).unwrap();
        message.send("a");
        socket.send("one");
        socket.send_encoded(&EncodedMessage::new(&b"two"[..]));
        socket.ping("now").unwrap();
        assert_eq!(socket.begin(MessageKind::Binary).err(), Some(MessageInProgress));
        message.finish("b");
        socket.begin(MessageKind::Binary).unwrap().finish("c");
    });
    assert_eq!(probe.written(), b"\x01\x01a\x89\x03now\x80\x01b\x81\x03one\x82\x03two\x82\x01c");
}

#[test]
fn a_message_that_is_not_finished_is_not_taken_for_a_whole_one() {
    let (mut probe, log) = server(Listens::new);
    act(&mut probe, |socket| {
        drop(socket.begin(MessageKind::Text).unwrap());
        let mut message = socket.begin(MessageKind::Text).unwrap();
        message.send("a");
        socket.send("behind");
    });
    let error = "a fragmented message was not finished";
    assert_eq!(probe.written(), [plain(0x01, "a"), plain(0x88, close(1011, error))].concat());
    probe.deliver_eof();
    assert_eq!(log.take(), [format!("lost the connection was closed because of an error: {error}")]);
}

#[test]
fn a_message_that_outlives_its_connection_does_nothing() {
    let (mut probe, _) = server(Listens::new);
    let message: Rc<RefCell<Option<FragmentedMessage>>> = Rc::default();
    let kept = Rc::clone(&message);
    act(&mut probe, move |socket| {
        let mut message = socket.begin(MessageKind::Text).unwrap();
        message.send("a");
        *kept.borrow_mut() = Some(message);
    });
    probe.reset();
    message.take().unwrap().finish("b");
    probe.settle();
    assert!(probe.is_closed());
}

#[test]
fn what_is_encoded_once_is_what_everybody_is_sent() {
    for length in [0, 125, 126, 65_535, 65_536] {
        let message = EncodedMessage::new(&vec![7; length]);
        for _ in 0..2 {
            let (mut probe, _) = server(Listens::new);
            let message = message.clone();
            act(&mut probe, move |socket| socket.send_encoded(&message));
            assert!(probe.written() == plain(0x82, vec![7; length]), "{length}");
        }
    }
}

#[test]
fn nothing_is_sent_before_the_websocket_is_open() {
    let log = Events::new();
    let receiver = WebSocketReceiver::server(Listens::new(&log));
    let mut probe = Probe::new(receiver);
    act(&mut probe, |socket| {
        socket.send("too early");
        socket.ping("").unwrap();
        assert!(!socket.is_open());
    });
    assert_eq!(probe.written(), b"");
    act(&mut probe, |socket| socket.close(CloseCode::NORMAL, ""));
    probe.deliver(masked(0x81, "x"));
    probe.deliver_eof();
    assert_eq!(probe.written(), b"");
    assert_eq!(log.take(), ["lost the connection was closed cleanly"]);
}

fn limit_output(socket: &WebSocket) {
    let mut limits = Limits::default();
    limits.output = 10_000;
    socket.transport().set_limits(limits);
}

/// A peer that asks much while a long message is on its way to it, and does not listen, must not fill the memory.
#[test]
fn what_waits_for_the_end_of_fragments_counts_as_output() {
    for encoded in [false, true] {
        let (mut probe, log) = server(Listens::new);
        act(&mut probe, move |socket| {
            limit_output(socket);
            let mut message = socket.begin(MessageKind::Text).unwrap();
            message.send("a");
            for _ in 0..10 {
                match encoded {
                    true => socket.send_encoded(&EncodedMessage::new(&[b'x'; 1_000][..])),
                    false => socket.send(&[b'x'; 1_000][..]),
                }
            }
            assert!(!socket.is_open());
            message.finish("b");
        });
        assert!(probe.is_closed());
        assert_eq!(
            log.take(),
            ["lost the peer reads too slowly: more than 10000 bytes of output were waiting"]
        );
    }
}

#[test]
fn what_has_waited_for_the_end_of_fragments_counts_no_longer() {
    let (mut probe, _) = server(Listens::new);
    for _ in 0..100 {
        act(&mut probe, |socket| {
            limit_output(socket);
            let mut message = socket.begin(MessageKind::Text).unwrap();
            message.send("a");
            (0..8).for_each(|_| socket.send(&[b'x'; 1_000][..]));
            message.finish("b");
        });
        assert!(probe.written().len() > 8_000);
    }
}

#[test]
fn two_answers_may_wait_that_are_as_long_as_the_largest_message_and_no_third() {
    for fragments in [false, true] {
        let (mut probe, log) = opened(Listens::echo, |receiver| receiver.max_message(10 * MEBIBYTE));
        act(&mut probe, move |socket| {
            let message = fragments.then(|| socket.begin(MessageKind::Binary).unwrap());
            for answers in 1..=3 {
                socket.send(&vec![7; 10 * MEBIBYTE][..]);
                assert_eq!(socket.is_open(), answers < 3, "the answer number {answers}");
            }
            message.into_iter().for_each(|message| message.finish("before them"));
        });
        let limit = 20 * MEBIBYTE + 64 * 1024;
        let too_slow =
            format!("lost the peer reads too slowly: more than {limit} bytes of output were waiting");
        assert_eq!(log.take().last(), Some(&too_slow));
    }
}

/// Notes the limit of output when it is open.
struct Looks(Rc<Cell<usize>>);

impl WebSocketProtocol for Looks {
    fn opened(&mut self, socket: &WebSocket) {
        self.0.set(socket.transport().limits().output);
    }

    fn message_received(&mut self, _: &WebSocket, _: Message<'_>) -> Result {
        Ok(())
    }
}

#[test]
fn only_messages_larger_than_by_default_raise_the_limit_of_output() {
    let raised = |max_message: usize, output: usize| {
        let found = Rc::new(Cell::new(0));
        let receiver = WebSocketReceiver::server(Looks(Rc::clone(&found))).max_message(max_message);
        let mut probe = Probe::new(receiver);
        let mut limits = Limits::DEFAULT;
        limits.output = output;
        probe.transport().set_limits(limits);
        probe.deliver(REQUEST);
        found.get()
    };
    assert_eq!(raised(MEBIBYTE, 10_000), 10_000);
    assert_eq!(raised(MEBIBYTE + 1, 10_000), 2 * MEBIBYTE + 2 + 64 * 1024);
    assert_eq!(raised(2 * MEBIBYTE, 16 * MEBIBYTE), 16 * MEBIBYTE);
    assert_eq!(raised(usize::MAX, 16 * MEBIBYTE), usize::MAX);
}
