//! The protocol of the Python package tinyproto, whose messages are announced and agreed to before they are sent.

mod conversation;
pub(crate) mod error;
mod exchange;
mod message;
mod outbox;
pub(crate) mod plugin;
pub(crate) mod protocol;
pub(crate) mod refusing;
mod stream;
pub(crate) mod task;
pub(crate) mod transmit;
#[cfg(feature = "zlib")]
pub(crate) mod zlib;

use std::any::Any;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use ropewalk_reactor::{InputBeforeLayer, Protocol, Reason, Result, TimerKey, Transport};

use crate::receiving::Held;
use conversation::Conversation;
use error::TinyProtoError;
use exchange::OK;
use plugin::TinyPlugin;
use protocol::TinyProtocol;

/// As long as the peers in Python wait for an answer, twice.
const DEFAULT_COLLISION_TIMEOUT: Duration = Duration::from_secs(10);

/// Which end of the connection this is, which decides who goes first if both want to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Role {
    Client,
    Server,
}

/// A [`Protocol`] that speaks tinyproto (<https://pypi.org/project/tinyproto/>, versions 2.0.1 and 3.0) for a
/// [`TinyProtocol`].
///
/// Each message is announced by its size and sent when the peer has agreed. Messages come whole or not at all, unless the protocol
/// asks for [pieces](TinyProtocol::message_begun); memory is taken as they arrive, never because they were announced. A
/// conversation of several steps is best written as a [`TinyTask`](task::TinyTask). After a callback has closed the connection, paused reading or
/// switched protocols, no message follows, not even of the same read.
///
/// # Announcements that cross
///
/// The format has no place for both ends announcing a message at the same time; the programs in Python break then, both of
/// them. Two receivers of this kind do not: the client's message goes first. So the ends must be different: one a
/// [`client`](Self::client), the other a [`server`](Self::server).
///
/// With a peer in Python that sends of its own accord this can only be made unlikely: see [`polite`](Self::polite). When it
/// happens the connection ends with [`TinyProtoError::Collision`]. A peer that sends only in reply, or is only replied to, is
/// always safe.
///
/// ```
/// use ropewalk_protocols::{TinyProtocol, TinyReceiver, Transmit};
/// use ropewalk_reactor::{Result, Transport, for_protocol};
///
/// struct Reverse;
///
/// impl TinyProtocol for Reverse {
///     fn message_received(&mut self, transport: &Transport, message: &[u8]) -> Result {
///         let reversed: Vec<u8> = message.iter().rev().copied().collect();
///         Ok(transport.transmit(reversed))
///     }
/// }
///
/// let factory = for_protocol(|| TinyReceiver::server(Reverse).max_message(1024 * 1024));
/// ```
pub struct TinyReceiver<P> {
    conversation: Conversation<P>,
    held: Held,
    collision_timeout: Duration,
    /// Runs while only the peer's next byte, or none, can tell what it means.
    doubt: Option<TimerKey>,
    /// For how long nothing must have gone either way before a message is announced.
    quiet: Duration,
    /// Runs while a polite end waits for its turn.
    turn: Option<TimerKey>,
}

impl<P: TinyProtocol> TinyReceiver<P> {
    /// The end that connects.
    pub fn client(protocol: P) -> Self {
        Self::new(protocol, Role::Client)
    }

    /// The end that accepts connections.
    pub fn server(protocol: P) -> Self {
        Self::new(protocol, Role::Server)
    }

    fn new(protocol: P, role: Role) -> Self {
        Self {
            conversation: Conversation::new(protocol, role),
            held: Held::default(),
            collision_timeout: DEFAULT_COLLISION_TIMEOUT,
            doubt: None,
            quiet: Duration::ZERO,
            turn: None,
        }
    }

    /// The same with another limit: messages of up to this many bytes on the wire, and after the plugins, are accepted. The default
    /// is 4 MiB, the most that the format allows is F0FFFFFF (4,043,309,055).
    ///
    /// So that an answer as long can be transmitted, also behind another one, more than the default raises the connection's
    /// [`Limits::output`](ropewalk_reactor::Limits::output), before [`connection_made`](TinyProtocol::connection_made), to twice
    /// this and 64 KiB, if it is lower; the connection has limits of its own then. That much may wait for a peer that does not agree
    /// or does not read, beside one message that is coming.
    #[must_use]
    pub fn max_message(mut self, bytes: u32) -> Self {
        self.conversation.set_max_message(bytes);
        self
    }

