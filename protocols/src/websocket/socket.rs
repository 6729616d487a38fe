//! The handle on a WebSocket.

use std::cell::{Cell, OnceCell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use ropewalk_reactor::{Bytes, Deferred, Reason, TimerKey, Transport};

use super::behind::Behind;
use super::deflate::{Agreement, Deflation};
use super::error::WebSocketError;
use super::farewell::farewell;
use super::fragments::{FragmentedMessage, MessageInProgress};
use super::frames::header::{CONTROL_MAX, Header, Opcode};
use super::frames::mask::Mask;
use super::message::{EncodedMessage, Message, MessageKind};
use super::{CloseCode, ControlTooLong, close_frame, shareable};
use crate::spare;

/// Which side this is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Role {
    Server,
    Client,
}

/// How far a WebSocket has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    /// The handshake is going on.
    Opening,
    Open,
    /// A close frame was sent; the peer's has not come.
    Closing,
    /// Both have sent theirs.
    Closed,
}

/// A handle on one WebSocket: cheap to clone, to keep, and to give away within the reactor's thread.
///
/// As with a [`Transport`], no method calls anybody, and whatever is sent before the WebSocket is open or after it was closed goes
/// nowhere.
#[derive(Clone)]
pub struct WebSocket {
    transport: Transport,
    shared: Rc<Shared>,
}

struct Shared {
    role: Role,
    phase: Cell<Phase>,
    close_timeout: Duration,
    /// What is waited for: the end of the handshake, the time for a ping, or the end of closing.
    timer: Cell<Option<TimerKey>>,
    subprotocol: OnceCell<String>,
    /// There if compression was agreed on.
    deflation: OnceCell<Box<Deflation>>,
    /// What waits for the end of a message that is being sent in fragments; `None` if there is no such.
    behind_fragments: RefCell<Option<Box<Behind>>>,
    /// More than may wait has waited there.
    exceeded: Cell<bool>,
}

impl WebSocket {
    pub(super) fn new(transport: &Transport, role: Role, close_timeout: Duration) -> Self {
        let shared = Shared {
            role,
            phase: Cell::new(Phase::Opening),
            close_timeout,
            timer: Cell::new(None),
            subprotocol: OnceCell::new(),
            deflation: OnceCell::new(),
            behind_fragments: RefCell::new(None),
            exceeded: Cell::new(false),
        };
        Self { transport: transport.clone(), shared: Rc::new(shared) }
    }

