//! UNIX sockets.

use std::fmt;
use std::io;

use ropewalk_reactor::{DatagramOptions, DatagramProtocol, DatagramTransport, ReactorHandle, UnixAddress};

/// A UNIX socket for datagrams to listen on or to connect to (UNIX systems only).
///
/// A name may have 107 bytes on Linux and Android, 103 on most other systems. [`DatagramOptions::mode`] says who may send.
/// A socket that nobody has open, such as a program leaves behind that is killed, is removed first; one that somebody has
/// open, and everything else that is there, is left alone and an error. The file is removed when the socket stops or the
/// reactor is dropped, if it is still the same.
///
/// Two programs that begin to listen on the same path at the very same time are not kept apart: the second may take the
/// place of the first.
///
/// ```no_run
/// use ropewalk_endpoints::UnixDatagramEndpoint;
/// # use ropewalk_reactor::{Address, DatagramOptions, DatagramProtocol, DatagramTransport, Reactor, Result, UnixAddress};
/// # struct Log;
/// # impl DatagramProtocol for Log {
/// #     fn datagram_received(&mut self, _: &DatagramTransport, _: &[u8], _: &Address) -> Result { Ok(()) }
/// # }
///
/// let reactor = Reactor::new()?;
/// let mut options = DatagramOptions::default();
/// options.mode = Some(0o600);
/// let endpoint = UnixDatagramEndpoint::from(UnixAddress::path("/run/log.sock")).with_options(options);
/// let transport = endpoint.listen(&reactor, Log)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnixDatagramEndpoint {
    address: UnixAddress,
    options: DatagramOptions,
}

impl UnixDatagramEndpoint {
    /// The same endpoint with other options than the default ones.
    #[must_use]
    pub fn with_options(self, options: DatagramOptions) -> Self {
        Self { options, ..self }
    }

    /// Opens a socket of this name, as [`ReactorHandle::listen_datagrams`] does.
    ///
    /// # Errors
    /// If the operating system refuses; the text says where and why.
    pub fn listen(
        &self,
        reactor: &ReactorHandle,
        protocol: impl DatagramProtocol + 'static,
    ) -> io::Result<DatagramTransport> {
        reactor.listen_datagrams(self.address.clone(), self.options.clone(), protocol)
    }

    /// Opens a socket that exchanges datagrams with this one alone, as [`ReactorHandle::connect_datagrams`] does. To be
    /// answered, it needs a name of its own: [`DatagramOptions::bind`].
    ///
    /// # Errors
    /// If the operating system refuses; the text says where and why.
    pub fn connect(
        &self,
        reactor: &ReactorHandle,
        protocol: impl DatagramProtocol + 'static,
    ) -> io::Result<DatagramTransport> {
        reactor.connect_datagrams(self.address.clone(), self.options.clone(), protocol)
    }
}

impl From<UnixAddress> for UnixDatagramEndpoint {
    fn from(address: UnixAddress) -> Self {
        Self { address, options: DatagramOptions::default() }
    }
}

/// The path, or the abstract name after `@`.
impl fmt::Display for UnixDatagramEndpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(formatter)
    }
}
