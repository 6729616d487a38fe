//! Connections that this side begins.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;
use std::{fmt, io};

use crate::commands::Command;
use crate::connection::Connection;
use crate::connection::opening::{Opening, Prospect};
use crate::deferred::Resolver;
use crate::driver::{ConnectOptions, Readiness, Stream};
use crate::event_loop::{Reactor, Source};
use crate::timers::{Timer, TimerId};
use crate::transport::shared::Shared;
use crate::{
    Address, ConnectionId, Deferred, Destination, Factory, Instant, ReactorHandle, Reason, ResolveError,
    Transport,
};

/// Why a connection could not be made. `Display` names the operation, the address and the cause.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectError {
    /// The operating system or the network refused.
    Failed {
        /// Whom the attempt was for.
        address: Address,
        /// What went wrong.
        source: io::Error,
    },
    /// There was no answer in time.
    TimedOut {
        /// Whom the attempt was for.
        address: Address,
        /// The time that was allowed.
        after: Duration,
    },
    /// The attempt was cancelled with [`Deferred::cancel`], or the reactor was drained.
    Cancelled {
        /// Whom the attempt was for.
        destination: Destination,
    },
    /// The peer accepted, but the factory built no protocol for it.
    NoProtocol {
        /// Whom the attempt was for.
        address: Address,
    },
    /// The connection stood, but a layer did not open, such as a TLS handshake that failed.
    NotReady {
        /// Whom the attempt was for.
        address: Address,
        /// Why the connection ended.
        reason: Reason,
    },
    /// The reactor stopped.
    Shutdown {
        /// Whom the attempt was for.
        destination: Destination,
    },
    /// The name to connect to could not be resolved.
    Resolve {
        /// Whom the attempt was for.
        destination: Destination,
        /// What went wrong.
        source: ResolveError,
    },
    /// Several addresses were tried, and none could be connected to.
    AllFailed {
        /// What happened at each, in the order of trying.
        attempts: Vec<Self>,
    },
}

/// What an attempt to connect ends with.
pub type ConnectResult = Result<Transport, ConnectError>;

/// A connection attempt in the table.
pub(crate) struct Attempt {
    stream: Box<dyn Stream>,
    factory: Rc<dyn Factory>,
    resolver: Resolver<ConnectResult>,
    address: Address,
    /// How long it may take, and so until when; `None` if the connection stands already.
    timeout: Option<(Duration, Instant)>,
    timer: Option<TimerId>,
    id: Rc<AttemptId>,
    /// What the driver has reported so far; the connection begins with it.
    readiness: Readiness,
    queued: bool,
}

/// What an attempt and the one who may cancel it share.
#[derive(Default)]
pub(crate) struct AttemptId {
    cancelled: Cell<bool>,
    slot: Cell<Option<ConnectionId>>,
}

impl ReactorHandle {
    /// Connects to `address`; `factory` makes the protocol once the connection stands. The result comes after the
    /// protocol's `connection_made`, also if that has failed: then the transport is no longer open. Dropping the deferred
    /// does not end the attempt, cancelling it does.
    ///
    /// ```no_run
    /// # use ropewalk_reactor::{ConnectOptions, Protocol, Reactor, Result, Transport, for_protocol};
    /// # struct Client;
    /// # impl Protocol for Client {
    /// #     fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result { Ok(()) }
    /// # }
    /// # let reactor = Reactor::new()?;
    /// reactor.connect(([127, 0, 0, 1], 8123), &ConnectOptions::default(), for_protocol(|| Client)).then(|result| match result {
    ///     Ok(transport) => transport.write("hello\r\n"),
    ///     Err(error) => println!("{error}"), // connecting to 127.0.0.1:8123: Connection refused
    /// });
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn connect(
        &self,
        address: impl Into<Address>,
        options: &ConnectOptions,
        factory: impl Factory + 'static,
    ) -> Deferred<ConnectResult> {
        let address = address.into();
        let stream = self.core().driver.borrow_mut().connect(&address, options);
        match stream {
            Ok(stream) => self.attempt(stream, address, Some(options.timeout), Rc::new(factory)),
            Err(source) => {
                let (deferred, resolver) = Deferred::new(self);
                resolve(resolver, Err(ConnectError::Failed { address, source }));
                deferred
            }
        }
    }

