//! Messages that are delivered in pieces, and messages that are read while they are sent.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

mod tiny;

use std::cell::RefCell;
use std::io::{self, Cursor, Read};
use std::rc::Rc;

use ropewalk_protocols::{
    Delivery, TinyPlugin, TinyProtoError, TinyProtocol, TinyReceiver, Transmit, TransmitError,
};
use ropewalk_reactor::testing::{Dice, Events, Probe, ProtocolCheck, Script, check_protocol};
use ropewalk_reactor::{Deferred, Limits, Reason, Result, Transport};
use tiny::{Ends, Hears, echo, failed, transcript};

const CLOSED: &str = "lost the connection was closed cleanly";

/// Has messages of more than this delivered in pieces.
const WHOLE_MAX: u32 = 3;

/// Hears pieces, and answers each message with what it reads while it sends.
struct Divides {
    log: Events,
    pauses: bool,
    answer: &'static [u8],
}

impl Divides {
    fn new(log: Events, pauses: bool, answer: &'static [u8]) -> Self {
        Self { log, pauses, answer }
    }

    fn reply(&self, transport: &Transport) {
        if !self.answer.is_empty() {
            let size = self.answer.len() as u32;
            transport.transmit_from(Cursor::new(self.answer), size).then(|_| ());
        }
    }
}

impl TinyProtocol for Divides {
    fn message_begun(&mut self, _: &Transport, size: u32) -> Delivery {
        self.log.record(format_args!("begun {size}"));
        if size > WHOLE_MAX { Delivery::Pieces } else { Delivery::Whole }
    }

    fn piece_received(&mut self, transport: &Transport, piece: &[u8]) -> Result {
        assert!(!piece.is_empty());
        self.log.record_stream("pieces", piece);
        if self.pauses {
            transport.pause_reading();
        }
        Ok(())
    }

    fn message_ended(&mut self, transport: &Transport) -> Result {
        self.log.record("ended");
        self.reply(transport);
        Ok(())
    }

    fn message_received(&mut self, transport: &Transport, message: &[u8]) -> Result {
        self.log.record_bytes("message", message);
        self.reply(transport);
        Ok(())
    }

    fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
        self.log.record(format_args!("lost {reason}"));
    }
}

fn server(log: Events) -> TinyReceiver<Divides> {
    TinyReceiver::server(Divides::new(log, false, b"")).max_message(WHOLE_MAX)
}

#[test]
fn pieces_come_as_the_network_gives_them_and_above_the_limit() {
    let log = Events::new();
    let mut server = Probe::new(server(log.clone()));
    transcript(&mut server, &[(b"\xff\x00\x00\x00\x05", b"\xff\xff"), (b"he", b"")]);
    assert_eq!(log.take(), ["begun 5", "pieces he"]);
    transcript(&mut server, &[(b"llo\x00\x00\x00\x02hi", b"\xff")]);
    assert_eq!(log.take(), ["pieces llo", "ended", "begun 2", "message hi"]);
}

#[test]
fn an_empty_message_in_pieces_has_none() {
    struct Pieces(Events);
    impl TinyProtocol for Pieces {
        fn message_begun(&mut self, _: &Transport, _: u32) -> Delivery {
            Delivery::Pieces
        }

        fn message_received(&mut self, _: &Transport, _: &[u8]) -> Result {
            unreachable!("all messages come in pieces")
        }

        fn message_ended(&mut self, _: &Transport) -> Result {
            self.0.record("ended");
            Ok(())
        }
    }
    let log = Events::new();
    let mut server = Probe::new(TinyReceiver::server(Pieces(log.clone())));
    transcript(&mut server, &[(b"\xff\x00\x00\x00\x00\x00\x00\x00\x00", b"\xff\xff\xff")]);
    assert_eq!(log.take(), ["ended", "ended"]);
    server.deliver(b"\x00\x00\x00\x01a");
    assert!(server.is_closing(), "who asks for pieces must hear them");
}

