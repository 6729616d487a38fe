//! What the tests of PROXY and SOCKS share: random numbers, ways of cutting, and a world in memory.
#![allow(dead_code, reason = "shared by tests that each use a part")]

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use ropewalk_endpoints::{ProxyHeader, ServerEndpoint, TcpServerEndpoint};
use ropewalk_reactor::testing::{Memory, Peer};
use ropewalk_reactor::{Address, Factory, Layer, Protocol, Reactor, Reason, Result, Transport};

/// SplitMix64: the same numbers for the same seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end as u64) as usize
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.below(256) as u8).collect()
    }
}

/// The input whole, byte by byte, cut in two at every place, and cut at random.
pub(crate) fn cuts(input: &[u8]) -> Vec<Vec<&[u8]>> {
    let mut cuts = vec![vec![input], input.chunks(1).collect()];
    cuts.extend((1..input.len()).map(|at| vec![&input[..at], &input[at..]]));
    for seed in 0..20 {
        let (mut random, mut rest, mut pieces) = (Random(seed), input, Vec::new());
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(1 + random.below(rest.len().min(40)));
            pieces.push(piece);
            rest = after;
        }
        cuts.push(pieces);
    }
    cuts
}

/// Passes the pieces to a layer as a connection does, until it is open. Returns what it passed down and what it left.
pub(crate) fn drive(layer: &mut impl Layer, pieces: &[&[u8]]) -> Result<(Vec<u8>, Vec<u8>)> {
    let (mut held, mut up, mut down) = (Vec::new(), Vec::new(), Vec::new());
    layer.begin(&mut down)?;
    for piece in pieces {
        held.extend_from_slice(piece);
        if layer.state() == ropewalk_reactor::LayerState::Opening {
            let used = layer.received(&mut held, &mut up, &mut down)?;
            held.drain(..used);
        }
    }
    assert_eq!(up, b"", "such layers pass nothing up");
    Ok((down, held))
}

/// What happened, in order.
#[derive(Clone, Default)]
pub(crate) struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    pub(crate) fn add(&self, entry: impl Into<String>) {
        self.0.borrow_mut().push(entry.into());
    }

    pub(crate) fn take(&self) -> Vec<String> {
        self.0.take()
    }
}

/// A factory of protocols that log everything. Data that come in pieces are logged as one.
#[derive(Clone, Default)]
pub(crate) struct Witness {
    pub(crate) log: Log,
    data: Rc<RefCell<Vec<u8>>>,
}

impl Witness {
    /// Takes what was received.
    pub(crate) fn data(&self) -> Vec<u8> {
        self.data.take()
    }
}

impl Factory for Witness {
    fn admit(&self, peer: &Address, layers: &mut Vec<Box<dyn Layer>>) -> bool {
        let names: Vec<&str> = layers.iter().map(|layer| layer.name()).collect();
        self.log.add(format!("admit {peer} {names:?}"));
        true
    }

    fn build_protocol(&self, peer: &Address) -> Option<Box<dyn Protocol>> {
        self.log.add(format!("build {peer}"));
        Some(Box::new(self.clone()))
    }

    fn connection_failed(&self, _: &Address, reason: &Reason) {
        self.log.add(format!("failed: {reason}"));
    }
}

impl Protocol for Witness {
    fn connection_made(&mut self, transport: &Transport) {
        self.log.add(format!("made {} {}", transport.peer(), transport.host()));
        self.log.add(format!("on {} {}", transport.socket_peer(), transport.socket_host()));
        if let Some(header) = transport.keepsake::<ProxyHeader>() {
            self.log.add(format!(
                "local: {}, tlvs: {:?}",
                header.is_local(),
                header.tlvs().collect::<Vec<_>>()
            ));
        }
        transport.write("welcome");
    }

    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        self.data.borrow_mut().extend_from_slice(data);
        Ok(())
    }

    fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
        self.log.add(format!("lost: {reason}"));
    }
}

/// A reactor in memory.
pub(crate) struct World {
    pub(crate) memory: Memory,
    pub(crate) reactor: Reactor,
}

impl World {
    pub(crate) fn new() -> Self {
        let memory = Memory::new();
        Self { reactor: memory.reactor(), memory }
    }

    /// Listens on 127.0.0.1 with what `wrap` makes of a TCP endpoint.
    pub(crate) fn listen<E: ServerEndpoint>(
        &mut self,
        wrap: impl FnOnce(TcpServerEndpoint) -> E,
        factory: impl Factory + 'static,
    ) -> SocketAddr {
        let endpoint = wrap(SocketAddr::from(([127, 0, 0, 1], 0)).into());
        let port = endpoint.listen(&self.reactor, factory).unwrap();
        self.settle();
        port.address().socket().unwrap()
    }

    pub(crate) fn connect(&mut self, server: SocketAddr) -> Peer {
        let peer = self.memory.connect(server).unwrap();
        self.settle();
        peer
    }

    pub(crate) fn settle(&mut self) {
        self.memory.settle(&mut self.reactor);
    }

    pub(crate) fn run_for(&mut self, time: Duration) {
        self.memory.run_for(&mut self.reactor, time);
    }
}
