//! What a test holds of a host.

use std::net::IpAddr;
use std::rc::Rc;

use crate::world::HostIndex;

/// A host of a [`Simulation`](crate::Simulation). Clones are the same host.
#[derive(Clone, Debug)]
pub struct Host {
    index: HostIndex,
    name: Rc<str>,
    v4: IpAddr,
    v6: IpAddr,
}

impl Host {
    pub(crate) fn new(index: HostIndex, name: &str, v4: IpAddr, v6: IpAddr) -> Self {
        Self { index, name: name.into(), v4, v6 }
    }

    pub(crate) const fn index(&self) -> HostIndex {
        self.index
    }

    /// Its name, which other hosts can look up.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its IPv4 address: 10.0.0.1 for the first host, and so on.
    pub const fn address(&self) -> IpAddr {
        self.v4
    }

    /// Its IPv6 address: fd00::1 for the first host, and so on.
    pub const fn address_v6(&self) -> IpAddr {
        self.v6
    }
}
