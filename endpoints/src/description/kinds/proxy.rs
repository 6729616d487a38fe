//! `proxy`, which Twisted calls `haproxy`.

use crate::{DescriptionError, EndpointArguments, ProxyServerEndpoint, ServerEndpoint};

pub(super) fn server(arguments: &EndpointArguments<'_>) -> Result<Box<dyn ServerEndpoint>, DescriptionError> {
    Ok(Box::new(ProxyServerEndpoint::new(arguments.nested_server()?)))
}
