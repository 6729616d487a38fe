//! What goes over the wire between ends of tinyproto, byte for byte.

mod tiny;

use ropewalk_protocols::{TinyConnectionLimit, TinyProtoError, TinyReceiver, Transmit};
use ropewalk_reactor::testing::{Events, Probe};
use tiny::{Ends, Hears, echo, failed, transcript};

const CLOSED: &str = "lost the connection was closed cleanly";

#[test]
fn the_conversation_of_the_echo_of_3_0() {
    let mut server = Probe::new(echo(Events::new()));
    transcript(
        &mut server,
        &[
            (b"\xff", b"\xff"),
            (b"\x00\x00\x00\x05", b"\xff"),
            (b"hello", b"\x00\x00\x00\x10"),
            (b"\xff", b"Echo back: hello"),
            (b"\x00\x00\x00\x0e", b"\xff"),
            (b"second message", b"\x00\x00\x00\x19"),
            (b"\xff", b"Echo back: second message"),
            (b"\x00\x00\x00\x00", b"\xff\x00\x00\x00\x0b"),
            (b"\xff", b"Echo back: "),
            (b"\x00\x00\x00\x04", b"\xff"),
            (b"QUIT", b""),
        ],
    );
    assert!(server.peer().has_finished());
}

#[test]
fn the_same_conversation_as_its_client() {
    let log = Events::new();
    let mut client = Probe::new(TinyReceiver::client(Hears::new(&log, |_, _| Ok(()))));
    transcript(&mut client, &[(b"\xff", b"\xff")]);
    for (message, announced, answer_size, answer) in [
        (&b"hello"[..], b"\x00\x00\x00\x05", b"\x00\x00\x00\x10", &b"Echo back: hello"[..]),
        (b"second message", b"\x00\x00\x00\x0e", b"\x00\x00\x00\x19", b"Echo back: second message"),
        (b"", b"\x00\x00\x00\x00", b"\x00\x00\x00\x0b", b"Echo back: "),
    ] {
        client.transport().transmit(message);
        client.settle();
        transcript(
            &mut client,
            &[(b"", announced), (b"\xff", message), (answer_size, b"\xff"), (answer, b"")],
        );
    }
    client.transport().transmit("QUIT");
    client.settle();
    transcript(&mut client, &[(b"", b"\x00\x00\x00\x04"), (b"\xff", b"QUIT")]);
    client.deliver_eof();
    let heard = [
        "ready",
        "message Echo back: hello",
        "message Echo back: second message",
        "message Echo back: ",
        "eof",
        CLOSED,
    ];
    assert_eq!(log.take(), heard);
}

#[test]
fn nothing_is_announced_before_the_peer_is_ready_nor_sent_before_it_agrees() {
    let mut client = Probe::new(TinyReceiver::client(Hears::new(&Events::new(), |_, _| Ok(()))));
    client.transport().transmit("first");
    client.transport().transmit("second");
    client.settle();
    transcript(
        &mut client,
        &[
            (b"", b"\xff"),
            (b"\xff", b"\x00\x00\x00\x05"),
            (b"\xff", b"first\x00\x00\x00\x06"),
            (b"\xff", b"second"),
        ],
    );
}

#[test]
fn a_message_that_is_coming_is_not_interrupted() {
    let log = Events::new();
    let mut server = Probe::new(TinyReceiver::server(Hears::new(&log, |_, _| Ok(()))));
    transcript(&mut server, &[(b"\xff\x00\x00", b"\xff")]);
    server.transport().transmit("from outside");
    server.settle();
    transcript(
        &mut server,
        &[(b"\x00\x02", b"\xff"), (b"h", b""), (b"i", b"\x00\x00\x00\x0c"), (b"\xff", b"from outside")],
    );
    assert_eq!(log.take(), ["ready", "message hi"]);
}

