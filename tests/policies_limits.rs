//! Limits on the number of connections: whoever finds no place, and how places come back, on virtual time.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod world;

use std::cell::{Cell, RefCell};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use ropewalk::testing::{Operation, Peer};
use ropewalk::{
    Address, ConnectOptions, Factory, Layer, LayerState, LimitConnections, LimitPerPeer, Policy, Protocol,
    Result, Timeout, Transport, UnixAddress, factory_fn, for_protocol, prepared,
};
use world::{Echo, Log, SECOND, Script, World};

/// A factory of scripts that share a log.
fn scripts(log: &Log) -> impl Factory + 'static {
    let log = log.clone();
    for_protocol(move || Script::new(&log))
}

impl World {
    fn dial(&mut self, address: SocketAddr) -> Peer {
        let peer = self.memory.connect(address).unwrap();
        self.settle();
        peer
    }
}

/// S108: the one too many is closed without a byte; a place comes back with the loss of a connection.
#[test]
fn s108_a_connection_beyond_the_limit_is_refused() {
    let (mut world, log) = (World::new(), Log::default());
    let limit = LimitConnections::new(2);
    let (_, address) = world.listen(limit.clone().around(scripts(&log)));
    let first = world.dial(address);
    let second = world.dial(address);
    let third = world.dial(address);
    assert_eq!((limit.connections(), log.count("made")), (2, 2));
    assert!(third.is_closed() && third.has_finished() && third.received().is_empty());
    first.finish();
    world.settle();
    assert_eq!((limit.connections(), log.count("lost closed")), (1, 1));
    let fourth = world.dial(address);
    assert_eq!((limit.connections(), log.count("made")), (2, 3));
    second.reset();
    fourth.reset();
    world.settle();
    assert_eq!((limit.connections(), world.connections()), (0, 0));
}

/// S108, but the overflow is not counted: else those who are told to come back would keep others out.
#[test]
fn s108_the_overflow_is_served_and_not_counted() {
    let (mut world, log) = (World::new(), Log::default());
    let sorry = for_protocol(|| {
        Script::new(&Log::default()).on_made(|transport| {
            transport.write("full");
            transport.lose_connection();
        })
    });
    let limit = LimitConnections::new(1).with_overflow(sorry);
    let (_, address) = world.listen(limit.clone().around(scripts(&log)));
    let first = world.dial(address);
    let overflow: Vec<Peer> = (0..3).map(|_| world.dial(address)).collect();
    assert!(overflow.iter().all(|peer| peer.received() == b"full" && peer.has_finished()));
    assert_eq!((limit.connections(), log.count("made")), (1, 1));
    first.finish();
    overflow.iter().for_each(Peer::finish);
    world.settle();
    assert_eq!((limit.connections(), world.connections()), (0, 0));
    let again = world.dial(address);
    assert_eq!((limit.connections(), log.count("made"), again.received()), (1, 2, Vec::new()));
}

/// A limit of none refuses everybody.
#[test]
fn a_limit_of_zero_serves_nobody() {
    let mut world = World::new();
    let (_, address) = world.listen(LimitConnections::new(0).around(for_protocol(|| Echo)));
    assert!(world.dial(address).is_closed());
    let (_, address) = world.listen(LimitPerPeer::new(0).around(for_protocol(|| Echo)));
    assert!(world.dial(address).is_closed());
}

/// What can happen to a connection, each of which must give its place back.
fn endings() -> Vec<(&'static str, Box<dyn Protocol>)> {
    let script = || Script::new(&Log::default());
    let switching = script().on_data(|transport, _| {
        transport.switch_protocol(Echo, "left over");
        Ok(())
    });
    let twice = script().on_made(|transport| {
        let next = Script::new(&Log::default()).on_made(|transport| transport.switch_protocol(Echo, []));
        transport.switch_protocol(next, []);
    });
    vec![
        ("an orderly end", Box::new(script())),
        ("a switch, then an end", Box::new(switching)),
        ("two switches at once", Box::new(twice)),
        ("an error", Box::new(script().on_data(|_, _| Err("bad".into())))),
        ("a panic", Box::new(script().on_data(|_, _| panic!("bad")))),
        ("a panic at the beginning", Box::new(script().on_made(|_| panic!("bad")))),
        ("a panic at the end", Box::new(script().on_lost(|_, _| panic!("bad")))),
        ("an abort at the beginning", Box::new(script().on_made(Transport::abort_connection))),
        ("a close at the beginning", Box::new(script().on_made(Transport::lose_connection))),
        ("a panicking destructor", Box::new(PanicsWhenDropped)),
    ]
}

