//! Both roles of tinyproto keep every law of protocols, with peers that behave and with peers that do not.

mod tiny;

use std::time::Duration;

use ropewalk_protocols::{TinyProtocol, TinyReceiver, Transmit};
use ropewalk_reactor::testing::{Dice, Events, ProtocolCheck, Script, check_protocol};
use ropewalk_reactor::{Reason, Result, Transport};
use tiny::{Hears, React, echo, echo_back};

/// A client that says something when the connection is made, and something else to each answer.
struct Asks {
    log: Events,
    left: usize,
}

impl TinyProtocol for Asks {
    fn connection_made(&mut self, transport: &Transport) {
        transport.transmit("one");
        transport.transmit("two");
    }

    fn message_received(&mut self, transport: &Transport, message: &[u8]) -> Result {
        self.log.record_bytes("message", message);
        if self.left == 0 {
            transport.close_after_transmission();
        } else {
            self.left -= 1;
            transport.transmit("more");
        }
        Ok(())
    }

    fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
        self.log.record(format_args!("lost {reason}"));
    }
}

fn client(log: Events) -> TinyReceiver<Asks> {
    TinyReceiver::client(Asks { log, left: 1 })
}

fn tolerant_server(log: Events) -> TinyReceiver<Hears<React>> {
    TinyReceiver::server(Hears { tolerates: true, ..Hears::new(&log, echo_back as React) }).max_message(8)
}

#[test]
fn a_server_with_a_peer_that_waits_for_answers() {
    let outcome = check_protocol(echo, b"\xff\x00\x00\x00\x02hi\xff\x00\x00\x00\x00\xff\x00\x00\x00\x04QUIT");
    assert_eq!(outcome.events[..4], ["ready", "message hi", "message ", "message QUIT"]);
    assert_eq!(outcome.written, b"\xff\xff\x00\x00\x00\x0dEcho back: hi\xff\x00\x00\x00\x0bEcho back: \xff");
}

#[test]
fn a_server_with_a_peer_that_does_not_wait() {
    check_protocol(echo, b"\xff\x00\x00\x00\x02hi\x00\x00\x00\x03you\xff\xff\x00\x00\x00\x01!");
    check_protocol(echo, b"\xff\x00\x00\x00\x02hi\x00\x00\x00\x04QUIT\x00\x00\x00\x02hi");
}

#[test]
fn a_client_with_a_peer_that_behaves_and_one_that_crosses() {
    check_protocol(client, b"\xff\xff\xff\x00\x00\x00\x02hi\xff\x00\x00\x00\x03you");
    let outcome = check_protocol(client, b"\xff\x00\x00\x00\x02\xffhi\xff\x00\x00\x00\x01\xff?\xff");
    assert_eq!(outcome.events[..2], ["message hi", "message ?"]);
    assert_eq!(outcome.written, b"\xff\x00\x00\x00\x03one\xff\x00\x00\x00\x03two\x00\x00\x00\x04more\xff");
}

#[test]
fn refusals_and_messages_that_are_too_large() {
    for input in [
        &b"\xff\x00\x00\x00\x02hi\xfd\x00\x00\x00\x02hi"[..],
        b"\xff\x00\x00\x00\x02hi\x00",
        b"\xff\xf1\x00\x00\x00\x00\x00\x00\x01a\xff",
        b"\xff\x00\x00\x00\x01a\x00\x00\x00\x09\xff",
    ] {
        check_protocol(echo, input);
        check_protocol(tolerant_server, input);
        check_protocol(client, input);
    }
}

#[test]
fn time_between_bytes_makes_no_difference_but_at_a_zero() {
    let check = ProtocolCheck::new(echo).time_between_reads(Duration::from_secs(9));
    check.run(b"\xff\x00\x00\x00\x02hi\xff\x00\x00\x00\x04QUIT");
    check_protocol(
        echo,
        Script::new().send(b"\xff\x00\x00\x00\x02hi\x00").wait(Duration::from_secs(20)).send(b"\xff"),
    );
}

#[test]
fn a_polite_end_in_the_same_situations() {
    for input in [
        &b"\xff\x00\x00\x00\x02hi\xff\x00\x00\x00\x00\xff\x00\x00\x00\x04QUIT"[..],
        b"\xff\x00\x00\x00\x02hi\x00\x00\x00\x03you\x00\x00\x00\x00",
    ] {
        let quiet = Duration::from_millis(100);
        let make = |log| TinyReceiver::server(Hears::new(&log, echo_back)).polite(quiet);
        check_protocol(make, input);
        check_protocol(make, Script::new().send(input).wait(quiet).send(b"\xff"));
        check_protocol(|log| client(log).polite(quiet), Script::new().send(input).wait(quiet).send(b"\xff"));
    }
}

/// Bytes of the kind that mean something, so that random ones get far.
fn script(dice: &Dice) -> Script {
    const MEANINGFUL: [&[u8]; 8] = [
        b"\xff",
        b"\x00",
        b"\x00\x00\x00\x02hi",
        b"\x00\x00\x00\x00",
        b"\xfd",
        b"\x01",
        b"a",
        b"\x00\x00\x00\x03",
    ];
    let parts = dice.roll(8);
    let rest: Vec<u8> = (0..parts).flat_map(|_| dice.pick(&MEANINGFUL).to_vec()).collect();
    [b"\xff".as_slice(), &rest].concat().into()
}

#[test]
fn peers_that_say_anything_break_no_law() {
    ProtocolCheck::new(echo).run_seeds(6, script);
    ProtocolCheck::new(tolerant_server).run_seeds(6, script);
    ProtocolCheck::new(client).run_seeds(6, script);
}
