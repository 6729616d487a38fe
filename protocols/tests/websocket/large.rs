//! Messages larger than memory: sent from readers, and passed on as they come.

use std::cell::{Cell, RefCell};
use std::io::{self, Read};
use std::rc::Rc;

use ropewalk_protocols::{
    Delivery, FileSendError, FragmentedMessage, Message, MessageKind, WebSocket, WebSocketProtocol,
    WebSocketReceiver,
};
use ropewalk_reactor::Result;
use ropewalk_reactor::testing::Probe;

use crate::world::{Listens, REQUEST, SECOND, act, close, masked, plain, server};

const CHUNK: usize = 64 * 1024;

type Outcome = Rc<RefCell<Option<std::result::Result<u64, FileSendError>>>>;

/// Sends a message of what this reader gives.
fn send(probe: &mut Probe, reader: impl Read + 'static) -> Outcome {
    let outcome = Outcome::default();
    let tell = Rc::clone(&outcome);
    act(probe, move |socket| {
        let sending = socket.begin(MessageKind::Binary).unwrap().finish_from(reader);
        sending.then(move |result| *tell.borrow_mut() = Some(result));
    });
    outcome
}

fn sevens(count: usize) -> impl Read {
    io::repeat(7).take(count as u64)
}

fn interrupted_after(outcome: &Outcome) -> u64 {
    match outcome.take() {
        Some(Err(FileSendError::Interrupted { sent })) => sent,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_last_piece_of_a_reader_ends_the_message() {
    for length in [0, 1, CHUNK - 1] {
        let (mut probe, _) = server(Listens::new);
        let outcome = send(&mut probe, sevens(length));
        assert!(probe.written() == plain(0x82, vec![7; length]), "{length}");
        assert_eq!(outcome.take().unwrap().unwrap(), length as u64);
    }
    let (mut probe, _) = server(Listens::new);
    let outcome = send(&mut probe, sevens(2 * CHUNK));
    let frames = [plain(0x02, vec![7; CHUNK]), plain(0x00, vec![7; CHUNK]), plain(0x80, "")].concat();
    assert!(probe.written() == frames);
    assert_eq!(outcome.take().unwrap().unwrap(), 2 * CHUNK as u64);
}

#[test]
fn a_long_message_from_a_reader_waits_in_no_memory() {
    const LENGTH: usize = 16 * 1024 * 1024;
    let (mut probe, _) = server(Listens::new);
    probe.set_window(Some(10_000));
    let outcome = send(&mut probe, sevens(LENGTH));
    act(&mut probe, |socket| {
        socket.send("behind");
        socket.ping("between").unwrap();
    });
    let mut arrived = 0;
    while outcome.borrow().is_none() {
        assert!(probe.transport().buffered() <= CHUNK + 100);
        probe.set_window(Some(1_000_000));
        arrived += probe.written().len();
    }
    probe.set_window(None);
    arrived += probe.written().len();
    assert_eq!(outcome.take().unwrap().unwrap(), LENGTH as u64);
    // A header of ten bytes for each chunk, one of two for the end, the ping, and the message behind.
    assert_eq!(arrived, LENGTH + 10 * LENGTH / CHUNK + 2 + 9 + 8);
}

#[test]
fn a_reader_that_fails_ends_the_connection_if_the_message_was_begun() {
    struct Fails;
    impl Read for Fails {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("as asked"))
        }
    }
    let (mut probe, log) = server(Listens::new);
    let outcome = send(&mut probe, Fails);
    assert!(matches!(outcome.take(), Some(Err(FileSendError::Read { sent: 0, .. }))));
    act(&mut probe, |socket| socket.send("on"));
    assert_eq!(probe.written(), plain(0x81, "on"));

    let outcome = send(&mut probe, sevens(CHUNK).chain(Fails));
    assert!(matches!(outcome.take(), Some(Err(FileSendError::Read { .. }))));
    probe.deliver_eof();
    let error = "a fragmented message was not finished";
    assert!(probe.written().ends_with(&close(1011, error)));
    assert_eq!(log.take(), [format!("lost the connection was closed because of an error: {error}")]);
}

#[test]
fn a_client_that_closes_or_vanishes_ends_the_reading() {
    let (mut probe, _) = server(Listens::new);
    probe.set_window(Some(1));
    let outcome = send(&mut probe, io::repeat(7));
    probe.deliver(masked(0x88, close(1000, "")));
    probe.set_window(None);
    assert!(probe.written().ends_with(&plain(0x88, close(1000, ""))));
    assert_eq!(interrupted_after(&outcome), CHUNK as u64);

    let (mut probe, _) = server(Listens::new);
    probe.set_window(Some(1));
    let outcome = send(&mut probe, io::repeat(7));
    probe.reset();
    assert_eq!(interrupted_after(&outcome), CHUNK as u64);
}

