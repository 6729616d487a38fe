//! The loop's side of ports: accepting connections, and living through a lack of descriptors.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use super::{Port, PortId};
use crate::connection::Connection;
use crate::connection::opening::{Opening, Prospect};
use crate::deferred::Resolver;
use crate::driver::Stream;
use crate::event_loop::callbacks::Running;
use crate::event_loop::{Reactor, Source};
use crate::timers::Timer;
use crate::transport::shared::Shared;
use crate::{Address, ConnectionId, Transport};

/// How many connections one port may accept in one turn before others have their share.
const ACCEPTS_PER_TURN: usize = 64;

/// How long a port without descriptors waits at first; the wait doubles each time.
const BACKOFF_MIN: Duration = Duration::from_millis(50);

/// The longest such wait. From then on, those who wait to be accepted are refused.
const BACKOFF_MAX: Duration = Duration::from_millis(800);

impl Reactor {
    /// Brings the table into line with whether a port listens.
    pub(crate) fn settle_port(&mut self, port: Rc<Port>, resolver: Option<Resolver<()>>) {
        let listens = port.listener.borrow().is_some();
        match port.id.get() {
            None if listens => self.insert_port(&port),
            Some(id) if listens => {
                self.register_or_starve(&port, id);
            }
            Some(_) | None => self.forget_port(port),
        }
        if let Some(resolver) = resolver {
            resolver.resolve(());
        }
    }

    fn insert_port(&mut self, port: &Rc<Port>) {
        let id = self.table.insert(Source::Port(Rc::clone(port)));
        port.id.set(Some(id));
        self.start_factory(port);
        self.register_or_starve(port, id);
    }

    /// Registers a fresh listener; one that cannot be registered tries again as if it could not accept.
    fn register_or_starve(&mut self, port: &Port, id: PortId) -> bool {
        let registered = port.register(id);
        if let Err(error) = &registered {
            self.starve(port, id, error);
        }
        registered.is_ok()
    }

    /// Takes a port that no longer listens out of the table.
    pub(crate) fn forget_port(&mut self, port: Rc<Port>) {
        let removed = port.id.take().and_then(|id| self.remove_port(&port, id));
        // The last to hold the port drops its factory.
        self.core().run_guarded("a factory's destructor", || drop((removed, port)));
    }

    fn remove_port(&mut self, port: &Port, id: PortId) -> Option<Source> {
        if let Some(timer) = port.retry.take() {
            self.core().timers.borrow_mut().remove(timer);
        }
        port.backoff.set(Duration::ZERO);
        port.queued.set(false);
        self.starved.retain(|starved| *starved != id);
        let removed = self.table.remove(id);
        self.stop_factory(port);
        removed
    }

    /// A factory hears of the first of its ports.
    fn start_factory(&mut self, port: &Port) {
        let ports = self.factories.entry(port.identity).or_default();
        *ports += 1;
        if *ports == 1 {
            self.watch.begin(Running::Call("start_factory"));
            self.core().run_guarded("start_factory", || port.factory.start_factory());
        }
    }

    /// A factory hears of the end of the last of its ports.
    fn stop_factory(&mut self, port: &Port) {
        let Some(ports) = self.factories.get_mut(&port.identity) else {
            return;
        };
        *ports -= 1;
        if *ports == 0 {
            self.factories.remove(&port.identity);
            self.watch.begin(Running::Call("stop_factory"));
            self.core().run_guarded("stop_factory", || port.factory.stop_factory());
        }
    }