    /// The attempt to connect by way of `stream`; without a timeout it has succeeded already.
    pub(crate) fn attempt(
        &self,
        stream: Box<dyn Stream>,
        address: Address,
        timeout: Option<Duration>,
        factory: Rc<dyn Factory>,
    ) -> Deferred<ConnectResult> {
        let (deferred, resolver) = Deferred::new(self);
        let id = Rc::new(AttemptId::default());
        let attempt = Attempt {
            stream,
            factory,
            resolver,
            address,
            // From now on, as the caller sees it, whenever the loop comes to it.
            timeout: timeout.map(|timeout| (timeout, self.now() + timeout)),
            timer: None,
            id: Rc::clone(&id),
            readiness: Readiness::default(),
            queued: false,
        };
        let reactor = self.clone();
        deferred.on_cancel(move || {
            id.cancelled.set(true);
            reactor.core().command(Command::CancelConnect(id));
        });
        self.core().command(Command::Connect(Box::new(attempt)));
        deferred
    }
}

/// Tells whoever waits; a failure that nobody waits for, and that nobody wanted, is logged.
pub(crate) fn resolve(resolver: Resolver<ConnectResult>, result: ConnectResult) {
    if let Err(error) = &result {
        if !resolver.is_awaited() && !matches!(error, ConnectError::Cancelled { .. }) {
            log::warn!("{error}");
        }
    }
    resolver.resolve(result);
}

impl Attempt {
    /// Notes what the driver reported. Returns whether the attempt is to be queued.
    pub(crate) fn became_ready(&mut self, readiness: Readiness) -> bool {
        self.readiness.readable |= readiness.readable;
        self.readiness.read_closed |= readiness.read_closed;
        self.readiness.writable |= readiness.writable;
        self.readiness.error |= readiness.error;
        self.readiness.urgent |= readiness.urgent;
        let decided = self.readiness.writable || self.readiness.error || self.readiness.read_closed;
        decided && !std::mem::replace(&mut self.queued, true)
    }
}

impl Reactor {
    pub(crate) fn insert_attempt(&mut self, mut attempt: Box<Attempt>) {
        if attempt.id.cancelled.get() {
            self.give_up(*attempt, ConnectError::cancelled);
            return;
        }
        if !self.is_running() {
            // Begun while the reactor shut down, such as by a client that connects again whenever it is lost.
            self.give_up(*attempt, ConnectError::shutdown);
            return;
        }
        let id = self.table.next_id();
        if let Err(source) = attempt.stream.register(id.token()) {
            self.give_up(*attempt, |address| ConnectError::Failed { address, source });
            return;
        }
        attempt.timer = attempt
            .timeout
            .map(|(_, deadline)| self.core().timers.borrow_mut().insert(deadline, Timer::Attempt(id)));
        attempt.id.slot.set(Some(id));
        let stands = attempt.timeout.is_none();
        self.table.insert(Source::Attempt(attempt));
        if stands {
            self.connected(id);
        }
    }

    /// The driver says that an attempt is decided.
    pub(crate) fn finish_attempt(&mut self, id: ConnectionId) {
        let Some(Source::Attempt(attempt)) = self.table.get(id) else {
            return;
        };
        attempt.queued = false;
        match attempt.stream.finish_connect() {
            Ok(true) => self.connected(id),
            // Reported too early; the next event decides.
            Ok(false) => attempt.readiness = Readiness::default(),
            Err(source) => self.fail_attempt(id, |address| ConnectError::Failed { address, source }),
        }
    }

    pub(crate) fn cancel_attempt(&mut self, attempt: &AttemptId) {
        let Some(id) = attempt.slot.get() else {
            return;
        };
        match self.table.get(id) {
            Some(Source::Connection(connection)) => connection.cancel_opening(),
            _ => self.fail_attempt(id, ConnectError::cancelled),
        }
    }

