//! What comes on the connection of a WebSocket, from the handshake to the last frame.

use ropewalk_reactor::{Instant, Result, Transport};

use super::deflate::{Agreement, Inflation};
use super::error::WebSocketError;
use super::frames::assembly::{Assembly, message};
use super::frames::decoder::{Frame, FrameDecoder};
use super::frames::header::{CONTROL_MAX, Header, Opcode};
use super::handshake::accepting::{self, Asked, Refusal, Upgrade};
use super::handshake::asking::Question;
use super::handshake::error::HandshakeError;
use super::handshake::head::{FIELDS_MAX, HeadFinder, HeadTooLong};
use super::options::{DEFAULT_MAX_MESSAGE, Options};
use super::socket::{Phase, Role, WebSocket};
use super::{MessageKind, WebSocketProtocol, close_frame, goodbye};
use crate::answers;
use crate::delivery::Delivery;
use crate::receiving::{Found, Framing, Rest};

/// A protocol together with what finds its messages.
pub(super) struct Connection<P> {
    pub(super) protocol: P,
    pub(super) options: Options,
    /// What a client asks, until it has its answer.
    pub(super) question: Option<Box<Question>>,
    /// There from the first callback on.
    pub(super) socket: Option<WebSocket>,
    /// When something came last; kept for the heartbeat.
    pub(super) heard: Instant,
    /// A ping was sent and nothing has come since.
    pub(super) pinged: bool,
    finder: HeadFinder,
    decoder: FrameDecoder,
    /// The message that is coming, unless it was delivered already or nobody wants it any more.
    assembly: Option<Assembly>,
    /// There if compression was agreed on.
    inflation: Option<Box<Inflation>>,
}

/// What is found.
pub(super) enum Part {
    Head,
    HeadTooLong,
    Frame(Frame),
    /// What was read before and is not inflated yet.
    Compressed,
    /// What comes after the last close frame.
    Ignored,
}

impl<P: WebSocketProtocol> Connection<P> {
    pub(super) fn new(protocol: P, question: Option<Question>) -> Self {
        let role = if question.is_some() { Role::Client } else { Role::Server };
        Self {
            protocol,
            options: Options::default(),
            question: question.map(Box::new),
            socket: None,
            heard: Instant::ZERO,
            pinged: false,
            finder: HeadFinder::default(),
            decoder: FrameDecoder::new(role),
            assembly: None,
            inflation: None,
        }
    }

    pub(super) fn set_max_frame(&mut self, bytes: u64) {
        self.decoder.max_frame = bytes;
    }

    pub(super) fn role(&self) -> Role {
        self.decoder.role()
    }

    pub(super) fn parts(&mut self) -> (&mut P, &WebSocket) {
        let socket = self.socket.as_ref().expect("connection_made comes before all other callbacks");
        (&mut self.protocol, socket)
    }

    pub(super) fn phase(&self) -> Phase {
        self.socket.as_ref().map_or(Phase::Opening, WebSocket::phase)
    }

    fn deliver_part(&mut self, part: Part, bytes: &[u8], transport: &Transport) -> Result {
        match part {
            Part::Ignored => Ok(()),
            Part::HeadTooLong => self.refuse_long_head(transport),
            Part::Head if self.role() == Role::Client => self.deliver_answer(bytes),
            Part::Head => self.deliver_request(bytes, transport),
            Part::Frame(frame) => self.deliver_frame(frame, bytes),
            Part::Compressed => self.inflate(),
        }
    }

    fn refuse_long_head(&self, transport: &Transport) -> Result {
        let limit = self.options.max_head;
        match self.role() {
            Role::Client => Err(HandshakeError::TooLong { limit }.into()),
            Role::Server => refuse(transport, Refusal::too_long(limit)),
        }
    }

    fn deliver_request(&mut self, head: &[u8], transport: &Transport) -> Result {
        let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
        match accepting::read(head, &mut fields) {
            Ok(Asked::WebSocket(upgrade)) => self.answer_upgrade(&upgrade, transport),
            Ok(Asked::Page(request)) => {
                let response = self.protocol.page_requested(transport, &request);
                transport.write(response.encode(request.method() == "HEAD"));
                transport.lose_connection();
            }
            Err(refusal) => return refuse(transport, refusal),
        }
        Ok(())
    }

