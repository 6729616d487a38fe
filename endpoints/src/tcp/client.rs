//! Connecting.

use std::fmt;
use std::net::SocketAddr;
use std::rc::Rc;
use std::str::FromStr;

use ropewalk_reactor::{ConnectError, ConnectOptions, ConnectResult, Deferred, Factory, ReactorHandle};

use super::address::TcpAddress;
use crate::{AddressError, ClientEndpoint};

/// A TCP port to connect to.
///
/// It is parsed from `127.0.0.1:8123`, `[::1]:8123` or `localhost:8123`, or made from a [`SocketAddr`]. For `localhost`,
/// 127.0.0.1 is tried first and then `[::1]`, each with the timeout of the options; if both fail, the error is
/// [`ConnectError::AllFailed`].
///
/// ```
/// use std::time::Duration;
/// use ropewalk_endpoints::{ClientEndpoint, TcpClientEndpoint};
/// # use ropewalk_reactor::{ConnectOptions, Protocol, Reactor, Result, Transport, for_protocol};
/// # struct Printer;
/// # impl Protocol for Printer {
/// #     fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result { Ok(()) }
/// # }
///
/// let mut reactor = Reactor::new()?;
/// let mut options = ConnectOptions::default();
/// options.timeout = Duration::from_secs(5);
/// let endpoint = "127.0.0.1:1".parse::<TcpClientEndpoint>()?.with_options(options);
/// let handle = (*reactor).clone();
/// endpoint.connect(&reactor, for_protocol(|| Printer)).then(move |result| {
///     if let Err(error) = result {
///         println!("{error}"); // connecting to 127.0.0.1:1: Connection refused (os error 111)
///     }
///     handle.stop();
/// });
/// reactor.run()?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TcpClientEndpoint {
    address: TcpAddress,
    options: ConnectOptions,
}

impl TcpClientEndpoint {
    /// The same endpoint with other options than the default ones.
    #[must_use]
    pub fn with_options(self, options: ConnectOptions) -> Self {
        Self { options, ..self }
    }

    /// The address to try if the preferred one fails: one that the local address, if it is given, can reach.
    fn alternative(&self) -> Option<SocketAddr> {
        let bind = self.options.bind;
        self.address
            .alternative()
            .filter(|address| bind.is_none_or(|bind| bind.is_ipv4() == address.is_ipv4()))
    }
}

impl ClientEndpoint for TcpClientEndpoint {
    fn connect_shared(&self, reactor: &ReactorHandle, factory: Rc<dyn Factory>) -> Deferred<ConnectResult> {
        let first = reactor.connect(self.address.preferred(), &self.options, Rc::clone(&factory));
        let Some(alternative) = self.alternative() else {
            return first;
        };
        let (reactor, options) = (reactor.clone(), self.options.clone());
        first.and_then(move |result| match result {
            Err(first) if another_address_may_do(&first) => {
                log::debug!("{first}; trying {alternative}");
                let second = reactor.connect(alternative, &options, factory);
                second.map(|result| result.map_err(|second| both_failed(first, second)))
            }
            decided => Deferred::resolved(&reactor, decided),
        })
    }
}

/// Not if this side has given up.
fn another_address_may_do(error: &ConnectError) -> bool {
    matches!(error, ConnectError::Failed { .. } | ConnectError::TimedOut { .. })
}

fn both_failed(first: ConnectError, second: ConnectError) -> ConnectError {
    if another_address_may_do(&second) {
        ConnectError::AllFailed { attempts: vec![first, second] }
    } else {
        second
    }
}

impl From<SocketAddr> for TcpClientEndpoint {
    fn from(address: SocketAddr) -> Self {
        Self { address: TcpAddress::Literal(address), options: ConnectOptions::default() }
    }
}

impl FromStr for TcpClientEndpoint {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        Ok(Self { address: text.parse()?, options: ConnectOptions::default() })
    }
}

/// The address, as it can be parsed.
impl fmt::Display for TcpClientEndpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(formatter)
    }
}
