//! What a server does to peers that are slow, many, rude or gone; on a network in memory.

use std::net::SocketAddr;
use std::time::Duration;

use ropewalk_endpoints::{ServerEndpoint, TcpServerEndpoint, TlsServerEndpoint, TlsTransport};
use ropewalk_reactor::testing::{Memory, Peer};
use ropewalk_reactor::{Layer, Protocol, Reactor, Result, Transport, for_protocol};

use crate::authority::{NAME, friends};
use crate::notes::Notes;
use crate::pair::End;

const ADDRESS: &str = "127.0.0.1:443";

struct World {
    memory: Memory,
    reactor: Reactor,
    notes: Notes,
    client: ropewalk_endpoints::TlsClientConfig,
}

/// A peer that speaks TLS.
struct Client {
    peer: Peer,
    end: End,
}

impl World {
    fn new(
        change: impl FnOnce(TlsServerEndpoint<TcpServerEndpoint>) -> TlsServerEndpoint<TcpServerEndpoint>,
    ) -> Self {
        let (client, server) = friends();
        let memory = Memory::new();
        let reactor = memory.reactor();
        let notes = Notes::new();
        let tcp = ADDRESS.parse::<TcpServerEndpoint>().unwrap();
        change(TlsServerEndpoint::new(tcp, server)).listen(&reactor, notes.clone()).unwrap();
        let mut world = Self { memory, reactor, notes, client };
        world.settle();
        world
    }

    fn settle(&mut self) {
        self.memory.settle(&mut self.reactor);
    }

    fn peer(&mut self) -> Peer {
        let peer = self.memory.connect(ADDRESS.parse::<SocketAddr>().unwrap()).unwrap();
        self.settle();
        peer
    }

    fn client(&mut self) -> Client {
        let client = Client { peer: self.peer(), end: End::new(self.client.layer(NAME).unwrap()) };
        self.shake(client)
    }

    fn shake(&mut self, mut client: Client) -> Client {
        for _ in 0..5 {
            self.exchange(&mut client);
        }
        client
    }

    fn exchange(&mut self, client: &mut Client) {
        client.peer.send(std::mem::take(&mut client.end.wire));
        self.settle();
        client.end.hear(&client.peer.received());
    }
}

#[test]
fn a_handshake_has_its_time() {
    let mut world = World::new(|endpoint| endpoint.with_handshake_timeout(Duration::from_secs(3)));
    let silent = world.peer();
    let slow = world.peer();
    let hello = End::new(world.client.layer(NAME).unwrap()).wire;
    // A byte each 100 milliseconds does not help.
    for byte in &hello[..29] {
        slow.send([*byte]);
        world.memory.run_for(&mut world.reactor, Duration::from_millis(100));
    }
    assert!(!silent.is_closed() && !slow.is_closed());
    let mut quick = world.client();
    world.memory.run_for(&mut world.reactor, Duration::from_millis(200));
    let failed = "failed: the handshake took longer than 3s";
    assert_eq!(world.notes.all(), ["made: TLS 1.3", failed, failed]);
    assert!(silent.is_closed() && slow.is_closed());
    world.memory.run_for(&mut world.reactor, Duration::from_secs(60));
    quick.end.say(b"still here");
    world.exchange(&mut quick);
    assert!(world.notes.has("data: still here"));
}

#[test]
fn handshakes_in_flight_are_limited() {
    let mut world = World::new(|endpoint| endpoint.with_max_handshakes(3));
    // Those that are over do not count.
    let _friends = [world.client(), world.client()];
    let strangers = [world.peer(), world.peer(), world.peer()];
    assert!(world.peer().is_closed());
    assert!(strangers.iter().all(|peer| !peer.is_closed()));
    strangers[0].reset();
    world.settle();
    let next = world.peer();
    assert!(!next.is_closed());
    assert!(world.peer().is_closed());
    // One that has failed does not count either, although its alert may still be on its way.
    next.send("GET / HTTP/1.1\r\n");
    world.settle();
    assert!(!next.is_closed());
    assert!(!world.peer().is_closed());
}

