//! Port forwarding, on virtual time.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod world;

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use ropewalk::testing::Peer;
use ropewalk::{
    Address, ClientEndpoint, ConnectOptions, ConnectResult, Deferred, Factory, IdleTimeout, Layer, Policy,
    PortForward, Protocol, ReactorHandle, Result, TcpClientEndpoint, Timeout, Transport,
};
use world::{Log, SECOND, World, kind};

const BACKEND: &str = "10.0.0.9:5432";

/// A forwarder and the far end of its next connection to the backend, which answers when the test says so.
struct Forwarder {
    world: World,
    address: SocketAddr,
    backend: Peer,
    losses: Log,
}

/// Notes why clients are lost.
struct NoteLosses<F>(F, Log);

impl<F: Factory> Factory for NoteLosses<F> {
    fn build_protocol(&self, peer: &Address) -> Option<Box<dyn Protocol>> {
        let inner = self.0.build_protocol(peer)?;
        Some(Box::new(Noting { inner, log: self.1.clone() }))
    }

    fn admit(&self, peer: &Address, layers: &mut Vec<Box<dyn Layer>>) -> bool {
        self.0.admit(peer, layers)
    }
}

/// As long as the client has not been joined to its backend, its loss is noted.
struct Noting {
    inner: Box<dyn Protocol>,
    log: Log,
}

impl Protocol for Noting {
    fn connection_made(&mut self, transport: &Transport) {
        self.inner.connection_made(transport);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        self.inner.data_received(transport, data)
    }

    fn eof_received(&mut self, transport: &Transport) -> Result {
        self.inner.eof_received(transport)
    }

    fn connection_lost(&mut self, transport: &Transport, reason: &ropewalk::Reason) {
        self.log.add(kind(reason));
        self.inner.connection_lost(transport, reason);
    }
}

impl Forwarder {
    fn new() -> Self {
        let backend: TcpClientEndpoint = BACKEND.parse().unwrap();
        let mut options = ConnectOptions::default();
        options.timeout = 10 * SECOND;
        Self::to(backend.with_options(options))
    }

    fn to(backend: impl ClientEndpoint + 'static) -> Self {
        let (mut world, losses) = (World::new(), Log::default());
        let far_end = world.memory.expect_connect(BACKEND.parse().unwrap());
        let (_, address) = world.listen(NoteLosses(PortForward::new(backend), losses.clone()));
        Self { world, address, backend: far_end, losses }
    }

    fn client(&mut self) -> Peer {
        let client = self.world.memory.connect(self.address).unwrap();
        self.world.settle();
        client
    }

    fn settle(&mut self) {
        self.world.settle();
    }

    fn assert_over(&mut self) {
        self.world.run_for(3 * SECOND);
        assert_eq!((self.world.connections(), self.world.memory.descriptors()), (0, 1), "but for the port");
        assert_eq!(self.world.reactor.stats().timers, 0);
    }
}

/// S75: what a client sends before its backend is there is kept; then both are joined.
#[test]
fn s75_a_client_waits_for_its_backend() {
    let mut forwarder = Forwarder::new();
    let client = forwarder.client();
    client.send("early ");
    forwarder.world.run_for(9 * SECOND);
    client.send("words");
    assert!(forwarder.backend.received().is_empty());
    forwarder.backend.accept();
    forwarder.backend.send("welcome");
    forwarder.settle();
    assert_eq!(forwarder.backend.received(), b"early words");
    assert_eq!(client.received(), b"welcome");
    client.send("later");
    forwarder.settle();
    assert_eq!(forwarder.backend.received(), b"later");
    client.finish();
    forwarder.settle();
    assert!(forwarder.backend.has_finished());
    forwarder.backend.send("the tail");
    forwarder.backend.finish();
    forwarder.settle();
    assert_eq!(client.received(), b"the tail");
    assert!(client.has_finished() && !client.was_reset());
    forwarder.assert_over();
}

/// S75: a client that says much too early is read no further.
#[test]
fn s75_early_input_is_bounded() {
    let mut forwarder = Forwarder::new();
    let client = forwarder.client();
    let bulk: Vec<u8> = (0..1_000_000_u32).map(|index| (index % 251) as u8).collect();
    client.send(&bulk);
    client.finish();
    forwarder.settle();
    let read = forwarder.world.reactor.stats().bytes_in;
    assert!((16 * 1024..=80 * 1024).contains(&read), "{read} bytes were read");
    forwarder.backend.accept();
    forwarder.settle();
    assert!(forwarder.backend.received() == bulk);
    assert!(forwarder.backend.has_finished());
}

/// A client that has finished before the backend is there still gets its reply.
#[test]
fn an_early_half_close_is_passed_on() {
    let mut forwarder = Forwarder::new();
    let client = forwarder.client();
    client.send("request");
    client.finish();
    forwarder.settle();
    assert!(!client.is_closed());
    forwarder.backend.accept();
    forwarder.settle();
    assert_eq!(forwarder.backend.received(), b"request");
    assert!(forwarder.backend.has_finished());
    forwarder.backend.send("reply");
    forwarder.backend.finish();
    forwarder.settle();
    assert_eq!(client.received(), b"reply");
    assert!(client.has_finished() && !client.was_reset());
    forwarder.assert_over();
}

