//! A response that is not a WebSocket.

use std::fmt::Write;

use super::headers;

/// A response in HTTP: a page, or a refusal. The connection ends with it.
///
/// ```
/// use ropewalk_protocols::HttpResponse;
///
/// let page = HttpResponse::new(200).body("text/html; charset=utf-8", "<!doctype html>…");
/// let elsewhere = HttpResponse::new(302).header("Location", "/chat");
/// ```
#[derive(Clone, Debug)]
pub struct HttpResponse {
    status: u16,
    fields: String,
    body: Vec<u8>,
}

impl HttpResponse {
    /// A response with a status, such as 404, whose body is what that means.
    pub fn new(status: u16) -> Self {
        let body = format!("{status} {}\n", meaning(status)).into_bytes();
        let mut fields = String::new();
        headers::push(&mut fields, "Content-Type", "text/plain; charset=utf-8");
        Self { status, fields, body }
    }

    /// The same with another header field. Control characters in its value become spaces.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        headers::push(&mut self.fields, name, value);
        self
    }

    /// The same with a body of this type. Call this before [`header`](Self::header), whose fields it takes away.
    #[must_use]
    pub fn body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.fields.clear();
        headers::push(&mut self.fields, "Content-Type", content_type);
        self.body = body.into();
        self
    }

    /// The answer to those who ask for a page where there are only WebSockets.
    pub(crate) fn upgrade_required() -> Self {
        Self::new(426).header("Upgrade", "websocket").header("Sec-WebSocket-Version", "13")
    }

    pub(crate) const fn status(&self) -> u16 {
        self.status
    }

    /// The response as it is sent; without its body if only the head was asked for.
    pub(crate) fn encode(&self, only_head: bool) -> Vec<u8> {
        let (status, body) = (self.status, &self.body);
        let mut head = format!("HTTP/1.1 {status} {}\r\n", meaning(status));
        let connection = if status == 426 { "close, Upgrade" } else { "close" };
        let _ = write!(head, "Connection: {connection}\r\nContent-Length: {}\r\n", body.len());
        head.push_str(&self.fields);
        head.push_str("\r\n");
        let mut encoded = head.into_bytes();
        if !only_head {
            encoded.extend(body);
        }
        encoded
    }
}

fn meaning(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        410 => "Gone",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Unknown",
    }
}
