//! `tls`, `ssl` and `wss` in a program that is built without TLS.

use crate::{ClientEndpoint, DescriptionError, EndpointArguments, ServerEndpoint};

pub(super) fn server(arguments: &EndpointArguments<'_>) -> Result<Box<dyn ServerEndpoint>, DescriptionError> {
    Err(arguments.needs_feature("tls"))
}

pub(super) fn client(arguments: &EndpointArguments<'_>) -> Result<Box<dyn ClientEndpoint>, DescriptionError> {
    Err(arguments.needs_feature("tls"))
}

pub(super) use {client as twisted_client, server as twisted_server};