#[test]
fn what_cannot_be_announced_is_refused_whoever_asks_for_pieces() {
    let log = Events::new();
    let mut server = Probe::new(server(log.clone()));
    transcript(&mut server, &[(b"\xff\xf0\xff\xff\xff", b"\xff\xff")]);
    assert_eq!(log.take(), ["begun 4043309055"]);
    let log = Events::new();
    let mut server = Probe::new(self::server(log.clone()));
    transcript(&mut server, &[(b"\xff\xf1\x00\x00\x00", b"\xff\x00")]);
    server.deliver_eof();
    let error = TinyProtoError::MessageTooLarge { size: 0xf100_0000, limit: WHOLE_MAX };
    assert_eq!(log.take(), [failed(error)]);
}

#[test]
fn a_message_in_pieces_that_breaks_off_is_reported() {
    let log = Events::new();
    let mut server = Probe::new(server(log.clone()));
    server.deliver(b"\xff\x00\x00\x00\x05hel");
    server.deliver_eof();
    let error = TinyProtoError::Truncated { received: 3, size: Some(5) };
    assert_eq!(log.take(), ["begun 5", "pieces hel", &failed(error)]);
}

#[test]
fn a_pause_holds_back_the_end_of_a_message_too() {
    let log = Events::new();
    let divides = Divides::new(log.clone(), true, b"");
    let mut server = Probe::new(TinyReceiver::server(divides).max_message(WHOLE_MAX));
    server.deliver(b"\xff\x00\x00\x00\x05hello");
    assert_eq!(log.take(), ["begun 5", "pieces hello"]);
    server.transport().resume_reading();
    server.settle();
    assert_eq!(log.take(), ["ended"]);
}

#[test]
fn plugins_get_whole_messages() {
    struct Same;
    impl TinyPlugin for Same {
        fn transmit(&mut self, message: Vec<u8>) -> Result<Vec<u8>> {
            Ok(message)
        }

        fn receive(&mut self, message: Vec<u8>, _: u32) -> Result<Vec<u8>> {
            Ok(message)
        }
    }
    let log = Events::new();
    let mut server = Probe::new(TinyReceiver::server(Divides::new(log.clone(), false, b"")).plugin(Same));
    server.deliver(b"\xff\x00\x00\x00\x05hello");
    assert_eq!(log.take(), ["message hello"]);
    let result = hear(server.transport().transmit_from(io::empty(), 5));
    server.transport().transmit("next");
    server.settle();
    assert!(matches!(result.take(), Some(Err(TransmitError::Plugins))));
    transcript(&mut server, &[(b"", b"\xff\xff\x00\x00\x00\x04"), (b"\xff", b"next")]);
}

type Told = Rc<RefCell<Option<std::result::Result<(), TransmitError>>>>;

fn hear(deferred: Deferred<std::result::Result<(), TransmitError>>) -> Told {
    let told = Told::default();
    let teller = Rc::clone(&told);
    deferred.then(move |result| *teller.borrow_mut() = Some(result));
    told
}

fn client(log: &Events) -> Probe {
    let mut client = Probe::new(TinyReceiver::client(Hears::new(log, |_, _| Ok(()))));
    transcript(&mut client, &[(b"\xff", b"\xff")]);
    client
}

/// Gives so many bytes, and counts those that were taken.
struct Source {
    left: usize,
    given: Rc<RefCell<usize>>,
}

impl Source {
    fn new(left: usize) -> (Self, Rc<RefCell<usize>>) {
        let given = Rc::new(RefCell::new(0));
        (Self { left, given: Rc::clone(&given) }, given)
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = buffer.len().min(self.left);
        buffer[..count].fill(b'x');
        self.left -= count;
        *self.given.borrow_mut() += count;
        Ok(count)
    }
}

#[test]
fn a_message_is_read_when_the_peer_agrees_and_no_faster_than_it_reads() {
    let (log, (source, given)) = (Events::new(), Source::new(10_000_000));
    let mut client = client(&log);
    client.set_window(Some(100_000));
    let told = hear(client.transport().transmit_from(source, 10_000_000));
    client.transport().transmit("after it");
    client.settle();
    transcript(&mut client, &[(b"", b"\x00\x98\x96\x80")]);
    assert_eq!(*given.borrow(), 0, "nothing is read before the peer agrees");
    client.deliver(b"\xff");
    assert!(*given.borrow() <= 300_000, "{given:?}");
    assert!(told.borrow().is_none());
    client.set_window(None);
    client.settle();
    let written = client.written();
    assert_eq!(written.len(), 10_000_004);
    assert_eq!(written[10_000_000..], *b"\x00\x00\x00\x08");
    assert!(matches!(told.take(), Some(Ok(()))));
}

