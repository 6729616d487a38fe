//! Client services that are started, stopped and asked at any time, and their peers.

use std::cell::{Cell, RefCell};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use ropewalk::testing::{Memory, Peer};
use ropewalk::{
    ClientEndpoint, ClientEvent, ClientOptions, ClientService, ConnectResult, Deferred, Factory,
    NoConnection, Protocol, ReactorHandle, Reason, Resolver, Result, TcpClientEndpoint, Transport,
    for_protocol,
};

use crate::Dice;
use crate::world::{SECOND, World};

const WAIT_MAX: Duration = Duration::from_secs(8);

/// What the service, its hooks and the test share.
struct Scene {
    dice: Rc<Dice>,
    memory: Memory,
    service: RefCell<Option<ClientService>>,
    peers: RefCell<Vec<Peer>>,
    preparing: RefCell<Vec<Resolver<Result>>>,
    /// The last preparation goes on, and was not cancelled.
    prepares: Cell<bool>,
    violations: RefCell<Vec<String>>,
    /// It was started, and neither stopped nor has it given up.
    wanted: Cell<bool>,
    /// How often that was changed.
    changes: Cell<u64>,
    /// Attempts that have not ended, and connections that have not.
    attempts: Cell<usize>,
    connections: Cell<usize>,
    connections_made: Cell<u16>,
    asked: Cell<usize>,
    heard: Cell<usize>,
    stops: Cell<usize>,
    failures_max: Cell<u32>,
    stopped: Cell<usize>,
    /// Nobody does anything on his own any more: all goes well.
    calm: Cell<bool>,
    token: RefCell<Rc<()>>,
}

impl Scene {
    fn complain(&self, what: impl Into<String>) {
        let what = what.into();
        self.dice.note(format!("VIOLATION: {what}"));
        self.violations.borrow_mut().push(what);
    }

    fn want(&self, wanted: bool) {
        self.wanted.set(wanted);
        self.changes.set(self.changes.get() + 1);
    }

    /// Does something to the service: from the test, or from any of its callbacks.
    fn act(self: &Rc<Self>) {
        let Some(service) = self.service.borrow().clone() else { return };
        match self.dice.roll(5) {
            0 | 1 => {
                self.dice.note("start");
                self.want(true);
                service.start();
            }
            2 => self.stop(&service),
            3 => {
                let failures = u32::try_from(self.dice.roll(4)).unwrap();
                self.dice.note(format!("ask within {failures}"));
                self.ask(service.when_connected_within(failures), failures);
            }
            _ => {
                self.dice.note("ask");
                self.ask(service.when_connected(), 0);
            }
        }
        self.look(&service);
    }

    fn look(&self, service: &ClientService) {
        if service.is_running() != self.wanted.get() {
            self.complain(format!("running is {}", service.is_running()));
        }
    }

    fn maybe_act(self: &Rc<Self>, place: &str) {
        if !self.calm.get() && self.dice.once_in(3) {
            self.dice.note(format!("in {place}:"));
            self.act();
        }
    }

    fn stop(self: &Rc<Self>, service: &ClientService) {
        self.dice.note("stop");
        self.want(false);
        let changes = self.changes.get();
        self.stops.set(self.stops.get() + 1);
        let scene = Rc::clone(self);
        service.stop().then(move |()| {
            scene.stopped.set(scene.stopped.get() + 1);
            let is_busy = (scene.attempts.get(), scene.connections.get()) != (0, 0);
            if is_busy && scene.changes.get() == changes {
                scene.complain("stopped before all was over");
            }
            scene.maybe_act("stopped");
        });
    }

    fn ask(
        self: &Rc<Self>,
        answer: Deferred<std::result::Result<Transport, NoConnection>>,
        failures_wanted: u32,
    ) {
        self.asked.set(self.asked.get() + 1);
        let scene = Rc::clone(self);
        answer.then(move |answer| {
            scene.heard.set(scene.heard.get() + 1);
            match answer {
                Err(NoConnection::Failed { failures, .. })
                    if failures < failures_wanted.min(scene.failures_max.get()).max(1) =>
                {
                    scene.complain(format!("only {failures} failures"));
                }
                _ => {}
            }
            scene.maybe_act("answer");
        });
    }

    fn prepare(self: &Rc<Self>, transport: &Transport, reactor: &ReactorHandle) -> Deferred<Result> {
        self.maybe_act("preparation");
        let roll = if self.calm.get() { 0 } else { self.dice.roll(8) };
        self.dice.note(format!("preparation {roll}"));
        match roll {
            0..=2 => return Deferred::resolved(reactor, Ok(())),
            3 => return Deferred::resolved(reactor, Err("not now".into())),
            4 => transport.abort_connection(),
            5 => std::panic::resume_unwind(Box::new("on purpose")),
            _ => {}
        }
        let (deferred, resolver) = Deferred::new(reactor);
        self.preparing.borrow_mut().push(resolver);
        self.prepares.set(true);
        let scene = Rc::clone(self);
        deferred.on_cancel(move || {
            scene.dice.note("preparation cancelled");
            scene.prepares.set(false);
            scene.maybe_act("cancelling");
            if scene.dice.once_in(2) {
                drop(scene.dice.take(&scene.preparing));
            }
        });
        deferred
    }

