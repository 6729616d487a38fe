//! Conversations that are written in a line.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

mod tiny;

use std::io::Cursor;
use std::rc::Rc;
use std::time::Duration;

use ropewalk_protocols::{TinyMessages, TinyProtocol, TinyReceiver, TinyTask, Transmit};
use ropewalk_reactor::testing::{Events, Probe, check_protocol};
use ropewalk_reactor::{Limits, Protocol, Reason, Result, Transport};
use tiny::{Ends, Hears, transcript};

/// Asks two questions, and puts the answers together.
async fn register(messages: TinyMessages, log: Events) -> Result {
    messages.send("name?").await?;
    let Some(name) = messages.receive().await? else { return Ok(()) };
    messages.send("town?").await?;
    let Some(town) = messages.receive().await? else { return Ok(()) };
    log.record(format_args!("{} of {}", name.escape_ascii(), town.escape_ascii()));
    messages.send([&name[..], b" of ", &town].concat()).await?;
    Ok(())
}

fn registration(log: Events) -> TinyReceiver<impl TinyProtocol> {
    TinyReceiver::server(TinyTask::new(move |messages| register(messages, log)))
}

#[test]
fn a_conversation_of_several_steps_is_written_in_a_line() {
    let mut server = Probe::new(registration(Events::new()));
    transcript(
        &mut server,
        &[
            (b"\xff", b"\xff\0\0\0\x05"),
            (b"\xff", b"name?"),
            (b"\0\0\0\x03", b"\xff"),
            (b"joe", b"\0\0\0\x05"),
            (b"\xff", b"town?"),
            (b"\0\0\0\x04", b"\xff"),
            (b"Cork", b"\0\0\0\x0b"),
            (b"\xff", b"joe of Cork"),
        ],
    );
    assert!(server.peer().has_finished(), "the end of the code closes the connection");
}

/// A connection whose code waits for messages and writes down what it hears.
fn hears(log: &Events) -> Probe {
    let log = log.clone();
    Probe::new(TinyReceiver::server(TinyTask::new(async move |messages: TinyMessages| {
        loop {
            match messages.receive().await {
                Ok(Some(message)) => log.record_bytes("message", &message),
                Ok(None) => break log.record("over"),
                Err(lost) => break log.record(lost),
            }
        }
        Ok(())
    })))
}

/// What the code transmits is not among the laws, nor what it does after the loss: it runs outside of the callbacks.
#[test]
fn what_it_receives_keeps_the_laws_of_protocols() {
    let make = |log: Events| {
        TinyReceiver::server(TinyTask::new(async move |messages: TinyMessages| {
            let hear = async |message: Vec<u8>| {
                log.record_bytes("message", &message);
                Ok(())
            };
            messages.for_each(hear).await
        }))
    };
    let outcome = check_protocol(make, b"\xff\0\0\0\x03joe\0\0\0\0\0\0\0\x04Cork");
    assert_eq!(outcome.events, ["message joe", "message ", "message Cork"]);
    check_protocol(make, b"\xff\0\0\0\x03joe\0\0\0\x04Co");
}

#[test]
fn what_came_before_the_end_is_received_before_it() {
    let log = Events::new();
    let mut probe = hears(&log);
    probe.deliver(b"\xff\0\0\0\x01a\0\0\0\x01b");
    probe.deliver_eof();
    assert_eq!(log.take(), ["message a", "message b", "over"]);
    let mut probe = hears(&log);
    probe.deliver(b"\xff\0\0\0\x01a\0\0\0\x02b");
    probe.deliver_eof();
    let broken = "the connection was closed because of an error: a message broke off after 1 of 2 bytes";
    assert_eq!(log.take(), ["message a", broken]);
    let mut probe = hears(&log);
    probe.deliver(b"\xff");
    probe.reset();
    assert_eq!(log.take().len(), 1);
    let mut probe = hears(&log);
    probe.deliver(b"\xfe");
    probe.deliver_eof();
    assert!(log.take()[0].contains("has as many as it may"));
}

/// A receiver, and why its connection was lost.
struct Overheard<P>(TinyReceiver<P>, Events);

