//! Protocols of lines.

mod decoder;
pub(crate) mod delimiter;
pub(crate) mod sending;
pub(crate) mod transport;

use std::any::Any;
use std::fmt;

use ropewalk_reactor::{InputBeforeLayer, Protocol, Reason, Result, TimerKey, Transport};

use crate::FrameTooLong;
use crate::receiving::{Found, Framing, Held, Rest};
use decoder::{LineDecoder, LineFrame};
use delimiter::Delimiter;
use transport::LineTransport;

/// Twisted's, and enough for a header line of any well-known protocol.
const DEFAULT_MAX_LENGTH: usize = 16_384;

/// One connection's behaviour in a protocol of lines: what a [`LineReceiver`] calls.
///
/// Only [`line_received`](Self::line_received) must be written. The other callbacks are those of [`Protocol`], with the
/// same rules; errors and panics have the same consequences.
pub trait LineProtocol {
    /// The connection is open: the first callback.
    fn connection_made(&mut self, transport: &mut LineTransport<'_>) {
        let _ = transport;
    }

    /// A line has come, given without its delimiter. It may be empty, and it need not be UTF-8.
    fn line_received(&mut self, transport: &mut LineTransport<'_>, line: &[u8]) -> Result;

    /// Bytes have come in raw mode; never none. Their division into calls means nothing.
    ///
    /// The default fails: whoever calls [`LineTransport::set_raw_mode`] must override it.
    fn raw_data_received(&mut self, transport: &mut LineTransport<'_>, data: &[u8]) -> Result {
        let _ = (transport, data);
        Err("raw mode was set by a protocol without `raw_data_received`".into())
    }

    /// A line is longer than `limit`; `start` is its first `limit + 1` bytes, neither more nor less.
    ///
    /// Comes as soon as so many bytes have come that no delimiter can end the line within the limit. The default fails
    /// with [`FrameTooLong`]. If this returns `Ok`, the rest of the line is thrown away as it comes and the next line is
    /// delivered; unless it calls [`LineTransport::set_raw_mode`], [`LineTransport::set_line_mode`] or
    /// [`LineTransport::clear_line_buffer`], which apply to what comes directly after `start`.
    fn line_too_long(&mut self, transport: &mut LineTransport<'_>, start: &[u8], limit: usize) -> Result {
        let _ = (transport, start);
        Err(FrameTooLong { limit, length: None }.into())
    }

    /// The peer will send no more. A line that it did not end is in [`LineTransport::rest`].
    ///
    /// The default closes the connection once what was written has been sent.
    fn eof_received(&mut self, transport: &mut LineTransport<'_>) -> Result {
        transport.lose_connection();
        Ok(())
    }

    /// More than the high-water mark of output is waiting for a slow peer. No line is delivered meanwhile.
    fn writing_paused(&mut self, transport: &mut LineTransport<'_>) {
        let _ = transport;
    }

    /// The waiting output has drained to the low-water mark.
    fn writing_resumed(&mut self, transport: &mut LineTransport<'_>) {
        let _ = transport;
    }

    /// A timer set with [`Transport::set_timer`] has expired.
    fn timer_expired(&mut self, transport: &mut LineTransport<'_>, timer: TimerKey) {
        let _ = (transport, timer);
    }

    /// Somebody sent this connection an event with [`Transport::post`].
    fn event_received(&mut self, transport: &mut LineTransport<'_>, event: Box<dyn Any>) {
        let _ = (transport, event);
    }

    /// The layers that were inserted with [`Transport::insert_layer`] are open: the handshake is done.
    fn layer_opened(&mut self, transport: &mut LineTransport<'_>) {
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

/// A [`Protocol`] that cuts its input into lines and gives them to a [`LineProtocol`].
///
/// Lines may come in any division and with any bytes in them. After a callback has closed the connection, paused reading or
/// switched protocols, no line follows, not even of the same read; when reading is resumed, the next line is the next
/// one. While paused no more is held than the last read has given.
///
/// ```
/// use ropewalk_protocols::{LineProtocol, LineReceiver, LineTransport, SendLine};
/// use ropewalk_reactor::{Result, for_protocol};
///
/// struct Shout;
///
/// impl LineProtocol for Shout {
///     fn line_received(&mut self, transport: &mut LineTransport<'_>, line: &[u8]) -> Result {
///         if line == b"quit" {
///             transport.lose_connection();
///         } else {
///             transport.send_line(line.to_ascii_uppercase());
///         }
///         Ok(())
///     }
/// }
///
/// let factory = for_protocol(|| LineReceiver::new(Shout).max_length(1000));
/// ```
pub struct LineReceiver<P> {
    lines: Lines<P>,
    held: Held,
}

impl<P: LineProtocol> LineReceiver<P> {
    /// A receiver of lines that end in CR LF and are at most 16,384 bytes long.
    pub fn new(protocol: P) -> Self {
        Self { lines: Lines { protocol, decoder: LineDecoder::new() }, held: Held::default() }
    }

    /// The same with another delimiter.
    #[must_use]
    pub fn delimiter(mut self, delimiter: Delimiter) -> Self {
        self.lines.decoder.set_delimiter(delimiter);
        self
    }

    /// The same with another limit: lines of this many bytes, without the delimiter, are accepted. With 0 only empty lines
    /// are.
    #[must_use]
    pub fn max_length(mut self, bytes: usize) -> Self {
        self.lines.decoder.set_max_length(bytes);
        self
    }

    /// Calls a callback that may change what is held or how it is read.
    fn visit<R>(
        &mut self,
        transport: &Transport,
        callback: impl FnOnce(&mut P, &mut LineTransport<'_>) -> R,
    ) -> R {
        let lines = &mut self.lines;
        self.held.visit(transport, |rest| lines.call(transport, rest, callback))
    }
}

impl<P: LineProtocol> Protocol for LineReceiver<P> {
    fn connection_made(&mut self, transport: &Transport) {
        self.visit(transport, |protocol, transport| protocol.connection_made(transport));
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        self.held.receive(&mut self.lines, transport, data)
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
        self.held.receive(&mut self.lines, transport, &[])
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
        self.lines.protocol.connection_lost(transport, reason);
    }

    fn name(&self) -> &'static str {
        self.lines.protocol.name()
    }
}

impl<P: fmt::Debug> fmt::Debug for LineReceiver<P> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("LineReceiver").field(&self.lines.protocol).finish()
    }
}

/// The protocol together with what finds its lines.
struct Lines<P> {
    protocol: P,
    decoder: LineDecoder,
}

impl<P: LineProtocol> Lines<P> {
    fn call<R>(
        &mut self,
        transport: &Transport,
        rest: Rest<'_>,
        callback: impl FnOnce(&mut P, &mut LineTransport<'_>) -> R,
    ) -> R {
        callback(&mut self.protocol, &mut LineTransport::new(transport, &mut self.decoder, rest))
    }
}

impl<P: LineProtocol> Framing for Lines<P> {
    type Frame = LineFrame;

    fn find(&mut self, input: &[u8]) -> Option<Found<LineFrame>> {
        self.decoder.find(input)
    }

    fn deliver(&mut self, frame: LineFrame, bytes: &[u8], rest: Rest<'_>, transport: &Transport) -> Result {
        let limit = self.decoder.max_length();
        self.call(transport, rest, |protocol, transport| match frame {
            LineFrame::Line(length) => protocol.line_received(transport, &bytes[..length]),
            LineFrame::Raw => protocol.raw_data_received(transport, bytes),
            LineFrame::TooLong => protocol.line_too_long(transport, bytes, limit),
            LineFrame::Discarded => Ok(()),
        })
    }
}
