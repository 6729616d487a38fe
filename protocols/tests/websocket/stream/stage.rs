//! Protocols of streams behind the layer, with what it sends in a form that does not depend on how the input is cut.

use std::cell::RefCell;
use std::rc::Rc;

use ropewalk_protocols::{
    Delimiter, LineProtocol, LineReceiver, LineTransport, WebSocketClientConfig, WebSocketLayer,
    WebSocketServerConfig,
};
use ropewalk_reactor::testing::{Events, Memory, Outcome, Peer, ProtocolCheck, Script};
use ropewalk_reactor::{
    Address, ConnectOptions, Factory, Layer, LayerEnd, LayerState, LayerStop, ListenOptions, Protocol,
    Reactor, Reason, Result,
};

use crate::world::{ANSWER, REQUEST};

/// What a server answers to a client whose random numbers are all zero.
pub(crate) const ANSWER_TO_ZEROS: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\n\r\n";

/// Answers each line by itself in brackets, and does what some say.
pub(crate) struct Lines(pub(crate) Events);

impl LineProtocol for Lines {
    fn line_received(&mut self, transport: &mut LineTransport<'_>, line: &[u8]) -> Result {
        self.0.record_bytes("line", line);
        if transport.accepts_output() {
            transport.write([b"[", line, b"]\n"].concat());
        }
        match line {
            b"quit" => transport.lose_connection(),
            b"finish" => transport.lose_write_connection(),
            b"fail" => return Err("the line said so".into()),
            _ => {}
        }
        Ok(())
    }

    fn eof_received(&mut self, transport: &mut LineTransport<'_>) -> Result {
        let rest = transport.rest();
        self.0.record_bytes("eof", &rest);
        if rest[..] == *b"fail" {
            return Err("the end said so".into());
        }
        transport.lose_connection();
        Ok(())
    }
}

pub(crate) fn lines(events: Events) -> LineReceiver<Lines> {
    LineReceiver::new(Lines(events)).delimiter(Delimiter::Lf)
}

/// A layer that is open from the beginning: the peer's part of the handshake is given to it. What it sends is shown without frames:
/// data as it is, other frames in angle brackets.
struct Opened {
    layer: WebSocketLayer,
    head: &'static str,
}

impl Opened {
    fn show<R>(
        &mut self,
        down: &mut Vec<u8>,
        call: impl FnOnce(&mut WebSocketLayer, &mut Vec<u8>) -> R,
    ) -> R {
        let mut sent = Vec::new();
        let result = call(&mut self.layer, &mut sent);
        for (opcode, payload) in frames(&sent) {
            match opcode {
                1 | 2 => down.extend(payload),
                8 if payload.is_empty() => down.extend(b"<close>"),
                8 => {
                    let code = u16::from_be_bytes([payload[0], payload[1]]);
                    down.extend(format!("<close {code} {}>", String::from_utf8_lossy(&payload[2..])).bytes());
                }
                10 => down.extend([b"<pong ", payload.as_slice(), b">"].concat()),
                _ => panic!("a frame with the opcode {opcode} was sent"),
            }
        }
        result
    }
}

impl Layer for Opened {
    fn name(&self) -> &'static str {
        self.layer.name()
    }

    fn begin(&mut self, _: &mut Vec<u8>) -> Result {
        let (mut up, mut down) = (Vec::new(), Vec::new());
        self.layer.begin(&mut down)?;
        self.layer.received(&mut self.head.as_bytes().to_vec(), &mut up, &mut down)?;
        Ok(())
    }

    fn received(&mut self, input: &mut [u8], up: &mut Vec<u8>, down: &mut Vec<u8>) -> Result<usize> {
        self.show(down, |layer, down| layer.received(input, up, down))
    }

    fn converses(&self) -> bool {
        self.layer.converses()
    }

    fn take_stop(&mut self) -> Option<LayerStop> {
        self.layer.take_stop()
    }

    fn send(&mut self, data: &[u8], down: &mut Vec<u8>) -> Result {
        self.show(down, |layer, down| layer.send(data, down))
    }

    fn close(&mut self, end: LayerEnd, down: &mut Vec<u8>) {
        self.show(down, |layer, down| layer.close(end, down));
    }

    fn may_end(&self) -> bool {
        self.layer.may_end()
    }

    fn state(&self) -> LayerState {
        self.layer.state()
    }
}

