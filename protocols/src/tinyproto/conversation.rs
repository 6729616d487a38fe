//! Both directions of a connection, together with the protocol that hears them.

use std::rc::Rc;

use ropewalk_reactor::{Result, Transport};

use super::Role;
use super::error::{TinyProtoError, TransmitError};
use super::exchange::{Exchange, OK, Piece, SIZE_MAX, announcement};
use super::message::{Confirmation, Content, Message};
use super::outbox::Outbox;
use super::plugin::Plugins;
use super::protocol::TinyProtocol;
use super::stream::Stream;
use crate::answers;
use crate::delivery::Delivery;
use crate::receiving::{Found, Framing, Rest};

/// "No", as the programs in Python say it, before they close.
const REFUSED: u8 = 0x00;
/// "No" from one that goes on. Unlike 00 it cannot be taken for the beginning of a size.
const REFUSED_AND_GOING_ON: u8 = 0xfd;
/// Far less than a peer may announce, and an answer as long may wait to be sent, behind another one too.
const DEFAULT_MAX_MESSAGE: u32 = 4 * 1024 * 1024;

/// A protocol, and what it says and hears.
pub(super) struct Conversation<P> {
    pub(super) protocol: P,
    pub(super) exchange: Exchange,
    pub(super) outbox: Rc<Outbox>,
    pub(super) plugins: Plugins,
    max_message: u32,
    announced: Option<Announced>,
    /// The message that is read and sent; nothing may come in between.
    stream: Option<Box<Stream>>,
    /// Messages are announced by [`announce`](Self::announce) alone, when nothing has gone either way for a while.
    pub(super) polite: bool,
    /// A message was not announced because reading is paused.
    pub(super) deferred: bool,
    /// Whether the outbox is above its high-water mark, and the transport.
    outbox_full: bool,
    transport_full: bool,
    /// Whether the protocol was last told to pause writing.
    told_full: bool,
}

/// The message that is announced.
struct Announced {
    content: Content,
    /// Its length in the outbox.
    length: usize,
    confirmation: Confirmation,
}

impl<P: TinyProtocol> Conversation<P> {
    pub(super) fn new(protocol: P, role: Role) -> Self {
        Self {
            protocol,
            exchange: Exchange::new(role),
            outbox: Rc::default(),
            plugins: Plugins::default(),
            max_message: DEFAULT_MAX_MESSAGE,
            announced: None,
            stream: None,
            polite: false,
            deferred: false,
            outbox_full: false,
            transport_full: false,
            told_full: false,
        }
    }

    pub(super) fn set_max_message(&mut self, bytes: u32) {
        self.max_message = bytes.min(SIZE_MAX);
    }

    /// Sees to it that the largest message can be answered.
    pub(super) fn make_room(&self, transport: &Transport) {
        answers::make_room(transport, self.max_message as usize, DEFAULT_MAX_MESSAGE as usize);
    }

    /// How many messages have not been transmitted.
    pub(super) fn untransmitted(&self) -> usize {
        self.outbox.len() + usize::from(self.announced.is_some()) + usize::from(self.stream.is_some())
    }

    /// Whether a message could be announced.
    pub(super) fn wants_to_announce(&self) -> bool {
        self.exchange.is_idle() && self.stream.is_none() && !self.outbox.is_empty()
    }

    /// Announces the next message if there is one and it is nobody's turn.
    pub(super) fn announce(&mut self, transport: &Transport) -> Result {
        if !self.wants_to_announce() {
            return Ok(());
        }
        self.deferred = !transport.delivers_input();
        if self.deferred {
            return Ok(());
        }
        while let Some(Message { content, confirmation }) = self.outbox.next() {
            let length = content.length();
            if matches!(content, Content::Reader(..)) && !self.plugins.is_empty() {
                confirmation.give(Err(TransmitError::Plugins));
                self.outbox.sent(length, transport);
                continue;
            }
            let (content, size) = self.prepare(content)?;
            transport.write(size);
            self.announced = Some(Announced { content, length, confirmation });
            self.exchange.announce();
            break;
        }
        Ok(())
    }

    /// What will be sent, and how that is announced.
    fn prepare(&mut self, content: Content) -> Result<(Content, [u8; 4])> {
        let (content, size) = match content {
            Content::Bytes(message) => {
                let payload = self.plugins.transmit(message)?;
                let size = payload.len();
                (Content::Bytes(payload), size)
            }
            Content::Reader(reader, size) => {
                (Content::Reader(reader, size), usize::try_from(size).unwrap_or(usize::MAX))
            }
        };
        let announcement = announcement(size).ok_or(TinyProtoError::NotSendable { size })?;
        Ok((content, announcement))
    }

    /// What comes next when a turn is over. Who is polite waits.
    pub(super) fn go_on(&mut self, transport: &Transport) -> Result {
        if self.polite { Ok(()) } else { self.announce(transport) }
    }

    pub(super) fn set_transport_full(&mut self, full: bool, transport: &Transport) {
        self.transport_full = full;
        self.tell_full(transport);
    }

