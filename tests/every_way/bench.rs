//! Two ends and the ground that they stand on.

use std::cell::RefCell;
use std::rc::Rc;

use ropewalk::{ClientEndpoint, ConnectResult, ListeningPort, ReactorHandle, ServerEndpoint, Transport};

use crate::ground::Ground;
use crate::support::{Log, Probe};
use crate::ways::Way;

pub(crate) struct Bench {
    ground: Ground,
    way: Way,
    pub(crate) port: ListeningPort,
    /// What the servers' protocols hear, and the clients'.
    pub(crate) server: Log,
    pub(crate) client: Log,
}

impl Bench {
    /// A server whose protocols `probe` makes.
    pub(crate) fn new(way: Way, probe: impl FnOnce(&Log) -> Probe) -> Self {
        let mut ground = way.ground();
        let server = Log::default();
        let port = way.server().listen(ground.reactor(), probe(&server).factory()).unwrap();
        Self { ground, way, port, server, client: Log::default() }
    }

    /// A server and a client that have connected.
    pub(crate) fn pair(
        way: Way,
        server: impl FnOnce(&Log) -> Probe,
        client: impl FnOnce(&Log) -> Probe,
    ) -> Self {
        let mut bench = Self::new(way, server);
        bench.connect(client);
        bench
    }

    /// Another client; returns its transport once both ends have their protocols.
    pub(crate) fn connect(&mut self, probe: impl FnOnce(&Log) -> Probe) -> Transport {
        let (made, served) = (self.server.transports().len(), self.client.transports().len());
        let result: Rc<RefCell<Option<ConnectResult>>> = Rc::default();
        let heard = Rc::clone(&result);
        let endpoint = self.way.client(&self.port);
        endpoint
            .connect(self.ground.reactor(), probe(&self.client).factory())
            .then(move |result| *heard.borrow_mut() = Some(result));
        let (server, client) = (self.server.clone(), self.client.clone());
        self.ground.run_until("both ends are made", || {
            if let Some(Err(error)) = &*result.borrow() {
                panic!("{error}");
            }
            result.borrow().is_some()
                && server.transports().len() > made
                && client.transports().len() > served
        });
        result.take().unwrap().unwrap()
    }

    /// The reactor of both ends.
    pub(crate) fn reactor(&mut self) -> &ReactorHandle {
        self.ground.reactor()
    }

    /// Makes one turn.
    pub(crate) fn turn(&mut self) {
        self.ground.turn();
    }

    /// Makes the turns that follow from what has been asked.
    pub(crate) fn settle(&mut self) {
        self.ground.settle();
    }

    /// Stops the reactor.
    pub(crate) fn stop(&mut self) {
        self.ground.stop();
    }

    /// Turns until both logs together satisfy `done`.
    #[track_caller]
    pub(crate) fn until(&mut self, what: &str, done: impl Fn(&Log, &Log) -> bool) {
        let (server, client) = (self.server.clone(), self.client.clone());
        self.ground.run_until(what, || done(&server, &client));
    }

    /// Turns until both ends are lost.
    #[track_caller]
    pub(crate) fn until_lost(&mut self) {
        self.until("both ends are lost", |server, client| server.lost().is_some() && client.lost().is_some());
    }
}
