//! Connecting to names, to the millisecond: which address is tried when, and who wins (S99; RFC 8305).
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod world;

use std::cell::{Cell, RefCell};
use std::io::ErrorKind::{ConnectionRefused, HostUnreachable};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use ropewalk::testing::Peer;
use ropewalk::{
    Address, ClientEndpoint, ConnectError, ConnectOptions, ConnectResult, Deferred, Destination, Factory,
    Instant, IpFamily, Layer, LayerState, Protocol, Reason, ResolveError, Result, TcpClientEndpoint,
    factory_fn,
};
use world::{Echo, Log, MILLISECOND, SECOND, Script, World};

const NAME: &str = "example.org:80";

const V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));
const V6_SECOND: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2));
const V4: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

fn endpoint() -> TcpClientEndpoint {
    NAME.parse().unwrap()
}

fn timeout(timeout: Duration) -> ConnectOptions {
    let mut options = ConnectOptions::default();
    options.timeout = timeout;
    options
}

/// A world that knows `example.org`, with a peer ready at each of its addresses.
fn world_with(addresses: &[IpAddr]) -> (World, Vec<Peer>) {
    let world = World::new();
    world.memory.set_name("example.org", addresses.iter().copied());
    let expect = |address: &IpAddr| world.memory.expect_connect(SocketAddr::new(*address, 80));
    let peers = addresses.iter().map(expect).collect();
    (world, peers)
}

/// A result and the time at which it came.
#[derive(Clone, Default)]
struct Outcome(Rc<RefCell<Option<(ConnectResult, Instant)>>>);

impl Outcome {
    fn of(world: &World, deferred: Deferred<ConnectResult>) -> Self {
        let (outcome, memory) = (Self::default(), world.memory.clone());
        let found = outcome.clone();
        deferred.then(move |result| {
            found.0.replace(Some((result, memory.now())));
        });
        outcome
    }

