//! WebSockets (RFC 6455).

mod behind;
pub(crate) mod close_code;
mod close_frame;
mod connection;
#[cfg(feature = "deflate")]
pub(crate) mod deflate;
#[cfg(not(feature = "deflate"))]
#[allow(clippy::needless_pass_by_ref_mut, reason = "the signatures are those of compression")]
#[path = "no_deflate.rs"]
mod deflate;
pub(crate) mod error;
mod farewell;
pub(crate) mod fragments;
mod frames;
pub(crate) mod handshake;
pub(crate) mod message;
mod options;
mod reading;
pub(crate) mod receiver;
mod shareable;
pub(crate) mod socket;
pub(crate) mod stream;

use std::any::Any;
use std::error::Error;
use std::fmt;

use ropewalk_reactor::{ProtocolError, Reason, Result, TimerKey, Transport};

use crate::delivery::Delivery;
use close_code::CloseCode;
use handshake::request::HttpRequest;
use handshake::response::HttpResponse;
use message::{Message, MessageKind};
use socket::WebSocket;

/// One WebSocket's behaviour: what a [`WebSocketReceiver`](receiver::WebSocketReceiver) calls.
///
/// Only [`message_received`](Self::message_received) must be written. Errors and panics have the same consequences as those of
/// [`Protocol`](ropewalk_reactor::Protocol)'s callbacks; of an error, the peer is told by the code 1011 before the connection ends.
pub trait WebSocketProtocol {
    /// Server: a client asks for a WebSocket. The default accepts it. An error refuses it with that response, such as a
    /// status of 403 for an [`origin`](HttpRequest::origin) that is not the site's own, or 404 for an unknown path.
    ///
    /// # Errors
    /// The response of a server that refuses.
    fn upgrade_requested(
        &mut self,
        transport: &Transport,
        request: &HttpRequest<'_>,
    ) -> Result<(), HttpResponse> {
        let _ = (transport, request);
        Ok(())
    }

    /// Server: somebody asks for a page instead of a WebSocket, by GET, or by HEAD, whose answer is sent without its body. The
    /// default answers with the status 426, which says that there are only WebSockets.
    fn page_requested(&mut self, transport: &Transport, request: &HttpRequest<'_>) -> HttpResponse {
        let _ = (transport, request);
        HttpResponse::upgrade_required()
    }

    /// The handshake is done, the WebSocket is open.
    fn opened(&mut self, socket: &WebSocket) {
        let _ = socket;
    }

    /// A message has come.
    fn message_received(&mut self, socket: &WebSocket, message: Message<'_>) -> Result;

    /// A message begins. The default has it collected for [`message_received`](Self::message_received); with [`Delivery::Pieces`]
    /// it comes in pieces as the network gives it, of any size in all, and nothing of it is kept.
    fn message_begun(&mut self, socket: &WebSocket, kind: MessageKind) -> Delivery {
        let _ = (socket, kind);
        Delivery::Whole
    }

    /// A piece of a message has come that is delivered in pieces; never an empty one. The division means nothing, but characters
    /// are whole.
    ///
    /// The default fails: who asks for pieces must override it.
    fn piece_received(&mut self, socket: &WebSocket, piece: Message<'_>) -> Result {
        let _ = (socket, piece);
        Err("a piece of a message has come, but WebSocketProtocol::piece_received is not implemented".into())
    }

    /// A message that is delivered in pieces has ended.
    fn message_ended(&mut self, socket: &WebSocket) -> Result {
        let _ = socket;
        Ok(())
    }

    /// A ping has come. The default answers it.
    fn ping_received(&mut self, socket: &WebSocket, payload: &[u8]) -> Result {
        Ok(socket.pong(payload)?)
    }

    /// A pong has come: the answer to [`WebSocket::ping`] or to a heartbeat, or one that nobody has asked for.
    fn pong_received(&mut self, socket: &WebSocket, payload: &[u8]) -> Result {
        let _ = (socket, payload);
        Ok(())
    }

    /// The peer has closed the WebSocket, or has answered [`WebSocket::close`]. In the former case messages may still be sent from
    /// here, before the answer that follows. Without a code, none was given.
    fn closing(&mut self, socket: &WebSocket, code: Option<CloseCode>, reason: &str) {
        let _ = (socket, code, reason);
    }

    /// More than the high-water mark of output is waiting for a slow peer. No message is delivered meanwhile if answers are among
    /// it.
    fn writing_paused(&mut self, socket: &WebSocket) {
        let _ = socket;
    }

    /// The waiting output has drained to the low-water mark.
    fn writing_resumed(&mut self, socket: &WebSocket) {
        let _ = socket;
    }

    /// A timer set with [`Transport::set_timer`] has expired.
    fn timer_expired(&mut self, socket: &WebSocket, timer: TimerKey) {
        let _ = (socket, timer);
    }

    /// Somebody sent this connection an event with [`Transport::post`], which may be before the WebSocket is open.
    fn event_received(&mut self, socket: &WebSocket, event: Box<dyn Any>) {
        let _ = (socket, event);
    }

    /// The layers that were inserted with [`Transport::insert_layer`] are open: the handshake is done.
    fn layer_opened(&mut self, socket: &WebSocket) {
        let _ = socket;
    }

    /// The connection has ended: the last callback, also if the WebSocket never was open. The reason is
    /// [`Reason::Closed`] if both sides have closed the WebSocket, or if a page was answered or a request refused by this protocol;
    /// otherwise it says what went wrong, as a [`WebSocketError`](error::WebSocketError) or a
    /// [`HandshakeError`](handshake::error::HandshakeError).
    fn connection_lost(&mut self, transport: &Transport, reason: &Reason) {
        let _ = (transport, reason);
    }

    /// What logs call this protocol. The default is the name of its type.
    fn name(&self) -> &'static str {
        std::any::type_name::<Self>()
    }
}

/// A ping's or a pong's payload is too long: more than 125 bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ControlTooLong {
    /// How long it is, in bytes.
    pub length: usize,
}

impl fmt::Display for ControlTooLong {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a ping or pong of {} bytes is longer than 125 bytes", self.length)
    }
}

impl Error for ControlTooLong {}

/// The code by which a peer is told of an error, and the reason.
fn goodbye(error: &ProtocolError) -> Option<(CloseCode, String)> {
    match error.downcast_ref::<error::WebSocketError>() {
        Some(error) => error.close_code().map(|code| (code, error.to_string())),
        // What goes wrong in here is nothing for strangers.
        None => Some((CloseCode::INTERNAL_ERROR, String::new())),
    }
}
