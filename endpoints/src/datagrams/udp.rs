//! UDP.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::str::FromStr;

use ropewalk_reactor::{Address, DatagramOptions, DatagramProtocol, DatagramTransport, ReactorHandle};

use crate::AddressError;
use crate::tcp::address::LocalAddress;

/// A UDP port to listen on or to connect to.
///
/// It is parsed from `127.0.0.1:5353`, `[::1]:5353` or `localhost:5353`, which is 127.0.0.1; or made from a
/// [`SocketAddr`]. To listen, the hosts `0.0.0.0` and `[::]` mean all interfaces, the latter for IPv4 too unless
/// [`DatagramOptions::dual_stack`] says otherwise; port 0 lets the system choose one, and
/// [`DatagramTransport::host`] tells which.
///
/// ```
/// use ropewalk_endpoints::UdpEndpoint;
/// # use ropewalk_reactor::{Address, DatagramOptions, DatagramProtocol, DatagramTransport, Reactor, Result};
/// # struct Echo;
/// # impl DatagramProtocol for Echo {
/// #     fn datagram_received(&mut self, transport: &DatagramTransport, data: &[u8], from: &Address) -> Result {
/// #         Ok(transport.send_to(data, from)?)
/// #     }
/// # }
///
/// let reactor = Reactor::new()?;
/// let mut options = DatagramOptions::default();
/// options.max_packet_size = 512;
/// let transport = "localhost:0".parse::<UdpEndpoint>()?.with_options(options).listen(&reactor, Echo)?;
/// println!("listening on {}", transport.host());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UdpEndpoint {
    address: LocalAddress,
    options: DatagramOptions,
}

impl UdpEndpoint {
    /// The same endpoint with other options than the default ones.
    #[must_use]
    pub fn with_options(self, options: DatagramOptions) -> Self {
        Self { options, ..self }
    }

    /// Opens a socket on this port, as [`ReactorHandle::listen_datagrams`] does.
    ///
    /// # Errors
    /// If the operating system refuses; the text says where and why.
    pub fn listen(
        &self,
        reactor: &ReactorHandle,
        protocol: impl DatagramProtocol + 'static,
    ) -> io::Result<DatagramTransport> {
        reactor.listen_datagrams(self.address(), self.options.clone(), protocol)
    }

    /// Opens a socket that exchanges datagrams with this port alone, as [`ReactorHandle::connect_datagrams`] does.
    ///
    /// # Errors
    /// If the operating system refuses; the text says where and why.
    pub fn connect(
        &self,
        reactor: &ReactorHandle,
        protocol: impl DatagramProtocol + 'static,
    ) -> io::Result<DatagramTransport> {
        reactor.connect_datagrams(self.address(), self.options.clone(), protocol)
    }

    fn address(&self) -> Address {
        Address::Udp(self.address.socket())
    }
}

impl From<SocketAddr> for UdpEndpoint {
    fn from(address: SocketAddr) -> Self {
        Self { address: LocalAddress::Literal(address), options: DatagramOptions::default() }
    }
}

impl FromStr for UdpEndpoint {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        Ok(Self { address: text.parse()?, options: DatagramOptions::default() })
    }
}

/// The address, as it can be parsed.
impl fmt::Display for UdpEndpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(formatter)
    }
}
