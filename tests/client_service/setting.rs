//! A world with a service, and what becomes of it.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use ropewalk::testing::Peer;
use ropewalk::{
    ClientEvent, ClientOptions, ClientService, Deferred, NoConnection, Result, TcpClientEndpoint, Transport,
    for_protocol,
};

use crate::world::{Log, Script, World};

pub(crate) const ADDRESS: &str = "192.0.2.1:80";

/// A world with a service that is started, whose protocols and events are logged.
pub(crate) struct Setting {
    pub(crate) world: World,
    pub(crate) log: Log,
    pub(crate) service: ClientService,
    pub(crate) waits: Rc<RefCell<Vec<Duration>>>,
}

impl Setting {
    pub(crate) fn new() -> Self {
        Self::with(ClientOptions::default())
    }

    pub(crate) fn with(options: ClientOptions) -> Self {
        let (world, log) = (World::new(), Log::default());
        let waits: Rc<RefCell<Vec<Duration>>> = Rc::default();
        let (noted, waited) = (log.clone(), Rc::clone(&waits));
        let options = options.on_event(move |event| match event {
            ClientEvent::Connected(_) => noted.add("connected"),
            ClientEvent::Waiting { failure, wait } => {
                waited.borrow_mut().push(*wait);
                noted.add(format!("waiting: {failure}"));
            }
            ClientEvent::GaveUp { failure } => noted.add(format!("gave up: {failure}")),
            other => unreachable!("{other:?}"),
        });
        let scripted = log.clone();
        let factory = for_protocol(move || Script::new(&scripted));
        let endpoint: TcpClientEndpoint = ADDRESS.parse().unwrap();
        let service = ClientService::new(&world.reactor, endpoint, factory, options);
        service.start();
        Self { world, log, service, waits }
    }

    /// The far end of the next attempt, which hangs.
    pub(crate) fn peer(&self) -> Peer {
        self.world.memory.expect_connect(ADDRESS.parse::<SocketAddr>().unwrap())
    }

    pub(crate) fn accepting_peer(&self) -> Peer {
        let peer = self.peer();
        peer.accept();
        peer
    }

    pub(crate) fn settle(&mut self) {
        self.world.settle();
    }

    pub(crate) fn last_wait(&self) -> Duration {
        *self.waits.borrow().last().unwrap()
    }

    /// Lets the wait before the next attempt pass, and not more.
    pub(crate) fn wait(&mut self) {
        let wait = self.last_wait();
        self.world.run_for(wait);
    }

    /// Logs what comes of waiting for a connection.
    pub(crate) fn note(&self, connected: Deferred<Result<Transport, NoConnection>>) {
        let log = self.log.clone();
        connected.then(move |connected| match connected {
            Ok(transport) => log.add(format!("got {}", transport.peer())),
            Err(error) => log.add(format!("no connection: {error}")),
        });
    }

    pub(crate) fn stop(&self) {
        let log = self.log.clone();
        self.service.stop().then(move |()| log.add("stopped"));
    }

    #[track_caller]
    pub(crate) fn assert_log(&self, expected: &[&str]) {
        assert_eq!(self.log.take(), expected);
    }

    /// Nothing is left of the service in the reactor.
    #[track_caller]
    pub(crate) fn assert_at_rest(&self) {
        let stats = self.world.reactor.stats();
        assert_eq!((stats.connections, stats.timers, self.world.memory.descriptors()), (0, 0, 0));
        assert!(!self.service.is_running());
    }
}

pub(crate) const REFUSED: &str = "waiting: connecting to 192.0.2.1:80: connection refused";
