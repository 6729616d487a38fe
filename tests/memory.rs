//! The in-memory world itself, and the probe on top of it.

mod world;

use std::io::ErrorKind;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use ropewalk::testing::{Memory, Probe};
use ropewalk::{Bytes, ConnectOptions, ListenOptions, Reactor, for_protocol};
use world::{Echo, Log, MILLISECOND, SECOND, Script};

#[test]
fn a_probe_shows_what_a_protocol_does() {
    let log = Log::default();
    let mut probe = Probe::new(Script::new(&log).on_data(|transport, data| {
        transport.write(data);
        Ok(())
    }));
    probe.deliver("hello");
    assert_eq!(probe.written(), b"hello");
    probe.set_window(Some(0));
    probe.deliver(vec![b'x'; 131_072]);
    probe.deliver("y");
    assert_eq!(probe.transport().buffered(), 131_073);
    assert!(probe.transport().is_reading_paused());
    probe.set_window(None);
    assert_eq!(probe.written().len(), 131_073);
    probe.transport().set_idle_timeout(Some(SECOND));
    probe.advance(SECOND - MILLISECOND);
    assert!(!probe.is_closing());
    probe.advance(MILLISECOND);
    assert!(probe.is_closing() && !probe.is_closed());
    probe.deliver_eof();
    assert!(probe.is_closed());
    assert_eq!(log.last(), "lost Idle(1s)");
}

#[test]
fn a_probe_can_reset() {
    let log = Log::default();
    let mut probe = Probe::new(Script::new(&log));
    probe.reset();
    assert_eq!(log.take(), ["made", "lost broken ConnectionReset"]);
}

#[test]
#[should_panic(expected = "the clock stands still")]
fn settling_has_a_bound() {
    let mut probe = Probe::new(Echo);
    let _ = probe.transport().reactor().call_every(Duration::ZERO, |_| {});
    probe.settle();
}

#[test]
fn a_window_is_taken_exactly_and_opened_by_receiving() {
    let mut probe = Probe::new(Echo);
    probe.set_window(Some(3));
    probe.transport().write_shared(Bytes::from(vec![b'x'; 1000]));
    probe.transport().write("y");
    probe.settle();
    assert_eq!(probe.peer().arrived(), 3);
    assert_eq!(probe.peer().writes(), 1);
    assert_eq!(probe.written(), b"xxx");
    assert_eq!(probe.peer().arrived(), 3, "receiving has opened the window by what was received");
    probe.peer().open_window(998);
    probe.settle();
    assert_eq!(probe.written().len(), 998);
}

#[test]
fn the_world_is_the_same_in_every_run() {
    let numbers = || {
        let reactor = Memory::new().reactor();
        (reactor.random(), reactor.random(), reactor.system_time())
    };
    assert_eq!(numbers(), numbers());
    let memory = Memory::new();
    let reactor = memory.reactor();
    memory.advance(SECOND);
    assert_eq!(reactor.system_time(), SystemTime::UNIX_EPOCH + SECOND);
}

#[test]
fn outgoing_connections_are_answered_or_refused_at_any_time() {
    let log = Log::default();
    let memory = Memory::new();
    let mut reactor = memory.reactor();
    let address = ([192, 0, 2, 1], 80).into();
    let connect = |reactor: &Reactor| {
        let log = log.clone();
        reactor.connect(address, &ConnectOptions::default(), for_protocol(|| Echo)).then(move |result| {
            log.add(result.map_or_else(|error| error.to_string(), |transport| transport.host().to_string()));
        });
    };
    connect(&reactor);
    let late = memory.expect_connect(address);
    connect(&reactor);
    memory.settle(&mut reactor);
    assert_eq!(log.take(), ["connecting to 192.0.2.1:80: connection refused"]);
    late.accept();
    late.refuse(ErrorKind::ConnectionRefused);
    memory.settle(&mut reactor);
    assert_eq!(log.take(), ["127.0.0.1:40000"]);
    memory.expect_connect(address).refuse(ErrorKind::HostUnreachable);
    connect(&reactor);
    memory.settle(&mut reactor);
    assert_eq!(log.take(), ["connecting to 192.0.2.1:80: host unreachable"]);
}

#[test]
fn a_wildcard_takes_connections_to_every_address() {
    let memory = Memory::new();
    let mut reactor = memory.reactor();
    let port = reactor.listen(([0, 0, 0, 0], 80), ListenOptions::default(), for_protocol(|| Echo)).unwrap();
    memory.settle(&mut reactor);
    let peer = memory.connect(([10, 1, 2, 3], 80).into()).unwrap();
    peer.send("hello");
    memory.settle(&mut reactor);
    assert_eq!(peer.received(), b"hello");
    assert_eq!(memory.connect(([10, 1, 2, 3], 81).into()).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    drop(port.stop());
    assert!(memory.connect(([10, 1, 2, 3], 80).into()).is_err());
}

#[test]
fn closing_over_unread_input_resets_as_tcp_does() {
    let memory = Memory::new();
    let mut reactor = memory.reactor();
    let address = ([127, 0, 0, 1], 80).into();
    let kept = Rc::new(());
    let held = Rc::clone(&kept);
    let factory = for_protocol(move || {
        let held = Rc::clone(&held);
        Script::new(&Log::default()).on_made(move |transport| {
            let _ = &held;
            transport.pause_reading();
        })
    });
    reactor.listen(address, ListenOptions::default(), factory).unwrap();
    memory.settle(&mut reactor);
    let (read, unread) = (memory.connect(address).unwrap(), memory.connect(address).unwrap());
    unread.send("never read");
    memory.settle(&mut reactor);
    drop(reactor);
    assert!(!read.was_reset() && read.has_finished());
    assert!(unread.was_reset());
    assert_eq!(Rc::strong_count(&kept), 1);
}
