//! A connection that is made again whenever it is lost.

mod backoff;
mod failure;
mod pending;
mod state;

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use ropewalk_reactor::{Deferred, Factory, ReactorHandle, Result as Outcome, Transport};

use crate::ClientEndpoint;
pub use backoff::Backoff;
pub use failure::{ClientEvent, ClientFailure, NoConnection};
use state::{Inner, Waiter};

/// Keeps a connection through an endpoint: connects, and whenever that fails or the connection is lost, waits and
/// connects again, until it is stopped.
///
/// How long it waits says [`Backoff`]; failures in a row make it longer. A connection that is lost before it
/// was stable for a while counts as a failure, so that a server which accepts and hangs up at once is not hammered.
/// One attempt takes no longer than the endpoint lets it.
///
/// Clones are the same service. It goes on without any, until [`stop`](Self::stop), or until the reactor is dropped. When the
/// reactor stops, it fails to connect and goes on trying if the reactor runs again; stop it in a trigger before the
/// shutdown to have it end with the reactor.
///
/// ```no_run
/// use ropewalk_endpoints::{ClientOptions, ClientService, TcpClientEndpoint};
/// # use ropewalk_reactor::{Protocol, Reactor, Result, Transport, When, for_protocol};
/// # struct Agent;
/// # impl Protocol for Agent {
/// #     fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result { Ok(()) }
/// # }
/// let mut reactor = Reactor::new()?;
/// let endpoint: TcpClientEndpoint = "127.0.0.1:8123".parse()?;
/// let options = ClientOptions::default().on_event(|event| println!("{event}"));
/// let service = ClientService::new(&reactor, endpoint, for_protocol(|| Agent), options);
/// service.start();
/// service.when_connected().then(|connected| {
///     if let Ok(transport) = connected {
///         transport.write("hello\r\n");
///     }
/// });
/// reactor.add_trigger(When::BeforeShutdown, move |_| service.stop());
/// reactor.run()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ClientService {
    inner: Rc<Inner>,
}

/// How a [`ClientService`] goes about its work.
#[non_exhaustive]
pub struct ClientOptions {
    /// How long to wait between attempts.
    pub backoff: Backoff,
    /// How long a connection must have lasted for the failures before it to be forgotten. Default 10 seconds.
    pub stable_after: Duration,
    /// After so many failures in a row the service gives up and is stopped. Default: never.
    pub failures_max: Option<u32>,
    prepare: Option<Prepare>,
    observe: Option<Observe>,
}

type Prepare = Box<dyn Fn(&Transport) -> Deferred<Outcome>>;
type Observe = Box<dyn Fn(&ClientEvent)>;

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            backoff: Backoff::default(),
            stable_after: Duration::from_secs(10),
            failures_max: None,
            prepare: None,
            observe: None,
        }
    }
}

impl ClientOptions {
    /// Has `prepare` make each fresh connection ready, by a login for instance, before anybody hears of it. It must bring its
    /// deferred to an end, in whatever time it wants to allow. If that is an error, the connection is closed, and that counts
    /// as a failure. A service that is stopped, or loses the connection, meanwhile cancels the deferred.
    #[must_use]
    pub fn prepare(self, prepare: impl Fn(&Transport) -> Deferred<Outcome> + 'static) -> Self {
        Self { prepare: Some(Box::new(prepare)), ..self }
    }

    /// Has `observe` hear what becomes of the service.
    #[must_use]
    pub fn on_event(self, observe: impl Fn(&ClientEvent) + 'static) -> Self {
        Self { observe: Some(Box::new(observe)), ..self }
    }
}

impl ClientService {
    /// A service that is not started. `factory` makes a protocol for each connection.
    pub fn new(
        reactor: &ReactorHandle,
        endpoint: impl ClientEndpoint + 'static,
        factory: impl Factory + 'static,
        options: ClientOptions,
    ) -> Self {
        let inner = Inner::new(reactor.clone(), Box::new(endpoint), Rc::new(factory), options);
        Self { inner: Rc::new(inner) }
    }

    /// Begins to connect, in the next turn. Does nothing if the service is started; one that is being stopped
    /// starts again when it has stopped.
    pub fn start(&self) {
        self.inner.start();
    }

    /// Stops trying, gives up an attempt that is under way, closes the connection if there is one. Comes when all
    /// that is over: when the connection's protocol has heard `connection_lost`. Who waits for a connection gets an
    /// error at once. May be called in any state, and again.
    pub fn stop(&self) -> Deferred<()> {
        self.inner.stop()
    }

    /// Whether the service is started. Not after it was stopped or has given up.
    pub fn is_running(&self) -> bool {
        self.inner.is_running()
    }

    /// Comes with the connection, as soon as there is one and it is prepared; at once if it is there already. Failures do
    /// not matter, as the service goes on trying.
    ///
    /// The error is that the service is not started, or is stopped or gives up before.
    pub fn when_connected(&self) -> Deferred<Result<Transport, NoConnection>> {
        self.wait_for_connection(None)
    }

    /// As [`when_connected`](Self::when_connected), but the error comes also after so many more failures in a row, at least
    /// one. The service goes on trying.
    pub fn when_connected_within(&self, failures: u32) -> Deferred<Result<Transport, NoConnection>> {
        self.wait_for_connection(Some(failures.max(1)))
    }

    fn wait_for_connection(&self, failures: Option<u32>) -> Deferred<Result<Transport, NoConnection>> {
        let (deferred, resolver) = Deferred::new(&self.inner.reactor);
        if !self.is_running() {
            resolver.resolve(Err(NoConnection::Stopped));
        } else if let Some(transport) = self.inner.connection() {
            resolver.resolve(Ok(transport));
        } else {
            self.inner.waiters.borrow_mut().push(Waiter { resolver, failures: 0, failures_max: failures });
        }
        deferred
    }
}

impl fmt::Debug for ClientService {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ClientService")
            .field("state", &*self.inner.state.borrow())
            .field("failures", &self.inner.failures.get())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ClientOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ClientOptions")
            .field("backoff", &self.backoff)
            .field("stable_after", &self.stable_after)
            .field("failures_max", &self.failures_max)
            .finish_non_exhaustive()
    }
}