    fn is_there(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// The result, which must have come so many milliseconds after the world began.
    #[track_caller]
    fn at(&self, milliseconds: u64) -> ConnectResult {
        let (result, time) = self.0.take().expect("there is a result");
        assert_eq!(time - Instant::ZERO, Duration::from_millis(milliseconds));
        result
    }

    #[track_caller]
    fn error_at(&self, milliseconds: u64) -> String {
        self.at(milliseconds).unwrap_err().to_string()
    }
}

fn start(world: &mut World, endpoint: &TcpClientEndpoint, log: &Log) -> Outcome {
    let log = log.clone();
    let factory = factory_fn(move |peer| {
        log.add(format!("built for {peer}"));
        Some(Box::new(Script::new(&log)))
    });
    let outcome = Outcome::of(world, endpoint.connect(&world.reactor, factory));
    world.settle();
    outcome
}

/// Nothing of a race is left but `connections`.
#[track_caller]
fn assert_only(world: &mut World, connections: usize) {
    world.settle();
    assert_eq!(world.memory.descriptors(), connections);
    assert_eq!(world.connections(), connections);
    assert_eq!(world.reactor.stats().timers, 0);
}

#[test]
fn a_hanging_address_is_joined_by_the_next_after_250_milliseconds() {
    let (mut world, peers) = world_with(&[V6, V4]);
    let log = Log::default();
    let outcome = start(&mut world, &endpoint(), &log);
    world.run_for(249 * MILLISECOND);
    assert_eq!(world.memory.descriptors(), 1);
    peers[1].accept();
    world.run_for(MILLISECOND);
    let transport = outcome.at(250).unwrap();
    assert_eq!(*transport.peer(), Address::from((V4, 80)));
    assert_eq!(log.take(), ["built for 192.0.2.1:80", "made"]);
    assert!(peers[0].is_closed(), "the loser is cancelled");
    assert_only(&mut world, 1);
}

#[test]
fn an_earlier_attempt_keeps_racing() {
    let (mut world, peers) = world_with(&[V6, V4]);
    let log = Log::default();
    let outcome = start(&mut world, &endpoint(), &log);
    world.run_for(400 * MILLISECOND);
    assert_eq!(world.memory.descriptors(), 2);
    peers[0].accept();
    world.settle();
    assert_eq!(*outcome.at(400).unwrap().peer(), Address::from((V6, 80)));
    assert!(peers[1].is_closed());
    assert_only(&mut world, 1);
}

#[test]
fn a_refused_address_is_followed_at_once() {
    let (mut world, peers) = world_with(&[V6, V4]);
    peers[0].refuse(ConnectionRefused);
    peers[1].accept();
    let log = Log::default();
    let outcome = start(&mut world, &endpoint(), &log);
    assert_eq!(*outcome.at(0).unwrap().peer(), Address::from((V4, 80)));
    assert_only(&mut world, 1);
}

#[test]
fn families_take_turns_as_the_resolver_or_the_user_says() {
    let by_default = [V6, V4, V6_SECOND];
    for (family, order) in [(None, by_default), (Some(IpFamily::Ipv4), [V4, V6, V6_SECOND])] {
        let (mut world, peers) = world_with(&[V6, V6_SECOND, V4]);
        peers.iter().for_each(|peer| peer.refuse(ConnectionRefused));
        let endpoint = match family {
            Some(family) => endpoint().with_first_family(family),
            None => endpoint(),
        };
        let outcome = start(&mut world, &endpoint, &Log::default());
        let Err(ConnectError::AllFailed { attempts }) = outcome.at(0) else { panic!("all were refused") };
        let tried: Vec<_> = attempts
            .iter()
            .map(|attempt| match attempt {
                ConnectError::Failed { address, .. } => address.ip().unwrap(),
                other => panic!("{other}"),
            })
            .collect();
        assert_eq!(tried, order);
    }
}

#[test]
fn errors_come_in_the_order_of_trying() {
    let (mut world, peers) = world_with(&[V6, V4]);
    let outcome = start(&mut world, &endpoint(), &Log::default());
    world.run_for(300 * MILLISECOND);
    peers[1].refuse(ConnectionRefused);
    world.run_for(MILLISECOND);
    assert!(!outcome.is_there());
    peers[0].refuse(HostUnreachable);
    world.settle();
    let expected = "connecting to [2001:db8::1]:80: host unreachable; \
                    connecting to 192.0.2.1:80: connection refused";
    assert_eq!(outcome.error_at(301), expected);
    assert_only(&mut world, 0);
}

#[test]
fn the_error_of_a_single_address_stands_alone() {
    let (mut world, peers) = world_with(&[V4]);
    peers[0].refuse(ConnectionRefused);
    let outcome = start(&mut world, &endpoint(), &Log::default());
    assert!(matches!(outcome.at(0), Err(ConnectError::Failed { .. })));
}

#[test]
fn the_deadline_holds_for_all_attempts_together() {
    let (mut world, _peers) = world_with(&[V6, V4, V6_SECOND]);
    let endpoint = endpoint().with_options(timeout(400 * MILLISECOND));
    let outcome = start(&mut world, &endpoint, &Log::default());
    world.run_for(399 * MILLISECOND);
    assert!(!outcome.is_there());
    world.run_for(SECOND);
    let expected = "connecting to [2001:db8::1]:80: no answer within 400ms; \
                    connecting to 192.0.2.1:80: no answer within 150ms";
    assert_eq!(outcome.error_at(400), expected);
    assert_only(&mut world, 0);
}

#[test]
fn the_delay_between_attempts_can_be_chosen_within_bounds() {
    for (chosen, real) in [(100, 100), (0, 10), (60_000, 2000)] {
        let (mut world, peers) = world_with(&[V6, V4]);
        peers[1].accept();
        let endpoint = endpoint().with_attempt_delay(Duration::from_millis(chosen));
        let outcome = start(&mut world, &endpoint, &Log::default());
        world.run_for(5 * SECOND);
        outcome.at(real).unwrap();
    }
}

#[test]
fn two_that_connect_in_one_turn_get_one_protocol() {
    for winner in [0, 1] {
        let (mut world, peers) = world_with(&[V6, V4]);
        let log = Log::default();
        let outcome = start(&mut world, &endpoint(), &log);
        world.run_for(300 * MILLISECOND);
        let loser = 1 - winner;
        peers[winner].accept();
        peers[loser].accept();
        world.turn();
        assert_eq!(log.count("built"), 1);
        world.settle();
        outcome.at(300).unwrap();
        assert_eq!(log.count("made"), 1);
        assert!(peers[loser].is_closed() && !peers[winner].is_closed());
        assert_only(&mut world, 1);
    }
}

#[test]
fn a_refusing_factory_is_asked_once() {
    let (mut world, peers) = world_with(&[V6, V4]);
    peers.iter().for_each(Peer::accept);
    let asked = Rc::new(Cell::new(0));
    let count = Rc::clone(&asked);
    let factory = factory_fn(move |_| {
        count.set(count.get() + 1);
        None
    });
    let outcome = Outcome::of(&world, endpoint().connect(&world.reactor, factory));
    world.run_for(SECOND);
    assert!(matches!(outcome.at(0), Err(ConnectError::NoProtocol { .. })));
    assert_eq!(asked.get(), 1);
    assert_only(&mut world, 0);
}

#[test]
fn cancelling_ends_the_lookup_and_all_attempts() {
    for wait in [0, 50, 100, 300, 400, 600] {
        let (mut world, peers) = world_with(&[V6, V4]);
        world.memory.set_lookup_time(100 * MILLISECOND);
        let log = Log::default();
        let factory = factory_fn(move |_| Some(Box::new(Script::new(&log))));
        let attempt = endpoint().connect(&world.reactor, factory);
        if wait > 0 {
            world.run_for(Duration::from_millis(wait));
        }
        attempt.cancel();
        attempt.cancel();
        let outcome = Outcome::of(&world, attempt);
        world.settle();
        match outcome.at(wait).unwrap_err() {
            ConnectError::Cancelled { destination } => assert_eq!(destination.to_string(), NAME),
            other => panic!("{other}"),
        }
        peers.iter().for_each(Peer::accept);
        world.run_for(SECOND);
        assert_only(&mut world, 0);
    }
}

#[test]
fn cancelling_is_in_time_although_the_addresses_are_known() {
    let mut world = World::new();
    let _peer = world.memory.expect_connect("127.0.0.1:7".parse().unwrap());
    let endpoint: TcpClientEndpoint = "localhost:7".parse().unwrap();
    let attempt = endpoint.connect(&world.reactor, factory_fn(|_| Some(Box::new(Echo))));
    attempt.cancel();
    let outcome = Outcome::of(&world, attempt);
    world.settle();
    assert_eq!(outcome.error_at(0), "connecting to localhost:7: cancelled");
    assert_only(&mut world, 0);
}

#[test]
fn cancelling_too_late_does_nothing() {
    let (mut world, peers) = world_with(&[V6, V4]);
    peers[0].accept();
    let attempt = endpoint().connect(&world.reactor, factory_fn(|_| Some(Box::new(Echo))));
    world.settle();
    attempt.cancel();
    let outcome = Outcome::of(&world, attempt);
    world.settle();
    assert!(outcome.at(0).unwrap().is_open());
}

#[test]
fn dropping_the_deferred_does_not_end_the_race() {
    let (mut world, peers) = world_with(&[V6, V4]);
    drop(endpoint().connect(&world.reactor, factory_fn(|_| Some(Box::new(Echo)))));
    world.run_for(300 * MILLISECOND);
    peers[1].accept();
    assert_only(&mut world, 1);
}

#[test]
fn the_lookup_counts_towards_the_deadline() {
    let (mut world, peers) = world_with(&[V4]);
    world.memory.set_lookup_time(300 * MILLISECOND);
    let endpoint = endpoint().with_options(timeout(SECOND));
    let outcome = start(&mut world, &endpoint, &Log::default());
    world.run_for(2 * SECOND);
    assert_eq!(outcome.error_at(1000), "connecting to 192.0.2.1:80: no answer within 700ms");
    drop(peers);

    world.memory.set_lookup_time(Duration::MAX);
    let outcome = start(&mut world, &endpoint, &Log::default());
    world.run_for(2 * SECOND);
    let expected = "connecting to example.org:80: resolving \"example.org\": no answer within 1s";
    assert_eq!(outcome.error_at(3000), expected);
    assert_only(&mut world, 0);
}

#[test]
fn an_unknown_name_is_an_error_that_names_it() {
    let mut world = World::new();
    let outcome = start(&mut world, &endpoint(), &Log::default());
    let error = outcome.at(0).unwrap_err();
    assert_eq!(error.to_string(), "connecting to example.org:80: resolving \"example.org\": no such host");
    let ConnectError::Resolve { destination, source } = error else { panic!("of another kind") };
    assert_eq!(destination, Destination::Name { name: "example.org".into(), port: 80 });
    assert!(matches!(source, ResolveError::NotFound { .. }));
}

#[test]
fn stopping_and_draining_end_a_race_in_every_state() {
    for wait in [50, 150, 400] {
        for drain in [true, false] {
            let (mut world, _peers) = world_with(&[V6, V4]);
            world.memory.set_lookup_time(100 * MILLISECOND);
            let outcome = start(&mut world, &endpoint(), &Log::default());
            world.run_for(Duration::from_millis(wait));
            if drain {
                drop(world.reactor.drain(SECOND));
                world.settle();
                assert_eq!(outcome.error_at(wait), "connecting to example.org:80: cancelled");
            } else {
                world.reactor.stop();
                world.settle();
                assert_eq!(outcome.error_at(wait), "connecting to example.org:80: the reactor stopped");
            }
            assert_eq!(world.memory.descriptors(), 0);
            assert_eq!(world.reactor.stats().timers, 0);
        }
    }
}

#[test]
fn draining_ends_a_race_that_is_between_two_attempts() {
    let (mut world, peers) = world_with(&[V6, V4]);
    let outcome = start(&mut world, &endpoint(), &Log::default());
    peers[0].refuse(ConnectionRefused);
    drop(world.reactor.drain(SECOND));
    world.run_for(SECOND);
    assert_eq!(outcome.error_at(0), "connecting to example.org:80: cancelled");
    assert_only(&mut world, 0);
}

#[test]
fn draining_ends_a_race_whose_addresses_are_known_already() {
    let mut world = World::new();
    let _peer = world.memory.expect_connect("127.0.0.1:7".parse().unwrap());
    let endpoint: TcpClientEndpoint = "localhost:7".parse().unwrap();
    let attempt = endpoint.connect(&world.reactor, factory_fn(|_| Some(Box::new(Echo))));
    drop(world.reactor.drain(SECOND));
    let outcome = Outcome::of(&world, attempt);
    world.run_for(SECOND);
    assert_eq!(outcome.error_at(0), "connecting to localhost:7: cancelled");
    assert_only(&mut world, 0);
}

#[test]
fn dropping_the_reactor_frees_a_race_in_every_state() {
    for wait in [0, 50, 150, 400] {
        let (mut world, _peers) = world_with(&[V6, V4]);
        world.memory.set_lookup_time(100 * MILLISECOND);
        let (kept, waiting) = (Rc::new(()), Rc::new(()));
        let (factory, callback) = (Rc::clone(&kept), Rc::clone(&waiting));
        let attempt = endpoint().connect(
            &world.reactor,
            factory_fn(move |_| {
                let _ = &factory;
                None
            }),
        );
        attempt.then(move |_| drop(callback));
        if wait > 0 {
            world.run_for(Duration::from_millis(wait));
        }
        let memory = world.memory.clone();
        drop(world);
        assert_eq!(Rc::strong_count(&kept), 1, "the factory after {wait}");
        assert_eq!(Rc::strong_count(&waiting), 1, "who waits after {wait}");
        assert_eq!(memory.descriptors(), 0);
    }
}

#[test]
fn localhost_is_127_0_0_1_first() {
    let mut world = World::new();
    let v6 = world.memory.expect_connect("[::1]:7".parse().unwrap());
    let v4 = world.memory.expect_connect("127.0.0.1:7".parse().unwrap());
    let endpoint: TcpClientEndpoint = "localhost:7".parse().unwrap();
    let outcome = start(&mut world, &endpoint, &Log::default());
    assert_eq!((world.memory.descriptors(), world.memory.lookups()), (1, 0));
    v4.refuse(ConnectionRefused);
    v6.accept();
    world.settle();
    assert_eq!(outcome.at(0).unwrap().peer().to_string(), "[::1]:7");
}

#[test]
fn an_ip_address_is_neither_looked_up_nor_raced() {
    let mut world = World::new();
    let _peer = world.memory.expect_connect("[::1]:7".parse().unwrap());
    let endpoint: TcpClientEndpoint = "[::1]:7".parse().unwrap();
    let _outcome = start(&mut world, &endpoint, &Log::default());
    assert_eq!((world.memory.lookups(), world.reactor.stats().timers), (0, 1));
}

/// A layer that is open once the peer has said `+`, and fails if it says anything else.
struct Handshake {
    open: bool,
}

impl Layer for Handshake {
    fn name(&self) -> &'static str {
        "handshake"
    }