impl<P: TinyProtocol> Protocol for Overheard<P> {
    fn connection_made(&mut self, transport: &Transport) {
        self.0.connection_made(transport);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        self.0.data_received(transport, data)
    }

    fn connection_lost(&mut self, transport: &Transport, reason: &Reason) {
        self.1.record(reason);
        self.0.connection_lost(transport, reason);
    }
}

#[test]
fn an_error_and_a_panic_end_the_connection() {
    async fn fail(messages: TinyMessages) -> Result {
        match messages.receive().await?.as_deref() {
            Some(b"error") => Err("enough".into()),
            _ => panic!("the test wants this"),
        }
    }
    let panicked = "the code of the connection did not come to its end";
    for (message, why) in [(b"\0\0\0\x05error", "enough"), (b"\0\0\0\x05panic", panicked)] {
        let log = Events::new();
        let mut server = Probe::new(Overheard(TinyReceiver::server(TinyTask::new(fail)), log.clone()));
        server.deliver(b"\xff");
        server.deliver(message);
        assert!(server.peer().has_finished());
        server.deliver_eof();
        assert_eq!(log.take(), [format!("the connection was closed because of an error: {why}")]);
    }
}

#[test]
fn messages_that_nobody_receives_make_the_peer_wait() {
    let mut server = Probe::new(TinyReceiver::server(TinyTask::new(async |messages: TinyMessages| {
        let reactor = messages.transport().reactor().clone();
        reactor.sleep(Duration::from_secs(1)).await;
        while messages.receive().await?.is_some() {}
        Ok(())
    })));
    server.deliver(b"\xff");
    let message = [&b"\0\0\x27\x10"[..], &[b'x'; 10_000]].concat();
    server.deliver(message.repeat(20));
    assert!(server.transport().is_reading_paused());
    assert_eq!(server.written().len(), 1 + 7, "so many were agreed to");
    server.advance(Duration::from_secs(1));
    assert!(!server.transport().is_reading_paused());
    assert_eq!(server.written().len(), 13);
    server.deliver_eof();
    assert!(server.is_closed());
}

/// The peer sends large messages while it is to agree to something: were reading paused then, nobody would ever go on.
#[test]
fn two_ends_that_both_send_much_before_they_receive_do_not_wait_for_each_other() {
    async fn talk(messages: TinyMessages, log: Events) -> Result {
        for _ in 0..5 {
            messages.send(vec![b'x'; 200_000]).await?;
        }
        for _ in 0..5 {
            let message = messages.receive().await?.unwrap();
            assert_eq!(message.len(), 200_000);
        }
        log.record("all");
        messages.receive().await?;
        Ok(())
    }
    let log = Events::new();
    let [of_client, of_server] = [log.clone(), log.clone()];
    let client = Probe::new(TinyReceiver::client(TinyTask::new(|messages| talk(messages, of_client))));
    let server = Probe::new(TinyReceiver::server(TinyTask::new(|messages| talk(messages, of_server))));
    let mut ends = Ends { client, server };
    while ends.exchange() != (vec![], vec![]) {}
    assert_eq!(log.take(), ["all", "all"]);
}

/// A peer that never agrees may not fill memory with messages meanwhile.
#[test]
fn what_comes_during_a_send_is_bounded() {
    let mut server = Probe::new(TinyReceiver::server(TinyTask::new(async |messages: TinyMessages| {
        messages.send("hello?").await?;
        Ok(())
    })));
    let mut limits = Limits::DEFAULT;
    limits.output = 100_000;
    server.transport().set_limits(limits);
    server.deliver(b"\xff");
    for _ in 0..9 {
        server.deliver([&b"\0\0\x27\x10"[..], &[b'x'; 10_000]].concat());
        assert!(server.transport().is_open());
    }
    server.deliver([&b"\0\0\x27\x10"[..], &[b'x'; 10_000]].concat());
    assert!(!server.transport().is_open());
}

#[test]
fn a_message_may_be_read_while_it_is_sent() {
    let log = Events::new();
    let client = Probe::new(TinyReceiver::client(TinyTask::new(async |messages: TinyMessages| {
        messages.send_from(Cursor::new("from a file"), 11).await?;
        messages.send("and from memory").await?;
        Ok(())
    })));
    let server = Probe::new(TinyReceiver::server(Hears::new(&log, |_: &Transport, _: &[u8]| Ok(()))));
    let mut ends = Ends { client, server };
    while ends.exchange() != (vec![], vec![]) {}
    assert_eq!(log.take(), ["ready", "message from a file", "message and from memory"]);
    assert!(ends.client.peer().has_finished());
}