    fn answer_upgrade(&mut self, upgrade: &Upgrade<'_>, transport: &Transport) {
        if let Err(response) = self.protocol.upgrade_requested(transport, &upgrade.request) {
            transport.write(response.encode(false));
            transport.lose_connection();
        } else if transport.is_open() {
            let subprotocol = upgrade.choose(&self.options.subprotocols).map(str::to_owned);
            let deflate = self.options.deflate.as_ref();
            let (agreement, extensions) = deflate.and_then(|deflate| upgrade.agree(deflate)).unzip();
            transport.write(upgrade.accept(subprotocol.as_deref(), extensions.as_deref()));
            self.open(subprotocol.as_deref(), agreement.as_ref());
        }
    }

    fn deliver_answer(&mut self, head: &[u8]) -> Result {
        let question = self.question.take().expect("a client has asked once");
        let answer = question.check(head, &self.options)?;
        self.open(answer.subprotocol.as_deref(), answer.agreement.as_ref());
        Ok(())
    }

    fn open(&mut self, subprotocol: Option<&str>, agreement: Option<&Agreement>) {
        let Options { heartbeat, max_message, .. } = self.options;
        self.decoder.may_compress = agreement.is_some();
        self.inflation = agreement.map(|agreement| Box::new(Inflation::new(agreement)));
        let (protocol, socket) = self.parts();
        socket.set_subprotocol(subprotocol);
        socket.set_agreement(agreement);
        socket.set_phase(Phase::Open);
        socket.set_timer(heartbeat);
        answers::make_room(socket.transport(), max_message, DEFAULT_MAX_MESSAGE);
        protocol.opened(socket);
    }

    fn deliver_frame(&mut self, frame: Frame, bytes: &[u8]) -> Result {
        match frame {
            Frame::Header(header) => self.begin_frame(&header),
            Frame::Payload => self.deliver_payload(bytes),
            Frame::End => self.end_frame(),
            Frame::Control(header, start) => self.deliver_control(&header, &bytes[start..]),
            Frame::Bad(error) => Err(error.into()),
        }
    }

    fn begin_frame(&mut self, header: &Header) -> Result {
        self.decoder.begin(header);
        match header.opcode {
            Opcode::Text => self.begin_message(MessageKind::Text, header.compressed),
            Opcode::Binary => self.begin_message(MessageKind::Binary, header.compressed),
            _ => {}
        }
        let limit = self.options.max_message;
        match &self.assembly {
            Some(assembly) if assembly.delivery == Delivery::Whole && !self.is_inflating() => {
                let length = header.length.saturating_add(assembly.length() as u64);
                if length > limit as u64 {
                    Err(WebSocketError::MessageTooBig { limit }.into())
                } else {
                    Ok(())
                }
            }
            _ => Ok(()),
        }
    }

    fn begin_message(&mut self, kind: MessageKind, compressed: bool) {
        if self.phase() == Phase::Open {
            if let Some(inflation) = self.inflation.as_mut().filter(|_| compressed) {
                inflation.begin();
            }
            let (protocol, socket) = self.parts();
            let delivery = protocol.message_begun(socket, kind);
            self.assembly = Some(Assembly::new(kind, delivery));
        }
    }

    fn deliver_payload(&mut self, bytes: &[u8]) -> Result {
        let payload = self.decoder.pass(bytes.len());
        let socket = self.socket.as_ref().filter(|socket| socket.phase() == Phase::Open);
        let (Some(socket), Some(assembly)) = (socket, &mut self.assembly) else {
            return Ok(());
        };
        if let Some(inflation) = self.inflation.as_mut().filter(|inflation| inflation.in_message()) {
            inflation.add(bytes, payload.mask);
            return Ok(());
        }
        let is_whole = payload.ends_message && payload.mask.is_none() && assembly.length() == 0;
        match assembly.delivery {
            Delivery::Whole if is_whole => {
                let kind = assembly.kind;
                self.assembly = None;
                self.protocol.message_received(socket, message(kind, bytes)?)
            }
            Delivery::Whole => {
                assembly.add(bytes, payload.mask);
                // What is complete is looked at when it is delivered.
                if payload.ends_message { Ok(()) } else { Ok(assembly.check()?) }
            }
            Delivery::Pieces => {
                assembly.add(bytes, payload.mask);
                deliver_piece(&mut self.protocol, socket, assembly)
            }
        }
    }

    fn is_inflating(&self) -> bool {
        self.inflation.as_ref().is_some_and(|inflation| inflation.in_message())
    }

