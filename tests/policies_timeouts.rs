//! Idle timeouts and deadlines as policies, on virtual time.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod world;

use std::net::SocketAddr;
use std::time::Duration;

use ropewalk::testing::Peer;
use ropewalk::{
    ClientEndpoint, Deadline, IdleTimeout, Policy, TcpClientEndpoint, Timeout, Transport, connect_stream,
    for_protocol,
};
use world::{Echo, Log, MILLISECOND, SECOND, Script, World};

/// A world with one connection behind a policy.
fn behind(policy: impl Policy + 'static, make: impl Fn() -> Script + 'static) -> (World, Peer) {
    let mut world = World::new();
    let (_, address): (_, SocketAddr) = world.listen(policy.around(for_protocol(make)));
    let peer = world.memory.connect(address).unwrap();
    world.settle();
    (world, peer)
}

fn idle(period: Duration) -> String {
    format!("lost {:?}", Timeout::Idle(period))
}

fn deadline(period: Duration) -> String {
    format!("lost {:?}", Timeout::Deadline(period))
}

/// S105: bytes in either direction start the period anew; then the connection is closed.
#[test]
fn s105_traffic_either_way_starts_the_idle_timeout_anew() {
    let log = Log::default();
    let script = log.clone();
    let (mut world, peer) = behind(IdleTimeout::new(10 * SECOND), move || {
        Script::new(&script)
            .on_made(|transport| {
                transport.set_timer(16 * SECOND);
            })
            .on_timer(|transport, _| transport.write("still here"))
    });
    world.run_for(8 * SECOND);
    peer.send("x");
    world.run_for(18 * SECOND - MILLISECOND);
    assert_eq!(log.take(), ["made", "data x", "timer"]);
    peer.finish();
    assert_eq!(peer.received(), b"still here");
    world.run_for(MILLISECOND);
    assert_eq!(log.take(), ["eof", "lost closed"], "its end came first");
    let (mut world, peer) = behind(IdleTimeout::new(SECOND), {
        let log = log.clone();
        move || Script::new(&log)
    });
    world.run_for(SECOND - MILLISECOND);
    assert_eq!(log.take(), ["made"]);
    world.run_for(MILLISECOND);
    assert!(peer.has_finished());
    peer.finish();
    world.settle();
    assert_eq!(log.take(), [idle(SECOND)]);
}

/// S106: the protocol may change the period, hears the one before, and may end it.
#[test]
fn s106_a_protocol_may_change_the_idle_timeout_of_the_policy() {
    let log = Log::default();
    let script = log.clone();
    let (mut world, peer) = behind(IdleTimeout::new(SECOND), move || {
        let log = script.clone();
        Script::new(&script).on_made(move |transport| {
            log.add(format!("{:?}", transport.set_idle_timeout(None)));
            log.add(format!("{:?}", transport.set_idle_timeout(Some(5 * SECOND))));
        })
    });
    world.run_for(4 * SECOND);
    assert_eq!(log.take(), ["made", "Some(1s)", "None"]);
    peer.finish();
    world.settle();
}

/// The policy's timeout holds for the connection, not for its first protocol.
#[test]
fn a_switch_of_protocols_keeps_both_timeouts() {
    for (is_idle, lost) in [(true, idle(SECOND)), (false, deadline(SECOND))] {
        let log = Log::default();
        let next = log.clone();
        let make = move || {
            let next = next.clone();
            Script::new(&Log::default()).on_data(move |transport, _| {
                transport.switch_protocol(Script::new(&next), []);
                Ok(())
            })
        };
        let (mut world, peer) = match is_idle {
            true => behind(IdleTimeout::new(SECOND), make),
            false => behind(Deadline::new(SECOND), make),
        };
        peer.send("x");
        world.run_for(SECOND);
        peer.finish();
        world.settle();
        assert_eq!(log.take(), ["made".to_owned(), lost]);
    }
}

