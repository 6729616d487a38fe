//! Heartbeats and timeouts, to the nanosecond.

use std::time::Duration;

use ropewalk::Instant;
use ropewalk::simulation::Simulation;

use super::{MILLISECOND, Pair, SECOND, at, exact, plain};

/// When the server has heard the request: after two ways for the connection and one for the request.
const OPENED: Duration = Duration::from_millis(3);

/// Those of connections that close of themselves end after the time for the peer's own end.
const LINGER: Duration = Duration::from_secs(2);

#[test]
fn pings_come_when_nothing_else_has() {
    let mut simulation = Simulation::new(1);
    let pair = Pair::open(&mut simulation, |receiver| receiver.heartbeat(10 * SECOND), plain);
    simulation.run_for(34 * SECOND);
    pair.at_client.socket().send("still here");
    let said = simulation.now();
    simulation.run_for(20 * SECOND);
    let mut expected: Vec<Instant> = Vec::new();
    // The ping goes there, the pong comes back, and the time begins anew.
    let mut heard = at(OPENED);
    for _ in 0..3 {
        expected.push(heard + 10 * SECOND + MILLISECOND);
        heard = heard + 10 * SECOND + 2 * MILLISECOND;
    }
    expected.push(said + MILLISECOND + 10 * SECOND + MILLISECOND);
    assert_eq!(pair.at_client.0.borrow().pings, expected);
    assert_eq!(pair.at_server.lost(), None);
}

#[test]
fn who_does_not_answer_a_ping_is_given_up_on_time() {
    let mut simulation = Simulation::new(2);
    let pair = Pair::open(&mut simulation, |receiver| receiver.heartbeat(10 * SECOND), plain);
    simulation.partition(&[&pair.server], &[&pair.client]);
    simulation.run_for(100 * SECOND);
    let (lost, reason) = pair.at_server.lost().unwrap();
    assert!(reason.ends_with("no answer to a ping within 10s"), "{reason}");
    assert_eq!(lost, at(OPENED + 20 * SECOND + LINGER));
}

#[test]
fn a_handshake_has_its_time() {
    let mut simulation = Simulation::new(3);
    simulation.set_default_link(exact(MILLISECOND));
    let receiver = |receiver: super::WebSocketReceiver<_>| receiver.handshake_timeout(5 * SECOND);
    let pair = Pair::connect(&mut simulation, receiver, receiver, super::Delivery::Whole);
    // The connection stands at the client, and the request is on its way.
    simulation.run_for(2 * MILLISECOND);
    simulation.partition(&[&pair.server], &[&pair.client]);
    simulation.run_for(60 * SECOND);
    let (lost, reason) = pair.at_client.lost().unwrap();
    assert!(reason.ends_with("no WebSocket was opened within 5s"), "{reason}");
    assert_eq!(lost, at(2 * MILLISECOND + 5 * SECOND + LINGER));
    assert!(!pair.at_client.is_open());
}

#[test]
fn a_close_that_nobody_answers_has_its_time() {
    let mut simulation = Simulation::new(4);
    let receiver = |receiver: super::WebSocketReceiver<_>| receiver.close_timeout(7 * SECOND);
    let pair = Pair::open(&mut simulation, receiver, receiver);
    simulation.partition(&[&pair.server], &[&pair.client]);
    for end in [&pair.at_server, &pair.at_client] {
        end.socket().close(ropewalk::CloseCode::GOING_AWAY, "");
    }
    let closed = simulation.now();
    simulation.run_for(60 * SECOND);
    for end in [&pair.at_server, &pair.at_client] {
        let (lost, reason) = end.lost().unwrap();
        assert!(reason.ends_with("no answer to the close frame within 7s"), "{reason}");
        assert_eq!(lost, closed + 7 * SECOND + LINGER);
    }
}

/// The client waits for the server to close the connection, no longer than for the close frame.
#[test]
fn a_server_that_only_answers_the_close_is_not_waited_for() {
    let mut simulation = Simulation::new(5);
    let pair = Pair::open(&mut simulation, plain, plain);
    pair.at_client.socket().close(ropewalk::CloseCode::NORMAL, "");
    let closed = simulation.now();
    simulation.run_for(SECOND);
    assert_eq!(pair.at_client.lost(), Some((closed + 2 * MILLISECOND, super::CLEAN.to_owned())));
    assert_eq!(pair.at_server.reason().as_deref(), Some(super::CLEAN));
}
