//! Protocols of strings that announce their length.

pub(crate) mod format;
pub(crate) mod int_prefix;
pub(crate) mod netstring;
pub(crate) mod sending;
pub(crate) mod stateful;
pub(crate) mod transport;

use std::any::Any;
use std::fmt;
use std::ops::Range;

use ropewalk_reactor::{InputBeforeLayer, Protocol, ProtocolError, Reason, Result, TimerKey, Transport};

use crate::FrameTooLong;
use crate::receiving::{Found, Framing, Held, Rest};
use format::{Step, StringFormat};
use int_prefix::IntPrefix;
use netstring::Netstring;
use transport::StringTransport;

/// As Twisted has it for all formats.
const DEFAULT_MAX_LENGTH: usize = 99_999;

/// Receives netstrings: the length in decimal digits, a colon, the string, a comma, as in `5:hello,`.
/// (<https://cr.yp.to/proto/netstrings.txt>)
///
/// Input that is no netstring ends the connection with [`BadNetstring`](crate::BadNetstring) as soon as that is seen: a
/// length with anything but digits or with leading zeros, no comma after the string. So does a length above the
/// limit, with [`FrameTooLong`], before the colon comes.
pub type NetstringReceiver<P> = StringReceiver<P, Netstring>;

/// Receives strings after their length in one byte; so they are never longer than 255 bytes.
pub type Int8StringReceiver<P> = StringReceiver<P, IntPrefix<1>>;

/// Receives strings after their length in two bytes, the most significant first; so they are never longer than 65,535 bytes.
pub type Int16StringReceiver<P> = StringReceiver<P, IntPrefix<2>>;

/// Receives strings after their length in four bytes, the most significant first.
pub type Int32StringReceiver<P> = StringReceiver<P, IntPrefix<4>>;

/// One connection's behaviour in a protocol of strings: what a [`StringReceiver`] calls.
///
/// Only [`string_received`](Self::string_received) must be written. The other callbacks are those of [`Protocol`], with
/// the same rules; errors and panics have the same consequences.
pub trait StringProtocol {
    /// The connection is open: the first callback.
    fn connection_made(&mut self, transport: &mut StringTransport<'_>) {
        let _ = transport;
    }

    /// A string has come, whole and without its prefix. It may be empty, and it need not be UTF-8.
    fn string_received(&mut self, transport: &mut StringTransport<'_>, string: &[u8]) -> Result;

    /// The peer announced a string of `length` bytes, which is above `limit`. Comes as soon as the length has come. The
    /// default fails with [`FrameTooLong`]. If this returns `Ok`, the string is thrown away as it comes and the next one is
    /// delivered.
    ///
    /// It is not called for netstrings, which always end the connection: their length may not have come to its end when it
    /// passes the limit.
    fn string_too_long(&mut self, transport: &mut StringTransport<'_>, length: u64, limit: usize) -> Result {
        let _ = transport;
        Err(FrameTooLong { limit, length: Some(length) }.into())
    }

    /// The peer will send no more. A string that it did not end is in [`StringTransport::rest`], prefix included.
    ///
    /// The default closes the connection once what was written has been sent.
    fn eof_received(&mut self, transport: &mut StringTransport<'_>) -> Result {
        transport.lose_connection();
        Ok(())
    }

    /// More than the high-water mark of output is waiting for a slow peer. No string is delivered meanwhile.
    fn writing_paused(&mut self, transport: &mut StringTransport<'_>) {
        let _ = transport;
    }

    /// The waiting output has drained to the low-water mark.
    fn writing_resumed(&mut self, transport: &mut StringTransport<'_>) {
        let _ = transport;
    }

    /// A timer set with [`Transport::set_timer`] has expired.
    fn timer_expired(&mut self, transport: &mut StringTransport<'_>, timer: TimerKey) {
        let _ = (transport, timer);
    }

    /// Somebody sent this connection an event with [`Transport::post`].
    fn event_received(&mut self, transport: &mut StringTransport<'_>, event: Box<dyn Any>) {
        let _ = (transport, event);
    }

    /// The layers that were inserted with [`Transport::insert_layer`] are open: the handshake is done.
    fn layer_opened(&mut self, transport: &mut StringTransport<'_>) {
        let _ = transport;
    }

    /// The connection has ended: the last callback.
    fn connection_lost(&mut self, transport: &Transport, reason: &Reason) {
        let _ = (transport, reason);
    }

    /// What logs call this protocol. The default is the name of its type.
    fn name(&self) -> &'static str {
        std::any::type_name::<Self>()
    }
}

