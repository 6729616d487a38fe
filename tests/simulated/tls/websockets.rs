//! Heartbeats of WebSockets over TLS.

use std::net::SocketAddr;
use std::time::Duration;

use ropewalk::simulation::Simulation;
use ropewalk::{
    ClientEndpoint, TcpClientEndpoint, TlsClientEndpoint, WebSocketClientConfig, WebSocketClientEndpoint,
    WebSocketServerConfig, WebSocketServerEndpoint,
};

use super::{MILLISECOND, NAME, PORT, Pair, SECOND, exact, server_config, tls_over_tcp};
use crate::people::{Heard, hear};

const LINGER: Duration = Duration::from_secs(2);

/// A server that asks the silent, its client a millisecond away, and what the latter has heard.
fn connected(seed: u64) -> (Pair, Heard) {
    let endpoint = WebSocketServerEndpoint::new(tls_over_tcp(server_config()), WebSocketServerConfig::new());
    let mut pair = Pair::of(Simulation::new(seed), exact(MILLISECOND), endpoint);
    let tcp = TcpClientEndpoint::from(SocketAddr::from((pair.server.address(), PORT)));
    let tls = TlsClientEndpoint::new(tcp, NAME, pair.config.clone()).unwrap();
    let config = WebSocketClientConfig::new("wss://server.test/".parse().unwrap());
    let endpoint = WebSocketClientEndpoint::new(tls, config);
    let reactor = pair.simulation.reactor(&pair.client);
    let heard = hear(|factory| endpoint.connect(reactor, factory));
    let served = pair.served.clone();
    let is_made = |_: &mut Simulation| heard.is_made() && !served.connections.borrow().is_empty();
    assert!(pair.simulation.run_until(SECOND, is_made), "{:?}", heard.lost());
    pair.exchange(&heard, "a word");
    (pair, heard)
}

#[test]
fn who_has_vanished_is_given_up_on_time() {
    let (mut pair, heard) = connected(1);
    heard.transport().write("last words");
    pair.simulation.reactor(&pair.client);
    pair.simulation.run_for(MILLISECOND);
    let served = pair.served.connection(0);
    assert_eq!(served.count(), "a wordlast words".len());
    pair.simulation.partition(&[&pair.server], &[&pair.client]);
    pair.simulation.run_for(60 * SECOND + LINGER - Duration::from_nanos(1));
    assert_eq!(served.lost(), None);
    pair.simulation.run_for(Duration::from_nanos(1));
    assert_eq!(served.lost().unwrap(), "no answer to a ping within 30s");
}

#[test]
fn who_is_there_stays() {
    let (mut pair, heard) = connected(2);
    let before = pair.simulation.reactor_stats(&pair.server).bytes_in;
    pair.simulation.run_for(3600 * SECOND);
    assert_eq!((heard.lost(), pair.served.connection(0).lost()), (None, None));
    let pongs = pair.simulation.reactor_stats(&pair.server).bytes_in - before;
    // Each of six bytes, a type, a tag, and a header of TLS.
    assert_eq!(pongs / (6 + 1 + 16 + 5), 119);
}
