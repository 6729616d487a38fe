//! Sockets that somebody else has opened: a supervisor, a parent, an earlier instance of the program.

use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use crate::{ConnectResult, Deferred, Factory, ListeningPort, ReactorHandle};

impl ReactorHandle {
    /// Listens on a socket that listens already, of TCP or of UNIX streams, and has `factory` make a protocol for each
    /// connection. UNIX only.
    ///
    /// The socket becomes non-blocking, also for others who have it, and is not passed on to programs that this one starts.
    /// It is closed when the port stops, which cannot [`start`](ListeningPort::start) again; the file of a UNIX socket
    /// is left to whoever made it.
    ///
    /// ```
    /// # use ropewalk_reactor::{Protocol, Reactor, Result, Transport, for_protocol};
    /// # struct Echo;
    /// # impl Protocol for Echo {
    /// #     fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result { Ok(transport.write(data)) }
    /// # }
    /// # let reactor = Reactor::new()?;
    /// let socket = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// let port = reactor.adopt_listener(socket.into(), for_protocol(|| Echo))?;
    /// println!("listening on {}", port.address());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// Of kind [`io::ErrorKind::InvalidInput`] if the descriptor is no socket, or one for datagrams, of another family, or not
    /// listening (as far as the system tells); the text says which. The descriptor is closed then.
    pub fn adopt_listener(
        &self,
        descriptor: OwnedFd,
        factory: impl Factory + 'static,
    ) -> io::Result<ListeningPort> {
        let listener = self.core().driver.borrow_mut().adopt_listener(descriptor);
        self.open_port(listener.map_err(in_words)?, None, Rc::new(factory))
    }

    /// Takes over a connection that stands already, of TCP or of UNIX streams; `factory` makes its protocol. The result
    /// comes after the protocol's `connection_made`, as that of [`connect`](Self::connect). UNIX only.
    ///
    /// The socket becomes non-blocking, also for others who have it, and is not passed on to programs that this one starts.
    ///
    /// Two protocols of one program are joined by a pair of sockets of which both ends are adopted.
    ///
    /// ```
    /// # use ropewalk_reactor::{Protocol, Reactor, Result, Transport, for_protocol};
    /// # struct Echo;
    /// # impl Protocol for Echo {
    /// #     fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result { Ok(transport.write(data)) }
    /// # }
    /// # let reactor = Reactor::new()?;
    /// let (near, far) = std::os::unix::net::UnixStream::pair()?;
    /// reactor.adopt_connection(near.into(), for_protocol(|| Echo))?.then(|result| match result {
    ///     Ok(transport) => transport.write("hello"),
    ///     Err(error) => println!("{error}"),
    /// });
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// Of kind [`io::ErrorKind::InvalidInput`] if the descriptor is no socket, or one for datagrams, of another family, or not
    /// connected; the text says which. The descriptor is closed then.
    pub fn adopt_connection(
        &self,
        descriptor: OwnedFd,
        factory: impl Factory + 'static,
    ) -> io::Result<Deferred<ConnectResult>> {
        let adopted = self.core().driver.borrow_mut().adopt_connection(descriptor);
        let (stream, peer) = adopted.map_err(in_words)?;
        Ok(self.attempt(stream, peer, None, Rc::new(factory)))
    }
}

fn in_words(error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("adopting a socket: {error}"))
}