    /// Sends a message, text or bytes. While another is being sent in fragments it waits for the end of that, and counts with its
    /// length and 64 bytes as output does: if more than [`Limits::output`](ropewalk_reactor::Limits::output) waits, the
    /// connection is aborted with [`Reason::OutputLimit`].
    pub fn send<'a>(&self, message: impl Into<Message<'a>>) {
        if !self.is_open() {
            return;
        }
        let message = message.into();
        if !self.keep_behind_fragments(|| EncodedMessage::new(message)) {
            self.send_message(message.kind(), message.bytes());
        }
    }

    fn send_message(&self, kind: MessageKind, payload: &[u8]) {
        let opcode = kind.opcode();
        match self.deflation(payload).and_then(|deflation| deflation.compress(payload)) {
            Some(payload) => self.send_compressed(opcode, true, &payload),
            None => self.send_frame(opcode, true, payload),
        }
    }

    /// Sends a message that was encoded before. A server copies nothing, and if the message is to be compressed it is so once for
    /// all; a client has to mask it.
    pub fn send_encoded(&self, message: &EncodedMessage) {
        if !self.is_open() {
            return;
        }
        if self.keep_behind_fragments(|| message.clone()) {
            return;
        }
        let deflation = self.deflation(message.payload());
        match (self.shared.role, deflation) {
            (Role::Server, None) => self.transport.write_shared(message.frame()),
            (Role::Server, Some(deflation)) if deflation.can_share(message.payload().len()) => {
                self.send_shared(message, deflation);
            }
            _ => self.send_message(message.kind(), message.payload()),
        }
    }

    fn send_shared(&self, message: &EncodedMessage, deflation: &Deflation) {
        match message.compressed_frame(deflation) {
            Some(frame) => {
                deflation.begin_anew();
                self.transport.write_shared(frame);
            }
            None => self.transport.write_shared(message.frame()),
        }
    }

    /// Begins a message whose length need not be known, to be sent in fragments. Those of a text have to be UTF-8 together, or the
    /// peer ends the connection.
    ///
    /// So can a message be passed on as its [pieces](super::Delivery::Pieces) come. Whoever does that calls
    /// [`Transport::wait_for_room`] after each piece, so that it is read no faster than the other connection takes it. What is
    /// sent back on the same connection needs no such care.
    ///
    /// ```
    /// use ropewalk_protocols::{
    ///     Delivery, FragmentedMessage, Message, MessageKind, WebSocket, WebSocketProtocol,
    /// };
    /// use ropewalk_reactor::Result;
    ///
    /// /// Passes messages of any length on to another WebSocket.
    /// struct PassOn {
    ///     to: WebSocket,
    ///     message: Option<FragmentedMessage>,
    /// }
    ///
    /// impl WebSocketProtocol for PassOn {
    ///     fn message_begun(&mut self, _: &WebSocket, kind: MessageKind) -> Delivery {
    ///         self.message = self.to.begin(kind).ok();
    ///         Delivery::Pieces
    ///     }
    ///
    ///     fn piece_received(&mut self, socket: &WebSocket, piece: Message<'_>) -> Result {
    ///         if let Some(message) = &mut self.message {
    ///             message.send(piece.bytes());
    ///         }
    ///         socket.transport().wait_for_room(self.to.transport());
    ///         Ok(())
    ///     }
    ///
    ///     fn message_ended(&mut self, _: &WebSocket) -> Result {
    ///         self.message.take().ok_or("another message was under way")?.finish([]);
    ///         Ok(())
    ///     }
    ///
    ///     fn message_received(&mut self, _: &WebSocket, _: Message<'_>) -> Result {
    ///         Ok(()) // they come in pieces
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    /// If another message is being sent in fragments.
    pub fn begin(&self, kind: MessageKind) -> Result<FragmentedMessage, MessageInProgress> {
        let mut behind = self.shared.behind_fragments.borrow_mut();
        if behind.is_some() {
            return Err(MessageInProgress);
        }
        *behind = Some(Box::default());
        Ok(FragmentedMessage::new(self, kind))
    }

    /// Keeps a message until the one has ended that is being sent in fragments; false if there is no such.
    fn keep_behind_fragments(&self, message: impl FnOnce() -> EncodedMessage) -> bool {
        let mut behind = self.shared.behind_fragments.borrow_mut();
        let Some(behind) = &mut *behind else { return false };
        if !behind.add(message(), &self.transport) {
            self.shared.exceeded.set(true);
            self.transport.abort_connection();
        }
        true
    }

    /// The reason of the loss as the protocol shall hear it, if it is another.
    pub(super) fn own_reason(&self, reason: &Reason) -> Option<Reason> {
        let exceeded = matches!(reason, Reason::Aborted) && self.shared.exceeded.get();
        exceeded.then(|| Reason::OutputLimit { limit: self.transport.limits().output })
    }

    /// Sends what waited for the end of the fragments.
    pub(super) fn end_fragments(&self) {
        let behind = self.shared.behind_fragments.take().unwrap_or_default();
        behind.end(|message| self.send_encoded(message));
    }

    pub(crate) fn is_sending_fragments(&self) -> bool {
        self.shared.behind_fragments.borrow().is_some()
    }

    /// Comes when the message has ended that is being sent in fragments; `None` if there is no such.
    pub(crate) fn when_fragments_end(&self) -> Option<Deferred<()>> {
        let mut waiting = self.shared.behind_fragments.borrow_mut();
        let (deferred, resolver) = Deferred::new(self.transport.reactor());
        waiting.as_mut()?.add_group(resolver);
        Some(deferred)
    }

    /// Sends a ping, which the peer answers with a pong of the same payload.
    ///
    /// # Errors
    /// If the payload has more than 125 bytes.
    pub fn ping(&self, payload: impl AsRef<[u8]>) -> Result<(), ControlTooLong> {
        self.send_control(Opcode::Ping, payload.as_ref())
    }

    /// Sends a pong, which may be one that nobody has asked for.
    ///
    /// # Errors
    /// If the payload has more than 125 bytes.
    pub fn pong(&self, payload: impl AsRef<[u8]>) -> Result<(), ControlTooLong> {
        self.send_control(Opcode::Pong, payload.as_ref())
    }

    fn send_control(&self, opcode: Opcode, payload: &[u8]) -> Result<(), ControlTooLong> {
        if payload.len() > CONTROL_MAX {
            return Err(ControlTooLong { length: payload.len() });
        }
        if self.is_open() {
            self.send_frame(opcode, true, payload);
        }
        Ok(())
    }

    /// Closes the WebSocket: the peer is told `code` and `reason`, of which at most 123 bytes are sent, and answers. From now on
    /// nothing more is delivered or can be sent. The connection ends when the answer has come, or, with
    /// [`WebSocketError::CloseTimedOut`], after the [close timeout](super::receiver::WebSocketReceiver::close_timeout).
    ///
    /// Before the WebSocket is open, the connection is just closed.
    pub fn close(&self, code: CloseCode, reason: &str) {
        match self.phase() {
            Phase::Opening => self.transport.lose_connection(),
            Phase::Open => {
                self.send_close(Some(code), reason);
                self.set_phase(Phase::Closing);
                self.set_timer(Some(self.shared.close_timeout));
                // Whoever has paused reading hears nothing more, but the answer has to be heard.
                self.transport.resume_reading();
            }
            Phase::Closing | Phase::Closed => {}
        }
    }

    /// Whether messages can be sent: from [`opened`](super::WebSocketProtocol::opened) until either side closes.
    pub fn is_open(&self) -> bool {
        self.phase() == Phase::Open && self.transport.accepts_output()
    }

    /// The subprotocol that was agreed on.
    pub fn subprotocol(&self) -> Option<&str> {
        self.shared.subprotocol.get().map(String::as_str)
    }

    /// The connection under the WebSocket: for its addresses, limits, timers, pausing, aborting. Bytes that are written to it
    /// directly break the protocol.
    pub fn transport(&self) -> &Transport {
        &self.transport
    }

    pub(super) fn phase(&self) -> Phase {
        self.shared.phase.get()
    }

    pub(super) fn set_phase(&self, phase: Phase) {
        self.shared.phase.set(phase);
        self.transport.set_farewell(match phase {
            Phase::Open => farewell(self.shared.role, &self.transport),
            Phase::Opening | Phase::Closing | Phase::Closed => Bytes::default(),
        });
    }

    pub(super) fn set_subprotocol(&self, subprotocol: Option<&str>) {
        if let Some(subprotocol) = subprotocol {
            self.shared.subprotocol.get_or_init(|| subprotocol.to_owned());
        }
    }

    pub(super) fn set_agreement(&self, agreement: Option<&Agreement>) {
        if let Some(agreement) = agreement {
            self.shared.deflation.get_or_init(|| Box::new(Deflation::new(agreement)));
        }
    }

    /// What compresses a message that is, or begins with, this payload, if it is to be compressed.
    pub(super) fn deflation(&self, payload: &[u8]) -> Option<&Deflation> {
        self.shared
            .deflation
            .get()
            .map(|deflation| &**deflation)
            .filter(|deflation| deflation.wants(payload.len()))
    }

    /// Puts another timer in the place of the one that runs.
    pub(super) fn set_timer(&self, delay: Option<Duration>) {
        let timer = delay.map(|delay| self.transport.set_timer(delay));
        if let Some(before) = self.shared.timer.replace(timer) {
            self.transport.cancel_timer(before);
        }
    }

    pub(super) fn is_own_timer(&self, timer: TimerKey) -> bool {
        self.shared.timer.get() == Some(timer)
    }

    /// Answers the peer's close frame with one that says the same.
    pub(super) fn answer_close(&self, code: Option<CloseCode>, reason: &str) {
        if self.phase() == Phase::Open {
            self.send_close(code, reason);
        }
        self.set_phase(Phase::Closed);
        match self.shared.role {
            Role::Server => self.transport.lose_connection(),
            // The server closes the connection first, so that no port of the server's waits afterwards.
            Role::Client => self.set_timer(Some(self.shared.close_timeout)),
        }
    }

    /// Tells the peer why the WebSocket ends, if it is open.
    pub(crate) fn say_goodbye(&self, code: CloseCode, reason: &str) {
        if self.phase() == Phase::Open {
            self.send_close(Some(code), reason);
        }
        self.set_phase(Phase::Closed);
    }

    /// Ends the WebSocket because of an error.
    pub(super) fn fail(&self, error: WebSocketError) {
        if let Some(code) = error.close_code() {
            self.say_goodbye(code, &error.to_string());
        }
        self.set_phase(Phase::Closed);
        self.transport.fail(error);
    }

    fn send_close(&self, code: Option<CloseCode>, reason: &str) {
        self.send_frame(Opcode::Close, true, &close_frame::encode(code, reason));
    }

    /// Sends a fragment of a message that is compressed.
    pub(super) fn send_compressed_fragment(&self, opcode: Opcode, last: bool, piece: &[u8]) {
        if let Some(deflation) = self.shared.deflation.get() {
            self.send_compressed(opcode, last, &deflation.compress_fragment(piece, last));
        }
    }

    fn send_compressed(&self, opcode: Opcode, last: bool, payload: &[u8]) {
        // Only the first frame of a message tells.
        let compressed = opcode != Opcode::Continuation;
        self.write_frame(Header { compressed, ..Header::new(opcode, last, payload) }, payload);
    }

    pub(super) fn send_frame(&self, opcode: Opcode, last: bool, payload: &[u8]) {
        self.write_frame(Header::new(opcode, last, payload), payload);
    }

    fn write_frame(&self, mut header: Header, payload: &[u8]) {
        match self.shared.role {
            Role::Server => match shareable::delivered(payload) {
                Some(payload) => {
                    self.transport.write(header.encode().bytes());
                    self.transport.write_shared(payload);
                }
                None => self.transport.write_vectored(&[header.encode().bytes(), payload]),
            },
            Role::Client => match self.transport.reactor().secret() {
                Ok(key) => {
                    let mut mask = Mask::new(key);
                    header.mask = Some(mask);
                    let mut masked = spare::take();
                    mask.append(payload, &mut masked);
                    self.transport.write_vectored(&[header.encode().bytes(), &masked]);
                    spare::give_back(masked);
                }
                // What a client sends unmasked could be made to mislead caches on its way (RFC 6455, section 10.3).
                Err(error) => self.transport.fail(error),
            },
        }
    }
}

impl fmt::Debug for WebSocket {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("WebSocket")
            .field("role", &self.shared.role)
            .field("phase", &self.phase())
            .field("transport", &self.transport)
            .finish_non_exhaustive()
    }
}