    /// Accepts what waits at a port, within the budget; returns whether there may be more.
    pub(crate) fn accept(&mut self, id: PortId) -> bool {
        let Some(port) = self.table.port(id).map(Rc::clone) else {
            return false;
        };
        if !self.register_or_starve(&port, id) {
            port.queued.set(false);
            return false;
        }
        for _ in 0..ACCEPTS_PER_TURN {
            match port.accept() {
                Ok((stream, peer, host)) => {
                    if !port.backoff.replace(Duration::ZERO).is_zero() {
                        log::info!("port {}: there are descriptors again", port.address);
                    }
                    self.accepted(&port, stream, peer, host);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    port.queued.set(false);
                    // Nobody is waiting (perhaps all were refused), so this port waits for no descriptor either.
                    port.backoff.set(Duration::ZERO);
                    return false;
                }
                Err(error) if is_about_one_connection(&error) => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    port.stop();
                    self.forget_port(port);
                    return false;
                }
                Err(error) => {
                    port.queued.set(false);
                    self.starve(&port, id, &error);
                    return false;
                }
            }
        }
        true
    }

    fn accepted(&mut self, port: &Port, stream: Box<dyn Stream>, peer: Address, host: Address) {
        let core = self.handle.core();
        let Some(prospect) = Prospect::ask(&mut self.watch, core, &*port.factory, &peer) else {
            log::debug!("port {}: the factory refused {peer}", port.address);
            return;
        };
        let opening = Opening { factory: Rc::clone(&port.factory), resolver: None, cancelled: false };
        let id = self.table.next_id();
        let transport = Transport::new(Shared::new(self.handle.clone(), id, peer, host));
        if let Err(error) = self.open_connection(id, stream, transport, prospect, opening) {
            log::warn!("port {}: a connection could not be served: {error}", port.address);
        }
    }

    /// Puts an accepted stream into the next slot of the table and lets the connection begin.
    fn open_connection(
        &mut self,
        id: ConnectionId,
        mut stream: Box<dyn Stream>,
        transport: Transport,
        prospect: Prospect,
        opening: Opening,
    ) -> io::Result<()> {
        if let Err(error) = stream.register(id.token()) {
            // The peer may have sent something; that nobody will read it must not pass for an orderly end.
            stream.reset_on_drop();
            self.core().run_guarded("a protocol's destructor", || drop(prospect));
            return Err(error);
        }
        let connection = Box::new(Connection::new(stream, prospect.protocol, transport));
        self.core().counters.connection_opened();
        self.table.insert(Source::Connection(connection));
        if let Some(connection) = self.table.connection(id) {
            connection.begin(&mut self.watch, prospect.layers, opening);
        }
        Ok(())
    }

    /// A port cannot accept because descriptors or memory have run out: it waits.
    fn starve(&mut self, port: &Port, id: PortId, error: &io::Error) {
        let backoff = port.backoff.get();
        if backoff.is_zero() {
            log::warn!(
                "port {}: cannot accept: {error}; trying again when a connection closes",
                port.address
            );
        } else if backoff == BACKOFF_MAX {
            refuse_waiting(port);
        }
        let backoff = (backoff * 2).clamp(BACKOFF_MIN, BACKOFF_MAX);
        port.backoff.set(backoff);
        let deadline = self.now() + backoff;
        let mut timers = self.handle.core().timers.borrow_mut();
        match port.retry.replace(Some(timers.insert(deadline, Timer::Accept(id)))) {
            // Stopped and started again, it may have been waiting already.
            Some(before) => drop(timers.remove(before)),
            None => self.starved.push(id),
        }
    }

    /// The wait of a port without descriptors is over.
    pub(crate) fn retry_accepting(&mut self, id: PortId) {
        self.starved.retain(|starved| *starved != id);
        if let Some(port) = self.table.port(id) {
            port.retry.set(None);
            if !port.queued.replace(true) {
                self.ready.push(id);
            }
        }
    }

    /// A descriptor has become free: ports that wait for one try again in the next turn.
    pub(crate) fn feed_starved_ports(&mut self) {
        for id in std::mem::take(&mut self.starved) {
            let Some(port) = self.table.port(id).map(Rc::clone) else {
                continue;
            };
            if let Some(timer) = port.retry.take() {
                self.core().timers.borrow_mut().remove(timer);
            }
            if !port.queued.replace(true) {
                self.ready.push(id);
            }
        }
    }
}

/// Whether an error of `accept` concerns only the connection that was to be accepted. Linux passes on what the network says
/// of it: accept(2).
fn is_about_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{
        ConnectionAborted, ConnectionReset, HostUnreachable, Interrupted, NetworkDown, NetworkUnreachable,
    };
    matches!(
        error.kind(),
        Interrupted
            | ConnectionAborted
            | ConnectionReset
            | HostUnreachable
            | NetworkDown
            | NetworkUnreachable
    )
}

/// Closes those who wait to be accepted, so that they need not wait for nothing.
fn refuse_waiting(port: &Port) {
    let refused = (0..ACCEPTS_PER_TURN).take_while(|_| port.refuse().is_ok()).count();
    if refused > 0 {
        log::warn!("port {}: refused {refused} connections for lack of descriptors", port.address);
    }
}
