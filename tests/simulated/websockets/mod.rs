//! WebSockets between hosts.

mod broadcast;
mod closing;
mod messages;
mod timing;

use std::cell::RefCell;
use std::rc::Rc;

use ropewalk::simulation::{Host, Simulation};
use ropewalk::{
    CloseCode, ConnectOptions, Delivery, Instant, ListenOptions, Message, MessageKind, Reason, Result,
    Transport, WebSocket, WebSocketProtocol, WebSocketReceiver, for_protocol,
};

use crate::people::idle;
use crate::witness::{MILLISECOND, SECOND, at, exact};

const PORT: u16 = 8_008;

/// What one end of a WebSocket hears.
#[derive(Clone, Default)]
struct End(Rc<RefCell<Heard>>);

#[derive(Default)]
struct Heard {
    socket: Option<WebSocket>,
    /// Those that are whole: their kinds and contents.
    messages: Vec<(MessageKind, Vec<u8>)>,
    /// The one that comes in pieces.
    pieces: Option<(MessageKind, Vec<u8>)>,
    pings: Vec<Instant>,
    pongs: Vec<Vec<u8>>,
    closing: Vec<(Option<u16>, String)>,
    lost: Option<(Instant, String)>,
}

const CLEAN: &str = "the connection was closed cleanly";

impl End {
    fn socket(&self) -> WebSocket {
        self.0.borrow().socket.clone().expect("the WebSocket is open")
    }

    fn is_open(&self) -> bool {
        self.0.borrow().socket.is_some()
    }

    /// When it was lost and why, if it was.
    fn lost(&self) -> Option<(Instant, String)> {
        self.0.borrow().lost.clone()
    }

    fn reason(&self) -> Option<String> {
        self.lost().map(|(_, reason)| reason)
    }

    fn count(&self) -> usize {
        self.0.borrow().messages.len()
    }
}

/// A protocol that notes what it hears.
struct Ears {
    end: End,
    delivery: Delivery,
}

impl Ears {
    fn new(end: &End) -> Self {
        Self { end: end.clone(), delivery: Delivery::Whole }
    }
}

fn kind_of(message: Message<'_>) -> (MessageKind, Vec<u8>) {
    (message.kind(), message.bytes().to_vec())
}

impl WebSocketProtocol for Ears {
    fn opened(&mut self, socket: &WebSocket) {
        let before = self.end.0.borrow_mut().socket.replace(socket.clone());
        assert!(before.is_none(), "it opens once");
    }

    fn message_begun(&mut self, _: &WebSocket, kind: MessageKind) -> Delivery {
        if self.delivery == Delivery::Pieces {
            let before = self.end.0.borrow_mut().pieces.replace((kind, Vec::new()));
            assert_eq!(before, None, "no message begins within another");
        }
        self.delivery
    }

    fn message_received(&mut self, _: &WebSocket, message: Message<'_>) -> Result {
        let mut heard = self.end.0.borrow_mut();
        assert!(heard.lost.is_none(), "G1: nothing comes after the loss");
        heard.messages.push(kind_of(message));
        Ok(())
    }

    fn piece_received(&mut self, _: &WebSocket, piece: Message<'_>) -> Result {
        let mut heard = self.end.0.borrow_mut();
        let (kind, bytes) = heard.pieces.as_mut().expect("a message has begun");
        assert_eq!(*kind, piece.kind());
        bytes.extend_from_slice(piece.bytes());
        Ok(())
    }

    fn message_ended(&mut self, _: &WebSocket) -> Result {
        let mut heard = self.end.0.borrow_mut();
        let message = heard.pieces.take().expect("a message has begun");
        heard.messages.push(message);
        Ok(())
    }

    fn ping_received(&mut self, socket: &WebSocket, payload: &[u8]) -> Result {
        self.end.0.borrow_mut().pings.push(socket.transport().reactor().now());
        Ok(socket.pong(payload)?)
    }

    fn pong_received(&mut self, _: &WebSocket, payload: &[u8]) -> Result {
        self.end.0.borrow_mut().pongs.push(payload.to_vec());
        Ok(())
    }

    fn closing(&mut self, _: &WebSocket, code: Option<CloseCode>, reason: &str) {
        self.end.0.borrow_mut().closing.push((code.map(CloseCode::code), reason.to_owned()));
    }

    fn connection_lost(&mut self, transport: &Transport, reason: &Reason) {
        let lost = Some((transport.reactor().now(), reason.to_string()));
        let before = std::mem::replace(&mut self.end.0.borrow_mut().lost, lost);
        assert_eq!(before, None, "G1: a connection is lost once");
    }
}

/// A server, a client, and what they hear of each other.
struct Pair {
    server: Host,
    client: Host,
    at_server: End,
    at_client: End,
}

impl Pair {
    /// Both a millisecond apart, with receivers like these.
    fn open(
        simulation: &mut Simulation,
        server: fn(WebSocketReceiver<Ears>) -> WebSocketReceiver<Ears>,
        client: fn(WebSocketReceiver<Ears>) -> WebSocketReceiver<Ears>,
    ) -> Self {
        simulation.set_default_link(exact(MILLISECOND));
        let pair = Self::connect(simulation, server, client, Delivery::Whole);
        simulation.run_for(SECOND);
        assert!(pair.at_server.is_open() && pair.at_client.is_open());
        pair
    }

    fn connect(
        simulation: &mut Simulation,
        as_server: fn(WebSocketReceiver<Ears>) -> WebSocketReceiver<Ears>,
        as_client: fn(WebSocketReceiver<Ears>) -> WebSocketReceiver<Ears>,
        delivery: Delivery,
    ) -> Self {
        let (at_server, at_client) = (End::default(), End::default());
        let end = at_server.clone();
        let server = simulation.host("server", move |reactor| {
            let end = end.clone();
            let ears = move || Ears { delivery, ..Ears::new(&end) };
            let factory = for_protocol(move || as_server(WebSocketReceiver::server(ears())));
            reactor.listen(([0, 0, 0, 0], PORT), ListenOptions::default(), factory)?;
            Ok(())
        });
        let client = simulation.host("client", idle);
        let end = at_client.clone();
        let url = "ws://server/".parse().unwrap();
        let factory = for_protocol(move || as_client(WebSocketReceiver::client(Ears::new(&end), &url)));
        let reactor = simulation.reactor(&client);
        let _ = reactor.connect((server.address(), PORT), &ConnectOptions::default(), factory);
        Self { server, client, at_server, at_client }
    }
}

/// As it is by default.
fn plain(receiver: WebSocketReceiver<Ears>) -> WebSocketReceiver<Ears> {
    receiver
}