/// The opcodes and payloads of whole frames, masked or not.
pub(crate) fn frames(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut frames = Vec::new();
    while let [first, second, rest @ ..] = bytes {
        assert_eq!(first & 0xf0, 0x80, "every message is sent in one frame");
        let (length, rest) = match second & 0x7f {
            126 => (usize::from(u16::from_be_bytes(rest[..2].try_into().unwrap())), &rest[2..]),
            127 => (u64::from_be_bytes(rest[..8].try_into().unwrap()) as usize, &rest[8..]),
            length => (usize::from(length), rest),
        };
        let (key, rest) = if second & 0x80 == 0 { (&[0; 4][..], rest) } else { rest.split_at(4) };
        let (payload, rest) = rest.split_at(length);
        let payload = payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key);
        frames.push((first & 0x0f, payload.collect()));
        bytes = rest;
    }
    assert!(bytes.is_empty(), "a frame is cut off: {bytes:?}");
    frames
}

/// A server's end that is open.
pub(crate) fn opened(config: &WebSocketServerConfig) -> Box<dyn Layer> {
    Box::new(Opened { layer: config.layer(), head: REQUEST })
}

/// Lines behind a server's end that is open, to be checked.
pub(crate) fn server() -> ProtocolCheck<'static, LineReceiver<Lines>> {
    ProtocolCheck::new(lines).through(|| vec![opened(&WebSocketServerConfig::new())])
}

/// Lines behind a client's end that is open, to be checked.
pub(crate) fn client() -> ProtocolCheck<'static, LineReceiver<Lines>> {
    ProtocolCheck::new(lines).through(|| {
        let layer = WebSocketClientConfig::new("ws://a/".parse().unwrap()).layer(|| Ok([0; 4]));
        vec![Box::new(Opened { layer, head: ANSWER_TO_ZEROS })]
    })
}

/// What becomes of frames that a server gets, in whatever division they come.
#[track_caller]
pub(crate) fn check(frames: &[Vec<u8>]) -> Outcome {
    server().run(Script::from(frames.concat()))
}

/// The frames that a server's end sends when it gets some.
#[track_caller]
pub(crate) fn answers(input: &[Vec<u8>]) -> Vec<(u8, Vec<u8>)> {
    let mut stage = Stage::server(WebSocketServerConfig::new());
    assert_eq!(stage.say(REQUEST), ANSWER.as_bytes());
    frames(&stage.say(input.concat()))
}

/// A factory with the layer, which tells what failed.
pub(crate) struct Served<M> {
    make_layer: M,
    pub(crate) events: Events,
}

impl<M: Fn() -> WebSocketLayer> Factory for Served<M> {
    fn build_protocol(&self, _: &Address) -> Option<Box<dyn Protocol>> {
        self.events.record("built");
        Some(Box::new(lines(self.events.clone())))
    }

    fn admit(&self, _: &Address, layers: &mut Vec<Box<dyn Layer>>) -> bool {
        layers.push(Box::new((self.make_layer)()));
        true
    }

    fn connection_failed(&self, _: &Address, reason: &Reason) {
        self.events.record(format_args!("failed: {reason}"));
    }
}

/// A connection through the layer in a world in memory.
pub(crate) struct Stage {
    pub(crate) memory: Memory,
    pub(crate) reactor: Reactor,
    pub(crate) peer: Peer,
    pub(crate) events: Events,
}

impl Stage {
    pub(crate) fn server(config: WebSocketServerConfig) -> Self {
        let (memory, events) = (Memory::new(), Events::new());
        let mut reactor = memory.reactor();
        let address = "127.0.0.1:80".parse().unwrap();
        let factory = Served { make_layer: move || config.layer(), events: events.clone() };
        reactor.listen(address, ListenOptions::default(), factory).unwrap();
        memory.settle(&mut reactor);
        let peer = memory.connect(address).unwrap();
        Self { memory, reactor, peer, events }
    }

    pub(crate) fn client(config: WebSocketClientConfig) -> (Self, Rc<RefCell<Option<String>>>) {
        let (memory, events) = (Memory::new(), Events::new());
        let mut reactor = memory.reactor();
        let address = "127.0.0.1:80".parse().unwrap();
        let peer = memory.expect_connect(address);
        peer.accept();
        let factory = Served { make_layer: move || config.layer(|| Ok([0; 4])), events: events.clone() };
        let failure = Rc::new(RefCell::new(None));
        let told = Rc::clone(&failure);
        let attempt = reactor.connect(address, &ConnectOptions::default(), factory);
        attempt.then(move |result| *told.borrow_mut() = result.err().map(|error| error.to_string()));
        memory.settle(&mut reactor);
        (Self { memory, reactor, peer, events }, failure)
    }

    /// The peer sends something. Returns what it gets then.
    pub(crate) fn say(&mut self, bytes: impl AsRef<[u8]>) -> Vec<u8> {
        self.peer.send(bytes);
        self.memory.settle(&mut self.reactor);
        self.peer.received()
    }

    /// The first line of what is answered.
    pub(crate) fn status(&mut self, bytes: impl AsRef<[u8]>) -> String {
        let answer = String::from_utf8(self.say(bytes)).unwrap();
        answer.lines().next().unwrap_or("").to_owned()
    }
}
