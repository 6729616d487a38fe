//! What a server of streams over WebSockets offers.

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use super::layer::WebSocketLayer;
use crate::websocket::handshake::request::HttpRequest;
use crate::websocket::handshake::response::HttpResponse;
use crate::websocket::message::MessageKind;
use crate::websocket::options::{DEFAULT_STREAM_HEARTBEAT, Options};

/// What a server does for streams of bytes over WebSockets (RFC 6455): who is let in, what others are answered. It makes a
/// [`WebSocketLayer`] for each connection; a `WebSocketServerEndpoint` does so over any endpoint.
///
/// ```
/// use ropewalk_protocols::{HttpResponse, WebSocketServerConfig};
///
/// let page = "<!doctype html><title>Chat</title>…";
/// let config = WebSocketServerConfig::new().text().path("/chat").page(move |request| match request.path() {
///     "/" => HttpResponse::new(200).body("text/html; charset=utf-8", page),
///     _ => HttpResponse::new(404),
/// });
/// ```
///
/// # Security
///
/// Any page that a browser shows may open WebSockets to any server that the browser can reach, also to those of `localhost` and of
/// the network at home, and the browser sends its cookies along. Unless everybody may use the service, name the pages that may
/// by [`origins`](Self::origins).
#[derive(Clone)]
pub struct WebSocketServerConfig {
    kind: MessageKind,
    path: Option<String>,
    origins: Vec<String>,
    accepts: Option<Rc<Accepts>>,
    page: Option<Rc<Page>>,
    pub(super) subprotocols: Vec<String>,
    pub(super) max_head: usize,
    handshake_timeout: Duration,
    heartbeat: Option<Duration>,
}

type Accepts = dyn Fn(&HttpRequest<'_>) -> Result<(), HttpResponse>;

type Page = dyn Fn(&HttpRequest<'_>) -> HttpResponse;

impl WebSocketServerConfig {
    /// A server that accepts every WebSocket, of any path and origin, sends binary messages, and has no pages.
    pub fn new() -> Self {
        let Options { max_head, handshake_timeout, .. } = Options::default();
        Self {
            kind: MessageKind::Binary,
            path: None,
            origins: Vec::new(),
            accepts: None,
            page: None,
            subprotocols: Vec::new(),
            max_head,
            handshake_timeout,
            heartbeat: Some(DEFAULT_STREAM_HEARTBEAT),
        }
    }

    /// The same with messages of text, which scripts of pages get as strings. A character that is written in parts goes out when it
    /// is whole; what is not UTF-8 is replaced by U+FFFD, so that no peer is lost because of what another has said.
    #[must_use]
    pub fn text(mut self) -> Self {
        self.kind = MessageKind::Text;
        self
    }

    /// The same for WebSockets of this path only, such as `/chat`, whatever their query is. Others are refused with the status 404.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// The same for the pages of these origins only, such as `https://example.org`. WebSockets of other pages are refused with the
    /// status 403. Programs that are no browsers say no origin, or what they like, and are accepted if they say none.
    #[must_use]
    pub fn origins<S: Into<String>>(mut self, origins: impl IntoIterator<Item = S>) -> Self {
        self.origins = origins.into_iter().map(Into::into).collect();
        self
    }

    /// The same with a check of each request for a WebSocket, besides those of path and origin. An error refuses it with that
    /// response.
    #[must_use]
    pub fn accept_if(
        mut self,
        accepts: impl Fn(&HttpRequest<'_>) -> Result<(), HttpResponse> + 'static,
    ) -> Self {
        self.accepts = Some(Rc::new(accepts));
        self
    }

    /// The same with pages: what those are answered who ask for one, by GET or HEAD, instead of a WebSocket, whatever the
    /// [`path`](Self::path) is. Without this they are told by the status 426 that there are only WebSockets.
    #[must_use]
    pub fn page(mut self, page: impl Fn(&HttpRequest<'_>) -> HttpResponse + 'static) -> Self {
        self.page = Some(Rc::new(page));
        self
    }

    /// The same with subprotocols, the preferred ones first: the first one that the client offers is chosen, or none. Some browsers
    /// close a WebSocket for which they have offered some if none is.
    #[must_use]
    pub fn subprotocols<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.subprotocols = names.into_iter().map(Into::into).collect();
        self
    }

    /// The same with another limit of requests. Default 8 KiB; they may have 64 header fields in any case.
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

    /// The same with another heartbeat, or none: when nothing has come for `period`, a ping is sent, and when nothing comes for as long
    /// again, the connection ends with [`WebSocketError::NoPong`](crate::WebSocketError::NoPong). So a browser that has vanished is
    /// noticed. While reading is paused and input waits, or output waits for the peer, nobody is blamed; nor once either side has
    /// finished sending. A period of no time is none. Default 30 seconds.
    #[must_use]
    pub fn heartbeat(mut self, period: impl Into<Option<Duration>>) -> Self {
        self.heartbeat = period.into();
        self
    }

    /// A layer for one connection.
    pub fn layer(&self) -> WebSocketLayer {
        WebSocketLayer::server(self.clone(), self.kind, self.handshake_timeout, self.heartbeat)
    }

    pub(super) fn check(&self, request: &HttpRequest<'_>) -> Result<(), HttpResponse> {
        if self.path.as_ref().is_some_and(|path| path != request.path()) {
            return Err(HttpResponse::new(404));
        }
        // An origin that is not UTF-8 is none of ours.
        let is_foreign = request.has_origin()
            && !self.origins.iter().any(|origin| request.origin() == Some(origin.as_str()));
        if is_foreign && !self.origins.is_empty() {
            return Err(HttpResponse::new(403));
        }
        self.accepts.as_ref().map_or(Ok(()), |accepts| accepts(request))
    }

    pub(super) fn page_for(&self, request: &HttpRequest<'_>) -> HttpResponse {
        self.page.as_ref().map_or_else(HttpResponse::upgrade_required, |page| page(request))
    }
}

impl Default for WebSocketServerConfig {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for WebSocketServerConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("WebSocketServerConfig")
            .field("kind", &self.kind)
            .field("path", &self.path)
            .field("origins", &self.origins)
            .field("subprotocols", &self.subprotocols)
            .finish_non_exhaustive()
    }
}
