//! Farewells: what peers are told when somebody else than the protocol closes, on virtual time.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod world;

use ropewalk::{Producer, ProducerKind, Transport};
use world::{Echo, Log, SECOND, Script, World};

/// A connection with a farewell, and what its protocol hears.
fn polite() -> (World, ropewalk::testing::Peer, Transport, Log) {
    let log = Log::default();
    let (mut world, peer, transport) =
        World::with(Script::new(&log).on_made(|transport| transport.set_farewell("bye")));
    world.settle();
    log.take();
    (world, peer, transport, log)
}

#[test]
fn a_drain_says_it_behind_what_was_written() {
    let (mut world, peer, transport, log) = polite();
    transport.write("answer ");
    world.reactor.drain(SECOND).then(|drained| assert_eq!((drained.closed, drained.aborted), (1, 0)));
    world.settle();
    assert_eq!(peer.received(), b"answer bye");
    assert!(!transport.accepts_output());
    peer.finish();
    world.settle();
    assert_eq!(log.take(), ["lost closed"]);
}

#[test]
fn a_stop_says_it_too() {
    let (mut world, peer, _, log) = polite();
    world.reactor.stop();
    world.settle();
    assert_eq!(peer.received(), b"bye");
    assert!(!peer.was_reset());
    assert_eq!(log.take(), ["lost shutdown"]);
}

#[test]
fn one_that_nobody_takes_does_not_hold_a_drain_up() {
    let (mut world, peer, transport, log) = polite();
    peer.set_window(Some(0));
    transport.write("answer");
    world.reactor.drain(SECOND).then(|drained| assert_eq!((drained.closed, drained.aborted), (0, 1)));
    world.settle();
    world.run_for(SECOND);
    assert_eq!(log.take(), ["lost Drain"]);
    assert_eq!(world.connections(), 0);
}

#[test]
fn one_for_which_there_is_no_room_costs_nothing_of_what_was_written() {
    let (mut world, peer, transport, log) = polite();
    let mut limits = transport.limits();
    limits.output = 8;
    transport.set_limits(limits);
    peer.set_window(Some(0));
    transport.write("answer");
    transport.dismiss();
    world.settle();
    peer.set_window(None);
    world.settle();
    assert_eq!(peer.received(), b"answer");
    peer.finish();
    world.settle();
    assert_eq!(log.take(), ["lost closed"]);
}

#[test]
fn whoever_looks_after_a_connection_dismisses_it() {
    let (mut world, peer, transport, log) = polite();
    let (other, _) = world.open(Echo);
    transport.dismiss();
    transport.dismiss();
    world.settle();
    assert_eq!(peer.received(), b"bye");
    assert!(peer.has_finished() && !other.has_finished());
    peer.finish();
    world.settle();
    assert_eq!(log.take(), ["lost closed"]);
    transport.set_farewell("too late");
    transport.dismiss();
    world.settle();
}

#[test]
fn a_protocol_that_closes_says_what_it_likes() {
    let (mut world, peer, transport, _) = polite();
    transport.lose_connection();
    transport.dismiss();
    let _ = world.reactor.drain(SECOND);
    world.settle();
    assert_eq!(peer.received(), b"");
}

#[test]
fn the_latest_counts_and_an_empty_one_is_none() {
    for (farewells, said) in [(["one", "two"], "two"), (["one", ""], "")] {
        let (mut world, peer, transport) = World::with(Echo);
        farewells.iter().for_each(|farewell| transport.set_farewell(*farewell));
        transport.dismiss();
        world.settle();
        assert_eq!(peer.received(), said.as_bytes());
    }
}

#[test]
fn it_ends_with_its_protocol() {
    let (mut world, peer, transport, _) = polite();
    transport.switch_protocol(Echo, "");
    world.settle();
    let _ = world.reactor.drain(SECOND);
    world.settle();
    assert_eq!(peer.received(), b"");
}

/// Writes three pieces, one at a time.
struct Pieces(u8);

impl Producer for Pieces {
    fn resume_producing(&mut self, transport: &Transport) {
        if self.0 == 3 {
            return transport.unregister_producer();
        }
        self.0 += 1;
        transport.write([b'0' + self.0]);
    }
}

#[test]
fn it_does_not_come_in_the_midst_of_what_a_producer_writes() {
    let (mut world, peer, transport, log) = polite();
    peer.set_window(Some(1));
    transport.register_producer(Pieces(0), ProducerKind::Pull).unwrap();
    world.settle();
    let _ = world.reactor.drain(SECOND);
    world.settle();
    peer.set_window(None);
    world.settle();
    assert_eq!(peer.received(), b"123bye");
    peer.finish();
    world.settle();
    assert_eq!(log.take(), ["lost closed"]);
}

#[test]
fn a_stop_leaves_it_out_while_a_producer_writes() {
    let (mut world, peer, transport, _) = polite();
    peer.set_window(Some(1));
    transport.register_producer(Pieces(0), ProducerKind::Pull).unwrap();
    world.settle();
    world.reactor.stop();
    world.settle();
    assert_eq!(peer.received(), b"1");
}

#[test]
fn a_producer_of_a_protocol_that_closes_is_followed_by_none() {
    let (mut world, peer, transport, _) = polite();
    peer.set_window(Some(1));
    transport.register_producer(Pieces(0), ProducerKind::Pull).unwrap();
    transport.lose_connection();
    world.settle();
    let _ = world.reactor.drain(SECOND);
    world.settle();
    peer.set_window(None);
    world.settle();
    assert_eq!(peer.received(), b"123");
}
