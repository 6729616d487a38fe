//! Endpoints described by a text, as users write them on command lines and in files.

pub(crate) mod arguments;
pub(crate) mod described;
pub(crate) mod error;
mod kinds;
mod nearest;
pub(crate) mod parse;
pub(crate) mod registry;
mod secrets;
pub(crate) mod value;

use described::DescribedEndpoint;
use error::DescriptionError;
use registry::EndpointRegistry;

use crate::{ClientEndpoint, ServerEndpoint};

/// The place to listen on that `description` names, such as `tcp:8007:interface=127.0.0.1` or `127.0.0.1:8007`:
/// one of the [standard kinds](EndpointRegistry::standard).
///
/// ```
/// use ropewalk_endpoints::{ServerEndpoint, server_endpoint};
/// # use ropewalk_reactor::{Protocol, Reactor, Result, Transport, for_protocol};
/// # struct Echo;
/// # impl Protocol for Echo {
/// #     fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result { Ok(transport.write(data)) }
/// # }
///
/// let endpoint = server_endpoint("tcp:0:interface=127.0.0.1")?;
/// let reactor = Reactor::new()?;
/// let port = endpoint.listen(&reactor, for_protocol(|| Echo))?;
/// println!("listening on {}", port.address());
///
/// let error = server_endpoint("tcp:80:intrface=127.0.0.1").unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "the endpoint \"tcp:80:intrface=127.0.0.1\" has an unknown key \"intrface\" at column 8: \
///      known are port, interface, backlog, reuse_port; did you mean interface?"
/// );
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// If the text is no description, or there is no such endpoint.
pub fn server_endpoint(description: &str) -> Result<DescribedEndpoint<dyn ServerEndpoint>, DescriptionError> {
    EndpointRegistry::standard().server(description)
}

/// The place to connect to that `description` names, such as `tcp:127.0.0.1:8007:timeout=5` or `127.0.0.1:8007`: one
/// of the [standard kinds](EndpointRegistry::standard).
///
/// ```
/// use ropewalk_endpoints::{ClientEndpoint, client_endpoint};
///
/// let endpoint = client_endpoint("TCP:[::1]:8007:timeout=0.5")?;
/// assert_eq!(endpoint.to_string(), "tcp:[::1]:8007:timeout=0.5");
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// As [`server_endpoint`].
pub fn client_endpoint(description: &str) -> Result<DescribedEndpoint<dyn ClientEndpoint>, DescriptionError> {
    EndpointRegistry::standard().client(description)
}
