//! Sockets that systemd has opened.

mod passed;

use std::fmt;
use std::io;
use std::rc::Rc;

use ropewalk_reactor::{Factory, ListeningPort, ReactorHandle};

use crate::ServerEndpoint;

/// A listening socket that systemd passes to this process, of TCP or of UNIX streams: socket activation, as in
/// sd_listen_fds(3).
///
/// With a `.socket` unit systemd listens before the program starts, on ports that need privileges too, and goes on while it is
/// restarted, so that no connection is refused meanwhile.
///
/// A socket is named by its index in the order of the unit's `Listen…=` lines, or by the `FileDescriptorName=` of its unit; of
/// several with the same name, each is listened on once, in their order. See
/// [`ReactorHandle::adopt_listener`](ropewalk_reactor::ReactorHandle::adopt_listener) for what becomes of it.
///
/// The sockets are taken from the environment (`LISTEN_FDS`, `LISTEN_PID`, `LISTEN_FDNAMES`) when a process listens on one of them
/// for the first time, which also removes the first two so that no other program takes them for its own. Do that before code in
/// other languages runs in threads of the process, as it may be reading the environment.
///
/// ```no_run
/// use ropewalk_endpoints::{ServerEndpoint, SystemdServerEndpoint};
/// # use ropewalk_reactor::{Protocol, Reactor, Result, Transport, for_protocol};
/// # struct Echo;
/// # impl Protocol for Echo {
/// #     fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result { Ok(transport.write(data)) }
/// # }
///
/// let reactor = Reactor::new()?;
/// SystemdServerEndpoint::index(0).listen(&reactor, for_protocol(|| Echo))?;
/// SystemdServerEndpoint::name("admin").listen(&reactor, for_protocol(|| Echo))?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SystemdServerEndpoint(Which);

/// One of the sockets that were passed.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Which {
    Index(usize),
    Name(String),
}

impl SystemdServerEndpoint {
    /// The socket of this index; the first has the index 0.
    pub const fn index(index: usize) -> Self {
        Self(Which::Index(index))
    }

    /// The socket of this name.
    pub fn name(name: impl Into<String>) -> Self {
        Self(Which::Name(name.into()))
    }
}

impl ServerEndpoint for SystemdServerEndpoint {
    /// # Errors
    /// If no sockets were passed to this process, none of this index or name, or it is listened on already; or if it is no
    /// listening socket of streams. The text says which, and what there is.
    fn listen_shared(&self, reactor: &ReactorHandle, factory: Rc<dyn Factory>) -> io::Result<ListeningPort> {
        let adopted = passed::take(&self.0).and_then(|socket| reactor.adopt_listener(socket, factory));
        adopted.map_err(|error| io::Error::new(error.kind(), format!("listening on {self}: {error}")))
    }
}

/// `systemd:0` or `systemd:name`.
impl fmt::Display for SystemdServerEndpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Which::Index(index) => write!(formatter, "systemd:{index}"),
            Which::Name(name) => write!(formatter, "systemd:{name}"),
        }
    }
}