    /// Goes on with a compressed message: by a bounded step, or, when all is inflated, by its end.
    fn inflate(&mut self) -> Result {
        let socket = self.socket.as_ref().expect("connection_made comes before all other callbacks");
        let (Some(inflation), Some(assembly)) = (&mut self.inflation, &mut self.assembly) else {
            return Ok(());
        };
        if !inflation.has_more() {
            inflation.finish()?;
            return self.end_message();
        }
        let limit = self.options.max_message;
        let added = assembly.add_inflated(inflation, limit);
        match assembly.delivery {
            Delivery::Whole => {
                assembly.check()?;
                if assembly.length() > limit {
                    return Err(WebSocketError::MessageTooBig { limit }.into());
                }
                Ok(added?)
            }
            Delivery::Pieces => {
                // However it was cut, what comes before an error is heard.
                deliver_piece(&mut self.protocol, socket, assembly)?;
                Ok(added?)
            }
        }
    }

    fn end_frame(&mut self) -> Result {
        if !self.decoder.end() {
            return Ok(());
        }
        // What comes after this side has closed is not inflated, nor kept.
        let inflates = self.is_inflating() && self.phase() == Phase::Open;
        match self.inflation.as_mut().filter(|_| inflates) {
            Some(inflation) => inflation.end(),
            None => self.end_message()?,
        }
        Ok(())
    }

    fn end_message(&mut self) -> Result {
        let Some(assembly) = self.assembly.take().filter(|_| self.phase() == Phase::Open) else {
            return Ok(());
        };
        let (protocol, socket) = self.parts();
        match assembly.delivery {
            Delivery::Whole => assembly.deliver(|message| protocol.message_received(socket, message)),
            Delivery::Pieces if assembly.length() > 0 => Err(WebSocketError::InvalidUtf8.into()),
            Delivery::Pieces => protocol.message_ended(socket),
        }
    }

    fn deliver_control(&mut self, header: &Header, payload: &[u8]) -> Result {
        let mut unmasked = [0; CONTROL_MAX];
        let payload = match header.mask {
            Some(mut mask) => mask.apply(payload, &mut unmasked),
            None => payload,
        };
        if header.opcode == Opcode::Close {
            return self.deliver_close(payload);
        }
        if self.phase() != Phase::Open {
            return Ok(());
        }
        let (protocol, socket) = self.parts();
        match header.opcode {
            Opcode::Ping => protocol.ping_received(socket, payload),
            _ => protocol.pong_received(socket, payload),
        }
    }

    fn deliver_close(&mut self, payload: &[u8]) -> Result {
        let (code, reason) = close_frame::read(payload)?;
        let (protocol, socket) = self.parts();
        protocol.closing(socket, code, reason);
        socket.answer_close(code, reason);
        self.assembly = None;
        Ok(())
    }
}

/// Delivers what was added to a message in pieces.
fn deliver_piece(
    protocol: &mut impl WebSocketProtocol,
    socket: &WebSocket,
    assembly: &mut Assembly,
) -> Result {
    let checked = assembly.check();
    let piece = assembly.piece();
    if !piece.bytes().is_empty() {
        protocol.piece_received(socket, piece)?;
        assembly.clear_piece();
    }
    Ok(checked?)
}

fn refuse(transport: &Transport, refusal: Refusal) -> Result {
    transport.write(refusal.response.encode(false));
    Err(refusal.error.into())
}

impl<P: WebSocketProtocol> Framing for Connection<P> {
    type Frame = Part;

    fn find(&mut self, input: &[u8]) -> Option<Found<Part>> {
        match self.phase() {
            Phase::Opening => match self.finder.find(input, self.options.max_head) {
                Ok(length) => length.map(|length| Found { length, frame: Part::Head }),
                Err(HeadTooLong) => Some(Found { length: 0, frame: Part::HeadTooLong }),
            },
            Phase::Open if self.inflation.as_ref().is_some_and(|inflation| inflation.is_due()) => {
                Some(Found { length: 0, frame: Part::Compressed })
            }
            Phase::Open | Phase::Closing => {
                let found = self.decoder.find(input)?;
                Some(Found { length: found.length, frame: Part::Frame(found.frame) })
            }
            Phase::Closed => {
                (!input.is_empty()).then_some(Found { length: input.len(), frame: Part::Ignored })
            }
        }
    }

    fn deliver(&mut self, part: Part, bytes: &[u8], _: Rest<'_>, transport: &Transport) -> Result {
        let result = self.deliver_part(part, bytes, transport);
        if let (Err(error), Some(socket)) = (&result, &self.socket) {
            self.assembly = None;
            if let Some((code, reason)) = goodbye(error) {
                socket.say_goodbye(code, &reason);
            }
        }
        result
    }
}
