//! `stdio`.

use crate::{DescriptionError, EndpointArguments, ServerEndpoint, StdioEndpoint};

pub(super) fn server(arguments: &EndpointArguments<'_>) -> Result<Box<dyn ServerEndpoint>, DescriptionError> {
    let ([], []) = arguments.parameters([], [])?;
    Ok(Box::new(StdioEndpoint::new()))
}
