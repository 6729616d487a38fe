//! The kinds of endpoints that a description may name.

use std::collections::BTreeMap;
use std::fmt;

use ropewalk_protocols::WebSocketServerConfig;

use super::arguments::EndpointArguments;
use super::described::DescribedEndpoint;
use super::error::{DescriptionError, DescriptionProblem};
use super::kinds;
use super::parse::Description;
use super::secrets::{shown_address, shown_kind};
use crate::{AddressError, ClientEndpoint, ServerEndpoint, TcpClientEndpoint, TcpServerEndpoint};

/// How many descriptions may be in one another, as in `proxy:tcp:8080`. More make no sense, and every one takes stack.
pub(super) const NESTING_MAX: usize = 8;

/// The kinds of endpoints that descriptions may name, and what makes endpoints of them.
///
/// # How descriptions are written
///
/// `kind:argument:argument:key=value`, as in Twisted: a kind, in any case, and its arguments, separated by colons. Those
/// without a key come in the order of the kind's parameters; every parameter may be given by its key instead, and those
/// marked so only by it. Keys are compared without regard to case and underscores.
///
/// `\` takes any character as it is, also itself: `unix:/run/a\:b`. The first `=` of an argument ends its key, all others
/// belong to the value. A `[` at the beginning of an argument or of a value takes all up to `]`, so that IPv6
/// addresses need no backslashes: `tcp:[::1]:80`. A value may be empty. [`quote_argument`](crate::quote_argument) quotes
/// what programs put in.
///
/// A plain address, such as `127.0.0.1:8123`, `[::1]:8123`, `localhost:8123` or, to connect to, `example.org:80`, is
/// understood too, and is TCP.
///
/// # The standard kinds
///
/// | to listen on | |
/// |---|---|
/// | `tcp:port:interface:backlog`, key `reuse_port` | A TCP port (0 lets the system choose one). `interface` is an IP address of this host or `localhost`, which is 127.0.0.1; by default 0.0.0.0, all of IPv4. `backlog` and `reuse_port` are those of [`ListenOptions`](ropewalk_reactor::ListenOptions) (1024; Twisted's backlog is 50) |
/// | `tcp6:port:backlog:interface`, keys `reuse_port`, `dual_stack` | The same over IPv6; `interface` is by default `[::]`, which takes IPv4 too unless `dual_stack=no` |
///
/// | `unix:path:mode:backlog` | A UNIX socket: a path, or `@` and an abstract name. `mode` are its permissions in octal, as in 660; by default those that the umask leaves (Twisted's are 666). `lockfile` is accepted and has no meaning |
/// | `systemd:`, keys `index`, `name` | A socket from systemd, by one of the two. `domain` may be INET, INET6 or UNIX as Twisted wants it, and has no meaning |
/// | `stdio:` | Standard input and output, as one connection |
/// | `tls:port`, keys `cert`, `key`, `chain`, `password`, `alpn`, `client_ca`, `client_cert`, `min_version`, `reload`, `interface`, `backlog`, `reuse_port`, `endpoint` | TLS, see below |
/// | `ssl:port`, keys `privateKey`, `certKey`, `extraCertChain`, `interface`, `backlog`, `reuse_port` | TLS, as in Twisted, but at least one of `privateKey` and `certKey` must be given |
/// | `ws:port:interface:backlog`, keys `path`, `origin`, `subprotocol`, `text`, `heartbeat`, `reuse_port`, `endpoint` | Streams over WebSockets, also of browsers, see below |
/// | `wss:port`, keys as for `ws` but `interface` and `backlog`, and those of `tls` | The same over TLS |
/// | `proxy:description`, before it the key `trusted` | What is described, behind proxies that begin each connection with a PROXY header: see [`ProxyServerEndpoint`](crate::ProxyServerEndpoint), also for why to say who is believed. `trusted` are the networks of the proxies, with commas between them, as in `proxy:trusted=10.0.0.0/8,192.0.2.1:tcp:8123` or `proxy:trusted=[fd00::/8,::1]:tcp:8123`; others are refused. By default everybody is believed. Twisted's `haproxy:` is the same |
///
/// | to connect to | |
/// |---|---|
/// | `tcp:host:port`, keys `timeout`, `bind_address` | A TCP port of `host`, an IP address or a name. `timeout` is in seconds, by default 30; `bind_address` is the IP address to connect from, with a port if need be, as in `127.0.0.1\:4000` |
/// | `tcp6:host:port`, keys `timeout`, `bind_address` | The same; `host` is an IPv6 address or `localhost`, which is ::1 |
///
/// | `unix:path:timeout` | A UNIX socket. `lockfile` and `checkPID` are accepted and have no meaning |
/// | `tls:host:port`, keys `timeout`, `bind_address`, `ca`, `cert`, `key`, `chain`, `password`, `server_name`, `alpn`, `min_version`, `endpoint`, `dangerous_accept_any_certificate` | TLS, see below |
/// | `ssl:host:port`, keys `timeout`, `bindAddress`, `certKey`, `privateKey`, `caCertsDir`, `hostname` | TLS, as in Twisted, but the server is always verified |
/// | `ws:host:port`, keys `path`, `origin`, `subprotocol`, `text`, `heartbeat`, `timeout`, `bind_address`, `endpoint` | A stream over a WebSocket, see below; also as a URL, `ws://example.org/chat` |
/// | `wss:host:port`, keys `path`, `origin`, `subprotocol`, `text`, `heartbeat`, and those of `tls` | The same over TLS; also as a URL, `wss://example.org/chat` |
/// | `socks5:proxy_host:proxy_port:host:port`, keys `timeout`, `bind_address`, `username`, `password` | A TCP port of `host` through a SOCKS proxy, which looks its name up. `timeout` holds for connecting to the proxy, and again for its answer |
///
/// # TLS
///
/// The kinds `tls` and `ssl` need the feature `tls`. All files are of PEM, and are read when the endpoint is made.
///
/// `cert` is a file with a certificate and those that sign it, `key` one with its private key; if only one of the two is given,
/// it has both. More of those that sign it may be in the file `chain`. `password` opens the key. `alpn` are application
/// protocols with commas between them, the preferred first, as in `h2,http/1.1`; `min_version` is 1.2 (the default) or 1.3.
///
/// Servers: `client_ca` is a file with the authorities whose certificates clients must have, or may have with
/// `client_cert=optional`. With `reload=60` the files are looked at every 60 seconds, and read anew if they have changed.
///
/// Clients: the server is verified, by default as `TlsClientConfigBuilder::roots` tells,
/// or against the authorities in the file `ca` alone. Its certificate has to be for `server_name`, by default `host`. Only
/// `dangerous_accept_any_certificate=yes` switches that off.
///
/// TLS goes over TCP, or over whatever `endpoint` describes, which is quoted as any value:
/// `tls:endpoint=unix\:/run/web.sock:cert=web.pem`, `tls:example.org:endpoint=socks5\:localhost\:1080\:example.org\:443`. (The
/// port that Twisted wants besides may be given to a client and has no meaning.) A PROXY header comes before TLS:
/// `proxy:tls:8443:cert=web.pem`.
///
/// # WebSockets
///
/// The kinds `ws` and `wss` make streams of bytes of WebSockets, as [`WebSocketLayer`](ropewalk_protocols::WebSocketLayer) tells; the
/// latter needs the feature `tls`. Programs that speak of messages themselves, with a
/// [`WebSocketReceiver`](ropewalk_protocols::WebSocketReceiver), want `tcp` and `tls` instead, to connect as
/// [`WebSocketUrl::endpoint`](ropewalk_protocols::WebSocketUrl::endpoint) describes it.
///
/// `text=yes` sends text, which scripts of pages get as strings, instead of binary messages; both are understood either way.
/// `subprotocol` are names with commas between them, the preferred first, as in `binary`. `heartbeat` is after how many seconds a silent
/// peer is asked whether it is still there, by default 30 for servers; clients do not ask. With `heartbeat=off`, or 0, nobody is asked.
///
/// Servers: only WebSockets of the path `path` are accepted, by default those of any; only from pages of the origins `origin`, with
/// commas between them, by default from any, which is a risk: see
/// [`WebSocketServerConfig`](ropewalk_protocols::WebSocketServerConfig). As `:` is quoted, one is written
/// `origin=https\://example.org`.
///
/// Clients: `path` is asked for, with a query if need be, by default `/`; `origin` is what to say as a page would.
///
/// A URL has no arguments, as `:` and `=` may be in it, and needs no quoting but that of a description in another one: who has more
/// to say writes `wss:example.org:443:path=/chat:ca=authority.pem`.
///
/// They go over TCP, or TLS over TCP, or over whatever `endpoint` describes: `ws:endpoint=unix\:/run/web.sock`, which is how a server
/// behind a web server listens. To a client `host`, and `port` if it is given, say then what the request calls the server.
///
/// # Passwords
///
/// The value of a key that begins with `passw` is shown as `***` wherever an endpoint or an error is: what is shown then cannot
/// be read as the same description. Errors do not show either what may be a password out of place: the one in a URL, as in
/// `socks5://user:***@host`, and arguments without a key that are too many for a kind that takes a password.
///
/// # Differences from Twisted
///
/// An argument that is given twice is an error, where in Twisted the last one counts. So is a backslash at the end. A
/// port is a number from 0 to 65535. A socket's file has the permissions that the umask leaves. TLS clients verify the server.
/// `tls` to listen on takes a port and files; `sslmethod`, `dhParameters`, and `trustRoots` are not known.
///
/// # Kinds of one's own
///
/// ```
/// use ropewalk_endpoints::{EndpointRegistry, TcpServerEndpoint};
///
/// let mut registry = EndpointRegistry::standard();
/// registry.register_server("local", |arguments| {
///     let ([port], []) = arguments.parameters(["port"], [])?;
///     let address = std::net::SocketAddr::from(([127, 0, 0, 1], port.required()?));
///     Ok(Box::new(TcpServerEndpoint::from(address)))
/// });
/// let endpoint = registry.server("local:8007")?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct EndpointRegistry {
    servers: Kinds<dyn ServerEndpoint>,
    clients: Kinds<dyn ClientEndpoint>,
    /// What servers of the kinds `ws` and `wss` begin with.
    pub(super) websocket_config: WebSocketServerConfig,
}