    /// Tells the protocol if it should write no more, or can again.
    pub(super) fn tell_full(&mut self, transport: &Transport) {
        self.outbox_full = self.outbox.is_full(self.outbox_full, &transport.limits());
        let full = self.outbox_full || self.transport_full;
        if full == self.told_full || !transport.is_open() {
            return;
        }
        self.told_full = full;
        if full {
            self.protocol.writing_paused(transport);
        } else {
            self.protocol.writing_resumed(transport);
        }
    }

    fn open(&mut self, transport: &Transport, byte: u8) -> Result {
        match byte {
            OK => {
                self.exchange.open();
                self.protocol.ready(transport);
                self.go_on(transport)
            }
            0x00 | 0xfd | 0xfe => Err(TinyProtoError::ConnectionRefused { code: byte }.into()),
            found => Err(TinyProtoError::NotTinyProto { found }.into()),
        }
    }

    /// Answers the peer's announcement.
    fn consider(&mut self, transport: &Transport, size: u32) -> Result {
        if !transport.accepts_output() {
            return Ok(());
        }
        let may_be_divided = size <= SIZE_MAX && self.plugins.is_empty();
        let delivery =
            if may_be_divided { self.protocol.message_begun(transport, size) } else { Delivery::Whole };
        if delivery == Delivery::Pieces || size <= self.max_message {
            transport.write([OK]);
            self.exchange.agree(size, delivery);
            return Ok(());
        }
        let result = self.protocol.message_too_large(transport, size, self.max_message);
        if transport.accepts_output() {
            transport.write([if result.is_ok() { REFUSED_AND_GOING_ON } else { REFUSED }]);
        }
        result.and_then(|()| self.go_on(transport))
    }

    /// The peer has answered our announcement.
    pub(super) fn answered(&mut self, transport: &Transport, code: u8) -> Result {
        let parked = self.exchange.answered();
        if let Some(Announced { content, length, confirmation }) = self.announced.take() {
            match (code, content) {
                (OK, Content::Bytes(payload)) => {
                    transport.write_shared(payload);
                    confirmation.give(Ok(()));
                }
                (OK, Content::Reader(reader, size)) => {
                    self.stream = Some(Box::new(Stream::new(reader, size, confirmation, parked)));
                    return self.go_on_with_stream(transport);
                }
                _ if confirmation.is_wanted() => confirmation.give(Err(TransmitError::Refused { code })),
                _ => self.protocol.transmission_refused(transport, code)?,
            }
            self.outbox.sent(length, transport);
        }
        match parked {
            Some(size) => self.consider(transport, size),
            None => self.go_on(transport),
        }
    }

    /// Sends more of the message that is read while it is sent, if there is one.
    pub(super) fn go_on_with_stream(&mut self, transport: &Transport) -> Result {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        let result = stream.advance(transport);
        if result.is_ok() && stream.left > 0 {
            return Ok(());
        }
        let (sent, size) = (stream.size - stream.left, stream.size);
        let Some(stream) = self.stream.take() else { return Ok(()) };
        let Stream { confirmation, parked, .. } = *stream;
        if let Err(error) = result {
            confirmation.give(Err(TransmitError::Read(error)));
            return Err(TinyProtoError::Abandoned { sent, size }.into());
        }
        confirmation.give(Ok(()));
        self.outbox.sent(0, transport);
        match parked {
            Some(size) => self.consider(transport, size),
            None => self.go_on(transport),
        }
    }

    fn received(&mut self, transport: &Transport, payload: &[u8]) -> Result {
        self.exchange.received();
        let message = self.plugins.receive(payload, self.max_message)?;
        self.protocol.message_received(transport, &message)?;
        self.go_on(transport)
    }

    fn part_received(&mut self, transport: &Transport, part: &[u8]) -> Result {
        self.exchange.part_received(part.len());
        self.protocol.piece_received(transport, part)
    }

    fn parts_ended(&mut self, transport: &Transport) -> Result {
        self.exchange.received();
        self.protocol.message_ended(transport)?;
        self.go_on(transport)
    }
}

impl<P: TinyProtocol> Framing for Conversation<P> {
    type Frame = Piece;

    fn find(&mut self, input: &[u8]) -> Option<Found<Piece>> {
        if self.stream.is_some() {
            // A change of limits has ended the pause: nothing may be answered yet.
            return None;
        }
        self.exchange.find(input).map(|(length, frame)| Found { length, frame })
    }

    fn deliver(&mut self, piece: Piece, bytes: &[u8], _: Rest<'_>, transport: &Transport) -> Result {
        match piece {
            Piece::Opening(byte) => self.open(transport, byte),
            Piece::Size(size) => self.consider(transport, size),
            Piece::CrossingSize(size) => {
                let size = self.exchange.cross(size);
                size.map_or(Ok(()), |size| self.consider(transport, size))
            }
            Piece::Status(code) => self.answered(transport, code),
            Piece::Payload => self.received(transport, bytes),
            Piece::Part => self.part_received(transport, bytes),
            Piece::End => self.parts_ended(transport),
        }?;
        self.tell_full(transport);
        Ok(())
    }
}

impl<P> Drop for Conversation<P> {
    fn drop(&mut self) {
        self.outbox.abandon();
    }
}