#[test]
fn two_readers_do_not_send_at_once() {
    let (mut probe, _) = server(Listens::new);
    probe.set_window(Some(1));
    let _first = send(&mut probe, io::repeat(7));
    act(&mut probe, |socket| assert!(socket.begin(MessageKind::Binary).is_err()));
    let (mut probe, _) = server(Listens::new);
    act(&mut probe, |socket| {
        socket
            .transport()
            .register_producer(socket.transport().clone(), ropewalk_reactor::ProducerKind::Push)
            .unwrap();
    });
    let outcome = send(&mut probe, sevens(1));
    assert!(matches!(outcome.take(), Some(Err(FileSendError::Busy))));
    act(&mut probe, |socket| socket.send("on"));
    assert_eq!(probe.written(), plain(0x81, "on"));
}

#[test]
fn a_drain_waits_for_the_messages_end_and_then_says_1001() {
    let (mut probe, log) = server(Listens::new);
    probe.set_window(Some(1));
    let outcome = send(&mut probe, sevens(CHUNK + 1));
    act(&mut probe, |socket| drop(socket.transport().reactor().drain(SECOND)));
    probe.set_window(None);
    let frames = [plain(0x02, vec![7; CHUNK]), plain(0x80, [7]), plain(0x88, close(1001, ""))].concat();
    assert!(probe.written() == frames);
    assert_eq!(outcome.take().unwrap().unwrap(), CHUNK as u64 + 1);
    probe.deliver_eof();
    assert_eq!(log.take(), ["lost the connection was closed cleanly"]);
}

/// How many bytes there are in these frames of a server.
fn payload(mut frames: &[u8]) -> usize {
    let mut total = 0;
    while let [_, length, rest @ ..] = frames {
        let (length, rest) = match length {
            126 => (usize::from(u16::from_be_bytes([rest[0], rest[1]])), &rest[2..]),
            127 => (u64::from_be_bytes(rest[..8].try_into().unwrap()) as usize, &rest[8..]),
            length => (usize::from(*length), rest),
        };
        total += length;
        frames = &rest[length..];
    }
    total
}

/// Sends messages of any length back as they come.
#[derive(Default)]
struct EchoInPieces {
    message: Option<FragmentedMessage>,
    largest: Rc<Cell<usize>>,
}

impl WebSocketProtocol for EchoInPieces {
    fn message_begun(&mut self, socket: &WebSocket, kind: MessageKind) -> Delivery {
        self.message = socket.begin(kind).ok();
        Delivery::Pieces
    }

    fn message_received(&mut self, _: &WebSocket, _: Message<'_>) -> Result {
        unreachable!("messages come in pieces")
    }

    fn piece_received(&mut self, socket: &WebSocket, piece: Message<'_>) -> Result {
        self.message.as_mut().unwrap().send(piece.bytes());
        self.largest.set(self.largest.get().max(socket.transport().buffered()));
        Ok(())
    }

    fn message_ended(&mut self, _: &WebSocket) -> Result {
        self.message.take().unwrap().finish([]);
        Ok(())
    }
}

#[test]
fn a_message_without_end_is_sent_back_as_it_comes_and_no_faster_than_it_is_read() {
    let echo = EchoInPieces::default();
    let largest = Rc::clone(&echo.largest);
    let mut probe = Probe::new(WebSocketReceiver::server(echo));
    probe.deliver(REQUEST);
    probe.written();
    probe.deliver(masked(0x01, "é"));
    assert_eq!(probe.written(), plain(0x01, "é"));
    // The peer reads nothing for long, and sends on; what it has sent waits on its own side.
    probe.set_window(Some(0));
    let piece = "x".repeat(10_000);
    for _ in 0..1_000 {
        probe.deliver(masked(0x00, &piece));
    }
    assert!(probe.transport().is_reading_paused());
    assert!(largest.get() < 256 * 1024, "{} bytes wait", largest.get());
    probe.set_window(None);
    probe.deliver(masked(0x80, "!"));
    let echo = probe.written();
    assert!(echo.ends_with(&[plain(0x00, "!"), plain(0x80, "")].concat()));
    assert!(largest.get() < 256 * 1024, "{} bytes wait", largest.get());
    assert_eq!(payload(&echo), 10_000 * 1_000 + 1);
}
