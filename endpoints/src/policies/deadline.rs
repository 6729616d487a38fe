//! Closing connections that last too long.

use std::time::Duration;

use ropewalk_reactor::{Address, Factory, Protocol};

use super::{Policy, prepared};

/// Closes connections that have lasted for a while, however busy they are, with
/// [`Timeout::Deadline`](ropewalk_reactor::Timeout::Deadline).
///
/// The time begins when the protocol hears of the connection; a handshake before it has a timeout of its own. The protocol
/// may change or end it with [`Transport::set_deadline`](ropewalk_reactor::Transport::set_deadline).
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    period: Duration,
}

impl Deadline {
    /// Connections may last for so long.
    pub const fn new(period: Duration) -> Self {
        Self { period }
    }
}

impl Policy for Deadline {
    fn build_protocol(&self, peer: &Address, factory: &dyn Factory) -> Option<Box<dyn Protocol>> {
        let period = self.period;
        Some(prepared(factory.build_protocol(peer)?, move |transport| {
            transport.set_deadline(Some(period));
        }))
    }
}