/// A [`Protocol`] that cuts its input into strings and gives them to a [`StringProtocol`]: a [`NetstringReceiver`],
/// [`Int8StringReceiver`], [`Int16StringReceiver`] or [`Int32StringReceiver`].
///
/// After a callback has closed the connection, paused reading or switched protocols, no string follows, not even of the
/// same read; when reading is resumed, the next string is the next one. Memory is taken as bytes arrive, never because
/// a length was announced. While paused no more is held than the last read has given.
///
/// ```
/// use ropewalk_protocols::{Int32StringReceiver, SendString, StringProtocol, StringTransport};
/// use ropewalk_reactor::{Result, for_protocol};
///
/// struct Reverse;
///
/// impl StringProtocol for Reverse {
///     fn string_received(&mut self, transport: &mut StringTransport<'_>, string: &[u8]) -> Result {
///         let reversed: Vec<u8> = string.iter().rev().copied().collect();
///         Ok(transport.send_string32(reversed)?)
///     }
/// }
///
/// let factory = for_protocol(|| Int32StringReceiver::new(Reverse).max_length(1024 * 1024));
/// ```
pub struct StringReceiver<P, F> {
    strings: Strings<P, F>,
    held: Held,
}

impl<P: StringProtocol, F: StringFormat> StringReceiver<P, F> {
    /// A receiver of strings of at most 99,999 bytes.
    pub fn new(protocol: P) -> Self {
        let strings = Strings { protocol, format: F::default(), max_length: DEFAULT_MAX_LENGTH, skipping: 0 };
        Self { strings, held: Held::default() }
    }

    /// The same with another limit: strings of this many bytes, without prefix, are accepted. With 0 only empty strings
    /// are.
    #[must_use]
    pub fn max_length(mut self, bytes: usize) -> Self {
        self.strings.max_length = bytes;
        self
    }

    /// Calls a callback that may change what is held or how it is read.
    fn visit<R>(
        &mut self,
        transport: &Transport,
        callback: impl FnOnce(&mut P, &mut StringTransport<'_>) -> R,
    ) -> R {
        let strings = &mut self.strings;
        self.held.visit(transport, |rest| strings.call(transport, rest, callback))
    }
}

impl<P: StringProtocol, F: StringFormat> Protocol for StringReceiver<P, F> {
    fn connection_made(&mut self, transport: &Transport) {
        self.visit(transport, |protocol, transport| protocol.connection_made(transport));
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        self.held.receive(&mut self.strings, transport, data)
    }

    fn eof_received(&mut self, transport: &Transport) -> Result {
        self.visit(transport, |protocol, transport| protocol.eof_received(transport))
    }

    fn writing_paused(&mut self, transport: &Transport) {
        self.visit(transport, |protocol, transport| protocol.writing_paused(transport));
    }

    fn writing_resumed(&mut self, transport: &Transport) {
        self.visit(transport, |protocol, transport| protocol.writing_resumed(transport));
    }

    fn reading_resumed(&mut self, transport: &Transport) -> Result {
        self.held.receive(&mut self.strings, transport, &[])
    }

    fn timer_expired(&mut self, transport: &Transport, timer: TimerKey) {
        self.visit(transport, |protocol, transport| protocol.timer_expired(transport, timer));
    }

    fn event_received(&mut self, transport: &Transport, event: Box<dyn Any>) {
        self.visit(transport, |protocol, transport| protocol.event_received(transport, event));
    }

