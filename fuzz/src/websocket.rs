//! WebSockets that are open, and what they hear.

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

use ropewalk::testing::Probe;
use ropewalk::{
    CloseCode, DeflateOptions, Delivery, Message, MessageKind, Reason, Result, Transport, WebSocket,
    WebSocketProtocol, WebSocketReceiver,
};

use crate::resume_fully;

/// How an end behaves.
#[derive(Clone, Copy, Debug)]
pub struct Manners {
    /// Which end it is.
    pub is_client: bool,
    /// What it compresses with.
    pub deflate: Option<DeflateOptions>,
    /// Messages are taken in pieces.
    pub in_pieces: bool,
    /// It pauses at each message and each piece.
    pub pauses: bool,
    /// How long messages may be that are not taken in pieces.
    pub limit: usize,
}

/// What became of an input.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Conversation {
    /// The messages, the last of which may not have ended.
    pub messages: Vec<(MessageKind, Vec<u8>)>,
    /// How many have ended.
    pub ended: usize,
    /// The pings and pongs.
    pub controls: Vec<Vec<u8>>,
    /// What was written, handshake excluded.
    pub written: Vec<u8>,
    /// How the peer closed.
    pub closing: Option<(Option<CloseCode>, String)>,
    /// Why the connection ended.
    pub end: String,
}

/// Notes what it hears, and does what events say.
#[derive(Debug)]
pub struct Note {
    manners: Manners,
    heard: Rc<RefCell<Conversation>>,
}

impl Note {
    fn pause(&self, socket: &WebSocket) {
        if self.manners.pauses {
            socket.transport().pause_reading();
        }
    }
}

impl WebSocketProtocol for Note {
    fn message_begun(&mut self, _: &WebSocket, kind: MessageKind) -> Delivery {
        if !self.manners.in_pieces {
            return Delivery::Whole;
        }
        self.heard.borrow_mut().messages.push((kind, Vec::new()));
        Delivery::Pieces
    }

    fn message_received(&mut self, socket: &WebSocket, message: Message<'_>) -> Result {
        let mut heard = self.heard.borrow_mut();
        heard.messages.push((message.kind(), message.bytes().to_vec()));
        heard.ended += 1;
        self.pause(socket);
        Ok(())
    }

    fn piece_received(&mut self, socket: &WebSocket, piece: Message<'_>) -> Result {
        assert!(!piece.bytes().is_empty());
        let mut heard = self.heard.borrow_mut();
        let (_, bytes) = heard.messages.last_mut().expect("it has begun");
        bytes.extend(piece.bytes());
        self.pause(socket);
        Ok(())
    }

    fn message_ended(&mut self, _: &WebSocket) -> Result {
        self.heard.borrow_mut().ended += 1;
        Ok(())
    }

    fn ping_received(&mut self, socket: &WebSocket, payload: &[u8]) -> Result {
        self.heard.borrow_mut().controls.push(payload.to_vec());
        Ok(socket.pong(payload)?)
    }

    fn pong_received(&mut self, _: &WebSocket, payload: &[u8]) -> Result {
        self.heard.borrow_mut().controls.push(payload.to_vec());
        Ok(())
    }

    fn event_received(&mut self, socket: &WebSocket, event: Box<dyn Any>) {
        if let Ok(act) = event.downcast::<Box<dyn FnOnce(&WebSocket)>>() {
            act(socket);
        }
    }

    fn closing(&mut self, _: &WebSocket, code: Option<CloseCode>, reason: &str) {
        self.heard.borrow_mut().closing = Some((code, reason.to_owned()));
    }

    fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
        self.heard.borrow_mut().end = reason.to_string();
    }
}

/// One end of a WebSocket, and what it hears.
pub fn receiver(manners: Manners) -> (WebSocketReceiver<Note>, Rc<RefCell<Conversation>>) {
    let heard = Rc::<RefCell<Conversation>>::default();
    let note = Note { manners, heard: Rc::clone(&heard) };
    let url = "ws://a/".parse().expect("it is an address");
    let receiver = if manners.is_client {
        WebSocketReceiver::client(note, &url)
    } else {
        WebSocketReceiver::server(note)
    };
    let receiver = receiver.max_message(manners.limit);
    (if let Some(options) = manners.deflate { receiver.deflate(options) } else { receiver }, heard)
}

/// What a peer answers to the client's `request`, or what it asks of a server without one; it goes along with compression.
pub fn handshake(request: Option<&[u8]>, deflate: Option<DeflateOptions>) -> Vec<u8> {
    let is_client = request.is_none();
    let peer = Manners { is_client, deflate, in_pieces: false, pauses: false, limit: 0 };
    let mut probe = Probe::new(receiver(peer).0);
    probe.deliver(request.unwrap_or_default());
    probe.written()
}

/// What an end makes of what comes after the handshake.
pub fn converse(parts: &[&[u8]], manners: Manners) -> Conversation {
    let (receiver, heard) = receiver(manners);
    let mut probe = Probe::new(receiver);
    let asked = probe.written();
    probe.deliver(handshake(manners.is_client.then_some(&asked[..]), manners.deflate));
    let _ = probe.written();
    for part in parts {
        probe.deliver(part);
        resume_fully(&mut probe);
    }
    let written = probe.written();
    probe.deliver_eof();
    resume_fully(&mut probe);
    assert!(probe.is_closed(), "the connection has not ended: {:?}", heard.borrow());
    Conversation { written, ..heard.take() }
}
