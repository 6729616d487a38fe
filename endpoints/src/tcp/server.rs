//! Listening.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::str::FromStr;

use ropewalk_reactor::{Factory, ListenOptions, ListeningPort, ReactorHandle};

use super::address::LocalAddress;
use crate::{AddressError, ServerEndpoint};

/// A TCP port to listen on.
///
/// It is parsed from `127.0.0.1:8123`, `[::1]:8123` or `localhost:8123`, which is 127.0.0.1; or made from a
/// [`SocketAddr`]. Other names are an error: a server listens on an address of its own host. The hosts `0.0.0.0` and `[::]` mean all interfaces, the latter for IPv4 too unless
/// [`ListenOptions::dual_stack`] says otherwise. Port 0 lets the system choose one:
/// [`ListeningPort::address`] tells which.
///
/// ```
/// use ropewalk_endpoints::{ServerEndpoint, TcpServerEndpoint};
/// # use ropewalk_reactor::{ListenOptions, Protocol, Reactor, Result, Transport, for_protocol};
/// # struct Echo;
/// # impl Protocol for Echo {
/// #     fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result { Ok(transport.write(data)) }
/// # }
///
/// let reactor = Reactor::new()?;
/// let mut options = ListenOptions::default();
/// options.backlog = 128;
/// let endpoint = "localhost:0".parse::<TcpServerEndpoint>()?.with_options(options);
/// let port = endpoint.listen(&reactor, for_protocol(|| Echo))?;
/// println!("listening on {}", port.address());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TcpServerEndpoint {
    address: LocalAddress,
    options: ListenOptions,
}

impl TcpServerEndpoint {
    /// The same endpoint with other options than the default ones.
    #[must_use]
    pub fn with_options(self, options: ListenOptions) -> Self {
        Self { options, ..self }
    }
}

impl ServerEndpoint for TcpServerEndpoint {
    fn listen_shared(&self, reactor: &ReactorHandle, factory: Rc<dyn Factory>) -> io::Result<ListeningPort> {
        reactor.listen(self.address.socket(), self.options.clone(), factory)
    }
}

impl From<SocketAddr> for TcpServerEndpoint {
    fn from(address: SocketAddr) -> Self {
        Self { address: LocalAddress::Literal(address), options: ListenOptions::default() }
    }
}

impl FromStr for TcpServerEndpoint {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        Ok(Self { address: text.parse()?, options: ListenOptions::default() })
    }
}

/// The address, as it can be parsed.
impl fmt::Display for TcpServerEndpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(formatter)
    }
}
