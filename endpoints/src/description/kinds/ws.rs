//! `ws`, and what `wss` shares with it.

use std::net::Ipv6Addr;
use std::time::Duration;

use ropewalk_protocols::{WebSocketClientConfig, WebSocketServerConfig, WebSocketUrl, WebSocketUrlError};

use super::{refuse_beside_endpoint, tcp};
use crate::{
    ClientEndpoint, DescriptionError, EndpointArguments, EndpointParameter, FromArgument, ServerEndpoint,
    TcpClientEndpoint, WebSocketClientEndpoint, WebSocketServerEndpoint,
};

/// The keys of all WebSockets.
pub(super) const KEYS: [&str; 5] = ["path", "origin", "subprotocol", "text", "heartbeat"];

pub(super) fn server(arguments: &EndpointArguments<'_>) -> Result<Box<dyn ServerEndpoint>, DescriptionError> {
    refuse_url(arguments)?;
    let keys: [&str; 2 + KEYS.len()] = with(["reuse_port", "endpoint"], KEYS);
    let ([port, interface, backlog], [reuse_port, endpoint, own @ ..]) =
        arguments.parameters(["port", "interface", "backlog"], keys)?;
    let inner: Box<dyn ServerEndpoint> = match endpoint.nested_server()? {
        Some(nested) => {
            refuse_beside_endpoint(&[port, interface, backlog, reuse_port])?;
            Box::new(nested)
        }
        None => Box::new(tcp::listen_at([port, interface, backlog, reuse_port])?),
    };
    Ok(Box::new(WebSocketServerEndpoint::new(inner, server_config(arguments, own)?)))
}

pub(super) fn client(arguments: &EndpointArguments<'_>) -> Result<Box<dyn ClientEndpoint>, DescriptionError> {
    if let Some(url) = url(arguments)? {
        let endpoint = endpoint_of(arguments, &url)?;
        return Ok(Box::new(WebSocketClientEndpoint::new(endpoint, WebSocketClientConfig::new(url))));
    }
    let keys: [&str; 3 + KEYS.len()] = with(["timeout", "bind_address", "endpoint"], KEYS);
    let ([host, port], [timeout, bind_address, endpoint, own @ ..]) =
        arguments.parameters(["host", "port"], keys)?;
    let inner: Box<dyn ClientEndpoint> = match endpoint.nested_client()? {
        Some(nested) => {
            refuse_beside_endpoint(&[timeout, bind_address])?;
            Box::new(nested)
        }
        None => {
            let tcp: TcpClientEndpoint = tcp::connect_to(host, port)?;
            Box::new(tcp.with_options(tcp::connect_options(timeout, bind_address)?))
        }
    };
    Ok(Box::new(WebSocketClientEndpoint::new(inner, client_config("ws", [host, port], own)?)))
}

/// URLs say whereto, not where.
pub(super) fn refuse_url(arguments: &EndpointArguments<'_>) -> Result<(), DescriptionError> {
    match arguments.url() {
        Some(url) => {
            Err(arguments
                .bad_url(&url, "URLs are for clients: to listen write a port, as in ws:8080:path=/chat"))
        }
        None => Ok(()),
    }
}

/// The URL that the whole is, if it is one.
pub(super) fn url(arguments: &EndpointArguments<'_>) -> Result<Option<WebSocketUrl>, DescriptionError> {
    let url = arguments
        .url()
        .map(|url| url.parse().map_err(|error: WebSocketUrlError| arguments.bad_url(&url, error.problem())));
    url.transpose()
}

/// The host and the port of a URL.
pub(super) fn endpoint_of(
    arguments: &EndpointArguments<'_>,
    url: &WebSocketUrl,
) -> Result<TcpClientEndpoint, DescriptionError> {
    let authority = url.authority();
    authority.parse().map_err(|error: crate::AddressError| arguments.bad_url(&authority, &error.to_string()))
}