/// The client is closed, for a reason that names the backend.
#[test]
fn a_backend_that_refuses_closes_the_client() {
    let mut forwarder = Forwarder::new();
    let client = forwarder.client();
    client.send("hello");
    forwarder.settle();
    forwarder.backend.refuse(io::ErrorKind::ConnectionRefused);
    forwarder.settle();
    assert!(client.has_finished() && !client.was_reset());
    client.finish();
    forwarder.settle();
    let [reason] = &forwarder.losses.take()[..] else { panic!("one loss") };
    assert!(reason.starts_with("error connecting to 10.0.0.9:5432: "), "{reason}");
    forwarder.assert_over();
}

#[test]
fn a_backend_that_does_not_answer_closes_the_client_in_time() {
    let mut forwarder = Forwarder::new();
    let client = forwarder.client();
    forwarder.world.run_for(9 * SECOND);
    assert!(!client.has_finished());
    forwarder.world.run_for(SECOND);
    assert!(client.has_finished());
    client.finish();
    forwarder.settle();
    assert_eq!(forwarder.losses.take(), ["error connecting to 10.0.0.9:5432: no answer within 10s"]);
    forwarder.assert_over();
}

/// A client that is lost needs no backend any more.
#[test]
fn a_client_that_goes_cancels_the_attempt() {
    let mut forwarder = Forwarder::new();
    let client = forwarder.client();
    client.send("never mind");
    forwarder.settle();
    client.reset();
    forwarder.settle();
    assert!(forwarder.backend.is_closed());
    assert_eq!(forwarder.losses.take(), ["broken ConnectionReset"]);
    forwarder.assert_over();
}

/// The same if a policy ends it.
#[test]
fn a_client_that_times_out_cancels_the_attempt() {
    let mut world = World::new();
    let losses = Log::default();
    let backend = world.memory.expect_connect(BACKEND.parse().unwrap());
    let endpoint: TcpClientEndpoint = BACKEND.parse().unwrap();
    let factory = IdleTimeout::new(SECOND).around(NoteLosses(PortForward::new(endpoint), losses.clone()));
    let (_, address) = world.listen(factory);
    let client = world.memory.connect(address).unwrap();
    world.run_for(4 * SECOND);
    assert!(client.is_closed() && backend.is_closed());
    assert_eq!(losses.take(), [format!("{:?}", Timeout::Idle(SECOND))]);
}

/// Both ends of the race between a client that goes and a backend that comes, in one turn.
#[test]
fn a_client_that_goes_while_its_backend_comes_leaves_nothing_behind() {
    for client_first in [true, false] {
        let mut forwarder = Forwarder::new();
        let client = forwarder.client();
        if client_first {
            client.reset();
            forwarder.backend.accept();
        } else {
            forwarder.backend.accept();
            client.reset();
        }
        forwarder.settle();
        forwarder.backend.finish();
        forwarder.assert_over();
        assert!(forwarder.backend.is_closed());
    }
}

/// Each client has a backend connection of its own.
#[test]
fn clients_are_kept_apart() {
    let mut forwarder = Forwarder::new();
    let first = forwarder.client();
    let other_backend = forwarder.world.memory.expect_connect(BACKEND.parse().unwrap());
    let second = forwarder.client();
    other_backend.accept();
    forwarder.backend.accept();
    first.send("first");
    second.send("second");
    forwarder.settle();
    assert_eq!(forwarder.backend.received(), b"first");
    assert_eq!(other_backend.received(), b"second");
}

/// An endpoint whose attempts end as the test likes; it keeps the factories that it was given.
#[derive(Clone, Default)]
struct Never(Rc<RefCell<Vec<Rc<dyn Factory>>>>);

impl ClientEndpoint for Never {
    fn connect_shared(&self, reactor: &ReactorHandle, factory: Rc<dyn Factory>) -> Deferred<ConnectResult> {
        self.0.borrow_mut().push(factory);
        Deferred::new(reactor).0
    }
}

/// An endpoint that connects although the client is gone finds a protocol that ends the connection.
#[test]
fn a_backend_that_comes_too_late_is_dropped() {
    let late = Never::default();
    let mut forwarder = Forwarder::to(late.clone());
    let client = forwarder.client();
    client.reset();
    forwarder.settle();
    forwarder.backend.accept();
    let factory = late.0.borrow_mut().pop().unwrap();
    let address: SocketAddr = BACKEND.parse().unwrap();
    forwarder.world.reactor.connect(address, &ConnectOptions::default(), factory).then(drop);
    forwarder.settle();
    assert!(forwarder.backend.was_reset());
    assert_eq!(forwarder.world.connections(), 0);
}

/// Dropping what waits frees it: the client and the attempt do not keep each other alive.
#[test]
fn nothing_is_kept_when_the_reactor_goes() {
    let endpoint = Never::default();
    let mut forwarder = Forwarder::to(endpoint.clone());
    let weak = Rc::downgrade(&endpoint.0);
    let _client = forwarder.client();
    endpoint.0.borrow_mut().clear();
    drop((forwarder, endpoint));
    assert!(weak.upgrade().is_none());
}
