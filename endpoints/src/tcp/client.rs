//! Connecting.

use std::fmt;
use std::net::SocketAddr;
use std::rc::Rc;
use std::str::FromStr;
use std::time::Duration;

use ropewalk_reactor::{ConnectOptions, ConnectResult, Deferred, Factory, ReactorHandle};

use super::address::TcpAddress;
use crate::racing::{RaceOptions, connect_by_name};
use crate::{AddressError, ClientEndpoint, IpFamily};

/// A TCP port to connect to.
///
/// It is parsed from `127.0.0.1:8123`, `[::1]:8123`, `example.org:80` or `localhost:8123`, or made from a [`SocketAddr`].
/// What counts as a name is told at [`check_host_name`](ropewalk_reactor::check_host_name), how it is looked up at
/// [`ReactorHandle::resolve`]. The timeout of the options holds for the lookup and all attempts together.
///
/// # Names with several addresses
///
/// Addresses race as in RFC 8305 ("happy eyeballs"). They come in the order in which the resolver prefers them, of which
/// the families are made to take turns; an IPv6 address is first where the system has it first (RFC 6724), or
/// [`with_first_family`](Self::with_first_family) says so. For `localhost` 127.0.0.1 is first, as it is what
/// [`TcpServerEndpoint`](crate::TcpServerEndpoint) listens on.
///
/// An attempt that is neither accepted nor refused within 250 milliseconds
/// ([`with_attempt_delay`](Self::with_attempt_delay)) is joined by one to the next address; one that fails is followed by
/// the next at once. The first connection that stands wins: the other attempts are cancelled, and the factory sees
/// only this one. What it refuses, or what goes wrong in its layers, is the result; no other address is tried then. If all
/// attempts fail, [`ConnectError::AllFailed`](ropewalk_reactor::ConnectError::AllFailed) has what happened at each.
///
/// One lookup gives the addresses of both families at once, so there is no Resolution Delay (RFC 8305 §3).
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
/// let handle = reactor.handle();
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
    race_options: RaceOptions,
}

impl TcpClientEndpoint {
    fn new(address: TcpAddress) -> Self {
        Self { address, options: ConnectOptions::default(), race_options: RaceOptions::default() }
    }

    /// The same endpoint with other options than the default ones.
    #[must_use]
    pub fn with_options(self, options: ConnectOptions) -> Self {
        Self { options, ..self }
    }

    /// The same endpoint, for which an attempt that is not decided after `delay` is joined by the next: the Connection
    /// Attempt Delay of RFC 8305 §5. Default 250 milliseconds; kept within 10 milliseconds and 2 seconds.
    #[must_use]
    pub fn with_attempt_delay(mut self, delay: Duration) -> Self {
        self.race_options.attempt_delay = delay;
        self
    }

    /// The same endpoint, for which an address of `family` is tried first if there is one, whatever the resolver prefers.
    #[must_use]
    pub fn with_first_family(mut self, family: IpFamily) -> Self {
        self.race_options.first_family = Some(family);
        self
    }
}

impl ClientEndpoint for TcpClientEndpoint {
    fn connect_shared(&self, reactor: &ReactorHandle, factory: Rc<dyn Factory>) -> Deferred<ConnectResult> {
        match &self.address {
            TcpAddress::Literal(address) => reactor.connect(*address, &self.options, factory),
            TcpAddress::Name(name, port) => {
                connect_by_name(reactor, (name, *port), &self.options, &self.race_options, factory)
            }
        }
    }
}

impl From<SocketAddr> for TcpClientEndpoint {
    fn from(address: SocketAddr) -> Self {
        Self::new(TcpAddress::Literal(address))
    }
}

impl FromStr for TcpClientEndpoint {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        Ok(Self::new(text.parse()?))
    }
}

/// The address, as it can be parsed.
impl fmt::Display for TcpClientEndpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(formatter)
    }
}