/// What the registry has for all servers, and what the description says besides.
pub(super) fn server_config(
    arguments: &EndpointArguments<'_>,
    [path, origin, subprotocol, text, heartbeat]: [EndpointParameter<'_>; KEYS.len()],
) -> Result<WebSocketServerConfig, DescriptionError> {
    let mut config = arguments.registry.websocket_config.clone();
    if let Some(Path(path)) = path.optional()? {
        config = config.path(path);
    }
    if let Some(List(origins)) = origin.optional()? {
        config = config.origins(origins);
    }
    if let Some(List(names)) = subprotocol.optional()? {
        config = config.subprotocols(names);
    }
    if let Some(Heartbeat(period)) = heartbeat.optional()? {
        config = config.heartbeat(period);
    }
    Ok(if text.optional()? == Some(true) { config.text() } else { config })
}

/// What a client asks for by a URL of this scheme.
pub(super) fn client_config(
    scheme: &str,
    [host, port]: [EndpointParameter<'_>; 2],
    [path, origin, subprotocol, text, heartbeat]: [EndpointParameter<'_>; KEYS.len()],
) -> Result<WebSocketClientConfig, DescriptionError> {
    let mut name: String = host.required()?;
    if name.parse::<Ipv6Addr>().is_ok() {
        name = format!("[{name}]");
    }
    let port = port.optional::<u16>()?.map(|port| format!(":{port}")).unwrap_or_default();
    let Path(resource) = path.optional()?.unwrap_or_else(|| Path("/".to_owned()));
    // A path that is no part of a URL is told of where it is.
    let at_fault = if path.is_given() { path } else { host };
    let url: Result<WebSocketUrl, _> = format!("{scheme}://{name}{port}{resource}").parse();
    let url = url.map_err(|error| at_fault.error(error.problem()))?;
    let mut config = WebSocketClientConfig::new(url);
    if let Some(origin) = origin.optional::<String>()? {
        config = config.header("Origin", origin);
    }
    if let Some(List(names)) = subprotocol.optional()? {
        config = config.subprotocols(names);
    }
    if let Some(Heartbeat(period)) = heartbeat.optional()? {
        config = config.heartbeat(period);
    }
    Ok(if text.optional()? == Some(true) { config.text() } else { config })
}

/// Keys of one kind before those of another.
pub(super) const fn with<'a, const FIRST: usize, const SECOND: usize, const ALL: usize>(
    first: [&'a str; FIRST],
    second: [&'a str; SECOND],
) -> [&'a str; ALL] {
    assert!(FIRST + SECOND == ALL, "all keys are of one of the two");
    let mut all = [""; ALL];
    let mut index = 0;
    while index < ALL {
        all[index] = if index < FIRST { first[index] } else { second[index - FIRST] };
        index += 1;
    }
    all
}

/// A path, with a query if need be.
struct Path(String);

impl FromArgument for Path {
    fn from_argument(text: &str) -> Result<Self, String> {
        let is_path = text.starts_with('/') && text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_path {
            Ok(Self(text.to_owned()))
        } else {
            Err("it must begin with / and be of visible ASCII characters, as in /chat".to_owned())
        }
    }
}

/// A number of seconds, or none.
struct Heartbeat(Option<Duration>);

impl FromArgument for Heartbeat {
    fn from_argument(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self(None));
        }
        let period = Duration::from_argument(text);
        Ok(Self(Some(period.map_err(|problem| format!("{problem}, or off"))?)))
    }
}

/// Texts, separated by commas.
struct List(Vec<String>);

impl FromArgument for List {
    fn from_argument(text: &str) -> Result<Self, String> {
        let members: Vec<String> = text.split(',').map(|member| member.trim().to_owned()).collect();
        if members.iter().any(String::is_empty) {
            return Err("it must be one text or more, separated by commas".to_owned());
        }
        Ok(Self(members))
    }
}
