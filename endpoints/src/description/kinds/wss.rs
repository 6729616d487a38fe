//! `wss`.

use ropewalk_protocols::WebSocketClientConfig;

use super::{tls, ws};
use crate::{
    ClientEndpoint, DescriptionError, EndpointArguments, ServerEndpoint, TlsClientConfig, TlsClientEndpoint,
    WebSocketClientEndpoint, WebSocketServerEndpoint,
};

pub(super) fn server(arguments: &EndpointArguments<'_>) -> Result<Box<dyn ServerEndpoint>, DescriptionError> {
    ws::refuse_url(arguments)?;
    let keys: [&str; ws::KEYS.len() + tls::SERVER_KEYS.len()] = ws::with(ws::KEYS, tls::SERVER_KEYS);
    let ([port], [path, origin, subprotocol, text, heartbeat, keyed @ ..]) =
        arguments.parameters(["port"], keys)?;
    let config = ws::server_config(arguments, [path, origin, subprotocol, text, heartbeat])?;
    let tls = tls::server_of(arguments, port, keyed)?;
    Ok(Box::new(WebSocketServerEndpoint::new(tls, config)))
}

pub(super) fn client(arguments: &EndpointArguments<'_>) -> Result<Box<dyn ClientEndpoint>, DescriptionError> {
    if let Some(url) = ws::url(arguments)? {
        let tcp = ws::endpoint_of(arguments, &url)?;
        let config = TlsClientConfig::builder().build();
        let tls = config.and_then(|config| TlsClientEndpoint::new(tcp, url.host(), config));
        let tls = tls.map_err(|error| arguments.bad_url(url.host(), &error.to_string()))?;
        return Ok(Box::new(WebSocketClientEndpoint::new(tls, WebSocketClientConfig::new(url))));
    }
    let keys: [&str; ws::KEYS.len() + tls::CLIENT_KEYS.len()] = ws::with(ws::KEYS, tls::CLIENT_KEYS);
    let (address, [path, origin, subprotocol, text, heartbeat, keyed @ ..]) =
        arguments.parameters(["host", "port"], keys)?;
    let config = ws::client_config("wss", address, [path, origin, subprotocol, text, heartbeat])?;
    let tls = tls::client_of(address, keyed)?;
    Ok(Box::new(WebSocketClientEndpoint::new(tls, config)))
}
