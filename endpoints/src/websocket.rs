//! Streams over WebSockets over any endpoint.

use std::fmt;
use std::io;
use std::rc::Rc;

use ropewalk_protocols::{WebSocketClientConfig, WebSocketLayer, WebSocketServerConfig};
use ropewalk_reactor::{Address, ConnectResult, Deferred, Factory, Layer, ListeningPort, ReactorHandle};

use crate::{ClientEndpoint, Policy, ServerEndpoint};

/// Streams over WebSockets over another endpoint: the side that listens. Any protocol of streams talks to browsers there; see
/// [`WebSocketLayer`] for how.
///
/// The factory is asked for a protocol when the handshake is over. It hears of those that fail, among them requests for pages, in
/// [`Factory::connection_failed`].
///
/// ```
/// use ropewalk_endpoints::{ServerEndpoint, TcpServerEndpoint, WebSocketServerEndpoint};
/// use ropewalk_protocols::{Echo, WebSocketServerConfig};
/// # use ropewalk_reactor::{Reactor, for_protocol};
///
/// let reactor = Reactor::new()?;
/// let tcp: TcpServerEndpoint = "127.0.0.1:0".parse()?;
/// let endpoint = WebSocketServerEndpoint::new(tcp, WebSocketServerConfig::new().path("/echo"));
/// let port = endpoint.listen(&reactor, for_protocol(Echo::default))?;
/// # let _ = port;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct WebSocketServerEndpoint<E> {
    inner: E,
    config: WebSocketServerConfig,
}

/// Streams over WebSockets over another endpoint: the side that connects. The server may be one of streams too, or any that sends
/// and takes messages, where each has what was written at once.
///
/// ```
/// use ropewalk_endpoints::{TcpClientEndpoint, WebSocketClientEndpoint};
/// use ropewalk_protocols::{WebSocketClientConfig, WebSocketUrl};
///
/// let url: WebSocketUrl = "ws://127.0.0.1:8080/echo".parse()?;
/// let tcp: TcpClientEndpoint = url.authority().parse()?;
/// let endpoint = WebSocketClientEndpoint::new(tcp, WebSocketClientConfig::new(url));
/// # let _ = endpoint;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct WebSocketClientEndpoint<E> {
    inner: E,
    config: WebSocketClientConfig,
}

impl<E> WebSocketServerEndpoint<E> {
    /// WebSockets over `inner`. If that is TLS, browsers call them `wss`.
    pub const fn new(inner: E, config: WebSocketServerConfig) -> Self {
        Self { inner, config }
    }
}

impl<E> WebSocketClientEndpoint<E> {
    /// A WebSocket over `inner`, which should lead to the host of the URL, with TLS if the URL is `wss`.
    pub const fn new(inner: E, config: WebSocketClientConfig) -> Self {
        Self { inner, config }
    }
}

impl<E: ServerEndpoint> ServerEndpoint for WebSocketServerEndpoint<E> {
    fn listen_shared(&self, reactor: &ReactorHandle, factory: Rc<dyn Factory>) -> io::Result<ListeningPort> {
        let config = self.config.clone();
        self.inner.listen(reactor, WithWebSocket(move || config.layer()).around(factory))
    }
}

impl<E: ClientEndpoint> ClientEndpoint for WebSocketClientEndpoint<E> {
    fn connect_shared(&self, reactor: &ReactorHandle, factory: Rc<dyn Factory>) -> Deferred<ConnectResult> {
        let (config, handle) = (self.config.clone(), reactor.clone());
        let make_layer = move || {
            let handle = handle.clone();
            config.layer(move || handle.secret())
        };
        self.inner.connect(reactor, WithWebSocket(make_layer).around(factory))
    }
}

/// Puts a layer under connections.
struct WithWebSocket<M>(M);

impl<M: Fn() -> WebSocketLayer> Policy for WithWebSocket<M> {
    fn admit(&self, _: &Address, layers: &mut Vec<Box<dyn Layer>>) -> bool {
        layers.push(Box::new((self.0)()));
        true
    }
}

/// The endpoint under it, with WebSockets said before.
impl<E: fmt::Display> fmt::Display for WebSocketServerEndpoint<E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "WebSockets over {}", self.inner)
    }
}

/// The endpoint under it, with WebSockets said before.
impl<E: fmt::Display> fmt::Display for WebSocketClientEndpoint<E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "WebSockets over {}", self.inner)
    }
}