    /// The same with a plugin, which changes outgoing messages after those that were added before it, and incoming ones before
    /// them.
    #[must_use]
    pub fn plugin(mut self, plugin: impl TinyPlugin + 'static) -> Self {
        self.conversation.plugins.push(Box::new(plugin));
        self
    }

    /// The same, but a message is announced only when nothing has gone either way for `quiet`.
    ///
    /// Without this a message is announced as soon as it is nobody's turn, as programs in Python do. With it, a peer in Python
    /// may send several messages of its own accord, or answer, without being interrupted, if it pauses for less than that; 100 ms
    /// is a good choice on a local network. Each message then takes that much longer, and while the peer never rests for so long, none
    /// is transmitted.
    #[must_use]
    pub fn polite(mut self, quiet: Duration) -> Self {
        self.conversation.polite = true;
        self.quiet = quiet;
        self
    }

    /// The same with another time, of 10 seconds by default, after which a peer is given up that says nothing although announcements
    /// have crossed, and after which a single 00 in answer to an announcement is a refusal and not the beginning of a
    /// size.
    #[must_use]
    pub fn collision_timeout(mut self, timeout: Duration) -> Self {
        self.collision_timeout = timeout;
        self
    }

    /// Whether only time can tell what has come.
    fn is_in_doubt(&self) -> bool {
        let exchange = &self.conversation.exchange;
        let crossed = exchange.is_crossing() && self.held.is_empty();
        crossed || (exchange.is_announced() && self.held.bytes() == [0])
    }

    /// Sets the timers that are needed now. None is while nothing can be heard, as nobody knows what the peer has said then.
    fn settle(&mut self, transport: &Transport) {
        if !transport.delivers_input() {
            return;
        }
        if self.doubt.is_none() && self.is_in_doubt() {
            self.doubt = Some(transport.set_timer(self.collision_timeout));
        }
        if self.conversation.polite && self.turn.is_none() && self.conversation.wants_to_announce() {
            self.turn = Some(transport.set_timer(self.quiet));
        }
    }

    /// Something has come: time begins anew.
    fn cancel_timers(&mut self, transport: &Transport) {
        for timer in [self.doubt.take(), self.turn.take()].into_iter().flatten() {
            transport.cancel_timer(timer);
        }
    }

    fn doubt_is_over(&mut self, transport: &Transport) -> Result {
        // While paused, nobody has looked whether the peer has said more.
        if !transport.delivers_input() || !self.is_in_doubt() {
            return Ok(());
        }
        if self.held.is_empty() {
            Err(TinyProtoError::Collision.into())
        } else {
            self.refused_by_zero(transport)
        }
    }

    fn refused_by_zero(&mut self, transport: &Transport) -> Result {
        self.held = Held::default();
        self.conversation.answered(transport, 0)
    }

    /// What an end of the input here means.
    fn cut_off(&self) -> Option<TinyProtoError> {
        let exchange = &self.conversation.exchange;
        if exchange.is_crossing() && self.held.is_empty() {
            return Some(TinyProtoError::Collision);
        }
        let held = self.held.bytes().len();
        match exchange.incoming() {
            Some((size, delivered)) => {
                let delivered = usize::try_from(delivered).unwrap_or(usize::MAX);
                Some(TinyProtoError::Truncated { received: delivered.saturating_add(held), size: Some(size) })
            }
            None => (held > 0).then_some(TinyProtoError::Truncated { received: held, size: None }),
        }
    }

    /// The reason as the protocol shall hear it, if it is another.
    fn own_reason(&self, reason: &Reason) -> Option<Reason> {
        let failed = |error: TinyProtoError| Some(Reason::Error(error.into()));
        match (reason, self.conversation.outbox.exceeded(), self.conversation.untransmitted()) {
            (Reason::Aborted, Some(limit), _) => Some(Reason::OutputLimit { limit }),
            (Reason::Lost(_), ..) if self.conversation.exchange.is_crossing() => {
                failed(TinyProtoError::Collision)
            }
            (Reason::Closed, _, messages @ 1..) => failed(TinyProtoError::NotTransmitted { messages }),
            _ => None,
        }
    }
}

