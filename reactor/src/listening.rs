//! Ports that listen, and the accepting of connections.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;
use std::{fmt, io};

use crate::commands::Command;
use crate::driver::{ListenOptions, Listener, Stream};
use crate::timers::TimerId;
use crate::{Address, ConnectionId, Deferred, Factory, ReactorHandle};

mod accepting;

/// Names a port in the table.
pub(crate) type PortId = ConnectionId;

/// A listening port: the handle that [`ReactorHandle::listen`] returns. Dropping it changes nothing; the port listens
/// until [`stop`](Self::stop) or until the reactor stops.
///
/// ```
/// # use ropewalk_reactor::{ListenOptions, Protocol, Reactor, Result, Transport, for_protocol};
/// # struct Echo;
/// # impl Protocol for Echo {
/// #     fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result { Ok(transport.write(data)) }
/// # }
/// let mut reactor = Reactor::new()?;
/// let port = reactor.listen(([127, 0, 0, 1], 0), ListenOptions::default(), for_protocol(|| Echo))?;
/// println!("listening on {}", port.address()); // with the real port
/// let handle = reactor.handle();
/// port.stop().then(move |()| handle.stop());
/// reactor.run()?;
/// assert!(!port.is_listening());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct ListeningPort {
    port: Rc<Port>,
}

/// A listening port as the loop and its handles share it.
pub(crate) struct Port {
    reactor: ReactorHandle,
    factory: Rc<dyn Factory>,
    /// Which factory that is; see [`Factory::identity`].
    identity: usize,
    /// How to listen again; `None` for a socket that somebody else has bound.
    options: Option<ListenOptions>,
    address: Address,
    /// Present exactly while the port listens.
    listener: RefCell<Option<Box<dyn Listener>>>,
    /// The listener is not registered with the driver yet.
    fresh: Cell<bool>,
    /// Its place in the table, once the loop has seen it.
    id: Cell<Option<PortId>>,
    /// It is in the list of those that are ready.
    queued: Cell<bool>,
    /// How long it waits for descriptors next time; zero while there are enough.
    backoff: Cell<Duration>,
    retry: Cell<Option<TimerId>>,
}

impl ReactorHandle {
    /// Listens on `address` and has `factory` make a protocol for each connection. The address is bound when this
    /// returns; connections are accepted once the reactor runs.
    ///
    /// Running out of descriptors does not end a port: it waits and tries again, at once when a connection closes; after a
    /// while it uses a descriptor kept in reserve to close those who wait, so that they know.
    ///
    /// # Errors
    /// If the address cannot be bound; the text names it. The kind is the operating system's, such as
    /// [`io::ErrorKind::AddrInUse`].
    pub fn listen(
        &self,
        address: impl Into<Address>,
        options: ListenOptions,
        factory: impl Factory + 'static,
    ) -> io::Result<ListeningPort> {
        let listener = self.bind(&address.into(), &options)?;
        self.open_port(listener, Some(options), Rc::new(factory))
    }

    /// The port of a listener; without options it cannot listen again.
    pub(crate) fn open_port(
        &self,
        listener: Box<dyn Listener>,
        options: Option<ListenOptions>,
        factory: Rc<dyn Factory>,
    ) -> io::Result<ListeningPort> {
        let port = Rc::new(Port {
            reactor: self.clone(),
            identity: factory.identity().addr(),
            factory,
            options,
            address: listener.local_address()?,
            listener: RefCell::new(Some(listener)),
            fresh: Cell::new(true),
            id: Cell::new(None),
            queued: Cell::new(false),
            backoff: Cell::new(Duration::ZERO),
            retry: Cell::new(None),
        });
        self.core().command(Command::SettlePort(Rc::clone(&port), None));
        Ok(ListeningPort { port })
    }

    fn bind(&self, address: &Address, options: &ListenOptions) -> io::Result<Box<dyn Listener>> {
        let listener = self.core().driver.borrow_mut().listen(address, options);
        listener.map_err(|source| ListenError::wrap("listening on", address.clone(), source))
    }
}