    fn observe(self: &Rc<Self>, event: &ClientEvent) {
        match event {
            ClientEvent::Waiting { wait, .. } if *wait > WAIT_MAX => self.complain(format!("waits {wait:?}")),
            ClientEvent::GaveUp { .. } => self.want(false),
            _ => {}
        }
        self.dice.note(format!("hears {}", format!("{event:?}").split(' ').next().unwrap()));
        self.maybe_act("event");
    }

    fn step(self: &Rc<Self>, world: &mut World) {
        let peer = self.peers.borrow().last().cloned();
        match (self.dice.roll(10), peer) {
            (0..=3, _) => self.act(),
            (4, Some(peer)) => {
                self.dice.note("accept");
                peer.accept();
            }
            (5, Some(peer)) => {
                self.dice.note("refuse or reset");
                if peer.arrived() == 0 { peer.refuse(ErrorKind::ConnectionRefused) } else { peer.reset() }
            }
            (6, Some(peer)) => {
                self.dice.note("finish");
                peer.finish();
            }
            (7, _) => {
                self.dice.note("prepared, or not");
                if let Some(resolver) = self.dice.take(&self.preparing) {
                    self.prepares.set(false);
                    match self.dice.roll(3) {
                        0 => resolver.resolve(Ok(())),
                        1 => resolver.resolve(Err("not now".into())),
                        _ => drop(resolver),
                    }
                }
            }
            (8, _) if self.dice.once_in(5) => {
                self.dice.note("reactor stops");
                world.turn();
                world.reactor.stop();
            }
            _ => {
                let time = self.dice.time() * 4;
                self.dice.note(format!("time {time:?}"));
                world.run_for(time);
            }
        }
        if self.dice.once_in(2) {
            world.settle();
            let goes_on = self.attempts.get() > 0 || self.prepares.get();
            if goes_on && !self.wanted.get() {
                self.complain("something was not cancelled by the stop");
            }
        } else {
            world.turn();
        }
        let service = self.service.borrow().clone().unwrap();
        self.look(&service);
    }
}

/// Counts, and prepares a peer for each attempt.
struct Watched(Rc<Scene>);

impl ClientEndpoint for Watched {
    fn connect_shared(&self, reactor: &ReactorHandle, factory: Rc<dyn Factory>) -> Deferred<ConnectResult> {
        let scene = &self.0;
        if !scene.wanted.get() {
            scene.complain("an attempt after the stop");
        }
        if (scene.attempts.get(), scene.connections.get()) != (0, 0) {
            scene.complain("an attempt while another or a connection goes on");
        }
        let roll = if scene.calm.get() { 0 } else { scene.dice.roll(12) };
        scene.dice.note(format!("attempt {roll}"));
        scene.maybe_act("attempt");
        match roll {
            10 => std::panic::resume_unwind(Box::new("on purpose")),
            11 => return scene.hang(reactor),
            _ => {}
        }
        let count = scene.connections_made.get() + 1;
        scene.connections_made.set(count);
        let address = SocketAddr::from(([10, 0, 0, 1], count));
        let peer = scene.memory.expect_connect(address);
        match roll {
            0..=5 => peer.accept(),
            6 | 7 => peer.refuse(ErrorKind::ConnectionRefused),
            _ => {}
        }
        scene.peers.borrow_mut().push(peer);
        scene.attempts.set(scene.attempts.get() + 1);
        let ended = Attempt(Rc::clone(scene));
        let endpoint: TcpClientEndpoint = address.to_string().parse().unwrap();
        endpoint.connect_shared(reactor, factory).map(move |result| {
            drop(ended);
            result
        })
    }
}

impl Scene {
    /// An attempt without a peer that ends when it is cancelled, or after a while, and without a result.
    fn hang(self: &Rc<Self>, reactor: &ReactorHandle) -> Deferred<ConnectResult> {
        let (deferred, resolver) = Deferred::new(reactor);
        self.attempts.set(self.attempts.get() + 1);
        let held = Rc::new(Cell::new(Some((resolver, Attempt(Rc::clone(self))))));
        let (scene, cancelled) = (Rc::clone(self), Rc::downgrade(&held));
        deferred.on_cancel(move || {
            scene.dice.note("attempt cancelled");
            scene.maybe_act("cancelling");
            drop(cancelled.upgrade().and_then(|held| held.take()));
        });
        reactor.call_later(SECOND * 5, move |_| drop(held.take()));
        deferred
    }
}

