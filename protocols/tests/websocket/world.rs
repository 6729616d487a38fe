//! What the tests share: a protocol that records what it hears, and frames made by hand.

use std::any::Any;
use std::rc::Rc;
use std::time::Duration;

use ropewalk_protocols::{
    CloseCode, Delivery, HttpRequest, HttpResponse, Message, MessageKind, WebSocket, WebSocketProtocol,
    WebSocketReceiver,
};
use ropewalk_reactor::testing::{Events, Probe};
use ropewalk_reactor::{Reason, Result, TimerKey, Transport};

/// The key of the standard's example, and the answer to it.
pub(crate) const REQUEST: &str = "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
pub(crate) const ANSWER: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

pub(crate) const SECOND: Duration = Duration::from_secs(1);

type React = Rc<dyn Fn(&WebSocket, Message<'_>) -> Result>;

/// Records everything it hears, and does with each message what the test wants.
#[derive(Clone)]
pub(crate) struct Listens {
    pub(crate) log: Events,
    pub(crate) react: React,
    pub(crate) delivery: Delivery,
    /// Whether it records that output waits, too, which depends on the peer.
    pub(crate) hears_flow: bool,
    pub(crate) records_pieces: bool,
}

impl Listens {
    pub(crate) fn new(log: &Events) -> Self {
        Self {
            log: log.clone(),
            react: Rc::new(|_, _| Ok(())),
            delivery: Delivery::Whole,
            hears_flow: false,
            records_pieces: true,
        }
    }

    /// Sends back what comes; "quit" closes, "fail" fails.
    pub(crate) fn echo(log: &Events) -> Self {
        Self::with(log, |socket, message| {
            match message {
                Message::Text("quit") => socket.close(CloseCode::NORMAL, "bye"),
                Message::Text("fail") => return Err("as asked".into()),
                message => socket.send(message),
            }
            Ok(())
        })
    }

    pub(crate) fn with(log: &Events, react: impl Fn(&WebSocket, Message<'_>) -> Result + 'static) -> Self {
        Self { react: Rc::new(react), ..Self::new(log) }
    }

    pub(crate) fn in_pieces(log: &Events) -> Self {
        Self { delivery: Delivery::Pieces, ..Self::new(log) }
    }
}

fn name(message: Message<'_>) -> &'static str {
    match message {
        Message::Text(_) => "text",
        Message::Binary(_) => "binary",
    }
}

impl WebSocketProtocol for Listens {
    fn upgrade_requested(&mut self, _: &Transport, request: &HttpRequest<'_>) -> Result<(), HttpResponse> {
        self.log.record(format_args!("asked {}", request.target()));
        match (request.path(), request.origin()) {
            ("/secret", _) => Err(HttpResponse::new(404)),
            (_, Some("https://evil.example")) => Err(HttpResponse::new(403)),
            _ => Ok(()),
        }
    }

    fn opened(&mut self, socket: &WebSocket) {
        self.log.record(format_args!("opened {}", socket.subprotocol().unwrap_or("")));
    }

    fn message_begun(&mut self, _: &WebSocket, _: MessageKind) -> Delivery {
        self.delivery
    }

    fn message_received(&mut self, socket: &WebSocket, message: Message<'_>) -> Result {
        self.log.record_bytes(name(message), message.bytes());
        (self.react)(socket, message)
    }

    fn piece_received(&mut self, _: &WebSocket, piece: Message<'_>) -> Result {
        if self.records_pieces {
            self.log.record_stream(name(piece), piece.bytes());
        }
        Ok(())
    }

    fn message_ended(&mut self, _: &WebSocket) -> Result {
        self.log.record("ended");
        Ok(())
    }

    fn ping_received(&mut self, socket: &WebSocket, payload: &[u8]) -> Result {
        self.log.record_bytes("ping", payload);
        Ok(socket.pong(payload)?)
    }

    fn pong_received(&mut self, _: &WebSocket, payload: &[u8]) -> Result {
        self.log.record_bytes("pong", payload);
        Ok(())
    }

    fn closing(&mut self, _: &WebSocket, code: Option<CloseCode>, reason: &str) {
        self.log.record(format_args!("closing {:?} {reason}", code.map(CloseCode::code)));
    }

    fn writing_paused(&mut self, _: &WebSocket) {
        if self.hears_flow {
            self.log.record("paused");
        }
    }

    fn writing_resumed(&mut self, _: &WebSocket) {
        if self.hears_flow {
            self.log.record("resumed");
        }
    }

    fn timer_expired(&mut self, _: &WebSocket, _: TimerKey) {
        self.log.record("timer");
    }

    fn layer_opened(&mut self, _: &WebSocket) {
        self.log.record("layer opened");
    }

    fn event_received(&mut self, socket: &WebSocket, event: Box<dyn Any>) {
        match event.downcast::<Box<dyn FnOnce(&WebSocket)>>() {
            Ok(act) => act(socket),
            Err(_) => self.log.record("event"),
        }
    }

    fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
        self.log.record(format_args!("lost {reason}"));
    }
}

/// A server's end that is open, and what it hears.
pub(crate) fn opened(
    make: impl Fn(&Events) -> Listens,
    set: impl Fn(WebSocketReceiver<Listens>) -> WebSocketReceiver<Listens>,
) -> (Probe, Events) {
    let log = Events::new();
    let mut probe = Probe::new(set(WebSocketReceiver::server(make(&log))));
    probe.deliver(REQUEST);
    assert_eq!(probe.written(), ANSWER.as_bytes());
    assert_eq!(log.take(), ["asked /chat", "opened "]);
    (probe, log)
}

pub(crate) fn server(make: impl Fn(&Events) -> Listens) -> (Probe, Events) {
    opened(make, |receiver| receiver)
}

/// Keeps nothing of what it hears.
pub(crate) struct Forgets(pub(crate) Delivery);

impl WebSocketProtocol for Forgets {
    fn message_begun(&mut self, _: &WebSocket, _: MessageKind) -> Delivery {
        self.0
    }

    fn message_received(&mut self, _: &WebSocket, _: Message<'_>) -> Result {
        Ok(())
    }

    fn piece_received(&mut self, _: &WebSocket, _: Message<'_>) -> Result {
        Ok(())
    }

    fn message_ended(&mut self, _: &WebSocket) -> Result {
        Ok(())
    }

    fn event_received(&mut self, socket: &WebSocket, event: Box<dyn Any>) {
        if let Ok(act) = event.downcast::<Box<dyn FnOnce(&WebSocket)>>() {
            act(socket);
        }
    }
}

/// A server's end that is open, with such a protocol.
pub(crate) fn forgetful(delivery: Delivery) -> Probe {
    let mut probe = Probe::new(WebSocketReceiver::server(Forgets(delivery)));
    probe.deliver(REQUEST);
    probe
}

/// Has the protocol's side do something with its WebSocket.
pub(crate) fn act(probe: &mut Probe, act: impl FnOnce(&WebSocket) + 'static) {
    let act: Box<dyn FnOnce(&WebSocket)> = Box::new(act);
    probe.transport().post(act);
    probe.settle();
}

fn length(masked: u8, payload: &[u8]) -> Vec<u8> {
    match payload.len() {
        length @ 0..=125 => vec![masked | length as u8],
        length @ 126..=65_535 => [&[masked | 126], (length as u16).to_be_bytes().as_slice()].concat(),
        length => [&[masked | 127], (length as u64).to_be_bytes().as_slice()].concat(),
    }
}

/// A frame of a server, with this first byte.
pub(crate) fn plain(first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let payload = payload.as_ref();
    [&[first], length(0, payload).as_slice(), payload].concat()
}

/// A frame of a client, with this first byte.
pub(crate) fn masked(first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    const KEY: [u8; 4] = [0x12, 0x34, 0x56, 0x78];
    let payload = payload.as_ref();
    let bytes = payload.iter().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key);
    [&[first], length(0x80, payload).as_slice(), &KEY, &bytes.collect::<Vec<_>>()].concat()
}

pub(crate) fn close(code: u16, reason: impl AsRef<[u8]>) -> Vec<u8> {
    [&code.to_be_bytes(), reason.as_ref()].concat()
}