struct PanicsWhenDropped;

impl Protocol for PanicsWhenDropped {
    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result {
        Ok(())
    }
}

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

/// Serves `protocol` once behind all limits, and returns whether its place was taken, and given back when it ended.
fn serve_once(protocol: Box<dyn Protocol>) -> (bool, bool) {
    let mut world = World::new();
    let (total, per_peer) = (LimitConnections::new(1), LimitPerPeer::new(1).behind_proxy());
    let overflowing = LimitConnections::new(1).with_overflow(for_protocol(|| Echo));
    let seen = Rc::new(Cell::new(0));
    let (once, see) = (RefCell::new(Some(protocol)), Rc::clone(&seen));
    let limits = [total.clone(), overflowing.clone()];
    let factory = factory_fn(move |_| {
        see.set(limits.iter().map(LimitConnections::connections).sum());
        once.take()
    });
    let factory = total.clone().around(overflowing.clone().around(per_peer.clone().around(factory)));
    let (_, address) = world.listen(factory);
    let peer = world.dial(address);
    peer.send("something");
    world.settle();
    peer.finish();
    world.settle();
    world.run_for(10 * SECOND);
    let ip = IpAddr::from([127, 0, 0, 1]);
    let left = total.connections() + overflowing.connections() + per_peer.connections(ip);
    (seen.get() == 2, left == 0 && world.connections() == 0)
}

#[test]
fn a_place_comes_back_however_a_connection_ends() {
    for (ending, protocol) in endings() {
        assert_eq!(serve_once(protocol), (true, true), "{ending}");
    }
}

/// The factory may refuse after the policy has counted, or panic, or the socket may not be registered.
#[test]
fn a_place_comes_back_when_nothing_comes_of_a_connection() {
    let refusing = || factory_fn(|_| None);
    let panicking = || factory_fn(|_| panic!("no protocol"));
    let (total, per_peer) = (LimitConnections::new(5), LimitPerPeer::new(5));
    let overflowing = LimitConnections::new(5).with_overflow(for_protocol(|| Echo));
    let mut world = World::new();
    let all: [Box<dyn Fn() -> Rc<dyn Factory>>; 3] = [
        Box::new(move || Rc::new(refusing())),
        Box::new(move || Rc::new(panicking())),
        Box::new(|| Rc::new(NotAdmitted)),
    ];
    for make in all {
        let factory = total.clone().around(overflowing.clone().around(per_peer.clone().around(make())));
        let (_, address) = world.listen(factory);
        assert!(world.dial(address).is_closed());
    }
    let (_, address) = world.listen(
        total.clone().around(overflowing.clone().around(per_peer.clone().around(for_protocol(|| Echo)))),
    );
    world.memory.fail_next(Operation::Register, 1, std::io::ErrorKind::OutOfMemory);
    assert!(world.dial(address).is_closed());
    assert_eq!((total.connections(), overflowing.connections()), (0, 0));
    assert_eq!(per_peer.connections(IpAddr::from([127, 0, 0, 1])), 0);
}

/// Refuses when it is asked about connections, or panics.
struct NotAdmitted;

impl Factory for NotAdmitted {
    fn build_protocol(&self, _: &Address) -> Option<Box<dyn Protocol>> {
        unreachable!("it has refused")
    }

    fn admit(&self, _: &Address, _: &mut Vec<Box<dyn Layer>>) -> bool {
        panic!("not admitted")
    }
}

/// A layer that waits for the peer's password and then is done.
struct Password;

impl Layer for Password {
    fn name(&self) -> &'static str {
        "password"
    }

    fn received(&mut self, input: &mut [u8], _: &mut Vec<u8>, _: &mut Vec<u8>) -> Result<usize> {
        Err(format!("{} is wrong", String::from_utf8_lossy(input)).into())
    }

    fn send(&mut self, _: &[u8], _: &mut Vec<u8>) -> Result {
        Ok(())
    }

    fn state(&self) -> LayerState {
        LayerState::Opening
    }
}

/// Puts such a layer under connections.
struct Guarded;

impl Policy for Guarded {
    fn build_protocol(&self, peer: &Address, factory: &dyn Factory) -> Option<Box<dyn Protocol>> {
        factory.build_protocol(peer)
    }

    fn admit(&self, _: &Address, layers: &mut Vec<Box<dyn Layer>>) -> bool {
        layers.push(Box::new(Password));
        true
    }
}