    fn received(&mut self, input: &mut [u8], up: &mut Vec<u8>, _down: &mut Vec<u8>) -> Result<usize> {
        if self.open {
            up.extend_from_slice(input);
            return Ok(input.len());
        }
        self.open = input[0] == b'+';
        if self.open { Ok(1) } else { Err("the peer refuses".into()) }
    }

    fn send(&mut self, data: &[u8], down: &mut Vec<u8>) -> Result {
        down.extend_from_slice(data);
        Ok(())
    }

    fn state(&self) -> LayerState {
        if self.open { LayerState::Open } else { LayerState::Opening }
    }
}

/// Puts a handshake before its protocols.
struct Careful {
    log: Log,
}

impl Factory for Careful {
    fn admit(&self, peer: &Address, layers: &mut Vec<Box<dyn Layer>>) -> bool {
        self.log.add(format!("admitted {peer}"));
        layers.push(Box::new(Handshake { open: false }));
        true
    }

    fn build_protocol(&self, _peer: &Address) -> Option<Box<dyn Protocol>> {
        Some(Box::new(Script::new(&self.log)))
    }

    fn connection_failed(&self, _peer: &Address, reason: &Reason) {
        self.log.add(format!("failed: {reason}"));
    }
}

/// Two attempts of which the second has connected and shakes hands; the first would connect too.
fn shaking_hands() -> (World, Vec<Peer>, Log, Deferred<ConnectResult>) {
    let (mut world, peers) = world_with(&[V6, V4]);
    let log = Log::default();
    let attempt = endpoint().connect(&world.reactor, Careful { log: log.clone() });
    world.run_for(300 * MILLISECOND);
    peers[1].accept();
    peers[0].accept();
    world.settle();
    assert_eq!(log.take(), ["admitted 192.0.2.1:80"], "the loser is not admitted");
    assert!(peers[0].is_closed());
    (world, peers, log, attempt)
}

#[test]
fn a_handshake_is_the_winners_alone() {
    let (mut world, peers, log, attempt) = shaking_hands();
    let outcome = Outcome::of(&world, attempt);
    peers[1].send("+");
    world.settle();
    assert_eq!(log.take(), ["made"]);
    assert!(outcome.at(300).unwrap().is_open());
    assert_eq!((world.memory.descriptors(), world.connections()), (1, 1));
}

#[test]
fn a_handshake_that_fails_is_the_result() {
    let (mut world, peers, log, attempt) = shaking_hands();
    let outcome = Outcome::of(&world, attempt);
    peers[1].send("-");
    peers[1].finish();
    world.settle();
    assert!(matches!(outcome.at(300), Err(ConnectError::NotReady { .. })));
    assert_eq!(log.count("failed"), 1);
    assert_only(&mut world, 0);
}

#[test]
fn a_handshake_can_be_cancelled() {
    let (mut world, _peers, log, attempt) = shaking_hands();
    attempt.cancel();
    let outcome = Outcome::of(&world, attempt);
    world.settle();
    assert_eq!(outcome.error_at(300), "connecting to example.org:80: cancelled");
    assert_eq!(log.count("failed"), 1);
    assert_only(&mut world, 0);
}
