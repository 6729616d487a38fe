//! What the receivers of lines and of strings pass on besides lines and strings.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

mod layering;

use std::any::Any;
use std::time::Duration;

use layering::{Through, check_a_beginning_refuses_a_layer};
use ropewalk_protocols::{
    LineProtocol, LineReceiver, LineTransport, NetstringReceiver, StringProtocol, StringTransport,
};
use ropewalk_reactor::testing::{Events, Probe};
use ropewalk_reactor::{Protocol, Reason, Result, TimerKey, Transport};

/// Records everything it hears.
#[derive(Debug)]
struct Listens(Events);

macro_rules! listens {
    ($protocol:ident, $received:ident, $transport:ident) => {
        impl $protocol for Listens {
            fn connection_made(&mut self, _: &mut $transport<'_>) {
                self.0.record("made");
            }

            fn $received(&mut self, _: &mut $transport<'_>, data: &[u8]) -> Result {
                self.0.record_bytes("received", data);
                Ok(())
            }

            fn eof_received(&mut self, transport: &mut $transport<'_>) -> Result {
                self.0.record_bytes("eof", &transport.rest());
                Ok(())
            }

            fn writing_paused(&mut self, _: &mut $transport<'_>) {
                self.0.record("paused");
            }

            fn writing_resumed(&mut self, _: &mut $transport<'_>) {
                self.0.record("resumed");
            }

            fn timer_expired(&mut self, _: &mut $transport<'_>, _: TimerKey) {
                self.0.record("timer");
            }

            fn event_received(&mut self, _: &mut $transport<'_>, event: Box<dyn Any>) {
                self.0.record(format_args!("event {}", event.downcast::<u8>().unwrap()));
            }

            fn layer_opened(&mut self, _: &mut $transport<'_>) {
                self.0.record("layer opened");
            }

            fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
                self.0.record(format_args!("lost {reason}"));
            }

            fn name(&self) -> &'static str {
                "all ears"
            }
        }
    };
}

listens!(LineProtocol, line_received, LineTransport);
listens!(StringProtocol, string_received, StringTransport);

/// Hears only what it must.
#[derive(Debug)]
struct Hears;

impl LineProtocol for Hears {
    fn line_received(&mut self, _: &mut LineTransport<'_>, _: &[u8]) -> Result {
        Ok(())
    }
}

impl StringProtocol for Hears {
    fn string_received(&mut self, _: &mut StringTransport<'_>, _: &[u8]) -> Result {
        Ok(())
    }
}

#[track_caller]
fn check_all_is_heard(make: impl Fn(Listens) -> Box<dyn Protocol>, message: &str, beginning: &str) {
    let log = Events::new();
    let mut probe = Probe::new(make(Listens(log.clone())));
    assert_eq!(log.take(), ["made"]);
    probe.deliver(message);
    assert_eq!(log.take(), ["received message"]);
    probe.transport().set_timer(Duration::from_secs(1));
    probe.advance(Duration::from_secs(1));
    assert_eq!(log.take(), ["timer"]);
    probe.transport().post(7_u8);
    probe.settle();
    assert_eq!(log.take(), ["event 7"]);
    probe.set_window(Some(0));
    probe.transport().write(vec![b'.'; 1024 * 1024]);
    probe.settle();
    assert_eq!(log.take(), ["paused"]);
    probe.set_window(None);
    assert_eq!(log.take(), ["resumed"]);
    probe.transport().insert_layer(Through);
    probe.settle();
    assert_eq!(log.take(), ["layer opened"]);
    probe.transport().write("through the layer");
    probe.settle();
    assert!(probe.written().ends_with(b".through the layer"));
    probe.deliver(beginning);
    probe.deliver_eof();
    assert_eq!(log.take(), [format!("eof {beginning}")]);
    probe.transport().lose_connection();
    probe.settle();
    assert_eq!(log.take(), ["lost the connection was closed cleanly"]);
}

#[test]
fn a_protocol_of_lines_hears_all_callbacks() {
    check_all_is_heard(|listens| Box::new(LineReceiver::new(listens)), "message\r\n", "begin");
}

#[test]
fn a_protocol_of_strings_hears_all_callbacks() {
    check_all_is_heard(|listens| Box::new(NetstringReceiver::new(listens)), "7:message,", "7:mess");
}

#[test]
fn the_beginning_of_a_line_refuses_a_layer() {
    check_a_beginning_refuses_a_layer(|| LineReceiver::new(Hears), b"begin");
}

#[test]
fn the_beginning_of_a_string_refuses_a_layer() {
    check_a_beginning_refuses_a_layer(|| NetstringReceiver::new(Hears), b"7:mess");
}

#[test]
fn without_a_callback_of_its_own_the_end_of_input_closes() {
    for protocol in
        [Box::new(LineReceiver::new(Hears)) as Box<dyn Protocol>, Box::new(NetstringReceiver::new(Hears))]
    {
        let mut probe = Probe::new(protocol);
        probe.deliver_eof();
        assert!(probe.is_closed());
    }
}

#[test]
fn receivers_are_called_what_their_protocols_are() {
    let listens = || Listens(Events::new());
    assert_eq!(Protocol::name(&LineReceiver::new(listens())), "all ears");
    assert_eq!(Protocol::name(&NetstringReceiver::new(listens())), "all ears");
    assert!(Protocol::name(&LineReceiver::new(Hears)).ends_with("Hears"));
    assert!(Protocol::name(&NetstringReceiver::new(Hears)).ends_with("Hears"));
    assert_eq!(format!("{:?}", LineReceiver::new(Hears)), "LineReceiver(Hears)");
    assert_eq!(format!("{:?}", NetstringReceiver::new(Hears)), "StringReceiver(Hears)");
}