/// Counts an attempt until it ends.
struct Attempt(Rc<Scene>);

impl Drop for Attempt {
    fn drop(&mut self) {
        self.0.attempts.set(self.0.attempts.get() - 1);
    }
}

struct Client {
    scene: Rc<Scene>,
    _token: Rc<()>,
}

impl Protocol for Client {
    fn connection_made(&mut self, _: &Transport) {
        let connections = self.scene.connections.get() + 1;
        self.scene.connections.set(connections);
        if connections > 1 {
            self.scene.complain("two connections");
        }
        self.scene.maybe_act("connection_made");
    }

    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result {
        Ok(())
    }

    fn connection_lost(&mut self, _: &Transport, _: &Reason) {
        self.scene.connections.set(self.scene.connections.get() - 1);
        self.scene.maybe_act("connection_lost");
    }
}

fn begin(dice: &Rc<Dice>) -> (World, Rc<Scene>) {
    let world = World::new();
    let scene = Rc::new(Scene {
        dice: Rc::clone(dice),
        memory: world.memory.clone(),
        service: RefCell::default(),
        peers: RefCell::default(),
        preparing: RefCell::default(),
        prepares: Cell::default(),
        violations: RefCell::default(),
        wanted: Cell::default(),
        changes: Cell::default(),
        attempts: Cell::default(),
        connections: Cell::default(),
        connections_made: Cell::default(),
        asked: Cell::default(),
        heard: Cell::default(),
        stops: Cell::default(),
        failures_max: Cell::new(u32::MAX),
        stopped: Cell::default(),
        calm: Cell::default(),
        token: RefCell::default(),
    });
    let (observing, preparing, reactor) = (Rc::clone(&scene), Rc::clone(&scene), world.reactor.handle());
    let mut options = ClientOptions::default().on_event(move |event| observing.observe(event));
    options.backoff.max = WAIT_MAX;
    if dice.once_in(4) {
        scene.failures_max.set(u32::try_from(dice.roll(5)).unwrap());
        options.failures_max = Some(scene.failures_max.get());
    }
    if !dice.once_in(3) {
        options = options.prepare(move |transport| preparing.prepare(transport, &reactor));
    }
    let made = Rc::clone(&scene);
    let factory =
        for_protocol(move || Client { scene: Rc::clone(&made), _token: Rc::clone(&made.token.borrow()) });
    let service = ClientService::new(&world.reactor, Watched(Rc::clone(&scene)), factory, options);
    scene.service.replace(Some(service));
    (world, scene)
}

pub(crate) fn story(dice: &Rc<Dice>) {
    let (mut world, scene) = begin(dice);
    for _ in 0..dice.roll(30) {
        scene.step(&mut world);
    }
    let service = scene.service.borrow().clone().unwrap();
    if !dice.once_in(3) {
        dice.note("calm");
        scene.calm.set(true);
        drop(scene.preparing.take());
        world.settle();
        scene.peers.borrow().iter().for_each(Peer::finish);
        recover(&mut world, &scene, &service);
        dice.note("last stop");
        scene.stop(&service);
        world.settle();
        scene.peers.borrow().iter().for_each(Peer::finish);
        world.run_for(SECOND * 600);
        assert_eq!(scene.heard.get(), scene.asked.get(), "somebody waits in vain for a connection");
        assert_eq!(scene.stopped.get(), scene.stops.get(), "somebody waits in vain for the stop");
        assert_eq!((scene.attempts.get(), scene.connections.get()), (0, 0));
        let stats = world.reactor.stats();
        assert_eq!((stats.connections, stats.timers, world.memory.descriptors()), (0, 0, 0));
    }
    dice.note("drop");
    scene.calm.set(true);
    scene.want(false);
    let World { reactor, .. } = world;
    drop(reactor);
    assert_eq!(*scene.violations.borrow(), [""; 0]);
    assert!(!service.is_running());
    assert!(scene.heard.get() <= scene.asked.get() && scene.stopped.get() <= scene.stops.get());
    scene.service.take();
    drop(scene.preparing.take());
    drop(service);
    assert_eq!(Rc::strong_count(&scene.token.borrow()), 1, "a protocol was not freed");
    assert_eq!(Rc::strong_count(&scene), 1, "something was not freed");
}

/// When all goes well again, a service that is started has a connection before long.
fn recover(world: &mut World, scene: &Scene, service: &ClientService) {
    world.run_for(SECOND * 600);
    scene.look(service);
    let connections = usize::from(service.is_running());
    assert_eq!(scene.connections.get(), connections, "it has not come back: {service:?}");
    assert_eq!(scene.heard.get(), scene.asked.get(), "somebody waits in vain");
}