#[test]
fn announcements_that_cross_are_resolved_in_favour_of_the_client() {
    let (client_log, server_log) = (Events::new(), Events::new());
    let client = Probe::new(TinyReceiver::client(Hears::new(&client_log, |_, _| Ok(()))));
    let server = Probe::new(TinyReceiver::server(Hears::new(&server_log, |_, _| Ok(()))));
    let mut ends = Ends { client, server };
    assert_eq!(ends.exchange(), (b"\xff".to_vec(), b"\xff".to_vec()));
    ends.client.transport().transmit("from the client!!");
    ends.server.transport().transmit("from the server..");
    assert_eq!(ends.exchange(), (b"\x00\x00\x00\x11".to_vec(), b"\x00\x00\x00\x11".to_vec()));
    assert_eq!(ends.exchange(), (vec![], b"\xff".to_vec()));
    assert_eq!(ends.exchange(), (b"from the client!!\xff".to_vec(), vec![]));
    assert_eq!(ends.exchange(), (vec![], b"from the server..".to_vec()));
    assert_eq!(ends.exchange(), (vec![], vec![]));
    assert_eq!(client_log.take(), ["ready", "message from the server.."]);
    assert_eq!(server_log.take(), ["ready", "message from the client!!"]);
    assert!(ends.client.transport().is_open() && ends.server.transport().is_open());
}

#[test]
fn ends_that_always_transmit_hear_everything_in_order() {
    const MESSAGES: usize = 100;
    let (client_log, server_log) = (Events::new(), Events::new());
    let client = Probe::new(TinyReceiver::client(Hears::new(&client_log, |_, _| Ok(()))));
    let server = Probe::new(TinyReceiver::server(Hears::new(&server_log, |_, _| Ok(()))));
    let mut ends = Ends { client, server };
    for number in 0..MESSAGES {
        ends.client.transport().transmit(format!("{number}"));
        ends.server.transport().transmit(format!("{number}"));
    }
    while ends.exchange() != (vec![], vec![]) {}
    let expected: Vec<String> = (0..MESSAGES).map(|number| format!("message {number}")).collect();
    assert_eq!(client_log.take()[1..], expected);
    assert_eq!(server_log.take()[1..], expected);
}

#[test]
fn at_the_limit_of_connections_one_byte_is_sent_before_the_close() {
    let mut server = Probe::new(TinyConnectionLimit);
    assert_eq!(server.written(), b"\xfe");
    assert!(server.peer().has_finished());
    let log = Events::new();
    let mut client = Probe::new(TinyReceiver::client(Hears::new(&log, |_, _| Ok(()))));
    client.deliver(b"\xfe");
    client.deliver_eof();
    assert_eq!(log.take(), [failed(TinyProtoError::ConnectionRefused { code: 0xfe })]);
}

#[test]
fn the_limit_of_2_0_1_is_understood() {
    let log = Events::new();
    let mut client = Probe::new(TinyReceiver::client(Hears::new(&log, |_, _| Ok(()))));
    client.deliver([0; 254]);
    client.deliver_eof();
    assert_eq!(log.take(), [failed(TinyProtoError::ConnectionRefused { code: 0 })]);
}

#[test]
fn a_close_may_wait_for_what_is_to_be_transmitted() {
    let log = Events::new();
    let mut server = Probe::new(TinyReceiver::server(Hears::new(&log, |_, _| Ok(()))));
    server.transport().transmit("bye");
    server.transport().close_after_transmission();
    server.transport().transmit("too late");
    server.settle();
    transcript(&mut server, &[(b"\xff", b"\xff\x00\x00\x00\x03")]);
    assert!(server.transport().is_open());
    transcript(&mut server, &[(b"\xff", b"bye")]);
    assert!(server.peer().has_finished());
    server.deliver_eof();
    assert_eq!(log.take(), ["ready", CLOSED]);
}

#[test]
fn messages_that_a_close_has_left_are_reported() {
    let log = Events::new();
    let mut server = Probe::new(TinyReceiver::server(Hears::new(&log, |_, _| Ok(()))));
    server.deliver(b"\xff");
    server.transport().transmit("one");
    server.transport().transmit("two");
    server.settle();
    server.deliver_eof();
    assert_eq!(log.take(), ["ready", "eof", &failed(TinyProtoError::NotTransmitted { messages: 2 })]);
}
