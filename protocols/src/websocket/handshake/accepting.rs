//! The server's side.

use httparse::Status;

use super::error::HandshakeError;
use super::head::FIELDS_MAX;
use super::headers::{self, Fields};
use super::key;
use super::request::HttpRequest;
use super::response::HttpResponse;
use crate::websocket::deflate::{Agreement, DeflateOptions};

/// The only version there is.
const VERSION: &[u8] = b"13";

/// What a request is.
pub(crate) enum Asked<'a> {
    WebSocket(Upgrade<'a>),
    Page(HttpRequest<'a>),
}

/// A request for a WebSocket that may be accepted.
pub(crate) struct Upgrade<'a> {
    pub(crate) request: HttpRequest<'a>,
    key: &'a [u8],
}

/// A request that is refused: with what, and why.
pub(crate) struct Refusal {
    pub(crate) response: HttpResponse,
    pub(crate) error: HandshakeError,
}

impl Refusal {
    pub(crate) fn too_long(limit: usize) -> Self {
        Self { response: HttpResponse::new(431), error: HandshakeError::TooLong { limit } }
    }

    fn new(status: u16, problem: &'static str) -> Self {
        let body = format!("{problem}\n");
        let response = HttpResponse::new(status).body("text/plain; charset=utf-8", body);
        Self { response, error: HandshakeError::BadRequest(problem) }
    }
}

/// Reads a whole head.
pub(crate) fn read<'a>(
    head: &'a [u8],
    fields: &'a mut [httparse::Header<'a>; FIELDS_MAX],
) -> Result<Asked<'a>, Refusal> {
    let mut parsed = httparse::Request::new(fields);
    match parsed.parse(head) {
        Ok(Status::Complete(_)) => {}
        Ok(Status::Partial) => return Err(Refusal::new(400, "the request begins with an empty line")),
        Err(httparse::Error::TooManyHeaders) => return Err(Refusal::new(431, "more than 64 header fields")),
        Err(_) => return Err(Refusal::new(400, "this is not HTTP")),
    }
    let (Some(method), Some(target), Some(version)) = (parsed.method, parsed.path, parsed.version) else {
        return Err(Refusal::new(400, "this is not HTTP"));
    };
    let request = HttpRequest { method, target, fields: Fields::new(parsed.headers) };
    if !matches!(method, "GET" | "HEAD") {
        let mut refusal = Refusal::new(405, "the method is not GET");
        refusal.response = refusal.response.header("Allow", "GET, HEAD");
        return Err(refusal);
    }
    if method == "HEAD" || !request.fields.has("Upgrade", "websocket") {
        return Ok(Asked::Page(request));
    }
    read_upgrade(request, version).map(Asked::WebSocket)
}

fn read_upgrade(request: HttpRequest<'_>, version: u8) -> Result<Upgrade<'_>, Refusal> {
    let fields = request.fields;
    if version != 1 {
        return Err(Refusal::new(400, "a WebSocket needs HTTP/1.1"));
    }
    if !fields.has("Connection", "upgrade") {
        return Err(Refusal::new(400, "there is no field \"Connection: Upgrade\""));
    }
    if fields.only("Host").is_none() {
        return Err(Refusal::new(400, "there is not exactly one field Host"));
    }
    if fields.only("Sec-WebSocket-Version") != Some(VERSION) {
        let mut refusal = Refusal::new(426, "there is not exactly one field \"Sec-WebSocket-Version: 13\"");
        refusal.response =
            refusal.response.header("Upgrade", "websocket").header("Sec-WebSocket-Version", "13");
        return Err(refusal);
    }
    match fields.only("Sec-WebSocket-Key") {
        Some(key) if key::is_valid(key) => Ok(Upgrade { request, key }),
        _ => {
            Err(Refusal::new(400, "there is not exactly one field Sec-WebSocket-Key, of 16 bytes in Base64"))
        }
    }
}

impl Upgrade<'_> {
    /// The first subprotocol of ours that the client offers.
    pub(crate) fn choose<'s>(&self, ours: &'s [String]) -> Option<&'s str> {
        let offers = |name: &&String| {
            self.request.fields.list("Sec-WebSocket-Protocol").any(|offered| offered == name.as_bytes())
        };
        ours.iter().find(offers).map(String::as_str)
    }

    /// Agrees on compression, if the client offers it, and tells what to answer.
    pub(crate) fn agree(&self, options: &DeflateOptions) -> Option<(Agreement, String)> {
        options.accept(self.request.fields)
    }

    /// The answer that opens the WebSocket.
    pub(crate) fn accept(&self, subprotocol: Option<&str>, extensions: Option<&str>) -> String {
        let mut head =
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n".to_owned();
        headers::push(&mut head, "Sec-WebSocket-Accept", &key::accept(self.key));
        if let Some(subprotocol) = subprotocol {
            headers::push(&mut head, "Sec-WebSocket-Protocol", subprotocol);
        }
        if let Some(extensions) = extensions {
            headers::push(&mut head, "Sec-WebSocket-Extensions", extensions);
        }
        head.push_str("\r\n");
        head
    }
}
