//! What a connection does: the trait that users implement.

use std::any::Any;

use crate::{Reason, TimerKey, Transport};

/// The error that ends a connection: anything that is an error, or a string through `.into()`.
pub type ProtocolError = Box<dyn std::error::Error>;

/// What callbacks that consume the peer's input return.
pub type Result<T = (), E = ProtocolError> = std::result::Result<T, E>;

/// One connection's behaviour: an object that reacts to what happens on it.
///
/// A [`Factory`](crate::Factory) makes one for each connection; the reactor owns it and calls it from its one
/// thread. Only [`data_received`](Self::data_received) must be written.
///
/// # The order of callbacks
///
/// * `connection_made` comes exactly once and first; `connection_lost` exactly once and last (G1).
/// * No callback is entered while another callback of the same connection runs (G2). Whatever a callback asks of
///   a [`Transport`], its own or another's, is recorded and done after the callback has returned.
/// * After [`Transport::lose_connection`] no more input is delivered, not even the rest of the current read.
/// * All input that arrived before a hang-up is delivered before the loss.
///
/// # Errors and panics
///
/// An `Err` ends *that* connection, as [`Transport::fail`] does: no more input is delivered, what was written so far is
/// flushed (so a last line about the error reaches the peer) within the close timeout, the error is logged, and
/// `connection_lost` hears [`Reason::Error`]. A panic is caught and aborts that connection at once with
/// [`Reason::Panicked`] (G7). Other connections notice nothing.
///
/// ```
/// use ropewalk_reactor::{Protocol, Result, Transport};
///
/// struct Echo;
///
/// impl Protocol for Echo {
///     fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
///         transport.write(data);
///         Ok(())
///     }
/// }
/// ```
pub trait Protocol {
    /// The connection is open: the first callback. A server speaks first from here.
    fn connection_made(&mut self, transport: &Transport) {
        let _ = transport;
    }

    /// The peer sent bytes. Their division into calls is not guaranteed to be what the peer wrote: one write may
    /// come as many calls and many writes as one.
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result;

    /// The peer will send no more (it closed its side, or half of it); writing still works.
    ///
    /// The default closes the connection once what was written has been sent. Override it to go on writing.
    /// If this side has already finished writing, the connection ends after this call in any case.
    fn eof_received(&mut self, transport: &Transport) -> Result {
        transport.lose_connection();
        Ok(())
    }

    /// More than the high-water mark of output is waiting for a slow peer: stop writing if you can.
    ///
    /// Comes once when the mark is passed and the peer has not taken enough of it at once; `writing_resumed` follows unless
    /// the connection ends first. Meanwhile, if answers to input are waiting, the connection's own reading is paused by
    /// itself; see [`Limits::high_water`](crate::Limits::high_water).
    fn writing_paused(&mut self, transport: &Transport) {
        let _ = transport;
    }

    /// The waiting output has drained to the low-water mark: write on.
    fn writing_resumed(&mut self, transport: &Transport) {
        let _ = transport;
    }

    /// Reading goes on after a pause, asked for or automatic. Protocols that keep undelivered bytes (line and
    /// message receivers) go on with them here; others need nothing.
    fn reading_resumed(&mut self, transport: &Transport) -> Result {
        let _ = transport;
        Ok(())
    }

    /// A timer set with [`Transport::set_timer`] has expired.
    fn timer_expired(&mut self, transport: &Transport, timer: TimerKey) {
        let _ = (transport, timer);
    }

    /// Somebody sent this connection an event with [`Transport::post`] or [`Remote::post_event`](crate::Remote::post_event).
    fn event_received(&mut self, transport: &Transport, event: Box<dyn Any>) {
        let _ = (transport, event);
    }

    /// A layer has been inserted with [`Transport::insert_layer`], and nothing that was received before may be used any more: who
    /// sent it could not know of the layer's protection. Protocols that hold undelivered bytes (line and message receivers)
    /// return an error here; others need nothing.
    fn layer_inserted(&mut self, transport: &Transport) -> Result {
        let _ = transport;
        Ok(())
    }

    /// The layers that were inserted with [`Transport::insert_layer`] are open: the handshake is done.
    fn layer_opened(&mut self, transport: &Transport) {
        let _ = transport;
    }

    /// The connection has ended: the last callback. Nothing written from here on goes anywhere.
    fn connection_lost(&mut self, transport: &Transport, reason: &Reason) {
        let _ = (transport, reason);
    }

    /// What logs call this protocol. The default is the name of its type.
    fn name(&self) -> &'static str {
        std::any::type_name::<Self>()
    }
}

impl<P: Protocol + ?Sized> Protocol for Box<P> {
    fn connection_made(&mut self, transport: &Transport) {
        (**self).connection_made(transport);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        (**self).data_received(transport, data)
    }

    fn eof_received(&mut self, transport: &Transport) -> Result {
        (**self).eof_received(transport)
    }

    fn writing_paused(&mut self, transport: &Transport) {
        (**self).writing_paused(transport);
    }

    fn writing_resumed(&mut self, transport: &Transport) {
        (**self).writing_resumed(transport);
    }

    fn reading_resumed(&mut self, transport: &Transport) -> Result {
        (**self).reading_resumed(transport)
    }

    fn timer_expired(&mut self, transport: &Transport, timer: TimerKey) {
        (**self).timer_expired(transport, timer);
    }

    fn event_received(&mut self, transport: &Transport, event: Box<dyn Any>) {
        (**self).event_received(transport, event);
    }

    fn layer_inserted(&mut self, transport: &Transport) -> Result {
        (**self).layer_inserted(transport)
    }

    fn layer_opened(&mut self, transport: &Transport) {
        (**self).layer_opened(transport);
    }

    fn connection_lost(&mut self, transport: &Transport, reason: &Reason) {
        (**self).connection_lost(transport, reason);
    }

    fn name(&self) -> &'static str {
        (**self).name()
    }
}
