//! Connections through a layer to a peer that sends anything.

use std::fmt::Display;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use ropewalk::testing::{Events, Memory, Peer};
use ropewalk::{
    Address, ClientEndpoint, Factory, Protocol, Reactor, Reason, Result, ServerEndpoint, TcpClientEndpoint,
    TcpServerEndpoint, Transport,
};

/// Longer than any handshake or close may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a connection holds at most whatever the peer does, in bytes of heap: reactor, buffers and a handshake included.
const HEAP_MAX: usize = 1024 * 1024;

/// What a server makes of the parts of an input. `wrap` puts the layer over TCP.
pub fn hear_as_server<E: ServerEndpoint>(
    parts: &[&[u8]],
    wrap: impl FnOnce(TcpServerEndpoint) -> E,
) -> Vec<String> {
    crate::bounded(HEAP_MAX, || {
        let (memory, address, events) = (Memory::new(), address(), Events::new());
        let mut reactor = memory.reactor();
        let endpoint = wrap(TcpServerEndpoint::from(address));
        endpoint.listen(&reactor, Noting(events.clone())).expect("the address is free");
        memory.settle(&mut reactor);
        let peer = memory.connect(address).expect("somebody listens");
        send(&memory, &mut reactor, &peer, parts);
        assert_eq!(memory.descriptors(), 1, "only the listener is left: {:?}", events.take());
        events.take()
    })
}

/// What a client makes of the parts of an input. `wrap` puts the layer over TCP.
pub fn hear_as_client<E: ClientEndpoint>(
    parts: &[&[u8]],
    wrap: impl FnOnce(TcpClientEndpoint) -> E,
) -> Vec<String> {
    crate::bounded(HEAP_MAX, || {
        let (memory, address, events) = (Memory::new(), address(), Events::new());
        let mut reactor = memory.reactor();
        let peer = memory.expect_connect(address);
        peer.accept();
        let (noted, endpoint) = (events.clone(), wrap(TcpClientEndpoint::from(address)));
        endpoint.connect(&reactor, Noting(events.clone())).then(move |connected| {
            noted.record(connected.map_or_else(|error| without_guess(&error), |_| "connected".into()));
        });
        send(&memory, &mut reactor, &peer, parts);
        assert_eq!(memory.descriptors(), 0, "nothing is left: {:?}", events.take());
        events.take()
    })
}

fn address() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 1).into()
}

/// The peer sends the parts and finishes. The connection waits in between, and ends some time.
fn send(memory: &Memory, reactor: &mut Reactor, peer: &Peer, parts: &[&[u8]]) {
    memory.settle(reactor);
    for part in parts {
        peer.send(part);
        memory.settle(reactor);
    }
    peer.finish();
    memory.run_for(reactor, PATIENCE);
    assert!(peer.is_closed(), "the connection has not ended");
}

/// What an error says, but for whether the peer seems to have sent text, which is guessed from what has come.
fn without_guess(error: &impl Display) -> String {
    error.to_string().replace(": it sent plain text", "")
}

/// Notes what happens to connections.
struct Noting(Events);

impl Factory for Noting {
    fn build_protocol(&self, _: &Address) -> Option<Box<dyn Protocol>> {
        Some(Box::new(Self(self.0.clone())))
    }

    fn connection_failed(&self, _: &Address, reason: &Reason) {
        self.0.record(format_args!("failed: {}", without_guess(reason)));
    }
}

impl Protocol for Noting {
    fn connection_made(&mut self, _: &Transport) {
        self.0.record("made");
    }

    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        self.0.record_stream("data", data);
        Ok(())
    }

    fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
        self.0.record(format_args!("lost: {reason}"));
    }
}
