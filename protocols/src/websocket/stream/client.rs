//! What a client of streams over WebSockets asks for.

use std::io;
use std::time::Duration;

use super::layer::WebSocketLayer;
use super::opening::Opening;
use crate::websocket::handshake::asking::Question;
use crate::websocket::handshake::url::WebSocketUrl;
use crate::websocket::message::MessageKind;
use crate::websocket::options::Options;

/// What a client asks for to have a stream of bytes over a WebSocket (RFC 6455). It makes a [`WebSocketLayer`] for each connection;
/// a `WebSocketClientEndpoint` does so over any endpoint.
///
/// ```
/// use ropewalk_protocols::WebSocketClientConfig;
///
/// let url = "ws://example.org/chat".parse()?;
/// let config = WebSocketClientConfig::new(url).text().header("Origin", "https://example.org");
/// # Ok::<(), ropewalk_protocols::WebSocketUrlError>(())
/// ```
#[derive(Clone, Debug)]
pub struct WebSocketClientConfig {
    kind: MessageKind,
    url: WebSocketUrl,
    headers: Vec<(String, String)>,
    subprotocols: Vec<String>,
    max_head: usize,
    handshake_timeout: Duration,
    heartbeat: Option<Duration>,
}

impl WebSocketClientConfig {
    /// A client that asks for `url` and sends binary messages.
    pub fn new(url: WebSocketUrl) -> Self {
        let Options { max_head, handshake_timeout, heartbeat, .. } = Options::default();
        let (headers, subprotocols) = (Vec::new(), Vec::new());
        let kind = MessageKind::Binary;
        Self { kind, url, headers, subprotocols, max_head, handshake_timeout, heartbeat }
    }

    /// The same with messages of text, as [`WebSocketServerConfig::text`](crate::WebSocketServerConfig::text) tells.
    #[must_use]
    pub fn text(mut self) -> Self {
        self.kind = MessageKind::Text;
        self
    }

    /// The same with another header field in its request, such as `Origin` or `Authorization`. Control characters in the value become
    /// spaces.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The same with subprotocols that are offered, the preferred ones first. The server may choose one or none.
    #[must_use]
    pub fn subprotocols<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.subprotocols = names.into_iter().map(Into::into).collect();
        self
    }

    /// The same with another limit of the server's answer. Default 8 KiB; it may have 64 header fields in any case.
    #[must_use]
    pub fn max_head(mut self, bytes: usize) -> Self {
        self.max_head = bytes;
        self
    }

    /// The same with another time for the handshake. Default 10 seconds.
    #[must_use]
    pub fn handshake_timeout(mut self, period: Duration) -> Self {
        self.handshake_timeout = period;
        self
    }

    /// The same with a heartbeat, as [`WebSocketServerConfig::heartbeat`](crate::WebSocketServerConfig::heartbeat) tells. Off by
    /// default, as servers have one.
    #[must_use]
    pub fn heartbeat(mut self, period: impl Into<Option<Duration>>) -> Self {
        self.heartbeat = period.into();
        self
    }

    /// A layer for one connection. Its key and its masks are made of what `secret` gives, such as
    /// [`ReactorHandle::secret`](ropewalk_reactor::ReactorHandle::secret). If that fails, so does the connection.
    pub fn layer(&self, secret: impl FnMut() -> io::Result<[u8; 4]> + 'static) -> WebSocketLayer {
        let mut question = Question::new(self.url.clone());
        self.headers.iter().for_each(|(name, value)| question.add_field(name, value));
        let opening = Opening::client(question, self.subprotocols.clone(), self.max_head);
        WebSocketLayer::client(opening, self.kind, Box::new(secret), self.handshake_timeout, self.heartbeat)
    }
}
