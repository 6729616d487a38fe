//! What the receiver of tinyproto passes on besides messages.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

mod layering;

use std::any::Any;
use std::time::Duration;

use layering::{Through, check_a_beginning_refuses_a_layer};
use ropewalk_protocols::{TinyProtocol, TinyReceiver, Transmit};
use ropewalk_reactor::testing::{Events, Probe};
use ropewalk_reactor::{Protocol, Reason, Result, TimerKey, Transport};

/// Records everything it hears.
#[derive(Debug)]
struct Listens(Events);

impl TinyProtocol for Listens {
    fn connection_made(&mut self, _: &Transport) {
        self.0.record("made");
    }

    fn ready(&mut self, _: &Transport) {
        self.0.record("ready");
    }

    fn message_received(&mut self, _: &Transport, message: &[u8]) -> Result {
        self.0.record_bytes("received", message);
        Ok(())
    }

    fn eof_received(&mut self, _: &Transport) -> Result {
        self.0.record("eof");
        Ok(())
    }

    fn writing_paused(&mut self, _: &Transport) {
        self.0.record("paused");
    }

    fn writing_resumed(&mut self, _: &Transport) {
        self.0.record("resumed");
    }

    fn timer_expired(&mut self, _: &Transport, _: TimerKey) {
        self.0.record("timer");
    }

    fn event_received(&mut self, _: &Transport, event: Box<dyn Any>) {
        self.0.record(format_args!("event {}", event.downcast::<u8>().unwrap()));
    }

    fn layer_opened(&mut self, _: &Transport) {
        self.0.record("layer opened");
    }

    fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
        self.0.record(format_args!("lost {reason}"));
    }

    fn name(&self) -> &'static str {
        "all ears"
    }
}

/// Hears only what it must.
#[derive(Debug)]
struct Hears;

impl TinyProtocol for Hears {
    fn message_received(&mut self, _: &Transport, _: &[u8]) -> Result {
        Ok(())
    }
}

#[test]
fn a_protocol_hears_all_callbacks() {
    let log = Events::new();
    let mut probe = Probe::new(TinyReceiver::server(Listens(log.clone())));
    assert_eq!(log.take(), ["made"]);
    probe.deliver(b"\xff\x00\x00\x00\x02hi");
    assert_eq!(log.take(), ["ready", "received hi"]);
    probe.transport().set_timer(Duration::from_secs(1));
    probe.advance(Duration::from_secs(1));
    probe.transport().post(7_u8);
    probe.settle();
    assert_eq!(log.take(), ["timer", "event 7"]);
    probe.transport().insert_layer(Through);
    probe.settle();
    assert_eq!(log.take(), ["layer opened"]);
    probe.deliver_eof();
    assert_eq!(log.take(), ["eof"]);
    probe.transport().lose_connection();
    probe.settle();
    assert_eq!(log.take(), ["lost the connection was closed cleanly"]);
}

#[test]
fn messages_that_wait_for_agreement_count_as_waiting_output() {
    let log = Events::new();
    let mut probe = Probe::new(TinyReceiver::server(Listens(log.clone())));
    probe.deliver(b"\xff");
    for _ in 0..3 {
        probe.transport().transmit(vec![b'.'; 60 * 1024]);
    }
    probe.settle();
    assert_eq!(log.take(), ["made", "ready", "paused"]);
    probe.deliver(b"\xff\xff");
    assert_eq!(log.take(), Vec::<String>::new());
    probe.deliver(b"\xff");
    assert_eq!(log.take(), ["resumed"]);
}

#[test]
fn output_that_a_slow_peer_does_not_read_counts_too() {
    let log = Events::new();
    let mut probe = Probe::new(TinyReceiver::server(Listens(log.clone())));
    probe.deliver(b"\xff");
    probe.transport().transmit(vec![b'.'; 1024 * 1024]);
    probe.settle();
    probe.set_window(Some(0));
    probe.deliver(b"\xff");
    // Nothing waits for agreement any more; then it turns out that the peer does not read.
    assert_eq!(log.take(), ["made", "ready", "paused", "resumed", "paused"]);
    probe.set_window(None);
    assert_eq!(log.take(), ["resumed"]);
}

#[test]
fn the_beginning_of_a_message_refuses_a_layer() {
    check_a_beginning_refuses_a_layer(|| TinyReceiver::server(Hears), b"\xff\x00\x00");
}

#[test]
fn without_callbacks_of_its_own_the_end_of_input_closes() {
    let mut probe = Probe::new(TinyReceiver::client(Hears));
    probe.deliver(b"\xff");
    probe.deliver_eof();
    assert!(probe.is_closed());
}

#[test]
fn a_close_after_transmission_does_not_wait_for_a_peer_that_has_finished() {
    let mut probe = Probe::new(TinyReceiver::server(Listens(Events::new())));
    probe.deliver(b"\xff");
    probe.transport().transmit("never");
    probe.settle();
    probe.deliver_eof();
    assert!(probe.transport().is_open());
    probe.transport().close_after_transmission();
    probe.settle();
    assert!(probe.is_closed());
}

#[test]
fn a_receiver_is_called_what_its_protocol_is() {
    assert_eq!(Protocol::name(&TinyReceiver::client(Listens(Events::new()))), "all ears");
    assert!(Protocol::name(&TinyReceiver::server(Hears)).ends_with("Hears"));
    assert_eq!(format!("{:?}", TinyReceiver::server(Hears)), "TinyReceiver(Hears)");
}

#[test]
fn other_connections_transmit_nothing() {
    let mut probe = Probe::new(ropewalk_protocols::Discard);
    probe.transport().transmit("hi");
    probe.transport().close_after_transmission();
    probe.settle();
    assert!(probe.transport().is_open());
    assert_eq!(probe.written(), b"");
}
