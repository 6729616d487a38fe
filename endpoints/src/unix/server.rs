//! Listening.

use std::fmt;
use std::io;
use std::rc::Rc;
use std::str::FromStr;

use ropewalk_reactor::{Factory, ListenOptions, ListeningPort, ReactorHandle, UnixAddress};

use super::address::parse;
use crate::{AddressError, ServerEndpoint};

/// A UNIX socket to listen on.
///
/// It is parsed from a path such as `/run/chat.sock`, or on Linux from an abstract name such as `@chat`; or made from a
/// [`UnixAddress`]. A relative path that begins with `@` is written `./@chat`. A name may have 107 bytes on Linux and
/// Android, 103 on most other systems.
///
/// [`ListenOptions::mode`] says who may connect. A socket that nobody has open, such as a server leaves behind that is
/// killed, is removed first; one that somebody has open, and everything else that is there, is left alone and an error.
/// The file is removed when the port stops or the reactor is dropped, if it is still the same.
///
/// Two servers that begin to listen on the same path at the very same time are not kept apart: the second may take the
/// place of the first.
///
/// ```
/// use ropewalk_endpoints::{ServerEndpoint, UnixServerEndpoint};
/// # use ropewalk_reactor::{ListenOptions, Protocol, Reactor, Result, Transport, for_protocol};
/// # struct Echo;
/// # impl Protocol for Echo {
/// #     fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result { Ok(transport.write(data)) }
/// # }
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("echo.sock");
/// # let path = path.to_str().unwrap();
///
/// let reactor = Reactor::new()?;
/// let mut options = ListenOptions::default();
/// options.mode = Some(0o660);
/// let endpoint = path.parse::<UnixServerEndpoint>()?.with_options(options);
/// let port = endpoint.listen(&reactor, for_protocol(|| Echo))?;
/// println!("listening on {}", port.address());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnixServerEndpoint {
    address: UnixAddress,
    options: ListenOptions,
}

impl UnixServerEndpoint {
    /// The same endpoint with other options than the default ones.
    #[must_use]
    pub fn with_options(self, options: ListenOptions) -> Self {
        Self { options, ..self }
    }
}

impl ServerEndpoint for UnixServerEndpoint {
    fn listen_shared(&self, reactor: &ReactorHandle, factory: Rc<dyn Factory>) -> io::Result<ListeningPort> {
        reactor.listen(self.address.clone(), self.options.clone(), factory)
    }
}

impl From<UnixAddress> for UnixServerEndpoint {
    fn from(address: UnixAddress) -> Self {
        Self { address, options: ListenOptions::default() }
    }
}

impl FromStr for UnixServerEndpoint {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        parse(text).map(Self::from)
    }
}

/// The path or the abstract name, as it can be parsed if it is plain text.
impl fmt::Display for UnixServerEndpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(formatter)
    }
}
