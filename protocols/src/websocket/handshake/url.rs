//! Addresses of WebSockets.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

/// The address of a WebSocket (RFC 6455, section 3), such as `ws://example.org/chat` or `wss://[::1]:8443/?room=1`.
///
/// ```
/// use ropewalk_protocols::WebSocketUrl;
///
/// let url: WebSocketUrl = "ws://example.org/chat?room=1".parse()?;
/// assert_eq!((url.host(), url.port(), url.resource()), ("example.org", 80, "/chat?room=1"));
/// # Ok::<(), ropewalk_protocols::WebSocketUrlError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WebSocketUrl {
    secure: bool,
    /// Without the brackets of an IPv6 address.
    host: String,
    port: u16,
    resource: String,
}

impl WebSocketUrl {
    /// Whether it is `wss`: over TLS.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// The name or the IP address, an IPv6 address without its brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port; 80 for `ws` and 443 for `wss`, if none is named.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Path and query.
    pub fn resource(&self) -> &str {
        &self.resource
    }

    /// Where to connect to, as endpoints read it: `host:port`, an IPv6 address in brackets.
    pub fn authority(&self) -> String {
        format!("{}:{}", self.bracketed_host(), self.port)
    }

    /// The description of the endpoint under the WebSocket, TCP or TLS over it, of which `client_endpoint` makes one. So does whoever
    /// has a [`WebSocketReceiver`](crate::WebSocketReceiver) speak over it, for as long as a `ClientService` keeps it connected,
    /// for instance. More arguments may follow.
    ///
    /// ```
    /// use ropewalk_protocols::WebSocketUrl;
    ///
    /// let url: WebSocketUrl = "wss://example.org/chat".parse()?;
    /// assert_eq!(url.endpoint(), "tls:example.org:443");
    /// # Ok::<(), ropewalk_protocols::WebSocketUrlError>(())
    /// ```
    pub fn endpoint(&self) -> String {
        let kind = if self.secure { "tls" } else { "tcp" };
        // Whatever the host is, it shall not be read as another argument.
        let host = self.bracketed_host().replace('\\', r"\\").replace('=', r"\=");
        format!("{kind}:{host}:{}", self.port)
    }

    /// What the request calls the host.
    pub(crate) fn host_header(&self) -> String {
        if self.port == default_port(self.secure) { self.bracketed_host() } else { self.authority() }
    }

    fn bracketed_host(&self) -> String {
        if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() }
    }
}

const fn default_port(secure: bool) -> u16 {
    if secure { 443 } else { 80 }
}

impl FromStr for WebSocketUrl {
    type Err = WebSocketUrlError;

    fn from_str(text: &str) -> Result<Self, WebSocketUrlError> {
        parse(text).map_err(|problem| WebSocketUrlError { url: text.to_owned(), problem })
    }
}

fn parse(text: &str) -> Result<WebSocketUrl, &'static str> {
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("only visible ASCII characters may be in it");
    }
    if text.contains('#') {
        return Err("it may not have a fragment");
    }
    let (scheme, rest) = text.split_once("://").ok_or("it has to begin with ws:// or wss://")?;
    let secure = match scheme.to_ascii_lowercase().as_str() {
        "ws" => false,
        "wss" => true,
        _ => return Err("it has to begin with ws:// or wss://"),
    };
    let (authority, resource) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let (host, port) = parse_authority(authority)?;
    let port = match port {
        Some(port) => port.parse().map_err(|_| "its port is no number of a port")?,
        None => default_port(secure),
    };
    let slash = if resource.starts_with('/') { "" } else { "/" };
    Ok(WebSocketUrl { secure, host: host.to_owned(), port, resource: format!("{slash}{resource}") })
}

fn parse_authority(authority: &str) -> Result<(&str, Option<&str>), &'static str> {
    if authority.contains('@') {
        return Err("it may not have a user");
    }
    let (host, rest) = match authority.strip_prefix('[') {
        Some(inner) => inner.split_once(']').ok_or("the bracket of its host is not closed")?,
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    if host.is_empty() {
        return Err("it names no host");
    }
    match (rest, rest.strip_prefix(':')) {
        ("" | ":", _) => Ok((host, None)),
        (_, Some(port)) => Ok((host, Some(port))),
        _ => Err("its host is followed by something else than a port"),
    }
}

/// A text is not the address of a WebSocket.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WebSocketUrlError {
    url: String,
    problem: &'static str,
}

impl WebSocketUrlError {
    /// What is wrong with it, as the rest of a sentence: `it names no host`.
    pub fn problem(&self) -> &'static str {
        self.problem
    }
}

impl fmt::Display for WebSocketUrlError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?} is not the address of a WebSocket: {}", self.url, self.problem)
    }
}

impl Error for WebSocketUrlError {}
