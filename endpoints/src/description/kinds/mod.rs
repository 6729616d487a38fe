//! The standard kinds, a file each. What they take is documented at [`EndpointRegistry`].

mod proxy;
mod socks;
mod stdio;
#[cfg(unix)]
mod systemd;
mod tcp;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "no_tls.rs"]
mod tls;
#[cfg(unix)]
mod unix;
mod ws;
#[cfg(feature = "tls")]
mod wss;

use super::registry::EndpointRegistry;
use crate::{DescriptionError, EndpointParameter};
#[cfg(not(feature = "tls"))]
use tls as wss;

pub(super) fn register(registry: &mut EndpointRegistry) {
    registry.register_server("tcp", tcp::server);
    registry.register_server("tcp6", tcp::server_ipv6);
    registry.register_client("tcp", tcp::client);
    registry.register_client("tcp6", tcp::client_ipv6);
    #[cfg(unix)]
    {
        registry.register_server("unix", unix::server);
        registry.register_client("unix", unix::client);
        registry.register_server("systemd", systemd::server);
    }
    registry.register_server("stdio", stdio::server);
    registry.register_server("tls", tls::server);
    registry.register_server("ssl", tls::twisted_server);
    registry.register_client("tls", tls::client);
    registry.register_client("ssl", tls::twisted_client);
    registry.register_server("proxy", proxy::server);
    registry.register_server("haproxy", proxy::server);
    registry.register_client("socks5", socks::client);
    registry.register_server("ws", ws::server);
    registry.register_server("wss", wss::server);
    registry.register_client("ws", ws::client);
    registry.register_client("wss", wss::client);
}

/// Arguments that have no meaning because `endpoint` is given.
fn refuse_beside_endpoint(parameters: &[EndpointParameter<'_>]) -> Result<(), DescriptionError> {
    match parameters.iter().find(|parameter| parameter.is_given()) {
        Some(parameter) => Err(parameter.error("leave it out, as endpoint says what it goes over")),
        None => Ok(()),
    }
}
