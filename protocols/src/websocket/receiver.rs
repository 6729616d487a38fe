//! The protocol that makes messages out of a connection.

use std::any::Any;
use std::fmt;
use std::time::Duration;

use ropewalk_reactor::{InputBeforeLayer, Protocol, Reason, Result, TimerKey, Transport};

use super::WebSocketProtocol;
use super::connection::Connection;
use super::error::WebSocketError;
use super::handshake::asking::Question;
use super::handshake::error::HandshakeError;
use super::handshake::response::HttpResponse;
use super::handshake::url::WebSocketUrl;
use super::socket::{Phase, Role, WebSocket};
use crate::receiving::Held;

/// A [`Protocol`] that is one end of a WebSocket (RFC 6455) and gives its messages to a [`WebSocketProtocol`].
///
/// Messages may come in any division. After a callback has closed the WebSocket or paused reading, no message follows,
/// not even of the same read; when reading is resumed, the next message is the next one. Memory is taken as bytes arrive,
/// never because a length was announced. A peer that breaks the protocol is told so by a close frame, and the connection ends with
/// a [`WebSocketError`].
///
/// When the reactor drains or stops, or somebody [dismisses](Transport::dismiss) the connection, the peer is told so by a close frame
/// with the code 1001.
///
/// ```
/// use ropewalk_protocols::{Message, WebSocket, WebSocketProtocol, WebSocketReceiver};
/// use ropewalk_reactor::{Result, for_protocol};
///
/// struct Echo;
///
/// impl WebSocketProtocol for Echo {
///     fn message_received(&mut self, socket: &WebSocket, message: Message<'_>) -> Result {
///         socket.send(message);
///         Ok(())
///     }
/// }
///
/// let factory = for_protocol(|| WebSocketReceiver::server(Echo));
/// ```
pub struct WebSocketReceiver<P> {
    connection: Connection<P>,
    held: Held,
}

impl<P: WebSocketProtocol> WebSocketReceiver<P> {
    /// The end of a server.
    pub fn server(protocol: P) -> Self {
        Self { connection: Connection::new(protocol, None), held: Held::default() }
    }

    /// The end of a client that asks for `url`. It is given a connection that stands already, with TLS if the URL is
    /// [secure](WebSocketUrl::is_secure).
    pub fn client(protocol: P, url: &WebSocketUrl) -> Self {
        let question = Question::new(url.clone());
        Self { connection: Connection::new(protocol, Some(question)), held: Held::default() }
    }

    /// Client: the same with another header field in its request, such as `Origin` or `Authorization`. Control characters in the
    /// value become spaces. On a server it does nothing.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Some(question) = &mut self.connection.question {
            question.add_field(name, value);
        }
        self
    }

    /// The same with subprotocols, the preferred ones first. A client offers them. A server chooses the first one of its own that
    /// the client offers, and none if there is no such. [`WebSocket::subprotocol`] tells what was agreed on.
    #[must_use]
    pub fn subprotocols<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.connection.options.subprotocols = names.into_iter().map(Into::into).collect();
        self
    }

    /// The same with compression of messages (RFC 7692), if the peer agrees. Off by default. It changes nothing of what is
    /// delivered, nor of the limit of messages, which is one of their length without compression.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn deflate(mut self, options: super::deflate::DeflateOptions) -> Self {
        self.connection.options.deflate = Some(options);
        self
    }

    /// The same with another limit: messages of this many bytes are accepted. Default 1 MiB. It does not hold for messages that
    /// are [delivered in pieces](super::Delivery::Pieces).
    ///
    /// So that an answer as long can be sent, also behind another one, more than the default raises the connection's
    /// [`Limits::output`](ropewalk_reactor::Limits::output), before [`opened`](WebSocketProtocol::opened), to twice this and
    /// 64 KiB, if it is lower; the connection has limits of its own then. That much may wait for a peer that does not read, beside
    /// one message that is coming.
    #[must_use]
    pub fn max_message(mut self, bytes: usize) -> Self {
        self.connection.options.max_message = bytes;
        self
    }

    /// The same with a limit of frames: those of this many bytes, without their header, are accepted. By default there is none, as
    /// frames are not kept, only messages.
    #[must_use]
    pub fn max_frame(mut self, bytes: u64) -> Self {
        self.connection.set_max_frame(bytes);
        self
    }

    /// The same with another limit of the peer's request or answer. Default 8 KiB; it may have 64 header fields in any case.
    #[must_use]
    pub fn max_head(mut self, bytes: usize) -> Self {
        self.connection.options.max_head = bytes;
        self
    }

    /// The same with another time for the handshake. Default 10 seconds.
    #[must_use]
    pub fn handshake_timeout(mut self, period: Duration) -> Self {
        self.connection.options.handshake_timeout = period;
        self
    }

    /// The same with another time for the peer to answer a close frame. Default 10 seconds.
    #[must_use]
    pub fn close_timeout(mut self, period: Duration) -> Self {
        self.connection.options.close_timeout = period;
        self
    }

    /// The same with a heartbeat, or none: when nothing has come for `period`, a ping is sent, and when nothing comes for as long
    /// again, the WebSocket ends with [`WebSocketError::NoPong`]. While reading is paused nobody is blamed. A period of no time
    /// is none. Off by default.
    #[must_use]
    pub fn heartbeat(mut self, period: impl Into<Option<Duration>>) -> Self {
        self.connection.options.heartbeat = period.into().filter(|period| !period.is_zero());
        self
    }

    fn handshake_timed_out(&self, transport: &Transport) {
        if self.connection.role() == Role::Server {
            transport.write(HttpResponse::new(408).encode(false));
        }
        transport.fail(HandshakeError::TimedOut(self.connection.options.handshake_timeout));
    }

    /// Nothing may have come for the period of the heartbeat.
    fn beat(&mut self, transport: &Transport, period: Duration) {
        let connection = &mut self.connection;
        let idle = transport.reactor().now() - connection.heard;
        let pinged = std::mem::take(&mut connection.pinged);
        let (_, socket) = connection.parts();
        if transport.is_reading_paused() {
            socket.set_timer(Some(period));
        } else if idle < period {
            socket.set_timer(Some(period - idle));
        } else if pinged {
            socket.fail(WebSocketError::NoPong(period));
        } else {
            socket.ping("").expect("nothing is not too long");
            socket.set_timer(Some(period));
            connection.pinged = true;
        }
    }

    fn own_timer_expired(&mut self, transport: &Transport) {
        let options = &self.connection.options;
        match (self.connection.phase(), options.heartbeat) {
            (Phase::Opening, _) => self.handshake_timed_out(transport),
            (Phase::Open, Some(period)) => self.beat(transport, period),
            (Phase::Open, None) => {}
            (Phase::Closing, _) => transport.fail(WebSocketError::CloseTimedOut(options.close_timeout)),
            // Both have closed; the server only has not closed the connection.
            (Phase::Closed, _) => transport.lose_connection(),
        }
    }

    fn visit(&mut self, transport: &Transport, callback: impl FnOnce(&mut P, &WebSocket)) {
        let (protocol, socket) = self.connection.parts();
        self.held.visit(transport, |_| callback(protocol, socket));
    }
}

