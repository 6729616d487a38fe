//! The client's side.

use httparse::Status;

use super::error::HandshakeError;
use super::head::FIELDS_MAX;
use super::headers::{self, Fields};
use super::key;
use super::url::WebSocketUrl;
use crate::websocket::deflate::Agreement;
use crate::websocket::options::Options;

/// What a client asks with.
#[derive(Debug)]
pub(crate) struct Question {
    url: WebSocketUrl,
    /// More header fields, encoded.
    fields: String,
    key: String,
}

/// What the server has agreed to.
pub(crate) struct Answer {
    pub(crate) subprotocol: Option<String>,
    pub(crate) agreement: Option<Agreement>,
}

impl Question {
    pub(crate) fn new(url: WebSocketUrl) -> Self {
        Self { url, fields: String::new(), key: String::new() }
    }

    pub(crate) fn add_field(&mut self, name: &str, value: &str) {
        headers::push(&mut self.fields, name, value);
    }

    /// The request, with a key of these bytes.
    pub(crate) fn encode(&mut self, key: [u8; 16], options: &Options) -> String {
        self.key = key::encode(key);
        let mut head = format!("GET {} HTTP/1.1\r\n", self.url.resource());
        headers::push(&mut head, "Host", &self.url.host_header());
        head.push_str("Upgrade: websocket\r\nConnection: Upgrade\r\n");
        headers::push(&mut head, "Sec-WebSocket-Key", &self.key);
        head.push_str("Sec-WebSocket-Version: 13\r\n");
        if !options.subprotocols.is_empty() {
            headers::push(&mut head, "Sec-WebSocket-Protocol", &options.subprotocols.join(", "));
        }
        if let Some(deflate) = &options.deflate {
            headers::push(&mut head, "Sec-WebSocket-Extensions", &deflate.offer());
        }
        head.push_str(&self.fields);
        head.push_str("\r\n");
        head
    }

    /// Checks the server's answer.
    pub(crate) fn check(&self, head: &[u8], options: &Options) -> Result<Answer, HandshakeError> {
        let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
        let mut parsed = httparse::Response::new(&mut fields);
        match parsed.parse(head) {
            Ok(Status::Complete(_)) => {}
            Ok(Status::Partial) => return Err(HandshakeError::NotHttp("it begins with an empty line")),
            Err(httparse::Error::TooManyHeaders) => {
                return Err(HandshakeError::NotHttp("more than 64 header fields"));
            }
            Err(_) => return Err(HandshakeError::NotHttp("its answer cannot be read")),
        }
        let status = parsed.code.unwrap_or(0);
        if status != 101 {
            return Err(HandshakeError::Refused { status, meaning: parsed.reason.unwrap_or("").to_owned() });
        }
        self.check_fields(Fields::new(parsed.headers), options)
    }

    fn check_fields(&self, fields: Fields<'_>, options: &Options) -> Result<Answer, HandshakeError> {
        let expect = |right: bool, field: &'static str, expected: &str| {
            let expected = Some(expected.to_owned());
            if right { Ok(()) } else { Err(HandshakeError::BadAnswer { field, expected }) }
        };
        expect(fields.has("Upgrade", "websocket"), "Upgrade", "websocket")?;
        expect(fields.has("Connection", "upgrade"), "Connection", "Upgrade")?;
        let accept = key::accept(self.key.as_bytes());
        let is_right = fields.only("Sec-WebSocket-Accept") == Some(accept.as_bytes());
        expect(is_right, "Sec-WebSocket-Accept", &accept)?;
        let agreement = check_extensions(fields, options)?;
        let subprotocol = check_subprotocol(fields, options)?;
        Ok(Answer { subprotocol, agreement })
    }
}

fn check_extensions(fields: Fields<'_>, options: &Options) -> Result<Option<Agreement>, HandshakeError> {
    if let Some(deflate) = &options.deflate {
        return deflate.check(fields).map_err(HandshakeError::BadExtensions);
    }
    match fields.list("Sec-WebSocket-Extensions").next() {
        Some(_) => Err(HandshakeError::BadAnswer { field: "Sec-WebSocket-Extensions", expected: None }),
        None => Ok(None),
    }
}

fn check_subprotocol(fields: Fields<'_>, options: &Options) -> Result<Option<String>, HandshakeError> {
    let mut chosen = fields.all("Sec-WebSocket-Protocol");
    match (chosen.next(), chosen.next()) {
        (None, _) => Ok(None),
        (Some(chosen), None) if options.subprotocols.iter().any(|offered| offered.as_bytes() == chosen) => {
            Ok(Some(String::from_utf8_lossy(chosen).into_owned()))
        }
        (Some(chosen), _) => {
            Err(HandshakeError::UnknownSubprotocol(String::from_utf8_lossy(chosen).into_owned()))
        }
    }
}