#[test]
fn input_that_ends_without_saying_so_is_truncated() {
    let mut world = World::new(|endpoint| endpoint);
    let mut client = world.client();
    client.end.say(b"a word");
    world.exchange(&mut client);
    client.peer.finish();
    world.settle();
    let lost = "lost: the peer closed the connection without saying that its input was over";
    assert_eq!(world.notes.all(), ["made: TLS 1.3", "data: a word", lost]);
}

#[test]
fn a_close_is_said_both_ways() {
    let mut world = World::new(|endpoint| endpoint);
    let mut client = world.client();
    client.end.say(b"goodbye");
    client.end.close();
    world.exchange(&mut client);
    world.exchange(&mut client);
    assert!(client.end.layer.may_end() && client.peer.has_finished());
    client.peer.finish();
    world.settle();
    let lost = "lost: the connection was closed cleanly";
    assert_eq!(world.notes.all(), ["made: TLS 1.3", "data: goodbye", "end", lost]);
}

#[test]
fn a_handshake_that_breaks_off_fails() {
    let mut world = World::new(|endpoint| endpoint);
    let peer = world.peer();
    peer.send(&End::new(world.client.layer(NAME).unwrap()).wire[..20]);
    peer.finish();
    world.settle();
    assert_eq!(world.notes.all(), ["failed: the peer closed the connection during the TLS handshake"]);
}

#[test]
fn plain_text_gets_an_alert_and_fails() {
    let mut world = World::new(|endpoint| endpoint);
    let peer = world.peer();
    peer.send("GET / HTTP/1.1\r\n\r\n");
    world.settle();
    assert_eq!(peer.received(), [21, 3, 3, 0, 2, 2, 50]);
    peer.finish();
    world.settle();
    assert_eq!(world.notes.all(), ["failed: the peer does not speak TLS: it sent plain text"]);
}

#[test]
fn a_changed_record_is_an_error_of_the_layer() {
    let mut world = World::new(|endpoint| endpoint);
    let mut client = world.client();
    client.end.say(b"a word");
    *client.end.wire.last_mut().unwrap() ^= 1;
    world.exchange(&mut client);
    assert_eq!(client.end.error(), "the peer could not decrypt a record: it was changed on its way");
    client.peer.finish();
    world.settle();
    let lost = "lost: a TLS record of the peer could not be decrypted: it was changed on its way";
    assert_eq!(world.notes.all(), ["made: TLS 1.3", lost]);
}

/// Begins TLS with the first input.
struct Upgrading(ropewalk_endpoints::TlsServerConfig, Notes);

impl Protocol for Upgrading {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        self.1.data_received(transport, data)?;
        Ok(transport.start_tls_server(&self.0)?)
    }

    fn connection_lost(&mut self, transport: &Transport, reason: &ropewalk_reactor::Reason) {
        self.1.connection_lost(transport, reason);
    }
}

/// What is sent too early, in hope that it passes for protected, never reaches the protocol.
#[test]
fn nothing_can_be_smuggled_in_before_tls() {
    let (_, server) = friends();
    let memory = Memory::new();
    let mut reactor = memory.reactor();
    let notes = Notes::new();
    let shared = notes.clone();
    let factory = for_protocol(move || Upgrading(server.clone(), shared.clone()));
    ADDRESS.parse::<TcpServerEndpoint>().unwrap().listen(&reactor, factory).unwrap();
    memory.settle(&mut reactor);
    let peer = memory.connect(ADDRESS.parse::<SocketAddr>().unwrap()).unwrap();
    memory.settle(&mut reactor);
    peer.send("STARTTLS\r\n");
    memory.settle(&mut reactor);
    peer.send("EVIL\r\n");
    memory.settle(&mut reactor);
    peer.finish();
    memory.settle(&mut reactor);
    assert_eq!(notes.all(), ["data: STARTTLS\r\n", "lost: the peer does not speak TLS: it sent plain text"]);
}
