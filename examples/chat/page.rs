//! The way in for browsers: a page, and the WebSocket that it opens.

use ropewalk::{
    DescriptionError, EndpointRegistry, HttpRequest, HttpResponse, ServerEndpoint, WebSocketServerConfig,
};

const PAGE: &str = include_str!("page.html");

/// The page needs nothing but itself and its WebSocket, and its script may make no markup of text.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; \
    img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

/// The endpoints that are described. Those for WebSockets, `ws:` and `wss:`, have the page too.
pub(crate) fn endpoints_with_page(
    descriptions: &[impl AsRef<str>],
) -> Result<Vec<Box<dyn ServerEndpoint>>, DescriptionError> {
    let mut registry = EndpointRegistry::standard();
    registry.set_websocket_config(config());
    let endpoints = descriptions.iter().map(|description| registry.server(description.as_ref()));
    endpoints.map(|endpoint| Ok(Box::new(endpoint?) as _)).collect()
}

fn config() -> WebSocketServerConfig {
    WebSocketServerConfig::new()
        .text()
        .page(answer)
        .accept_if(|request| if is_from_here(request) { Ok(()) } else { Err(HttpResponse::new(403)) })
}

/// The page opens its WebSocket at its own address, so that it may be at any: `path=` says where there is a WebSocket.
fn answer(_: &HttpRequest<'_>) -> HttpResponse {
    HttpResponse::new(200)
        .body("text/html; charset=utf-8", PAGE)
        .header("Content-Security-Policy", POLICY)
        .header("Cache-Control", "no-cache")
}

/// Browsers say which page wants a WebSocket: those of other people may not listen in. Other programs say nothing.
fn is_from_here(request: &HttpRequest<'_>) -> bool {
    let Some(origin) = request.origin() else { return true };
    origin.split_once("://").is_some_and(|(_, host)| request.header("Host") == Some(host))
}