/// A deadline comes whatever the traffic; what was written before is sent.
#[test]
fn a_deadline_comes_however_busy_the_connection_is() {
    let log = Log::default();
    let script = log.clone();
    let (mut world, peer) = behind(Deadline::new(10 * SECOND), move || {
        Script::new(&script).on_data(|transport, data| {
            transport.write(data);
            Ok(())
        })
    });
    for _ in 0..9 {
        peer.send("x");
        world.run_for(SECOND);
    }
    peer.send("y");
    world.run_for(SECOND - MILLISECOND);
    assert!(!peer.has_finished());
    world.run_for(MILLISECOND);
    assert!(peer.has_finished());
    assert_eq!(peer.received(), b"xxxxxxxxxy");
    peer.finish();
    world.settle();
    assert_eq!((log.count("data"), log.last()), (10, deadline(10 * SECOND)));
    assert_eq!(world.reactor.stats().timers, 0);
}

/// The last deadline that was set counts; `None` is none.
#[test]
fn a_deadline_can_be_moved_and_taken_back() {
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Script::new(&log));
    transport.set_deadline(Some(SECOND));
    transport.set_deadline(Some(3 * SECOND));
    world.run_for(2 * SECOND);
    transport.set_deadline(None);
    assert_eq!(world.reactor.stats().timers, 0);
    world.run_for(10 * SECOND);
    assert_eq!(log.take(), ["made"]);
    transport.set_deadline(Some(Duration::ZERO));
    world.settle();
    peer.finish();
    world.settle();
    assert_eq!(log.take(), [deadline(Duration::ZERO)]);
}

/// A connection that is closing, or lost, is not concerned.
#[test]
fn a_deadline_leaves_a_closing_connection_alone() {
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Script::new(&log));
    peer.set_window(Some(0));
    transport.write("slowly");
    transport.set_deadline(Some(SECOND));
    transport.lose_connection();
    world.run_for(10 * SECOND);
    assert_eq!(log.take(), ["made"]);
    peer.set_window(None);
    peer.finish();
    world.settle();
    assert_eq!(log.take(), ["lost closed"]);
    assert_eq!(peer.received(), b"slowly");
    transport.set_deadline(Some(SECOND));
    assert_eq!(world.reactor.stats().timers, 0);
}

/// A timer of the protocol's own is not confused with the policy's.
#[test]
fn a_deadline_is_not_a_timer_of_the_protocol() {
    let log = Log::default();
    let script = log.clone();
    let (mut world, _peer) = behind(Deadline::new(2 * SECOND), move || {
        Script::new(&script).on_made(|transport: &Transport| {
            transport.set_timer(SECOND);
            transport.cancel_timer(transport.set_timer(SECOND));
        })
    });
    world.run_for(10 * SECOND);
    assert_eq!(log.take(), ["made".to_owned(), "timer".to_owned(), deadline(2 * SECOND)]);
}

/// Policies do not disturb each other: the first limit that is reached counts.
#[test]
fn nested_policies_all_hold() {
    let mut world = World::new();
    let factory = Deadline::new(10 * SECOND).around(IdleTimeout::new(SECOND).around(for_protocol(|| Echo)));
    let (_, address) = world.listen(factory);
    let [silent, busy] = [(); 2].map(|()| world.memory.connect(address).unwrap());
    for second in 0..10 {
        assert!(!busy.has_finished(), "after {second} seconds");
        busy.send("x");
        world.run_for(SECOND - MILLISECOND);
        assert_eq!(silent.has_finished(), second > 0);
    }
    world.run_for(SECOND);
    assert!(busy.has_finished());
}

/// Whoever makes the factory: here it is a stream's.
#[test]
fn a_policy_of_a_client_endpoint_applies_to_each_of_its_connections() {
    let mut world = World::new();
    let address: SocketAddr = ([192, 0, 2, 1], 80).into();
    let endpoint = TcpClientEndpoint::from(address).with_policy(IdleTimeout::new(SECOND));
    for _ in 0..2 {
        let peer = world.memory.expect_connect(address);
        peer.accept();
        let stream = connect_stream(&world.reactor, &endpoint);
        let log = Log::default();
        let noted = log.clone();
        let read = async move { noted.add(format!("{:?}", stream.await.unwrap().read().await)) };
        world.reactor.spawn(read).detach();
        world.run_for(SECOND - MILLISECOND);
        assert!(!peer.has_finished());
        world.run_for(MILLISECOND);
        assert!(peer.has_finished());
        peer.finish();
        world.settle();
        assert_eq!(log.take(), [r#"Err(Lost("nothing was read or written for 1s"))"#]);
    }
}
