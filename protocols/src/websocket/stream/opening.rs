//! The handshake below a stream.

use ropewalk_reactor::Result;

use super::server::WebSocketServerConfig;
use crate::websocket::handshake::accepting::{self, Asked, Refusal, Upgrade};
use crate::websocket::handshake::asking::Question;
use crate::websocket::handshake::error::HandshakeError;
use crate::websocket::handshake::head::{FIELDS_MAX, HeadFinder, HeadTooLong};
use crate::websocket::handshake::response::HttpResponse;
use crate::websocket::options::Options;

/// With which TLS begins: the type of the record of a handshake (RFC 8446, section 5.1). HTTP begins with a letter.
const TLS_HANDSHAKE: u8 = 22;

/// With which an answer in HTTP begins.
const HTTP: &[u8] = b"HTTP/";

/// One side's part of it.
pub(super) struct Opening {
    side: Side,
    finder: HeadFinder,
    max_head: usize,
}

enum Side {
    Server(WebSocketServerConfig),
    Client { question: Question, options: Box<Options> },
}

impl Opening {
    pub(super) fn server(config: WebSocketServerConfig) -> Self {
        let max_head = config.max_head;
        Self { side: Side::Server(config), finder: HeadFinder::default(), max_head }
    }

    pub(super) fn client(question: Question, subprotocols: Vec<String>, max_head: usize) -> Self {
        // Streams are not compressed.
        let options = Box::new(Options { subprotocols, ..Options::default() });
        Self { side: Side::Client { question, options }, finder: HeadFinder::default(), max_head }
    }

    /// Says what a client has to say first.
    pub(super) fn begin(&mut self, key: [u8; 16], down: &mut Vec<u8>) {
        if let Side::Client { question, options } = &mut self.side {
            down.extend_from_slice(question.encode(key, options).as_bytes());
        }
    }

    /// Sees early that the peer speaks something else: its line may never end.
    fn check_beginning(&self, input: &[u8]) -> Result<(), HandshakeError> {
        match self.side {
            Side::Server(_) if input.first() == Some(&TLS_HANDSHAKE) => {
                Err(HandshakeError::NotHttp("it speaks TLS, which is wss instead of ws"))
            }
            Side::Client { .. } if input.iter().zip(HTTP).any(|(byte, expected)| byte != expected) => {
                Err(HandshakeError::NotHttp("its answer cannot be read"))
            }
            _ => Ok(()),
        }
    }

    /// Reads the peer's head if it is there, and answers it. Returns its length once the WebSocket is open.
    pub(super) fn hear(&mut self, input: &[u8], down: &mut Vec<u8>) -> Result<Option<usize>> {
        self.check_beginning(input)?;
        match (self.finder.find(input, self.max_head), &self.side) {
            (Ok(None), _) => Ok(None),
            (Ok(Some(length)), Side::Server(config)) => {
                answer(config, &input[..length], down)?;
                Ok(Some(length))
            }
            (Ok(Some(length)), Side::Client { question, options }) => {
                question.check(&input[..length], options)?;
                Ok(Some(length))
            }
            (Err(HeadTooLong), Side::Server(_)) => refuse(Refusal::too_long(self.max_head), down),
            (Err(HeadTooLong), Side::Client { .. }) => {
                Err(HandshakeError::TooLong { limit: self.max_head }.into())
            }
        }
    }
}

/// Answers a request. It is an error if there is no WebSocket then.
fn answer(config: &WebSocketServerConfig, head: &[u8], down: &mut Vec<u8>) -> Result {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let (response, only_head) = match accepting::read(head, &mut fields) {
        Err(refusal) => return refuse(refusal, down),
        Ok(Asked::Page(request)) => (config.page_for(&request), request.method() == "HEAD"),
        Ok(Asked::WebSocket(upgrade)) => match config.check(&upgrade.request) {
            Ok(()) => {
                accept(config, &upgrade, down);
                return Ok(());
            }
            Err(response) => (response, false),
        },
    };
    end_with(&response, only_head, down)
}

fn accept(config: &WebSocketServerConfig, upgrade: &Upgrade<'_>, down: &mut Vec<u8>) {
    let subprotocol = upgrade.choose(&config.subprotocols);
    down.extend_from_slice(upgrade.accept(subprotocol, None).as_bytes());
}

fn end_with(response: &HttpResponse, only_head: bool, down: &mut Vec<u8>) -> Result {
    down.extend(response.encode(only_head));
    Err(HandshakeError::Answered { status: response.status() }.into())
}

fn refuse<T>(refusal: Refusal, down: &mut Vec<u8>) -> Result<T> {
    down.extend(refusal.response.encode(false));
    Err(refusal.error.into())
}
