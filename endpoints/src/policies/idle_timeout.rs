//! Closing connections on which nothing happens.

use std::time::Duration;

use ropewalk_reactor::{Address, Factory, Protocol};

use super::{Policy, prepared};

/// Closes connections on which nothing was read or written for a while, with
/// [`Timeout::Idle`](ropewalk_reactor::Timeout::Idle).
///
/// Bytes in either direction start the period anew. The protocol may change or end it with
/// [`Transport::set_idle_timeout`](ropewalk_reactor::Transport::set_idle_timeout).
#[derive(Clone, Copy, Debug)]
pub struct IdleTimeout {
    period: Duration,
}

impl IdleTimeout {
    /// Connections may be idle for so long.
    pub const fn new(period: Duration) -> Self {
        Self { period }
    }
}

impl Policy for IdleTimeout {
    fn build_protocol(&self, peer: &Address, factory: &dyn Factory) -> Option<Box<dyn Protocol>> {
        let period = self.period;
        Some(prepared(factory.build_protocol(peer)?, move |transport| {
            transport.set_idle_timeout(Some(period));
        }))
    }
}
