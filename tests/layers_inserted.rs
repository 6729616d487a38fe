//! Layers that are inserted while the connection is open, as STARTTLS does.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod layering;
mod world;

use std::time::Duration;

use layering::{END, GREETING, Header, Masked, masked, unmask};
use ropewalk::{
    InputBeforeLayer, LineProtocol, LineReceiver, LineTransport, Protocol, Reason, Result, SendLine, Status,
    Transport,
};
use world::{Echo, Log, Script, World};

/// A line protocol that goes over to masked lines at `START`.
struct Starting {
    log: Log,
    /// What it says before the layer's place and behind it.
    says: [&'static str; 2],
}

impl LineProtocol for Starting {
    fn line_received(&mut self, transport: &mut LineTransport<'_>, line: &[u8]) -> Result {
        self.log.add(format!("line {}", String::from_utf8_lossy(line)));
        if line == b"START" {
            transport.send_line(self.says[0]);
            transport.insert_layer(Masked::server());
            if !self.says[1].is_empty() {
                transport.send_line(self.says[1]);
            }
        }
        Ok(())
    }

    fn layer_opened(&mut self, transport: &mut LineTransport<'_>) {
        self.log.add("opened");
        transport.send_line("masked now");
    }

    fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
        self.log.add(format!("lost {}", world::kind(reason)));
    }
}

fn starting(log: &Log) -> LineReceiver<Starting> {
    LineReceiver::new(Starting { log: log.clone(), says: ["go", "secret"] })
}

#[test]
fn output_before_the_layer_is_plain_and_after_it_masked() {
    let log = Log::default();
    let (mut world, peer, _) = World::with(starting(&log));
    peer.send("hello\r\nSTART\r\n");
    world.settle();
    assert_eq!(peer.received(), b"go\r\n", "what comes behind waits for the handshake");
    peer.send(GREETING);
    world.settle();
    let answer = [GREETING, &masked("secret\r\nmasked now\r\n")].concat();
    let mut wire = peer.received();
    assert_eq!(wire[..2], answer[..2]);
    let mut records = wire.split_off(2);
    assert_eq!(unmask(&mut records), b"secret\r\nmasked now\r\n");
    peer.send(masked("over\r\n"));
    world.settle();
    assert_eq!(log.take(), ["line hello", "line START", "opened", "line over"]);
}

/// The injection that STARTTLS implementations fell for: input that came in the clear passes for protected input.
#[test]
fn input_behind_the_upgrade_point_is_an_error_and_never_delivered() {
    let input = b"START\r\nEVIL\r\n";
    for cut in 7..=input.len() {
        let log = Log::default();
        let (mut world, peer, _) = World::with(starting(&log));
        peer.send(&input[..cut]);
        world.settle();
        peer.send(&input[cut..]);
        world.settle();
        peer.finish();
        world.settle();
        assert!(!peer.received().windows(6).any(|bytes| bytes == b"secret"), "cut at {cut}");
        let log = log.take();
        assert_eq!(log[0], "line START");
        assert!(log[1].starts_with("lost "), "cut at {cut}: {log:?}");
        assert_eq!(log.len(), 2, "cut at {cut}");
        if (8..=12).contains(&cut) {
            assert_eq!(log[1], format!("lost error {InputBeforeLayer}"), "cut at {cut}");
        }
    }
}

#[test]
fn a_receiver_that_was_paused_with_input_refuses_the_layer() {
    let log = Log::default();
    struct Pausing(Log);
    impl LineProtocol for Pausing {
        fn line_received(&mut self, transport: &mut LineTransport<'_>, line: &[u8]) -> Result {
            self.0.add(String::from_utf8_lossy(line));
            transport.pause_reading();
            Ok(())
        }
        fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
            self.0.add(reason.to_string());
        }
    }
    let (mut world, peer, transport) = World::with(LineReceiver::new(Pausing(log.clone())));
    peer.send("one\r\ntwo\r\n");
    world.settle();
    transport.insert_layer(Masked::server());
    transport.resume_reading();
    world.settle();
    peer.finish();
    world.settle();
    let log = log.take();
    assert_eq!(log[0], "one");
    assert!(log[1].contains(&InputBeforeLayer.to_string()), "{log:?}");
}

#[test]
fn input_that_a_protocol_left_to_its_successor_is_refused_too() {
    let log = Log::default();
    let next = log.clone();
    let script = Script::new(&log).on_data(move |transport, data| {
        let successor = Script::new(&next).on_made(Transport::pause_reading);
        transport.switch_protocol(successor, &data[2..]);
        Ok(())
    });
    let (mut world, peer, transport) = World::with(script);
    peer.send("aab");
    world.settle();
    transport.insert_layer(Masked::server());
    transport.resume_reading();
    world.settle();
    peer.finish();
    world.settle();
    assert_eq!(log.take(), ["made", "data aab", "made", &format!("lost error {InputBeforeLayer}")]);
}