    fn layer_inserted(&mut self, _: &Transport) -> Result {
        if self.held.is_empty() { Ok(()) } else { Err(InputBeforeLayer.into()) }
    }

    fn layer_opened(&mut self, transport: &Transport) {
        self.visit(transport, |protocol, transport| protocol.layer_opened(transport));
    }

    fn connection_lost(&mut self, transport: &Transport, reason: &Reason) {
        self.strings.protocol.connection_lost(transport, reason);
    }

    fn name(&self) -> &'static str {
        self.strings.protocol.name()
    }
}

impl<P: fmt::Debug, F> fmt::Debug for StringReceiver<P, F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("StringReceiver").field(&self.strings.protocol).finish()
    }
}

/// The protocol together with what finds its strings.
struct Strings<P, F> {
    protocol: P,
    format: F,
    max_length: usize,
    /// How many bytes of a string that is too long are still to be thrown away.
    skipping: u64,
}

/// What the receiver finds.
enum StringFrame {
    String(Range<usize>),
    TooLong(u64),
    Skipped,
    Bad(ProtocolError),
}

impl<P: StringProtocol, F: StringFormat> Strings<P, F> {
    fn call<R>(
        &mut self,
        transport: &Transport,
        rest: Rest<'_>,
        callback: impl FnOnce(&mut P, &mut StringTransport<'_>) -> R,
    ) -> R {
        callback(&mut self.protocol, &mut StringTransport::new(transport, &mut self.max_length, rest))
    }

    fn skip(&mut self, input: &[u8]) -> Option<Found<StringFrame>> {
        let length = usize::try_from(self.skipping).map_or(input.len(), |skipping| skipping.min(input.len()));
        self.skipping -= length as u64;
        (length > 0).then_some(Found { length, frame: StringFrame::Skipped })
    }
}

impl<P: StringProtocol, F: StringFormat> Framing for Strings<P, F> {
    type Frame = StringFrame;

    fn find(&mut self, input: &[u8]) -> Option<Found<StringFrame>> {
        if self.skipping > 0 {
            return self.skip(input);
        }
        match self.format.find(input, self.max_length) {
            Step::Incomplete => None,
            Step::String { range, length } => Some(Found { length, frame: StringFrame::String(range) }),
            Step::TooLong { prefix, length } => {
                self.skipping = length;
                Some(Found { length: prefix, frame: StringFrame::TooLong(length) })
            }
            Step::Bad(error) => Some(Found { length: 0, frame: StringFrame::Bad(error) }),
        }
    }

    fn deliver(&mut self, frame: StringFrame, bytes: &[u8], rest: Rest<'_>, transport: &Transport) -> Result {
        let limit = self.max_length;
        self.call(transport, rest, |protocol, transport| match frame {
            StringFrame::String(range) => protocol.string_received(transport, &bytes[range]),
            StringFrame::TooLong(length) => protocol.string_too_long(transport, length, limit),
            StringFrame::Skipped => Ok(()),
            StringFrame::Bad(error) => Err(error),
        })
    }
}

#[cfg(test)]
mod tests {
    use ropewalk_reactor::testing::Probe;

    use super::*;

    struct Ignore;

    impl StringProtocol for Ignore {
        fn string_received(&mut self, _: &mut StringTransport<'_>, _: &[u8]) -> Result {
            Ok(())
        }
    }

    /// The protocol is driven from outside the reactor, so that its memory can be looked at.
    #[test]
    fn memory_is_taken_as_bytes_arrive_not_as_they_are_announced() {
        let probe = Probe::new(crate::Discard);
        let mut receiver = Int32StringReceiver::new(Ignore).max_length(usize::MAX);
        receiver.data_received(probe.transport(), b"\x7f\xff\xff\xffabc").unwrap();
        assert!(receiver.held.capacity() <= 1024);
        let mut receiver = NetstringReceiver::new(Ignore).max_length(usize::MAX);
        receiver.data_received(probe.transport(), b"999999999:abc").unwrap();
        assert!(receiver.held.capacity() <= 1024);
    }
}
