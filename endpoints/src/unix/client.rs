//! Connecting.

use std::fmt;
use std::rc::Rc;
use std::str::FromStr;

use ropewalk_reactor::{ConnectOptions, ConnectResult, Deferred, Factory, ReactorHandle, UnixAddress};

use super::address::parse;
use crate::{AddressError, ClientEndpoint};

/// A UNIX socket to connect to.
///
/// It is parsed from a path such as `/run/chat.sock`, or on Linux from an abstract name such as `@chat`; or made from a
/// [`UnixAddress`]. A relative path that begins with `@` is written `./@chat`.
///
/// Whether there is a connection is decided at once. A server whose queue of connections is full is not waited for: that is
/// an error of kind [`WouldBlock`](std::io::ErrorKind::WouldBlock) on Linux, other systems refuse.
/// [`ConnectOptions::bind`] must not be set.
///
/// ```
/// use ropewalk_endpoints::{ClientEndpoint, UnixClientEndpoint};
/// # use ropewalk_reactor::{Protocol, Reactor, Result, Transport, for_protocol};
/// # struct Printer;
/// # impl Protocol for Printer {
/// #     fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result { Ok(()) }
/// # }
///
/// let mut reactor = Reactor::new()?;
/// let endpoint = "/nowhere/chat.sock".parse::<UnixClientEndpoint>()?;
/// let handle = reactor.handle();
/// endpoint.connect(&reactor, for_protocol(|| Printer)).then(move |result| {
///     if let Err(error) = result {
///         println!("{error}"); // connecting to /nowhere/chat.sock: No such file or directory (os error 2)
///     }
///     handle.stop();
/// });
/// reactor.run()?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnixClientEndpoint {
    address: UnixAddress,
    options: ConnectOptions,
}

impl UnixClientEndpoint {
    /// The same endpoint with other options than the default ones.
    #[must_use]
    pub fn with_options(self, options: ConnectOptions) -> Self {
        Self { options, ..self }
    }
}

impl ClientEndpoint for UnixClientEndpoint {
    fn connect_shared(&self, reactor: &ReactorHandle, factory: Rc<dyn Factory>) -> Deferred<ConnectResult> {
        reactor.connect(self.address.clone(), &self.options, factory)
    }
}

impl From<UnixAddress> for UnixClientEndpoint {
    fn from(address: UnixAddress) -> Self {
        Self { address, options: ConnectOptions::default() }
    }
}

impl FromStr for UnixClientEndpoint {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        parse(text).map(Self::from)
    }
}

/// The path or the abstract name, as it can be parsed if it is plain text.
impl fmt::Display for UnixClientEndpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(formatter)
    }
}