#[test]
fn a_message_that_is_read_keeps_within_the_limit_of_output() {
    let mut client = client(&Events::new());
    let mut limits = Limits::default();
    limits.output = limits.high_water + 10_000;
    client.transport().set_limits(limits);
    client.set_window(Some(1));
    let told = hear(client.transport().transmit_from(Source::new(500_000).0, 500_000));
    client.settle();
    client.deliver(b"\xff");
    client.set_window(None);
    client.settle();
    assert_eq!(client.written().len(), 4 + 500_000);
    assert!(matches!(told.take(), Some(Ok(()))));
}

#[test]
fn who_sends_too_little_ends_the_connection_and_the_message_is_not_taken_for_whole() {
    let (client_log, server_log) = (Events::new(), Events::new());
    let client = Probe::new(TinyReceiver::client(Hears::new(&client_log, |_, _| Ok(()))));
    let mut ends = Ends { client, server: Probe::new(echo(server_log.clone())) };
    while ends.exchange() != (vec![], vec![]) {}
    let told = hear(ends.client.transport().transmit_from(&b"too little"[..], 20));
    while ends.exchange() != (vec![], vec![]) {}
    assert!(ends.client.peer().has_finished());
    ends.server.deliver_eof();
    ends.client.deliver_eof();
    let Some(Err(TransmitError::Read(error))) = told.take() else { panic!("nobody was told") };
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    assert_eq!(client_log.take(), ["ready", &failed(TinyProtoError::Abandoned { sent: 10, size: 20 })]);
    let truncated = failed(TinyProtoError::Truncated { received: 10, size: Some(20) });
    assert_eq!(server_log.take(), ["ready", &truncated]);
}

#[test]
fn who_wants_to_know_hears_of_a_refusal_in_place_of_the_protocol() {
    let log = Events::new();
    let mut client = client(&log);
    let told = hear(client.transport().transmit_confirmed("no"));
    let stream = hear(client.transport().transmit_from(&b"neither"[..], 7));
    let agreed = hear(client.transport().transmit_confirmed("yes"));
    client.settle();
    transcript(
        &mut client,
        &[(b"", b"\0\0\0\x02"), (b"\xfd", b"\0\0\0\x07"), (b"\xfe", b"\0\0\0\x03"), (b"\xff", b"yes")],
    );
    assert!(matches!(told.take(), Some(Err(TransmitError::Refused { code: 0xfd }))));
    assert!(matches!(stream.take(), Some(Err(TransmitError::Refused { code: 0xfe }))));
    assert!(matches!(agreed.take(), Some(Ok(()))));
    assert_eq!(log.take(), ["ready"]);
}

#[test]
fn whoever_waits_hears_of_the_loss() {
    let log = Events::new();
    let mut client = client(&log);
    client.set_window(Some(0));
    let told = [
        hear(client.transport().transmit_from(Source::new(1_000_000).0, 1_000_000)),
        hear(client.transport().transmit_confirmed("waits")),
        hear(client.transport().transmit_from(io::repeat(b'x'), u32::MAX)),
    ];
    client.deliver(b"\xff");
    client.reset();
    let late = hear(client.transport().transmit_confirmed("too late"));
    client.settle();
    for told in [&told[0], &told[1], &late] {
        assert!(matches!(told.take(), Some(Err(TransmitError::NotTransmitted))));
    }
    assert!(matches!(told[2].take(), Some(Err(TransmitError::TooLarge { size: u32::MAX }))));
}

#[test]
fn a_close_after_transmission_waits_for_a_message_that_is_being_sent_and_another_does_not() {
    for waits in [true, false] {
        let log = Events::new();
        let mut client = client(&log);
        client.set_window(Some(1_000));
        let told = hear(client.transport().transmit_from(Source::new(500_000).0, 500_000));
        client.settle();
        client.deliver(b"\xff");
        match waits {
            true => client.transport().close_after_transmission(),
            false => client.transport().lose_connection(),
        }
        client.settle();
        client.set_window(None);
        client.settle();
        assert_eq!(client.written().len() == 500_004, waits);
        assert!(client.peer().has_finished());
        client.deliver_eof();
        assert_eq!(told.take().unwrap().is_ok(), waits);
        let left = failed(TinyProtoError::NotTransmitted { messages: 1 });
        assert_eq!(log.take(), ["ready", if waits { CLOSED } else { &left }]);
    }
}

