//! `ReactorHandle::secret`: what nobody can predict, and what it costs.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod counting;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::rc::Rc;

use allocation_counter::measure;
use counting::World;
use ropewalk::simulation::Simulation;
use ropewalk::testing::{Memory, Operation, Probe};
use ropewalk::{
    ListenOptions, Message, Protocol, Reactor, ReactorHandle, Reason, Result, Transport, WebSocket,
    WebSocketProtocol, WebSocketReceiver, WebSocketUrl, for_protocol,
};

struct Silent;

impl Protocol for Silent {
    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result {
        Ok(())
    }
}

#[test]
fn the_operating_systems_are_never_the_same() {
    let reactors = [Reactor::new().unwrap(), Reactor::new().unwrap()];
    let mut seen = BTreeSet::new();
    for _ in 0..1_000 {
        for reactor in &reactors {
            let secret: [u8; 8] = reactor.secret().unwrap();
            assert!(seen.insert(secret), "{secret:?} came twice");
        }
    }
    // As many ones as zeros, but for eleven times the deviation that is to be expected.
    let ones: u32 = seen.iter().flatten().map(|byte| byte.count_ones()).sum();
    assert!((62_000..66_000).contains(&ones), "{ones} bits of 128,000 are set");
}

#[test]
fn more_than_the_store_holds_are_no_less_secret() {
    let bytes: [u8; 100_000] = Reactor::new().unwrap().secret().unwrap();
    let mut counts = [0; 256];
    bytes.iter().for_each(|byte| counts[usize::from(*byte)] += 1);
    assert!(counts.iter().all(|count| (200..600).contains(count)), "{counts:?}");
}

#[test]
fn a_kibibyte_costs_one_call_and_no_allocation_and_none_comes_twice() {
    let (world, reactor) = World::with(1, for_protocol(|| Silent));
    assert_eq!(world.calls().secrets, 0, "nothing is asked for before it is needed");
    let mut seen = BTreeSet::new();
    for _ in 0..128 * 100 {
        let secret: [u8; 8] = reactor.secret().unwrap();
        assert!(seen.insert(secret), "{secret:?} came twice");
    }
    assert_eq!(world.calls().secrets, 100);
    let allocations = measure(|| (0..128).for_each(|_| assert_ne!(reactor.secret().unwrap(), [0; 8])));
    assert_eq!((world.calls().secrets, allocations.count_total), (101, 0));
}

#[test]
fn a_failure_is_told_and_the_next_call_tries_again() {
    let memory = Memory::new();
    let reactor = memory.reactor();
    let first: [u8; 1_000] = reactor.secret().unwrap();
    memory.fail_next(Operation::Secrets, 1, ErrorKind::OutOfMemory);
    // Those that are in store are given all the same.
    let second: [u8; 24] = reactor.secret().unwrap();
    assert_eq!(reactor.secret::<1>().unwrap_err().kind(), ErrorKind::OutOfMemory);
    let third: [u8; 24] = reactor.secret().unwrap();
    assert_ne!(second, third);
    assert_ne!(first[..24], second);
    let handle = reactor.handle();
    drop(reactor);
    assert!(handle.secret::<2_000>().is_err());
}

#[test]
fn g8_the_same_seed_gives_the_same_secrets() {
    let secrets = |seed| {
        let mut simulation = Simulation::new(seed);
        let secrets = Rc::new(RefCell::new(Vec::new()));
        for name in ["ann", "bob"] {
            let told = Rc::clone(&secrets);
            simulation.host(name, move |reactor: &ReactorHandle| {
                told.borrow_mut().push(reactor.secret::<16>()?);
                Ok(())
            });
        }
        secrets.take()
    };
    assert_eq!(secrets(1), secrets(1));
    assert_ne!(secrets(1), secrets(2));
    assert_ne!(secrets(1)[0], secrets(1)[1], "each host has its own");
}

/// The end of a client; notes why it ended.
struct Client(Rc<RefCell<Option<WebSocket>>>, Rc<RefCell<String>>);

impl WebSocketProtocol for Client {
    fn opened(&mut self, socket: &WebSocket) {
        *self.0.borrow_mut() = Some(socket.clone());
    }

    fn message_received(&mut self, _: &WebSocket, _: Message<'_>) -> Result {
        Ok(())
    }

    fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
        *self.1.borrow_mut() = reason.to_string();
    }
}

#[test]
fn a_client_without_secrets_sends_nothing_that_needs_one() {
    let (memory, address) = (Memory::new(), ([127, 0, 0, 1], 80).into());
    let mut reactor = memory.reactor();
    let (socket, lost) = (Rc::default(), Rc::default());
    let (opened, ended) = (Rc::clone(&socket), Rc::clone(&lost));
    let url: WebSocketUrl = "ws://localhost/".parse().unwrap();
    let make = move || WebSocketReceiver::client(Client(Rc::clone(&opened), Rc::clone(&ended)), &url);
    reactor.listen(address, ListenOptions::default(), for_protocol(make)).unwrap();

    memory.fail_next(Operation::Secrets, 1, ErrorKind::OutOfMemory);
    let peer = memory.connect(address).unwrap();
    peer.finish();
    memory.settle(&mut reactor);
    assert_eq!(
        (peer.received(), lost.take().as_str()),
        (vec![], "the connection was closed because of an error: out of memory")
    );

    let peer = memory.connect(address).unwrap();
    memory.settle(&mut reactor);
    let mut server = Probe::new(WebSocketReceiver::server(Client(Rc::default(), Rc::default())));
    server.deliver(peer.received());
    peer.send(server.written());
    memory.settle(&mut reactor);
    memory.fail_next(Operation::Secrets, 1, ErrorKind::OutOfMemory);
    let socket: WebSocket = socket.take().unwrap();
    (0..300).for_each(|_| socket.send("a"));
    memory.settle(&mut reactor);
    // The key of the request and the masks of the farewell and of these frames take up what was in store.
    assert_eq!(peer.received().len(), (1024 - 16 - 4) / 4 * 7);
    peer.finish();
    memory.settle(&mut reactor);
    assert_eq!(lost.take(), "the connection was closed because of an error: out of memory");
}
