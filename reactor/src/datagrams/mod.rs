//! Sockets for datagrams: UDP, and UNIX sockets of that kind.

pub(crate) mod errors;
pub(crate) mod protocol;
mod serving;
pub(crate) mod shared;
pub(crate) mod socket;
pub(crate) mod transport;

use std::io;

use crate::commands::Command;
use crate::driver::Datagram;
use crate::listening::ListenError;
use crate::{Address, DatagramOptions, DatagramProtocol, DatagramTransport, ReactorHandle};
use shared::Shared;
use socket::DatagramSocket;

impl ReactorHandle {
    /// Opens a socket on `address` that receives datagrams from anybody and sends to anybody. [`Address::Tcp`] counts as
    /// the UDP port of the same number. The address is bound when this returns; datagrams are delivered once the reactor
    /// runs, until [`DatagramTransport::stop`] or until the reactor stops or drains.
    ///
    /// ```
    /// use ropewalk_reactor::{Address, DatagramOptions, DatagramProtocol, DatagramTransport, Reactor, Result};
    ///
    /// struct Printer;
    ///
    /// impl DatagramProtocol for Printer {
    ///     fn datagram_received(&mut self, transport: &DatagramTransport, data: &[u8], from: &Address) -> Result {
    ///         println!("{from} says {}", data.escape_ascii());
    ///         transport.reactor().stop();
    ///         Ok(())
    ///     }
    /// }
    ///
    /// let mut reactor = Reactor::new()?;
    /// let printer = reactor.listen_datagrams(([127, 0, 0, 1], 0), DatagramOptions::default(), Printer)?;
    /// printer.send_to("hello", printer.host())?;
    /// reactor.run()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the address cannot be bound; the text names it. The kind is the operating system's, such as
    /// [`io::ErrorKind::AddrInUse`]; [`io::ErrorKind::Unsupported`] for an address that there are no datagrams for.
    pub fn listen_datagrams(
        &self,
        address: impl Into<Address>,
        options: DatagramOptions,
        protocol: impl DatagramProtocol + 'static,
    ) -> io::Result<DatagramTransport> {
        let address = address.into().for_datagrams();
        let socket = self.core().driver.borrow_mut().bind_datagrams(&address, &options);
        let socket = socket.map_err(|source| ListenError::wrap("listening on", address, source))?;
        self.serve_datagrams(socket, None, &options, Box::new(protocol))
    }

    /// Opens a socket that exchanges datagrams with `address` alone and hears if nobody receives there
    /// ([`DatagramError::Refused`](crate::DatagramError::Refused)). No datagram is sent for that. Otherwise as
    /// [`listen_datagrams`](Self::listen_datagrams).
    ///
    /// # Errors
    /// If there is no way to the address; the text names it.
    pub fn connect_datagrams(
        &self,
        address: impl Into<Address>,
        options: DatagramOptions,
        protocol: impl DatagramProtocol + 'static,
    ) -> io::Result<DatagramTransport> {
        let address = address.into().for_datagrams();
        let socket = self.core().driver.borrow_mut().connect_datagrams(&address, &options);
        let socket = socket.map_err(|source| ListenError::wrap("connecting to", address.clone(), source))?;
        self.serve_datagrams(socket, Some(address), &options, Box::new(protocol))
    }

    fn serve_datagrams(
        &self,
        socket: Box<dyn Datagram>,
        peer: Option<Address>,
        options: &DatagramOptions,
        protocol: Box<dyn DatagramProtocol>,
    ) -> io::Result<DatagramTransport> {
        let shared = Shared::new(self.clone(), socket.local_address()?, peer, options);
        let transport = DatagramTransport::new(shared);
        let socket = DatagramSocket::new(socket, protocol, transport.clone(), options.max_packet_size);
        self.core().command(Command::StartDatagrams(Box::new(socket)));
        Ok(transport)
    }
}