    pub(crate) fn attempt_timed_out(&mut self, id: ConnectionId) {
        let Some(Source::Attempt(attempt)) = self.table.get(id) else {
            return;
        };
        let after = attempt.timeout.map_or(Duration::ZERO, |(timeout, _)| timeout);
        self.fail_attempt(id, |address| ConnectError::TimedOut { address, after });
    }

    /// Gives up an attempt, if `id` still is one.
    pub(crate) fn fail_attempt(&mut self, id: ConnectionId, error: impl FnOnce(Address) -> ConnectError) {
        if !matches!(self.table.get(id), Some(Source::Attempt(_))) {
            return;
        }
        if let Some(Source::Attempt(attempt)) = self.table.remove(id) {
            self.give_up(*attempt, error);
            self.feed_starved_ports();
        }
    }

    fn give_up(&self, attempt: Attempt, error: impl FnOnce(Address) -> ConnectError) {
        let Attempt { stream, factory, resolver, address, timer, .. } = attempt;
        drop(stream);
        if let Some(timer) = timer {
            self.core().timers.borrow_mut().remove(timer);
        }
        resolve(resolver, Err(error(address)));
        self.core().run_guarded("a factory's destructor", || drop(factory));
    }

    /// The peer has accepted: the attempt becomes a connection, in the same slot.
    fn connected(&mut self, id: ConnectionId) {
        let Some(Source::Attempt(attempt)) = self.table.take(id) else {
            return;
        };
        let core = self.handle.core();
        let Some(prospect) = Prospect::ask(&mut self.watch, core, &*attempt.factory, &attempt.address) else {
            self.table.remove(id);
            self.give_up(*attempt, |address| ConnectError::NoProtocol { address });
            self.feed_starved_ports();
            return;
        };
        let Attempt { stream, factory, resolver, address, timer, readiness, .. } = *attempt;
        if let Some(timer) = timer {
            self.core().timers.borrow_mut().remove(timer);
        }
        let host = stream.local_address().unwrap_or_else(|_| address.clone());
        let transport = Transport::new(Shared::new(self.handle.clone(), id, address, host));
        let opening = Opening { factory, resolver: Some(resolver), cancelled: false };
        self.core().counters.connection_opened();
        let connection = Connection::new(stream, prospect.protocol, transport);
        self.table.put(id, Source::Connection(Box::new(connection)));
        if let Some(connection) = self.table.connection(id) {
            connection.begin(&mut self.watch, prospect.layers, opening);
        }
        self.latch(id, readiness);
    }
}

impl ConnectError {
    pub(crate) fn cancelled(address: Address) -> Self {
        Self::Cancelled { destination: address.into() }
    }

    pub(crate) fn shutdown(address: Address) -> Self {
        Self::Shutdown { destination: address.into() }
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { address, source } => write!(formatter, "connecting to {address}: {source}"),
            Self::TimedOut { address, after } => {
                write!(formatter, "connecting to {address}: no answer within {after:?}")
            }
            Self::Cancelled { destination } => write!(formatter, "connecting to {destination}: cancelled"),
            Self::NoProtocol { address } => {
                write!(formatter, "connecting to {address}: the factory built no protocol for it")
            }
            Self::NotReady { address, reason } => write!(formatter, "connecting to {address}: {reason}"),
            Self::Shutdown { destination } => {
                write!(formatter, "connecting to {destination}: the reactor stopped")
            }
            Self::Resolve { destination, source } => {
                write!(formatter, "connecting to {destination}: {source}")
            }
            Self::AllFailed { attempts } => {
                for (index, attempt) in attempts.iter().enumerate() {
                    let separator = if index == 0 { "" } else { "; " };
                    write!(formatter, "{separator}{attempt}")?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for ConnectError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Failed { source, .. } => Some(source),
            Self::Resolve { source, .. } => Some(source),
            _ => None,
        }
    }
}
