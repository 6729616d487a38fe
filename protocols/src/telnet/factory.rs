//! Telnet for all connections of a factory.

use std::fmt;

use ropewalk_reactor::{Address, Factory, Layer, Protocol, Reason};

use super::layer::TelnetLayer;

/// Puts a [`TelnetLayer`] below each protocol of another factory: its connections may be telnet's, or plain ones.
///
/// Over WebSockets it needs binary messages, which are the default: with [text](crate::WebSocketServerConfig::text), such as
/// `text=yes` in the description of a `ws:` endpoint, telnet's own bytes do not survive, as each IAC (255) becomes U+FFFD.
///
/// ```
/// # use ropewalk_protocols::{Delimiter, Echo, TelnetServer};
/// # use ropewalk_reactor::for_protocol;
/// let factory = TelnetServer::new(for_protocol(Echo::default));
/// ```
pub struct TelnetServer<F>(F);

impl<F: Factory> TelnetServer<F> {
    /// The same factory with telnet.
    pub const fn new(factory: F) -> Self {
        Self(factory)
    }
}

impl<F: Factory> Factory for TelnetServer<F> {
    fn build_protocol(&self, peer: &Address) -> Option<Box<dyn Protocol>> {
        self.0.build_protocol(peer)
    }

    fn admit(&self, peer: &Address, layers: &mut Vec<Box<dyn Layer>>) -> bool {
        layers.push(Box::new(TelnetLayer::server()));
        self.0.admit(peer, layers)
    }

    fn connection_failed(&self, peer: &Address, reason: &Reason) {
        self.0.connection_failed(peer, reason);
    }

    fn start_factory(&self) {
        self.0.start_factory();
    }

    fn stop_factory(&self) {
        self.0.stop_factory();
    }

    fn identity(&self) -> *const () {
        self.0.identity()
    }
}

impl<F> fmt::Debug for TelnetServer<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TelnetServer")
    }
}
