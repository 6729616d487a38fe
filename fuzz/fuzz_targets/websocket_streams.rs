//! However the bytes of a WebSocket are cut, the same stream comes out, and the same is answered; never more than has come in.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ropewalk::{Layer, LayerState, WebSocketClientConfig, WebSocketLayer, WebSocketServerConfig};
use ropewalk_fuzz::{Choices, cuts};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
/// The answer to a client whose random numbers are all zero.
const ANSWER: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\n\r\n";

// The input says whether it goes to a server or a client, whether that is open or has the handshake before it, and how it is cut;
// the rest is what comes.
fuzz_target!(|input: &[u8]| {
    let mut choices = Choices::new(input);
    let (is_server, is_open, size) = (!choices.yes(), !choices.yes(), choices.byte());
    let come = choices.rest();
    let outcomes = cuts(come, size).map(|pieces| {
        let mut end = End::new(is_server);
        if is_open {
            end.hear(if is_server { REQUEST } else { ANSWER });
            assert_eq!(end.layer.state(), LayerState::Open);
        }
        pieces.into_iter().for_each(|piece| end.hear(piece));
        assert!(end.up.len() <= come.len(), "more goes up than has come");
        (end.up, end.down, end.error, end.layer.state())
    });
    assert_eq!(outcomes[0], outcomes[1]);
    assert_eq!(outcomes[0], outcomes[2]);
});

/// One end, as a connection keeps it.
struct End {
    layer: WebSocketLayer,
    held: Vec<u8>,
    up: Vec<u8>,
    down: Vec<u8>,
    error: Option<String>,
}

impl End {
    fn new(is_server: bool) -> Self {
        let mut layer = match is_server {
            true => WebSocketServerConfig::new().layer(),
            false => WebSocketClientConfig::new("ws://a/".parse().expect("it is a URL")).layer(|| Ok([0; 4])),
        };
        let mut down = Vec::new();
        layer.begin(&mut down).expect("to ask cannot fail");
        Self { layer, held: Vec::new(), up: Vec::new(), down, error: None }
    }

    fn hear(&mut self, piece: &[u8]) {
        self.held.extend_from_slice(piece);
        while self.error.is_none() && self.layer.state() != LayerState::InputEnded {
            match self.layer.received(&mut self.held, &mut self.up, &mut self.down) {
                Ok(used) => drop(self.held.drain(..used)),
                Err(error) => self.error = Some(error.to_string()),
            }
            if self.layer.take_stop().is_none() || self.held.is_empty() {
                break;
            }
        }
    }
}