impl ListeningPort {
    /// The address that is listened on, with the real port if port 0 was asked for.
    pub fn address(&self) -> &Address {
        &self.port.address
    }

    /// Stops listening at once; connections that were accepted live on. The deferred has its value once the factory has
    /// heard of it. Stopping a stopped port does nothing more.
    pub fn stop(&self) -> Deferred<()> {
        let (deferred, resolver) = Deferred::new(&self.port.reactor);
        self.port.stop();
        self.port.reactor.core().command(Command::SettlePort(Rc::clone(&self.port), Some(resolver)));
        deferred
    }

    /// Listens again on the same address after [`stop`](Self::stop). Does nothing on a port that listens.
    ///
    /// # Errors
    /// As [`ReactorHandle::listen`]. Of kind `Unsupported` for a port that was adopted: its socket is closed.
    pub fn start(&self) -> io::Result<()> {
        if self.is_listening() {
            return Ok(());
        }
        let Some(options) = &self.port.options else {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                format!(
                    "listening on {} again: the port was adopted, and its socket is closed",
                    self.port.address
                ),
            ));
        };
        let listener = self.port.reactor.bind(&self.port.address, options)?;
        self.port.listener.replace(Some(listener));
        self.port.fresh.set(true);
        self.port.reactor.core().command(Command::SettlePort(Rc::clone(&self.port), None));
        Ok(())
    }

    /// Whether the port listens.
    pub fn is_listening(&self) -> bool {
        self.port.listener.borrow().is_some()
    }
}

impl Port {
    /// Closes the listening socket at once. The loop settles the rest.
    pub(crate) fn stop(&self) {
        self.listener.replace(None);
    }

    /// The driver says that connections wait. Returns whether the port is to be queued.
    pub(crate) fn became_ready(&self) -> bool {
        // A port that waits for descriptors is queued when there are some.
        self.backoff.get().is_zero() && !self.queued.replace(true)
    }

    /// Registers the listener with the driver, if it is not registered.
    fn register(&self, id: PortId) -> io::Result<()> {
        match self.listener.borrow_mut().as_mut() {
            Some(listener) if self.fresh.get() => {
                listener.register(id.token())?;
                self.fresh.set(false);
                Ok(())
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The next connection, with the addresses of both ends.
    fn accept(&self) -> io::Result<(Box<dyn Stream>, Address, Address)> {
        let mut listener = self.listener.borrow_mut();
        let Some(listener) = listener.as_mut() else {
            return Err(io::ErrorKind::WouldBlock.into());
        };
        let (stream, peer) = listener.accept()?;
        // Only a wildcard leaves open which address the peer has connected to; asking costs a system call.
        let is_wildcard = self.address.ip().is_some_and(|ip| ip.is_unspecified());
        // Some systems do not tell it of a connection that is broken already; reading will tell.
        let told = if is_wildcard { stream.local_address().ok() } else { None };
        let host = told.unwrap_or_else(|| self.address.clone());
        Ok((stream, peer, host))
    }

    /// Closes the next waiting connection without serving it.
    fn refuse(&self) -> io::Result<()> {
        match self.listener.borrow_mut().as_mut() {
            Some(listener) => listener.refuse(),
            None => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

/// A port, or a socket for datagrams, could not be opened.
#[derive(Debug)]
pub(crate) struct ListenError {
    doing: &'static str,
    address: Address,
    source: io::Error,
}

impl ListenError {
    /// The error that `doing` something with `address` has failed because of `source`.
    pub(crate) fn wrap(doing: &'static str, address: Address, source: io::Error) -> io::Error {
        io::Error::new(source.kind(), Self { doing, address, source })
    }
}

impl fmt::Display for ListenError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}: {}", self.doing, self.address, self.source)
    }
}

impl std::error::Error for ListenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

impl fmt::Debug for ListeningPort {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ListeningPort")
            .field("address", &self.port.address)
            .field("listening", &self.is_listening())
            .finish()
    }
}