impl EndpointRegistry {
    /// A registry of the [standard kinds](Self#the-standard-kinds).
    pub fn standard() -> Self {
        let mut registry = Self {
            servers: Kinds::new(server_address),
            clients: Kinds::new(client_address),
            websocket_config: WebSocketServerConfig::new(),
        };
        kinds::register(&mut registry);
        registry
    }

    /// Adds a kind of endpoint to listen on, or replaces the one of this name. Case does not matter.
    pub fn register_server(
        &mut self,
        kind: &str,
        parser: impl Fn(&EndpointArguments<'_>) -> Result<Box<dyn ServerEndpoint>, DescriptionError> + 'static,
    ) {
        self.servers.register(kind, Box::new(parser));
    }

    /// Adds a kind of endpoint to connect to, or replaces the one of this name. Case does not matter.
    pub fn register_client(
        &mut self,
        kind: &str,
        parser: impl Fn(&EndpointArguments<'_>) -> Result<Box<dyn ClientEndpoint>, DescriptionError> + 'static,
    ) {
        self.clients.register(kind, Box::new(parser));
    }

    /// Has the servers of the kinds `ws` and `wss` do what `config` says besides what their descriptions say, such as to have
    /// [pages](WebSocketServerConfig::page). A path, origins, subprotocols or a heartbeat that are described take the place of its own; `text=no`
    /// leaves its kind of messages as it is.
    ///
    /// ```
    /// use ropewalk_endpoints::EndpointRegistry;
    /// use ropewalk_protocols::{HttpResponse, WebSocketServerConfig};
    ///
    /// let mut registry = EndpointRegistry::standard();
    /// let config = WebSocketServerConfig::new().text();
    /// registry.set_websocket_config(config.page(|_| HttpResponse::new(200).body("text/html", "<p>Hi!")));
    /// let endpoint = registry.server("ws:8080:path=/chat")?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_websocket_config(&mut self, config: WebSocketServerConfig) {
        self.websocket_config = config;
    }

    /// The place to listen on that `description` names. Nothing is listened on yet.
    ///
    /// # Errors
    /// If the text is no description, or there is no such endpoint.
    pub fn server(
        &self,
        description: &str,
    ) -> Result<DescribedEndpoint<dyn ServerEndpoint>, DescriptionError> {
        self.server_at(description, 0, 1)
    }

    /// The place to connect to that `description` names. Nothing is connected or looked up yet.
    ///
    /// # Errors
    /// As [`server`](Self::server).
    pub fn client(
        &self,
        description: &str,
    ) -> Result<DescribedEndpoint<dyn ClientEndpoint>, DescriptionError> {
        self.client_at(description, 0, 1)
    }

    /// What `text` describes from `start` on, where it is the description number `depth` in one another.
    pub(super) fn server_at(
        &self,
        text: &str,
        start: usize,
        depth: usize,
    ) -> Result<DescribedEndpoint<dyn ServerEndpoint>, DescriptionError> {
        self.servers.endpoint(self, text, start, depth)
    }

    /// As [`server_at`](Self::server_at).
    pub(super) fn client_at(
        &self,
        text: &str,
        start: usize,
        depth: usize,
    ) -> Result<DescribedEndpoint<dyn ClientEndpoint>, DescriptionError> {
        self.clients.endpoint(self, text, start, depth)
    }
}

impl fmt::Debug for EndpointRegistry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("EndpointRegistry")
            .field("servers", &self.servers.names())
            .field("clients", &self.clients.names())
            .finish()
    }
}

