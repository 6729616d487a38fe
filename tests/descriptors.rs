//! A lack of descriptors: ports wait, try again, refuse in the end, and are never lost (G10), on virtual time.

mod world;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use ropewalk::testing::Operation;
use ropewalk::{ListenOptions, for_protocol};
use world::{Echo, MILLISECOND, SECOND, World};

const NANOSECOND: Duration = Duration::from_nanos(1);
const WAITS: [u32; 5] = [50, 100, 200, 400, 800];

fn listening() -> (World, SocketAddr) {
    let mut world = World::new();
    let (_, address) = world.listen(for_protocol(|| Echo));
    (world, address)
}

/// The waits are 50, 100, … 800 ms, exactly; after the longest those who wait are refused, and so on each 800 ms.
#[test]
fn g10_a_port_without_descriptors_backs_off_and_then_refuses() {
    let (mut world, address) = listening();
    world.memory.fail_next(Operation::Accept, WAITS.len() + 1, ErrorKind::Other);
    let peer = world.memory.connect(address).unwrap();
    world.settle();
    for (tried, wait) in WAITS.into_iter().enumerate() {
        world.run_for(MILLISECOND * wait - NANOSECOND);
        assert!(!peer.is_closed(), "refused after {tried} waits");
        world.run_for(NANOSECOND);
    }
    assert!(peer.is_closed(), "it is refused");
    let late = world.memory.connect(address).unwrap();
    world.run_for(MILLISECOND * 800 - NANOSECOND);
    late.send("hello");
    assert_eq!(late.received(), b"");
    world.run_for(NANOSECOND);
    world.settle();
    assert_eq!(late.received(), b"hello", "there are descriptors again");
    assert_eq!(world.connections(), 1);
}

/// Each try makes one call: nothing spins.
#[test]
fn g10_waiting_for_descriptors_does_not_spin() {
    let (mut world, address) = listening();
    world.memory.fail_next(Operation::Accept, usize::MAX >> 40, ErrorKind::Other);
    world.memory.fail_next(Operation::Refuse, usize::MAX >> 40, ErrorKind::Other);
    let _peers: Vec<_> = (0..10).map(|_| world.memory.connect(address).unwrap()).collect();
    world.settle();
    let polls = world.memory.polls();
    world.run_for(SECOND * 80);
    let polls = world.memory.polls() - polls;
    assert!(polls < 500, "{polls} polls in 80 seconds");
}

/// A new connection while the port waits does not end the wait.
#[test]
fn new_connections_do_not_end_the_wait() {
    let (mut world, address) = listening();
    world.memory.fail_next(Operation::Accept, 1, ErrorKind::Other);
    let first = world.memory.connect(address).unwrap();
    world.settle();
    let second = world.memory.connect(address).unwrap();
    world.settle();
    assert_eq!(world.connections(), 0);
    world.run_for(MILLISECOND * 50);
    assert_eq!(world.connections(), 2);
    assert!(!first.is_closed() && !second.is_closed());
}

/// When a connection closes, its descriptor is used at once.
#[test]
fn g10_a_closed_connection_ends_the_wait() {
    let (mut world, address) = listening();
    let first = world.memory.connect(address).unwrap();
    world.settle();
    world.memory.fail_next(Operation::Accept, 1, ErrorKind::Other);
    let second = world.memory.connect(address).unwrap();
    second.send("hello");
    world.settle();
    first.reset();
    world.settle();
    assert_eq!(world.now(), ropewalk::Instant::ZERO);
    assert_eq!(second.received(), b"hello");
    assert_eq!(world.reactor.stats().timers, 0);
}

/// After a success the waits begin anew.
#[test]
fn the_waits_begin_anew_after_a_success() {
    let (mut world, address) = listening();
    for _ in 0..3 {
        world.memory.fail_next(Operation::Accept, 2, ErrorKind::Other);
        let peer = world.memory.connect(address).unwrap();
        peer.send("hello");
        world.run_for(MILLISECOND * 150 - NANOSECOND);
        assert_eq!(peer.received(), b"");
        world.run_for(NANOSECOND);
        assert_eq!(peer.received(), b"hello");
    }
}

