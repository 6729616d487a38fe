//! `systemd`.

use crate::{DescriptionError, EndpointArguments, FromArgument, ServerEndpoint, SystemdServerEndpoint};

pub(super) fn server(arguments: &EndpointArguments<'_>) -> Result<Box<dyn ServerEndpoint>, DescriptionError> {
    let ([domain], [index, name]) = arguments.parameters(["domain"], ["index", "name"])?;
    domain.optional::<Domain>()?;
    Ok(Box::new(match (index.optional()?, name.optional::<String>()?) {
        (Some(index), None) => SystemdServerEndpoint::index(index),
        (None, Some(name)) => SystemdServerEndpoint::name(name),
        (Some(_), Some(_)) => return Err(name.error("there is an index too: leave one of them out")),
        (None, None) => return Err(arguments.needs_one_of(&["index", "name"])),
    }))
}

/// The family of a socket, which Twisted has to be told.
struct Domain;

impl FromArgument for Domain {
    fn from_argument(text: &str) -> Result<Self, String> {
        match text {
            "INET" | "INET6" | "UNIX" => Ok(Self),
            _ => Err("it may be INET, INET6 or UNIX, and be left out; sockets are named by index= or name="
                .to_owned()),
        }
    }
}