impl<P: TinyProtocol> Protocol for TinyReceiver<P> {
    fn connection_made(&mut self, transport: &Transport) {
        let outbox = Rc::clone(&self.conversation.outbox);
        transport.keep(outbox);
        self.conversation.make_room(transport);
        transport.write([OK]);
        self.conversation.protocol.connection_made(transport);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        self.cancel_timers(transport);
        self.held.receive(&mut self.conversation, transport, data)?;
        self.settle(transport);
        Ok(())
    }

    fn eof_received(&mut self, transport: &Transport) -> Result {
        self.cancel_timers(transport);
        if self.conversation.exchange.is_announced() && self.held.bytes() == [0] {
            self.refused_by_zero(transport)?;
        }
        if let Some(error) = self.cut_off() {
            return Err(error.into());
        }
        self.conversation.protocol.eof_received(transport)?;
        self.conversation.outbox.end(transport);
        Ok(())
    }

    fn writing_paused(&mut self, transport: &Transport) {
        self.conversation.set_transport_full(true, transport);
    }

    fn writing_resumed(&mut self, transport: &Transport) {
        self.conversation.set_transport_full(false, transport);
    }

    fn reading_resumed(&mut self, transport: &Transport) -> Result {
        self.conversation.go_on_with_stream(transport)?;
        if self.conversation.deferred || self.held.is_empty() {
            self.conversation.go_on(transport)?;
        }
        self.conversation.tell_full(transport);
        self.held.receive(&mut self.conversation, transport, &[])?;
        self.settle(transport);
        Ok(())
    }

    fn timer_expired(&mut self, transport: &Transport, timer: TimerKey) {
        let result = if self.doubt == Some(timer) {
            self.doubt = None;
            self.doubt_is_over(transport)
        } else if self.turn == Some(timer) {
            self.turn = None;
            if self.held.is_empty() { self.conversation.announce(transport) } else { Ok(()) }
        } else {
            self.conversation.protocol.timer_expired(transport, timer);
            return;
        };
        match result {
            Ok(()) => self.settle(transport),
            Err(error) => transport.fail(error),
        }
    }

    fn event_received(&mut self, transport: &Transport, event: Box<dyn Any>) {
        self.conversation.protocol.event_received(transport, event);
    }

    fn layer_inserted(&mut self, _: &Transport) -> Result {
        if self.held.is_empty() { Ok(()) } else { Err(InputBeforeLayer.into()) }
    }

    fn layer_opened(&mut self, transport: &Transport) {
        self.conversation.protocol.layer_opened(transport);
    }

    fn connection_lost(&mut self, transport: &Transport, reason: &Reason) {
        let own = self.own_reason(reason);
        self.conversation.protocol.connection_lost(transport, own.as_ref().unwrap_or(reason));
    }

    fn name(&self) -> &'static str {
        self.conversation.protocol.name()
    }
}

impl<P: fmt::Debug> fmt::Debug for TinyReceiver<P> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("TinyReceiver").field(&self.conversation.protocol).finish()
    }
}

#[cfg(test)]
mod tests {
    use ropewalk_reactor::testing::Probe;

    use super::*;

    struct Ignore;

    impl TinyProtocol for Ignore {
        fn message_received(&mut self, _: &Transport, _: &[u8]) -> Result {
            Ok(())
        }
    }

    /// The protocol is driven from outside the reactor, so that its memory can be looked at.
    #[test]
    fn memory_is_taken_as_bytes_arrive_not_as_they_are_announced() -> Result {
        let probe = Probe::new(crate::Discard);
        let mut receiver = TinyReceiver::server(Ignore).max_message(u32::MAX);
        receiver.data_received(probe.transport(), b"\xff\xf0\xff\xff\xffabc")?;
        assert_eq!(receiver.held.bytes(), b"abc");
        assert!(receiver.held.capacity() <= 1024);
        Ok(())
    }
}