#[test]
fn a_client_greets_behind_what_it_wrote() {
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Script::new(&log));
    transport.write("START\r\n");
    transport.insert_layer(Masked::client());
    transport.write("hello");
    world.settle();
    assert_eq!(peer.received(), [b"START\r\n", GREETING].concat());
    peer.send(GREETING);
    world.settle();
    assert_eq!(peer.received(), masked("hello"));
    assert_eq!(transport.buffered(), 0);
}

#[test]
fn a_close_during_the_handshake_still_sends_what_waits() {
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Script::new(&log));
    transport.insert_layer(Masked::client());
    transport.write("hello");
    transport.lose_connection();
    world.settle();
    assert_eq!(peer.received(), GREETING);
    peer.send(GREETING);
    world.settle();
    assert_eq!(peer.received(), [&masked("hello"), END].concat());
    assert!(peer.has_finished());
    peer.finish();
    world.settle();
    assert_eq!(log.take(), ["made", "lost closed"]);
}

#[test]
fn g6_a_close_during_a_handshake_that_never_ends_is_bounded() {
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Script::new(&log));
    transport.insert_layer(Masked::client());
    transport.write("hello");
    transport.lose_connection();
    world.run_for(Duration::from_secs(10));
    assert_eq!(log.take(), ["made", "lost Handshake(10s)"]);
    assert_eq!(transport.buffered(), 5, "what was not sent is told");
    assert!(peer.is_closed());
    assert_eq!(world.reactor.stats().output_buffered, 0);
}

#[test]
fn a_stop_during_the_handshake_does_not_wait_for_it() {
    let log = Log::default();
    let (mut world, _peer, transport) = World::with(Script::new(&log));
    transport.insert_layer(Masked::client());
    transport.write("hello");
    world.settle();
    world.reactor.stop();
    while world.reactor.run_once(Some(Duration::ZERO)).unwrap() == Status::Running {}
    assert_eq!(log.take(), ["made", "lost shutdown"]);
}

#[test]
fn layers_may_be_inserted_together_and_one_after_another() {
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Script::new(&log));
    transport.insert_layer(Masked::server());
    transport.insert_layer(Masked::client());
    transport.write("hello");
    world.settle();
    peer.send(GREETING);
    world.settle();
    assert_eq!(peer.received(), [GREETING, &masked(GREETING)].concat());
    peer.send(masked(GREETING));
    world.settle();
    assert_eq!(peer.received(), masked(masked("hello")));
    transport.insert_layer(Header::new());
    world.settle();
    peer.send(masked(masked("a header\nand more")));
    world.settle();
    assert_eq!(*transport.keepsake::<String>().unwrap(), "a header");
    assert_eq!(log.take(), ["made", "data and more"]);
}

#[test]
fn a_layer_behind_output_that_cannot_go_yet_is_an_error() {
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Script::new(&log));
    transport.insert_layer(Masked::server());
    transport.write("secret");
    transport.insert_layer(Masked::server());
    world.settle();
    peer.finish();
    world.settle();
    assert_eq!(peer.received(), b"", "nothing goes out in the clear");
    assert!(log.last().starts_with("lost a layer was inserted behind output"), "{}", log.last());
}

#[test]
fn a_protocol_may_refuse_the_layer_and_nothing_behind_it_goes_out() {
    struct Refuses;
    impl Protocol for Refuses {
        fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result {
            Ok(())
        }
        fn layer_inserted(&mut self, _: &Transport) -> Result {
            Err("I hold input".into())
        }
    }
    let (mut world, peer, transport) = World::with(Refuses);
    transport.write("plain");
    transport.insert_layer(Masked::server());
    transport.write("secret");
    world.settle();
    assert_eq!(peer.received(), b"plain");
    assert!(peer.has_finished());
    assert_eq!(world.reactor.stats().output_buffered, 0);
}

#[test]
fn a_layer_that_cannot_write_ends_the_connection() {
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Script::new(&log));
    transport.lose_write_connection();
    world.settle();
    transport.insert_layer(Masked::server());
    peer.send("in the clear");
    world.settle();
    peer.finish();
    world.settle();
    let lost = "lost error a layer was inserted although this side has finished writing";
    assert_eq!(log.take(), ["made", lost]);
}

#[test]
fn a_layer_for_a_connection_that_closes_is_dropped() {
    let (mut world, peer, transport) = World::with(Echo);
    transport.lose_connection();
    world.settle();
    transport.insert_layer(Masked::client());
    world.settle();
    assert_eq!(peer.received(), b"");
    peer.finish();
    world.settle();
    assert!(transport.with_layer(|_: &Masked| ()).is_none());
    assert_eq!(world.connections(), 0);
}