/// A connection counts during its handshake, so that those who never finish one keep within the limit too.
#[test]
fn a_handshake_counts_and_a_failed_one_does_not() {
    let mut world = World::new();
    let limit = LimitConnections::new(3);
    let log = Log::default();
    let (_, address) = world.listen(limit.clone().around(Guarded.around(scripts(&log))));
    let [wrong, gone, slow] = [(); 3].map(|()| world.dial(address));
    assert_eq!(limit.connections(), 3);
    assert!(world.dial(address).is_closed());
    wrong.send("sesame");
    wrong.finish();
    world.settle();
    assert_eq!(limit.connections(), 2);
    gone.reset();
    world.settle();
    assert_eq!(limit.connections(), 1);
    world.run_for(11 * SECOND);
    assert!(slow.is_closed());
    assert_eq!((limit.connections(), log.take()), (0, Vec::new()));
}

/// What a factory gives for a connection.
type Admitted = (Box<dyn Protocol>, Vec<Box<dyn Layer>>);

/// Asks a factory as the reactor does.
fn admitted(factory: &dyn Factory, peer: &Address) -> Option<Admitted> {
    let mut layers = Vec::new();
    let is_admitted = factory.admit(peer, &mut layers);
    let protocol = factory.build_protocol(peer).filter(|_| is_admitted);
    protocol.map(|protocol| (protocol, layers))
}

/// Per peer: others are not concerned, and IPv6 hosts count by network. Behind a proxy it is the same, only later.
#[test]
fn each_peer_has_a_limit_of_its_own() {
    for limit in [LimitPerPeer::new(2), LimitPerPeer::new(2).behind_proxy()] {
        let factory = limit.clone().around(for_protocol(|| Echo));
        let mut kept = Vec::new();
        let mut serves = |peer: &str| {
            let admitted = admitted(&factory, &Address::Tcp(peer.parse().unwrap()));
            let is_admitted = admitted.is_some();
            kept.extend(admitted);
            is_admitted
        };
        assert!(serves("10.0.0.1:1") && serves("10.0.0.1:2"));
        assert!(!serves("10.0.0.1:3"), "a third of the same peer");
        assert!(serves("10.0.0.2:1"));
        assert!(serves("[2001:db8:0:1::1]:1") && serves("[2001:db8:0:1::2]:1"));
        assert!(!serves("[2001:db8:0:1:ffff::3]:1"), "a third of the same network");
        assert!(serves("[2001:db8:0:2::1]:1"));
        assert!(!serves("[::ffff:10.0.0.1]:1"), "a third of the same peer in IPv6");
        assert_eq!(limit.connections(IpAddr::from([10, 0, 0, 1])), 2);
        kept.clear();
        assert_eq!(limit.connections(IpAddr::from([10, 0, 0, 1])), 0);
    }
}

/// A layer that has learnt of another peer, as from a PROXY header.
struct Announced(SocketAddr);

impl Layer for Announced {
    fn name(&self) -> &'static str {
        "announced"
    }

    fn received(&mut self, _: &mut [u8], _: &mut Vec<u8>, _: &mut Vec<u8>) -> Result<usize> {
        Ok(0)
    }

    fn send(&mut self, _: &[u8], _: &mut Vec<u8>) -> Result {
        Ok(())
    }

    fn state(&self) -> LayerState {
        LayerState::Transparent
    }

    fn addresses(&self) -> Option<(Address, Address)> {
        Some((self.0.into(), self.0.into()))
    }
}

/// Announces that each connection is of another peer.
struct Proxied(Cell<u8>);

impl Policy for Proxied {
    fn build_protocol(&self, peer: &Address, factory: &dyn Factory) -> Option<Box<dyn Protocol>> {
        factory.build_protocol(peer)
    }

    fn admit(&self, _: &Address, layers: &mut Vec<Box<dyn Layer>>) -> bool {
        self.0.set(self.0.get() + 1);
        layers.push(Box::new(Announced(SocketAddr::from(([10, 0, 0, self.0.get() % 2], 1)))));
        true
    }
}

/// Behind a proxy the peers count that it announces; else the proxy itself does.
#[test]
fn announced_peers_count_only_behind_a_proxy() {
    for (limit, served) in [(LimitPerPeer::new(2).behind_proxy(), 4), (LimitPerPeer::new(2), 2)] {
        let mut world = World::new();
        let (_, address) =
            world.listen(Proxied(Cell::new(0)).around(limit.clone().around(for_protocol(|| Echo))));
        let peers: Vec<Peer> = (0..6).map(|_| world.dial(address)).collect();
        assert_eq!(peers.iter().filter(|peer| !peer.is_closed()).count(), served);
        assert_eq!(limit.connections(IpAddr::from([10, 0, 0, 1])), if served == 4 { 2 } else { 0 });
    }
}

