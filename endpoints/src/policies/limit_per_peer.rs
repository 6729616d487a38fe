//! Limiting the connections of each peer.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::rc::Rc;

use ropewalk_reactor::{Address, Factory, Layer, Protocol};

use super::kept::Kept;
use super::{Policy, prepared};
use crate::ip_network::first_address;

/// Refuses connections of a peer that has as many as it may.
///
/// A peer is an IPv4 address or a /64 network of IPv6, as a host commonly has a whole one to itself;
/// [`with_ipv6_prefix`](Self::with_ipv6_prefix) changes that. An IPv4 address mapped into IPv6 counts as IPv4. Peers without
/// an IP address, as those of UNIX sockets, are not limited.
///
/// A connection counts from when it is accepted to when it has ended, so also during a handshake, for the peer that the socket
/// has. Behind a proxy that announces the peers it stands for, say so by [`behind_proxy`](Self::behind_proxy): else its own
/// connections are limited.
///
/// ```
/// use ropewalk_endpoints::{LimitPerPeer, Policy};
/// # use ropewalk_reactor::{Factory, Protocol, Result, Transport, for_protocol};
/// # struct Echo;
/// # impl Protocol for Echo {
/// #     fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result { Ok(transport.write(data)) }
/// # }
///
/// fn fair_echo() -> impl Factory {
///     LimitPerPeer::new(10).around(for_protocol(|| Echo))
/// }
/// ```
#[derive(Clone)]
pub struct LimitPerPeer {
    limit: usize,
    ipv6_prefix: u32,
    is_behind_proxy: bool,
    peers: Peers,
}

/// How many connections each peer has. Invariant: none has zero.
type Peers = Rc<RefCell<BTreeMap<IpAddr, usize>>>;

impl LimitPerPeer {
    /// Each peer may have so many connections.
    pub fn new(limit: usize) -> Self {
        Self { limit, ipv6_prefix: 64, is_behind_proxy: false, peers: Peers::default() }
    }

    /// The same limit for networks with a prefix of so many bits; with 128, or more, for each IPv6 address.
    #[must_use]
    pub fn with_ipv6_prefix(self, bits: u32) -> Self {
        Self { ipv6_prefix: bits, ..self }
    }

    /// The same limit for the peers that a proxy announces. Connections then count from when their protocol is built, as the
    /// peer is not known before.
    #[must_use]
    pub fn behind_proxy(self) -> Self {
        Self { is_behind_proxy: true, ..self }
    }

    /// How many connections the peer with this address has.
    pub fn connections(&self, peer: IpAddr) -> usize {
        self.peers.borrow().get(&self.network(peer)).copied().unwrap_or(0)
    }

    /// What counts as one peer.
    fn network(&self, address: IpAddr) -> IpAddr {
        match address.to_canonical() {
            address @ IpAddr::V6(_) => first_address(address, self.ipv6_prefix),
            address => address,
        }
    }

    /// A place for a connection of this peer; an error if it has as many as it may.
    fn take_place(&self, peer: &Address) -> Result<Option<Place>, Full> {
        let Some(address) = peer.ip() else {
            return Ok(None);
        };
        let network = self.network(address);
        let mut peers = self.peers.borrow_mut();
        if peers.get(&network).copied().unwrap_or(0) >= self.limit {
            log::debug!("refusing {peer}, which has {} connections already", self.limit);
            return Err(Full);
        }
        *peers.entry(network).or_insert(0) += 1;
        Ok(Some(Place { peer: network, peers: Rc::clone(&self.peers) }))
    }
}

impl Policy for LimitPerPeer {
    fn admit(&self, peer: &Address, layers: &mut Vec<Box<dyn Layer>>) -> bool {
        if self.is_behind_proxy {
            return true;
        }
        let Ok(place) = self.take_place(peer) else {
            return false;
        };
        layers.extend(place.map(|place| Box::new(Kept(Rc::new(place))) as Box<dyn Layer>));
        true
    }

    fn build_protocol(&self, peer: &Address, factory: &dyn Factory) -> Option<Box<dyn Protocol>> {
        if !self.is_behind_proxy {
            return factory.build_protocol(peer);
        }
        let place = self.take_place(peer).ok()?;
        Some(prepared(factory.build_protocol(peer)?, |transport| transport.keep(Rc::new(place))))
    }
}

/// A peer has as many connections as it may.
struct Full;

/// One connection of a peer, which no longer counts when this is dropped.
struct Place {
    peer: IpAddr,
    peers: Peers,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut peers = self.peers.borrow_mut();
        if let Some(connections) = peers.get_mut(&self.peer) {
            *connections -= 1;
            if *connections == 0 {
                peers.remove(&self.peer);
            }
        }
    }
}

impl fmt::Debug for LimitPerPeer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("LimitPerPeer")
            .field("limit", &self.limit)
            .field("ipv6_prefix", &self.ipv6_prefix)
            .field("peers", &self.peers.borrow().len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_told_apart_by_their_prefix() {
        let network = |bits, address: &str| {
            LimitPerPeer::new(1).with_ipv6_prefix(bits).network(address.parse().unwrap()).to_string()
        };
        assert_eq!(network(64, "2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(network(48, "2001:db8:1:2:3:4:5:6"), "2001:db8:1::");
        assert_eq!(network(128, "2001:db8::6"), "2001:db8::6");
        assert_eq!(network(1000, "2001:db8::6"), "2001:db8::6");
        assert_eq!(network(0, "2001:db8::6"), "::");
        assert_eq!(network(64, "10.1.2.3"), "10.1.2.3");
        assert_eq!(network(64, "::ffff:10.1.2.3"), "10.1.2.3");
    }
}