/// Errors of one connection, and `WouldBlock`, do not stop the port.
#[test]
fn errors_of_one_connection_do_not_stop_the_port() {
    let (mut world, address) = listening();
    for error in [
        ErrorKind::ConnectionAborted,
        ErrorKind::HostUnreachable,
        ErrorKind::NetworkUnreachable,
        ErrorKind::NetworkDown,
        ErrorKind::Interrupted,
        ErrorKind::WouldBlock,
    ] {
        world.memory.fail_next(Operation::Accept, 3, error);
    }
    let peers: Vec<_> = (0..200).map(|_| world.memory.connect(address).unwrap()).collect();
    world.settle();
    assert_eq!(world.connections(), 200);
    assert_eq!(world.now(), ropewalk::Instant::ZERO);
    drop(peers);
}

/// A port may be stopped, and started again, while it waits; nothing is left behind.
#[test]
fn a_waiting_port_may_stop_and_start() {
    let mut world = World::new();
    let (port, address) = world.listen(for_protocol(|| Echo));
    world.memory.fail_next(Operation::Accept, 1, ErrorKind::Other);
    let peer = world.memory.connect(address).unwrap();
    world.settle();
    drop(port.stop());
    world.settle();
    assert!(peer.was_reset(), "nobody will accept it");
    assert_eq!(world.reactor.stats().timers, 0);
    assert_eq!(world.memory.descriptors(), 0);
    port.start().unwrap();
    port.start().unwrap();
    world.settle();
    let peer = world.memory.connect(address).unwrap();
    world.settle();
    assert_eq!(world.connections(), 1);
    drop(peer);
}

/// A stop and start within one turn, while the port waits, leave it serving at once or after its wait.
#[test]
fn restarting_a_waiting_port_in_one_turn() {
    let mut world = World::new();
    let (port, address) = world.listen(for_protocol(|| Echo));
    world.memory.fail_next(Operation::Accept, 1, ErrorKind::Other);
    let _lost = world.memory.connect(address).unwrap();
    world.settle();
    drop(port.stop());
    port.start().unwrap();
    let peer = world.memory.connect(address).unwrap();
    world.run_for(SECOND);
    assert_eq!(world.connections(), 1);
    assert!(!peer.is_closed());
}

/// A listener that cannot be bound, or is bound twice, is a clear error and starts nothing (S92).
#[test]
fn s92_an_address_in_use_is_an_error() {
    let (mut world, address) = listening();
    let error = world.reactor.listen(address, ListenOptions::default(), for_protocol(|| Echo)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    assert!(error.to_string().starts_with(&format!("listening on {address}: ")), "{error}");
    world.memory.fail_next(Operation::Listen, 1, ErrorKind::PermissionDenied);
    let any = ([127, 0, 0, 1], 0);
    let error = world.reactor.listen(any, ListenOptions::default(), for_protocol(|| Echo)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    world.settle();
    assert_eq!(world.memory.descriptors(), 1);
}

/// A listener that the driver could not watch is watched later.
#[test]
fn g10_a_port_that_could_not_be_registered_tries_again() {
    let mut world = World::new();
    world.memory.fail_next(Operation::Register, 1, ErrorKind::OutOfMemory);
    let (_, address) = world.listen(for_protocol(|| Echo));
    world.settle();
    let peer = world.memory.connect(address).unwrap();
    peer.send("hello");
    world.run_for(MILLISECOND * 50 - NANOSECOND);
    assert_eq!(peer.received(), b"");
    world.run_for(NANOSECOND);
    assert_eq!(peer.received(), b"hello");
}

/// A connection that the driver could not watch is no orderly end for the peer, which may have sent something.
#[test]
fn g3_a_connection_that_could_not_be_registered_is_reset() {
    let mut world = World::new();
    let (_, address) = world.listen(for_protocol(|| Echo));
    world.memory.fail_next(Operation::Register, 1, ErrorKind::OutOfMemory);
    let peer = world.memory.connect(address).unwrap();
    world.settle();
    assert!(peer.was_reset());
    assert_eq!((world.connections(), world.memory.descriptors()), (0, 1));
}

/// A port that is stopped and started again while it waits, and then cannot be registered, waits once, not twice.
#[test]
fn g10_starting_anew_while_waiting_waits_once() {
    let mut world = World::new();
    let (port, address) = world.listen(for_protocol(|| Echo));
    world.memory.fail_next(Operation::Accept, 1, ErrorKind::Other);
    let _first = world.memory.connect(address).unwrap();
    world.settle();
    world.memory.fail_next(Operation::Register, 1, ErrorKind::Other);
    let _ = port.stop();
    port.start().unwrap();
    world.settle();
    assert_eq!(world.reactor.stats().timers, 1);
    let _ = port.stop();
    world.settle();
    assert_eq!(world.reactor.stats().timers, 0);
}
