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

use super::registry::EndpointRegistry;

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
}