/// Makes an endpoint of the arguments of its kind.
type Parser<E> = Box<dyn Fn(&EndpointArguments<'_>) -> Result<Box<E>, DescriptionError>>;

/// Makes an endpoint of a plain address.
type FromAddress<E> = fn(&str) -> Result<DescribedEndpoint<E>, AddressError>;

/// The kinds of endpoints for one purpose, by their names in lower case.
struct Kinds<E: ?Sized> {
    parsers: BTreeMap<String, Parser<E>>,
    from_address: FromAddress<E>,
}

impl<E: ?Sized> Kinds<E> {
    fn new(from_address: FromAddress<E>) -> Self {
        Self { parsers: BTreeMap::new(), from_address }
    }

    fn register(&mut self, kind: &str, parser: Parser<E>) {
        self.parsers.insert(kind.to_ascii_lowercase(), parser);
    }

    fn names(&self) -> Vec<String> {
        self.parsers.keys().cloned().collect()
    }

    fn endpoint(
        &self,
        registry: &EndpointRegistry,
        text: &str,
        start: usize,
        depth: usize,
    ) -> Result<DescribedEndpoint<E>, DescriptionError> {
        let error = |position, problem| DescriptionError::new(text, position, problem);
        if depth > NESTING_MAX {
            return Err(error(start, DescriptionProblem::NestedTooDeeply));
        }
        if self.is_address(&text[start..]) {
            return (self.from_address)(&text[start..])
                .map_err(|wrong| error(start, DescriptionProblem::Address(shown_address(&wrong))));
        }
        let description =
            Description::parse(text, start).map_err(|(position, wrong)| error(position, wrong))?;
        let parser = self.parser(&description.kind).map_err(|wrong| error(start, wrong))?;
        let nested_start = description.arguments_start;
        let arguments = EndpointArguments { text, description: &description, registry, depth, nested_start };
        let endpoint = parser(&arguments)?;
        Ok(DescribedEndpoint::new(description.to_string(), endpoint))
    }

    fn parser(&self, kind: &str) -> Result<&Parser<E>, DescriptionProblem> {
        match self.parsers.get(kind) {
            Some(parser) => Ok(parser),
            None if kind.is_empty() => Err(DescriptionProblem::Empty),
            None => Err(DescriptionProblem::UnknownKind { kind: shown_kind(kind), known: self.names() }),
        }
    }

    /// Whether the text is an address, or meant as one, rather than a description.
    fn is_address(&self, text: &str) -> bool {
        let beginning = text.split(':').next().unwrap_or_default().to_ascii_lowercase();
        looks_like_host(&beginning) && !self.parsers.contains_key(&beginning)
    }
}

/// No standard kind looks like a host: they have no dots and do not begin with digits or brackets.
fn looks_like_host(text: &str) -> bool {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let has_dots = text.contains('.') && !text.contains(['/', '\\']);
    text == "localhost" || is_number || has_dots || text.starts_with('[')
}

fn server_address(text: &str) -> Result<DescribedEndpoint<dyn ServerEndpoint>, AddressError> {
    let endpoint: TcpServerEndpoint = text.parse()?;
    Ok(DescribedEndpoint::new(endpoint.to_string(), Box::new(endpoint)))
}

fn client_address(text: &str) -> Result<DescribedEndpoint<dyn ClientEndpoint>, AddressError> {
    let endpoint: TcpClientEndpoint = text.parse()?;
    Ok(DescribedEndpoint::new(endpoint.to_string(), Box::new(endpoint)))
}