#[test]
fn a_receive_that_is_given_up_loses_nothing() {
    let log = Events::new();
    let heard = log.clone();
    let mut server = Probe::new(TinyReceiver::server(TinyTask::new(async move |messages: TinyMessages| {
        let reactor = messages.transport().reactor().clone();
        let patience = Duration::from_secs(1);
        while reactor.timeout(patience, messages.receive()).await.is_err() {
            heard.record("nothing yet");
        }
        Ok(())
    })));
    server.deliver(b"\xff\0\0\0\x02h");
    server.advance(Duration::from_secs(2));
    server.deliver("i");
    assert_eq!(log.take(), ["nothing yet", "nothing yet"]);
    assert!(server.peer().has_finished());
}

#[test]
fn a_message_from_elsewhere_goes_out_in_between() {
    let log = Events::new();
    let mut probe = hears(&log);
    transcript(&mut probe, &[(b"\xff", b"\xff")]);
    probe.transport().transmit("hey");
    probe.settle();
    transcript(&mut probe, &[(b"", b"\0\0\0\x03"), (b"\xff", b"hey")]);
}

/// What comes when nobody will receive any more must not keep the peer's agreement from being heard.
#[test]
fn code_that_has_ended_holds_up_nothing_that_was_transmitted() {
    let bye = async |messages: TinyMessages| {
        messages.receive().await?;
        messages.transport().transmit("bye");
        Ok(())
    };
    let mut server = Probe::new(TinyReceiver::server(TinyTask::new(bye)));
    let long = [b"\0\0\0\x02go\0\x01\0\0".as_slice(), &[0; 0x10000]].concat();
    server.deliver([b"\xff", long.as_slice()].concat());
    assert_eq!(server.written(), b"\xff\xff\xff\0\0\0\x03");
    server.deliver(b"\xff");
    assert_eq!(server.written(), b"bye");
    assert!(server.peer().has_finished());
}

#[test]
fn what_hears_messages_may_wait_and_fail() {
    let log = Events::new();
    let heard = log.clone();
    let mut server = Probe::new(TinyReceiver::server(TinyTask::new(async move |messages: TinyMessages| {
        let result = messages
            .for_each(async |message| match message.as_slice() {
                b"error" => Err("enough".into()),
                message => Ok(messages.send(message).await?),
            })
            .await;
        heard.record(format_args!("{:?}", result.as_ref().map_err(ToString::to_string)));
        result
    })));
    transcript(
        &mut server,
        &[
            (b"\xff\0\0\0\x01a", b"\xff\xff\0\0\0\x01"),
            (b"\xff", b"a"),
            (b"\0\0\0\x05", b"\xff"),
            (b"error", b""),
        ],
    );
    assert_eq!(log.take(), [r#"Err("enough")"#]);
    assert!(server.peer().has_finished());
}

#[test]
fn each_message_is_received_by_one_of_those_who_wait_and_all_hear_of_the_end() {
    let log = Events::new();
    let heard = log.clone();
    let mut server = Probe::new(TinyReceiver::server(TinyTask::new(async move |messages: TinyMessages| {
        let (reactor, messages) = (messages.transport().reactor().clone(), Rc::new(messages));
        for number in 1..=4 {
            let (messages, log) = (Rc::clone(&messages), heard.clone());
            let waiting = async move { log.record(format_args!("{number}: {:?}", messages.receive().await)) };
            reactor.spawn(waiting).detach();
        }
        Ok(())
    })));
    server.deliver(b"\xff");
    server.deliver(b"\0\0\0\x01a\0\0\0\x01b");
    assert_eq!(log.take(), ["1: Ok(Some([97]))", "2: Ok(Some([98]))"]);
    assert!(server.transport().is_open(), "the code has ended, but not those who have its messages");
    server.deliver_eof();
    assert_eq!(log.take(), ["3: Ok(None)", "4: Ok(None)"]);
}
