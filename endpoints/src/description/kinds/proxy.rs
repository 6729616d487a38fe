//! `proxy`, which Twisted calls `haproxy`.

use super::super::parse::same_key;
use crate::{
    DescriptionError, DescriptionProblem, EndpointArguments, FromArgument, IpNetwork, ProxyOptions,
    ProxyServerEndpoint, ServerEndpoint,
};

const TRUSTED: &str = "trusted";

pub(super) fn server(arguments: &EndpointArguments<'_>) -> Result<Box<dyn ServerEndpoint>, DescriptionError> {
    let (trusted, rest) = arguments.leading(TRUSTED);
    let Networks(trusted) = trusted.optional()?.unwrap_or_default();
    let options = ProxyOptions { trusted, ..ProxyOptions::default() };
    let inner = rest.nested_server().map_err(|error| explain(arguments, error))?;
    Ok(Box::new(ProxyServerEndpoint::new(inner).with_options(options)))
}

/// Says where `trusted` belongs, if it stands among the arguments of what is described.
fn explain(arguments: &EndpointArguments<'_>, error: DescriptionError) -> DescriptionError {
    match (error.problem(), arguments.last(TRUSTED)) {
        (DescriptionProblem::UnknownKey { key, .. }, Some(trusted)) if same_key(key, TRUSTED) => {
            trusted.error("write it before what is described, as in proxy:trusted=10.0.0.0/8:tcp:8123")
        }
        _ => error,
    }
}

/// Networks of IP addresses, separated by commas.
#[derive(Default)]
struct Networks(Vec<IpNetwork>);

impl FromArgument for Networks {
    fn from_argument(text: &str) -> Result<Self, String> {
        let list = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        let networks = list.split(',').map(|network| network.trim().parse()).collect::<Result<_, _>>();
        networks.map(Self).map_err(|_| {
            "it must be networks with commas between them, as in 10.0.0.0/8,192.0.2.1 or [fd00::/8,::1]"
                .to_owned()
        })
    }
}