impl<P: WebSocketProtocol> Protocol for WebSocketReceiver<P> {
    fn connection_made(&mut self, transport: &Transport) {
        let connection = &mut self.connection;
        let socket = WebSocket::new(transport, connection.role(), connection.options.close_timeout);
        socket.set_timer(Some(connection.options.handshake_timeout));
        connection.socket = Some(socket);
        connection.heard = transport.reactor().now();
        if let Some(question) = &mut connection.question {
            match transport.reactor().secret() {
                Ok(key) => transport.write(question.encode(key, &connection.options)),
                Err(error) => transport.fail(error),
            }
        }
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        if self.connection.options.heartbeat.is_some() {
            self.connection.heard = transport.reactor().now();
            self.connection.pinged = false;
        }
        self.held.receive(&mut self.connection, transport, data)
    }

    fn eof_received(&mut self, transport: &Transport) -> Result {
        match self.connection.phase() {
            // Somebody has only looked whether the port is open.
            Phase::Opening if self.connection.role() == Role::Server && self.held.is_empty() => {}
            Phase::Opening => return Err(HandshakeError::Incomplete.into()),
            Phase::Open | Phase::Closing => return Err(WebSocketError::NotClosed.into()),
            Phase::Closed => {}
        }
        transport.lose_connection();
        Ok(())
    }

    fn writing_paused(&mut self, transport: &Transport) {
        self.visit(transport, |protocol, socket| protocol.writing_paused(socket));
    }

    fn writing_resumed(&mut self, transport: &Transport) {
        self.visit(transport, |protocol, socket| protocol.writing_resumed(socket));
    }

    fn reading_resumed(&mut self, transport: &Transport) -> Result {
        self.held.receive(&mut self.connection, transport, &[])
    }

    fn timer_expired(&mut self, transport: &Transport, timer: TimerKey) {
        if self.connection.parts().1.is_own_timer(timer) {
            self.own_timer_expired(transport);
        } else {
            self.visit(transport, |protocol, socket| protocol.timer_expired(socket, timer));
        }
    }

    fn event_received(&mut self, transport: &Transport, event: Box<dyn Any>) {
        self.visit(transport, |protocol, socket| protocol.event_received(socket, event));
    }

    fn layer_inserted(&mut self, _: &Transport) -> Result {
        if self.held.is_empty() { Ok(()) } else { Err(InputBeforeLayer.into()) }
    }

    fn layer_opened(&mut self, transport: &Transport) {
        self.visit(transport, |protocol, socket| protocol.layer_opened(socket));
    }

    fn connection_lost(&mut self, transport: &Transport, reason: &Reason) {
        let (protocol, socket) = self.connection.parts();
        socket.set_phase(Phase::Closed);
        protocol.connection_lost(transport, socket.own_reason(reason).as_ref().unwrap_or(reason));
    }

    fn name(&self) -> &'static str {
        self.connection.protocol.name()
    }
}

impl<P: fmt::Debug> fmt::Debug for WebSocketReceiver<P> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("WebSocketReceiver").field(&self.connection.protocol).finish()
    }
}
