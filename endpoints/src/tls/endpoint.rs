//! TLS over any endpoint.

use std::fmt;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use ropewalk_reactor::{Address, ConnectResult, Deferred, Factory, Layer, ListeningPort, ReactorHandle};

use super::client_config::{ServerName, TlsClientConfig};
use super::config_error::TlsConfigError;
use super::handshakes::Handshakes;
use super::layer::{DEFAULT_HANDSHAKE_TIMEOUT, TlsLayer};
use super::server_config::TlsServerConfig;
use crate::{ClientEndpoint, Policy, ServerEndpoint};

/// The default of [`TlsServerEndpoint::with_max_handshakes`].
const DEFAULT_MAX_HANDSHAKES: usize = 1_000;

/// TLS over another endpoint: the side that listens.
///
/// The factory is asked for a protocol when the handshake is over. It hears of those that fail in
/// [`Factory::connection_failed`].
///
/// See [`TlsServerConfig`] for an example.
#[derive(Clone, Debug)]
pub struct TlsServerEndpoint<E> {
    inner: E,
    config: TlsServerConfig,
    handshake_timeout: Duration,
    max_handshakes: usize,
}

/// TLS over another endpoint: the side that connects.
///
/// See [`TlsClientConfig`] for an example.
#[derive(Clone, Debug)]
pub struct TlsClientEndpoint<E> {
    inner: E,
    server_name: ServerName,
    config: TlsClientConfig,
    handshake_timeout: Duration,
}

impl<E: ServerEndpoint> TlsServerEndpoint<E> {
    /// TLS over `inner`.
    pub fn new(inner: E, config: TlsServerConfig) -> Self {
        Self {
            inner,
            config,
            handshake_timeout: DEFAULT_HANDSHAKE_TIMEOUT,
            max_handshakes: DEFAULT_MAX_HANDSHAKES,
        }
    }

    /// The same endpoint with another limit for how long a handshake may take. Default 10 seconds.
    #[must_use]
    pub fn with_handshake_timeout(self, handshake_timeout: Duration) -> Self {
        Self { handshake_timeout, ..self }
    }

    /// The same endpoint with another limit for the handshakes in flight at a time on each port; connections beyond it are
    /// refused. Default 1,000.
    ///
    /// A handshake is what a server pays for strangers: some milliseconds of work, and memory while it waits.
    #[must_use]
    pub fn with_max_handshakes(self, max_handshakes: usize) -> Self {
        Self { max_handshakes, ..self }
    }
}

impl<E: ClientEndpoint> TlsClientEndpoint<E> {
    /// TLS over `inner`, to the server `server_name`: a host name or an IP address, which the server's certificate has to be
    /// for.
    ///
    /// # Errors
    /// If `server_name` is neither.
    pub fn new(inner: E, server_name: &str, config: TlsClientConfig) -> Result<Self, TlsConfigError> {
        let server_name = ServerName::new(server_name)?;
        Ok(Self { inner, server_name, config, handshake_timeout: DEFAULT_HANDSHAKE_TIMEOUT })
    }

    /// The same endpoint with another limit for how long a handshake may take. Default 10 seconds.
    #[must_use]
    pub fn with_handshake_timeout(self, handshake_timeout: Duration) -> Self {
        Self { handshake_timeout, ..self }
    }
}

impl<E: ServerEndpoint> ServerEndpoint for TlsServerEndpoint<E> {
    fn listen_shared(&self, reactor: &ReactorHandle, factory: Rc<dyn Factory>) -> io::Result<ListeningPort> {
        let (config, timeout) = (self.config.clone(), self.handshake_timeout);
        let handshakes = Handshakes::new(self.max_handshakes);
        let make_layer = move || {
            let slot = handshakes.begin()?;
            made(config.layer()).map(|layer| layer.with_slot(slot).with_handshake_timeout(timeout))
        };
        self.inner.listen(reactor, WithTls(make_layer).around(factory))
    }
}

impl<E: ClientEndpoint> ClientEndpoint for TlsClientEndpoint<E> {
    fn connect_shared(&self, reactor: &ReactorHandle, factory: Rc<dyn Factory>) -> Deferred<ConnectResult> {
        let (config, name, timeout) = (self.config.clone(), self.server_name.clone(), self.handshake_timeout);
        let make_layer =
            move || made(config.layer_for(&name)).map(|layer| layer.with_handshake_timeout(timeout));
        self.inner.connect(reactor, WithTls(make_layer).around(factory))
    }
}

fn made(layer: Result<TlsLayer, TlsConfigError>) -> Option<TlsLayer> {
    layer.map_err(|error| log::error!("refusing a connection: {error}")).ok()
}

/// Puts a layer under connections.
struct WithTls<M>(M);

impl<M: Fn() -> Option<TlsLayer>> Policy for WithTls<M> {
    fn admit(&self, _: &Address, layers: &mut Vec<Box<dyn Layer>>) -> bool {
        let Some(layer) = (self.0)() else { return false };
        layers.push(Box::new(layer));
        true
    }
}

/// The endpoint under it, with TLS said before.
impl<E: fmt::Display> fmt::Display for TlsServerEndpoint<E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "TLS over {}", self.inner)
    }
}

/// The endpoint under it, with TLS said before.
impl<E: fmt::Display> fmt::Display for TlsClientEndpoint<E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "TLS over {}", self.inner)
    }
}
