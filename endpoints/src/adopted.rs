//! Listening on a socket that was opened elsewhere.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use ropewalk_reactor::{Factory, ListeningPort, ReactorHandle};

use crate::ServerEndpoint;

/// A socket that listens already, of TCP or of UNIX streams: from a parent process, or made with options that
/// [`ListenOptions`](ropewalk_reactor::ListenOptions) does not know.
///
/// It can be listened on once, as a port owns its socket; see
/// [`ReactorHandle::adopt_listener`](ropewalk_reactor::ReactorHandle::adopt_listener) for what becomes of it and for the errors.
///
/// ```
/// use ropewalk_endpoints::{AdoptedServerEndpoint, ServerEndpoint};
/// # use ropewalk_reactor::{Protocol, Reactor, Result, Transport, for_protocol};
/// # struct Echo;
/// # impl Protocol for Echo {
/// #     fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result { Ok(transport.write(data)) }
/// # }
///
/// let reactor = Reactor::new()?;
/// let socket = std::net::TcpListener::bind("127.0.0.1:0")?;
/// let endpoint = AdoptedServerEndpoint::new(socket);
/// let port = endpoint.listen(&reactor, for_protocol(|| Echo))?;
/// println!("listening on {}", port.address());
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct AdoptedServerEndpoint {
    /// Gone once it was listened on.
    socket: Cell<Option<OwnedFd>>,
}

impl AdoptedServerEndpoint {
    /// An endpoint of this socket. What it is, is found out when it is listened on.
    pub fn new(socket: impl Into<OwnedFd>) -> Self {
        Self { socket: Cell::new(Some(socket.into())) }
    }
}

impl ServerEndpoint for AdoptedServerEndpoint {
    fn listen_shared(&self, reactor: &ReactorHandle, factory: Rc<dyn Factory>) -> io::Result<ListeningPort> {
        let used = || io::Error::other("an adopted socket can be listened on once, and it was already");
        reactor.adopt_listener(self.socket.take().ok_or_else(used)?, factory)
    }
}

impl fmt::Debug for AdoptedServerEndpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("AdoptedServerEndpoint")
    }
}
