//! What users of tinyproto write.

use std::any::Any;

use ropewalk_reactor::{Reason, Result, TimerKey, Transport};

use super::error::TinyProtoError;
use crate::delivery::Delivery;

/// One connection's behaviour in tinyproto: what a [`TinyReceiver`](super::TinyReceiver) calls.
///
/// Only [`message_received`](Self::message_received) must be written. The other callbacks are those of [`Protocol`](ropewalk_reactor::Protocol), with
/// the same rules; errors and panics have the same consequences. Messages are sent with
/// [`Transmit::transmit`](super::transmit::Transmit::transmit); never call [`Transport::write`].
pub trait TinyProtocol {
    /// The connection is open: the first callback. What is transmitted here waits until the peer is [ready](Self::ready).
    fn connection_made(&mut self, transport: &Transport) {
        let _ = transport;
    }

    /// The peer has shown that it speaks tinyproto too.
    fn ready(&mut self, transport: &Transport) {
        let _ = transport;
    }

    /// A message has come, whole and changed back by the plugins. It may be empty, and it need not be UTF-8.
    fn message_received(&mut self, transport: &Transport, message: &[u8]) -> Result;

    /// The peer has announced a message of `size` bytes, of up to F0FFFFFF, and waits for the answer. The default has it collected for
    /// [`message_received`](Self::message_received), or refused if it is above the limit; with [`Delivery::Pieces`] it is
    /// agreed to, comes in pieces as the network gives it, and nothing of it is kept.
    ///
    /// Not called if there are plugins, which change whole messages.
    fn message_begun(&mut self, transport: &Transport, size: u32) -> Delivery {
        let _ = (transport, size);
        Delivery::Whole
    }

    /// A piece of a message has come that is delivered in pieces; never an empty one. The division means nothing. If the message
    /// breaks off, [`connection_lost`](Self::connection_lost) is next, with [`TinyProtoError::Truncated`] or how else the
    /// connection was lost.
    ///
    /// The default fails: who asks for pieces must override it.
    fn piece_received(&mut self, transport: &Transport, piece: &[u8]) -> Result {
        let _ = (transport, piece);
        Err("a piece of a message has come, but TinyProtocol::piece_received is not implemented".into())
    }

    /// A message that is delivered in pieces has ended.
    fn message_ended(&mut self, transport: &Transport) -> Result {
        let _ = transport;
        Ok(())
    }

    /// The peer announced a message of `size` bytes, which is above `limit`, and will be told that it is refused.
    ///
    /// The default fails with [`TinyProtoError::MessageTooLarge`]; then the peer hears code 00. If this returns `Ok`, it hears
    /// FD and the connection goes on. Peers in Python take any code for a refusal.
    fn message_too_large(&mut self, transport: &Transport, size: u32, limit: u32) -> Result {
        let _ = transport;
        Err(TinyProtoError::MessageTooLarge { size, limit }.into())
    }

    /// The peer refused a message, the oldest of those that were not transmitted, with `code`.
    ///
    /// The default fails with [`TinyProtoError::TransmissionRefused`]. If this returns `Ok`, the message is dropped, and the
    /// next one is announced.
    fn transmission_refused(&mut self, transport: &Transport, code: u8) -> Result {
        let _ = transport;
        Err(TinyProtoError::TransmissionRefused { code }.into())
    }

    /// The peer will send no more, and so can agree to no message any more. If its input ended within a message, this is not called:
    /// the connection fails with [`TinyProtoError::Truncated`].
    ///
    /// The default closes the connection.
    fn eof_received(&mut self, transport: &Transport) -> Result {
        transport.lose_connection();
        Ok(())
    }

    /// More than the high-water mark of output is waiting: of messages for the peer's agreement, or of bytes for a slow peer.
    fn writing_paused(&mut self, transport: &Transport) {
        let _ = transport;
    }

    /// The waiting output has drained to the low-water mark.
    fn writing_resumed(&mut self, transport: &Transport) {
        let _ = transport;
    }

    /// A timer set with [`Transport::set_timer`] has expired.
    fn timer_expired(&mut self, transport: &Transport, timer: TimerKey) {
        let _ = (transport, timer);
    }

    /// Somebody sent this connection an event with [`Transport::post`].
    fn event_received(&mut self, transport: &Transport, event: Box<dyn Any>) {
        let _ = (transport, event);
    }

    /// The layers that were inserted with [`Transport::insert_layer`] are open: the handshake is done.
    fn layer_opened(&mut self, transport: &Transport) {
        let _ = transport;
    }

    /// The connection has ended: the last callback. If messages were left when it closed, the reason is
    /// [`TinyProtoError::NotTransmitted`]; if it broke after both ends had announced a message,
    /// [`TinyProtoError::Collision`].
    fn connection_lost(&mut self, transport: &Transport, reason: &Reason) {
        let _ = (transport, reason);
    }

    /// What logs call this protocol. The default is the name of its type.
    fn name(&self) -> &'static str {
        std::any::type_name::<Self>()
    }
}
