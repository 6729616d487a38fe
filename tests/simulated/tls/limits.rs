//! Limits of handshakes, and sessions that go on.

use std::net::SocketAddr;

use ropewalk::simulation::Simulation;
use ropewalk::{ClientEndpoint, TcpClientEndpoint, TlsTransport};

use super::{
    HANDSHAKE_TIMEOUT, MILLISECOND, PORT, Pair, SECOND, certificate, exact, serve, server_config,
    tls_over_tcp,
};
use crate::people::{Heard, hear};

/// A connection that never says anything.
fn dawdle(pair: &mut Pair) -> Heard {
    let endpoint = TcpClientEndpoint::from(SocketAddr::from((pair.server.address(), PORT)));
    let reactor = pair.simulation.reactor(&pair.client);
    let heard = hear(|factory| endpoint.connect(reactor, factory));
    pair.simulation.run_for(100 * MILLISECOND);
    assert!(heard.is_made());
    heard
}

#[test]
fn slow_handshakes_keep_others_out_until_their_time_is_over() {
    let endpoint = tls_over_tcp(server_config()).with_max_handshakes(3);
    let mut pair = Pair::of(Simulation::new(1), exact(MILLISECOND), endpoint);
    let established = pair.connected();
    let begun = pair.simulation.now();
    let slow = [(); 3].map(|()| dawdle(&mut pair));
    let refused = pair.connect();
    pair.simulation.run_for(SECOND);
    assert!(refused.lost().is_some());
    assert!(slow.iter().all(|slow| slow.lost().is_none()), "who is in does not count as a handshake");
    pair.exchange(&established, "those who are in stay in");
    let passed = pair.simulation.now() - begun;
    pair.simulation.run_for(HANDSHAKE_TIMEOUT - passed + 2 * MILLISECOND);
    assert_eq!(pair.served.failures(), 1, "the first dawdler; who is refused has not even begun");
    let admitted = pair.connected();
    pair.exchange(&admitted, "there is room again");
    pair.simulation.run_for(SECOND);
    assert!(slow.iter().all(|slow| slow.lost().is_some()));
    admitted.transport().lose_connection();
    pair.nothing_is_left(&established);
}

#[test]
fn a_handshake_with_a_timeout_of_its_own_ends_then() {
    let endpoint = tls_over_tcp(server_config()).with_handshake_timeout(300 * MILLISECOND);
    let mut pair = Pair::of(Simulation::new(2), exact(MILLISECOND), endpoint);
    let slow = dawdle(&mut pair);
    pair.simulation.run_for(199 * MILLISECOND);
    assert!(slow.lost().is_none());
    pair.simulation.run_for(5 * MILLISECOND);
    assert_eq!(*pair.served.failed.borrow(), ["the handshake took longer than 300ms"]);
    assert!(slow.lost().is_some());
}

fn is_resumed(heard: &Heard) -> bool {
    heard.transport().tls().unwrap().resumed
}

#[test]
fn a_session_goes_on_after_the_server_has_started_again_with_the_same_keys() {
    let mut pair = Pair::new(3, exact(MILLISECOND));
    let first = pair.connected();
    pair.exchange(&first, "tickets come behind the handshake");
    assert!(!is_resumed(&first));
    let server = pair.server.clone();
    pair.simulation.kill(&server);
    pair.simulation.restart(&server);
    let second = pair.connected();
    pair.exchange(&second, "you know me");
    assert!(is_resumed(&second));
    assert_eq!(pair.served.connections.borrow().len(), 2);
}

#[test]
fn a_server_that_has_forgotten_its_keys_begins_a_new_session() {
    let mut pair = Pair::new(4, exact(MILLISECOND));
    let served = pair.served.clone();
    // A program that makes its configuration when it starts.
    let forgetful = pair
        .simulation
        .host("forgetful", move |reactor| serve(tls_over_tcp(server_config()), &served)(reactor));
    pair.server = forgetful.clone();
    let first = pair.connected();
    pair.exchange(&first, "tickets come behind the handshake");
    pair.simulation.kill(&forgetful);
    pair.simulation.restart(&forgetful);
    let second = pair.connected();
    pair.exchange(&second, "do you know me?");
    assert!(!is_resumed(&second));
    assert_eq!(certificate(), certificate(), "it has the same certificate");
}
