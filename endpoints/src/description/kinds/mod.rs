//! The standard kinds, a file each. What they take is documented at [`EndpointRegistry`].

mod tcp;

use super::registry::EndpointRegistry;

pub(super) fn register(registry: &mut EndpointRegistry) {
    registry.register_server("tcp", tcp::server);
    registry.register_server("tcp6", tcp::server_ipv6);
    registry.register_client("tcp", tcp::client);
    registry.register_client("tcp6", tcp::client_ipv6);
}