#[test]
fn what_the_peer_says_while_it_should_listen_is_answered_afterwards() {
    let log = Events::new();
    let mut client = client(&log);
    client.set_window(Some(4));
    let told = hear(client.transport().transmit_from(Source::new(200_000).0, 200_000));
    client.settle();
    client.deliver(b"\xff\x00\x00\x00\x02hi");
    client.deliver(b"\x00\x00\x00\x00");
    assert_eq!(log.take(), ["ready"]);
    client.set_window(None);
    client.settle();
    assert!(client.written().ends_with(b"xxx\xff\xff"));
    assert!(matches!(told.take(), Some(Ok(()))));
    assert_eq!(log.take(), ["message hi", "message "]);
}

/// Nothing is read from the peer while it should listen, so it cannot fill memory, and its end is heard after what it said.
#[test]
fn a_peer_that_goes_on_while_it_should_listen_has_to_wait() {
    let log = Events::new();
    let mut client = client(&log);
    client.set_window(Some(4));
    let _told = hear(client.transport().transmit_from(Source::new(200_000).0, 200_000));
    client.settle();
    client.deliver(b"\xff");
    let arrived = client.peer().reads();
    client.deliver([0; 60_000]);
    client.deliver_eof();
    assert_eq!(client.peer().reads(), arrived);
    client.set_window(None);
    client.settle();
    assert_eq!(log.take().len(), 1 + 15_000 + 2);
}

/// The client streams first; the server's announcement waits for all of that.
#[test]
fn announcements_that_cross_a_stream_are_resolved() {
    let (client_log, server_log) = (Events::new(), Events::new());
    let client = Probe::new(TinyReceiver::client(Hears::new(&client_log, |_, _| Ok(()))));
    let server = Probe::new(server(server_log.clone()));
    let mut ends = Ends { client, server };
    let _ = ends.exchange();
    ends.client.transport().transmit_from(&b"from the client"[..], 15).then(|_| ());
    ends.server.transport().transmit_from(&b"from the server"[..], 15).then(|_| ());
    while ends.exchange() != (vec![], vec![]) {}
    assert_eq!(client_log.take(), ["ready", "message from the server"]);
    assert_eq!(server_log.take(), ["begun 15", "pieces from the client", "ended"]);
}

fn laws(log: Events) -> TinyReceiver<Divides> {
    TinyReceiver::server(Divides::new(log, false, b"answer")).max_message(WHOLE_MAX)
}

fn pausing(log: Events) -> TinyReceiver<Divides> {
    TinyReceiver::client(Divides::new(log, true, b"answer")).max_message(WHOLE_MAX)
}

#[test]
fn however_the_input_is_cut_the_pieces_are_the_same_in_all() {
    let outcome = check_protocol(laws, b"\xff\x00\x00\x00\x05hello\xff\x00\x00\x00\x02hi\xff");
    assert_eq!(outcome.written, b"\xff\xff\x00\x00\x00\x06answer\xff\x00\x00\x00\x06answer");
    check_protocol(laws, b"\xff\x00\x00\x00\x05hello\x00\x00\x00\x05again\xff\xff");
    check_protocol(pausing, b"\xff\x00\x00\x00\x05hello\x00\x00\x00\x02hi\xff\xff\x00\x00\x00\x04tail");
}

/// Bytes of the kind that mean something, so that random ones get far.
fn script(dice: &Dice) -> Script {
    const MEANINGFUL: [&[u8]; 6] =
        [b"\xff", b"\x00\x00\x00\x05hello", b"\x00\x00\x00\x02hi", b"\xfd", b"a", b"\x00\x00\x00\x00"];
    let parts = dice.roll(8);
    let rest: Vec<u8> = (0..parts).flat_map(|_| dice.pick(&MEANINGFUL).to_vec()).collect();
    [b"\xff".as_slice(), &rest].concat().into()
}

#[test]
fn peers_that_say_anything_break_no_law() {
    ProtocolCheck::new(laws).run_seeds(6, script);
    ProtocolCheck::new(pausing).run_seeds(6, script);
}