#[test]
fn a_peer_without_an_ip_address_is_not_limited() {
    for limit in [LimitPerPeer::new(1), LimitPerPeer::new(1).behind_proxy()] {
        let factory = limit.around(for_protocol(|| Echo));
        let nobody = Address::Unix(UnixAddress::unnamed());
        let all: Vec<_> = (0..5).map(|_| admitted(&factory, &nobody)).collect();
        assert!(all.iter().all(Option::is_some));
    }
}

/// One policy around two factories counts both.
#[test]
fn a_shared_policy_counts_for_all_its_factories() {
    let mut world = World::new();
    let limit = Rc::new(LimitConnections::new(1));
    let (_, one) = world.listen(Rc::clone(&limit).around(for_protocol(|| Echo)));
    let (_, other) = world.listen(Rc::clone(&limit).around(for_protocol(|| Echo)));
    let first = world.dial(one);
    assert!(world.dial(other).is_closed());
    first.finish();
    world.settle();
    assert!(!world.dial(other).is_closed());
}

/// A client's connection is refused the same way, and says so.
#[test]
fn a_limited_client_hears_that_there_is_no_protocol() {
    let mut world = World::new();
    let limit = LimitConnections::new(0);
    let address = SocketAddr::from(([10, 0, 0, 1], 80));
    world.memory.expect_connect(address).accept();
    let heard = Rc::new(Cell::new(None));
    let hear = Rc::clone(&heard);
    world
        .reactor
        .connect(address, &ConnectOptions::default(), limit.around(for_protocol(|| Echo)))
        .then(move |result| hear.set(Some(result.unwrap_err().to_string())));
    world.settle();
    assert_eq!(heard.take().unwrap(), "connecting to 10.0.0.1:80: the factory built no protocol for it");
}

/// Notes starting and stopping.
struct Started(Log);

impl Factory for Started {
    fn build_protocol(&self, _: &Address) -> Option<Box<dyn Protocol>> {
        None
    }

    fn start_factory(&self) {
        self.0.add("start");
    }

    fn stop_factory(&self) {
        self.0.add("stop");
    }
}

/// A factory behind policies hears of its first port and of the end of its last, whichever way its ports lead to it.
#[test]
fn s90_policies_do_not_change_when_a_factory_starts_and_stops() {
    let (mut world, log) = (World::new(), Log::default());
    let factory = Rc::new(Started(log.clone()));
    let (bare, _) = world.listen(Rc::clone(&factory));
    let (limited, _) = world.listen(LimitConnections::new(1).around(Rc::clone(&factory)));
    let (nested, _) = world.listen(LimitPerPeer::new(1).around(LimitConnections::new(1).around(factory)));
    assert_eq!(log.take(), ["start"]);
    for port in [&bare, &nested] {
        port.stop().then(|()| {});
    }
    world.settle();
    assert!(log.take().is_empty());
    limited.stop().then(|()| {});
    world.settle();
    assert_eq!(log.take(), ["stop"]);
}

/// S109: what a policy prepares comes before the protocol hears of its connection; after that nothing is in between.
#[test]
fn s109_a_prepared_protocol_is_as_if_it_were_alone() {
    let log = Log::default();
    let seen = log.clone();
    let protocol: Box<dyn Protocol> =
        Box::new(Script::new(&log).on_made(|transport| transport.write("hello")));
    let name = protocol.name();
    let protocol = prepared(protocol, move |transport| {
        seen.add("prepared");
        transport.set_idle_timeout(Some(SECOND));
    });
    assert_eq!(protocol.name(), name);
    let (mut world, peer, transport) = World::with(protocol);
    assert_eq!(log.take(), ["prepared", "made"]);
    peer.send("x");
    world.settle();
    transport.post("event");
    transport.set_timer(SECOND / 2);
    world.run_for(4 * SECOND);
    let idle = Timeout::Idle(SECOND);
    assert_eq!(log.take(), ["data x", "event", "timer", &format!("lost {idle:?}")]);
    assert_eq!(peer.received(), b"hello");
}

/// A panic in the preparation ends the connection; the protocol hears nothing, and what was kept is dropped.
#[test]
fn a_panic_in_a_preparation_ends_one_connection() {
    let log = Log::default();
    let kept = Rc::new(());
    let keep = Rc::clone(&kept);
    let protocol = prepared(Box::new(Script::new(&log)), move |transport| {
        transport.keep(keep);
        panic!("unprepared");
    });
    let (mut world, peer, _) = World::with(protocol);
    world.settle();
    assert!(peer.was_reset());
    assert_eq!((log.take(), Rc::strong_count(&kept)), (Vec::new(), 1));
}
