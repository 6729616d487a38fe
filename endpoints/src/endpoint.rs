//! What all endpoints have in common.

use std::io;
use std::rc::Rc;

use ropewalk_reactor::{ConnectResult, Deferred, Factory, ListeningPort, ReactorHandle};

use crate::Policy;

/// A place to listen on.
///
/// A program that takes a `Box<dyn ServerEndpoint>` listens on whatever its user wants:
///
/// ```
/// use ropewalk_endpoints::{ServerEndpoint, TcpServerEndpoint};
/// # use ropewalk_reactor::{Protocol, Reactor, Result, Transport, for_protocol};
/// # struct Echo;
/// # impl Protocol for Echo {
/// #     fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result { Ok(transport.write(data)) }
/// # }
///
/// let endpoint: Box<dyn ServerEndpoint> = Box::new("127.0.0.1:0".parse::<TcpServerEndpoint>()?);
/// let reactor = Reactor::new()?;
/// let port = endpoint.listen(&reactor, for_protocol(|| Echo))?;
/// println!("listening on {}", port.address());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait ServerEndpoint {
    /// Listens, and has `factory` make a protocol for each connection. The place is taken when this returns;
    /// connections are accepted once the reactor runs. An endpoint may be listened on several times, if the operating
    /// system lets it.
    ///
    /// # Errors
    /// If the operating system refuses; the text says where listening failed and why, the kind is the operating
    /// system's, such as [`io::ErrorKind::AddrInUse`].
    fn listen(&self, reactor: &ReactorHandle, factory: impl Factory + 'static) -> io::Result<ListeningPort>
    where
        Self: Sized,
    {
        self.listen_shared(reactor, Rc::new(factory))
    }

    /// As [`listen`](Self::listen), for a factory that is shared. This is what endpoints implement.
    ///
    /// # Errors
    /// As [`listen`](Self::listen).
    fn listen_shared(&self, reactor: &ReactorHandle, factory: Rc<dyn Factory>) -> io::Result<ListeningPort>;
}

/// A place to connect to.
pub trait ClientEndpoint {
    /// Connects, and has `factory` make the protocol once the connection stands. The result comes after the protocol's
    /// `connection_made`. Dropping the deferred does not end the attempt, cancelling it does. An endpoint may be
    /// connected to any number of times.
    ///
    /// The error that comes if there is no connection says whereto and why.
    fn connect(&self, reactor: &ReactorHandle, factory: impl Factory + 'static) -> Deferred<ConnectResult>
    where
        Self: Sized,
    {
        self.connect_shared(reactor, Rc::new(factory))
    }

    /// As [`connect`](Self::connect), for a factory that is shared. This is what endpoints implement.
    fn connect_shared(&self, reactor: &ReactorHandle, factory: Rc<dyn Factory>) -> Deferred<ConnectResult>;

    /// The same endpoint, with `policy` [around](Policy::around) every factory that it is connected for: for those who make the
    /// factory themselves, as [`connect_stream`](crate::connect_stream), [`ClientService`](crate::ClientService) and
    /// [`PortForward`](crate::PortForward) do. Its connections share what the policy counts.
    ///
    /// ```
    /// # use std::time::Duration;
    /// use ropewalk_endpoints::{ClientEndpoint, IdleTimeout, PortForward, TcpClientEndpoint};
    ///
    /// let backend = "127.0.0.1:5432".parse::<TcpClientEndpoint>()?;
    /// let forward = PortForward::new(backend.with_policy(IdleTimeout::new(Duration::from_secs(600))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn with_policy(self, policy: impl Policy + 'static) -> impl ClientEndpoint
    where
        Self: Sized,
    {
        WithPolicy { endpoint: self, policy: Rc::new(policy) }
    }
}

/// The endpoint that [`ClientEndpoint::with_policy`] returns.
struct WithPolicy<E, P> {
    endpoint: E,
    policy: Rc<P>,
}

impl<E: ClientEndpoint, P: Policy + 'static> ClientEndpoint for WithPolicy<E, P> {
    fn connect_shared(&self, reactor: &ReactorHandle, factory: Rc<dyn Factory>) -> Deferred<ConnectResult> {
        self.endpoint.connect(reactor, Rc::clone(&self.policy).around(factory))
    }
}

impl<E: ServerEndpoint + ?Sized> ServerEndpoint for Box<E> {
    fn listen_shared(&self, reactor: &ReactorHandle, factory: Rc<dyn Factory>) -> io::Result<ListeningPort> {
        (**self).listen_shared(reactor, factory)
    }
}

impl<E: ClientEndpoint + ?Sized> ClientEndpoint for Box<E> {
    fn connect_shared(&self, reactor: &ReactorHandle, factory: Rc<dyn Factory>) -> Deferred<ConnectResult> {
        (**self).connect_shared(reactor, factory)
    }
}
