//! A connection that is made again whenever it is lost, on virtual time (S96 to S98; no factory reconnects by itself).
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod world;

use std::cell::{Cell, RefCell};
use std::io::ErrorKind::ConnectionRefused;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use ropewalk::testing::Peer;
use ropewalk::{
    ClientEvent, ClientOptions, ClientService, ConnectOptions, ConnectResult, Deferred, Factory, Instant,
    Message, NoConnection, ReactorHandle, Resolver, Result, TcpClientEndpoint, Transport, WebSocket,
    WebSocketProtocol, WebSocketReceiver, WebSocketUrl, for_protocol,
};
use world::{Echo, Log, SECOND, Script, World};

const ADDRESS: &str = "192.0.2.1:80";

/// A world with a service that is started, whose protocols and events are logged.
struct Setting {
    world: World,
    log: Log,
    service: ClientService,
    waits: Rc<RefCell<Vec<Duration>>>,
}

impl Setting {
    fn new() -> Self {
        Self::with(ClientOptions::default())
    }

    fn with(options: ClientOptions) -> Self {
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
    fn peer(&self) -> Peer {
        self.world.memory.expect_connect(ADDRESS.parse::<SocketAddr>().unwrap())
    }

    fn accepting_peer(&self) -> Peer {
        let peer = self.peer();
        peer.accept();
        peer
    }

    fn settle(&mut self) {
        self.world.settle();
    }

    fn last_wait(&self) -> Duration {
        *self.waits.borrow().last().unwrap()
    }

    /// Lets the wait before the next attempt pass, and not more.
    fn wait(&mut self) {
        let wait = self.last_wait();
        self.world.run_for(wait);
    }

    /// Logs what comes of waiting for a connection.
    fn note(&self, connected: Deferred<Result<Transport, NoConnection>>) {
        let log = self.log.clone();
        connected.then(move |connected| match connected {
            Ok(transport) => log.add(format!("got {}", transport.peer())),
            Err(error) => log.add(format!("no connection: {error}")),
        });
    }

    fn stop(&self) {
        let log = self.log.clone();
        self.service.stop().then(move |()| log.add("stopped"));
    }

    #[track_caller]
    fn assert_log(&self, expected: &[&str]) {
        assert_eq!(self.log.take(), expected);
    }

    /// Nothing is left of the service in the reactor.
    #[track_caller]
    fn assert_at_rest(&self) {
        let stats = self.world.reactor.stats();
        assert_eq!((stats.connections, stats.timers, self.world.memory.descriptors()), (0, 0, 0));
        assert!(!self.service.is_running());
    }
}

const REFUSED: &str = "waiting: connecting to 192.0.2.1:80: connection refused";

#[test]
fn it_connects_and_tells_those_who_wait() {
    let mut setting = Setting::new();
    let peer = setting.peer();
    setting.note(setting.service.when_connected());
    setting.settle();
    setting.assert_log(&[]);
    peer.accept();
    setting.settle();
    setting.assert_log(&["made", "connected", "got 192.0.2.1:80"]);
    setting.note(setting.service.when_connected());
    setting.settle();
    setting.assert_log(&["got 192.0.2.1:80"]);
    peer.send("hello");
    setting.settle();
    setting.assert_log(&["data hello"]);
}

/// The waits are random between zero and a bound that doubles up to a minute, and exact.
#[test]
fn it_tries_again_after_waits_that_grow() {
    let mut setting = Setting::new();
    setting.settle();
    setting.assert_log(&[REFUSED]);
    for failures in 1..30 {
        assert_eq!(setting.waits.borrow().len(), failures);
        let bound = if failures < 7 { 1 << (failures - 1) } else { 60 };
        let wait = setting.last_wait();
        assert!(wait <= Duration::from_secs(bound), "{wait:?} after {failures} failures");
        setting.world.run_for(wait.saturating_sub(Duration::from_nanos(1)));
        assert_eq!(setting.waits.borrow().len(), failures, "too early");
        setting.world.run_for(Duration::from_nanos(1));
    }
    let longest = *setting.waits.borrow().iter().max().unwrap();
    assert!(longest > SECOND * 45, "the waits use the whole range: {longest:?}");
    assert_eq!(setting.world.reactor.stats().timers, 1);
}

/// The same world gives the same waits.
#[test]
fn waits_are_reproducible() {
    let waits = || {
        let mut setting = Setting::new();
        setting.world.run_for(SECOND * 600);
        setting.waits.take()
    };
    let first = waits();
    assert!(first.len() > 10);
    assert_eq!(first, waits());
}

#[test]
fn a_connection_that_was_stable_makes_the_waits_short_again() {
    for (lasted, longest) in [(SECOND * 10 - Duration::from_nanos(1), 60), (SECOND * 10, 1)] {
        let mut setting = Setting::new();
        setting.settle();
        for _ in 0..12 {
            setting.wait();
        }
        let mut peer = setting.accepting_peer();
        setting.wait();
        setting.log.take();
        setting.world.run_for(lasted);
        let mut bounds = Vec::new();
        // The random part differs from time to time; many losses show its bound.
        for _ in 0..40 {
            peer.finish();
            setting.settle();
            setting.assert_log(&["eof", "lost closed", "waiting: the connection has ended"]);
            bounds.push(setting.last_wait());
            peer = setting.accepting_peer();
            setting.wait();
            setting.assert_log(&["made", "connected"]);
            setting.world.run_for(lasted);
        }
        let bound = bounds.into_iter().max().unwrap();
        let range = Duration::from_secs(longest).mul_f64(0.75)..=Duration::from_secs(longest);
        assert!(range.contains(&bound), "{bound:?} after connections of {lasted:?}");
    }
}

#[test]
fn a_waiter_may_have_enough_while_the_service_goes_on() {
    let mut setting = Setting::new();
    setting.note(setting.service.when_connected_within(2));
    setting.note(setting.service.when_connected_within(0));
    setting.note(setting.service.when_connected());
    setting.settle();
    let refused = "connecting to 192.0.2.1:80: connection refused";
    setting.assert_log(&[REFUSED, &format!("no connection: 1 failure: {refused}")]);
    setting.wait();
    let enough = format!("no connection: 2 failures in a row, the last: {refused}");
    setting.assert_log(&[REFUSED, &enough]);
    let _peer = setting.accepting_peer();
    setting.wait();
    setting.assert_log(&["made", "connected", "got 192.0.2.1:80"]);
}

#[test]
fn it_gives_up_after_so_many_failures_and_can_be_started_again() {
    let mut options = ClientOptions::default();
    options.failures_max = Some(2);
    let mut setting = Setting::with(options);
    let peer = setting.accepting_peer();
    setting.settle();
    setting.assert_log(&["made", "connected"]);
    // Lost before it was stable, which is the first failure.
    peer.reset();
    setting.settle();
    setting.note(setting.service.when_connected());
    setting.wait();
    let refused = "connecting to 192.0.2.1:80: connection refused";
    setting.assert_log(&[
        "lost broken ConnectionReset",
        "waiting: the connection was lost: connection reset",
        &format!("gave up: {refused}"),
        &format!("no connection: 2 failures in a row, the last: {refused}"),
    ]);
    setting.assert_at_rest();
    setting.note(setting.service.when_connected());
    setting.settle();
    setting.assert_log(&["no connection: the client service is stopped"]);
    setting.service.start();
    setting.settle();
    setting.assert_log(&[REFUSED]);
}

/// A client that has lost what it had does not count that loss against those who ask for the next.
#[test]
fn asking_while_the_connection_is_closing_waits_for_the_next() {
    let mut setting = Setting::new();
    let peer = setting.accepting_peer();
    let transport: Rc<RefCell<Option<Result<Transport, NoConnection>>>> = Rc::default();
    let keep = Rc::clone(&transport);
    setting.service.when_connected().then(move |connected| *keep.borrow_mut() = Some(connected));
    setting.settle();
    transport.take().unwrap().unwrap().lose_connection();
    setting.note(setting.service.when_connected_within(1));
    setting.settle();
    peer.finish();
    let _next = setting.accepting_peer();
    setting.settle();
    setting.wait();
    setting.assert_log(&[
        "made",
        "connected",
        "lost closed",
        "waiting: the connection has ended",
        "made",
        "connected",
        "got 192.0.2.1:80",
    ]);
}

struct Speechless;

impl WebSocketProtocol for Speechless {
    fn message_received(&mut self, _: &WebSocket, _: Message<'_>) -> Result {
        Ok(())
    }
}

/// Whoever reads what becomes of a service learns what its protocol has learned.
#[test]
fn a_refused_websocket_is_told_with_what_the_server_answered() {
    let (mut world, log) = (World::new(), Log::default());
    let noted = log.clone();
    let mut options = ClientOptions::default().on_event(move |event| {
        noted.add(event.to_string());
        if let ClientEvent::Waiting { wait, .. } = event {
            noted.add(format!("{wait:.1?}"));
        }
    });
    options.failures_max = Some(2);
    let url: WebSocketUrl = "ws://192.0.2.1/nowhere".parse().unwrap();
    let endpoint: TcpClientEndpoint = url.authority().parse().unwrap();
    let factory = for_protocol(move || WebSocketReceiver::client(Speechless, &url));
    let service = ClientService::new(&world.reactor, endpoint, factory, options);
    service.start();
    for _ in 0..2 {
        let peer = world.memory.expect_connect(ADDRESS.parse::<SocketAddr>().unwrap());
        peer.accept();
        peer.send("HTTP/1.1 404 Not Found\r\n\r\n");
        peer.finish();
    }
    world.run_for(SECOND);
    let told = log.take();
    let refused = "the connection was closed because of an error: \
                   the server answered with the status 404 (Not Found) instead of 101: \
                   there is no WebSocket at this path";
    let again = format!("{refused}; trying again in {}", told[2]);
    let connected = "connected to 192.0.2.1:80";
    assert_eq!(told, [connected, &again, &told[2], connected, &format!("{refused}; giving up")]);
}

/// Its loss is noticed whatever protocol the connection has by then.
#[test]
fn a_switched_protocol_changes_nothing() {
    let mut setting = Setting::new();
    let peer = setting.accepting_peer();
    setting.service.when_connected().then(|connected| connected.unwrap().switch_protocol(Echo, ""));
    setting.settle();
    peer.reset();
    setting.settle();
    setting.assert_log(&["made", "connected", "waiting: the connection was lost: connection reset"]);
}

#[test]
fn starting_twice_is_starting_once() {
    let mut setting = Setting::new();
    let (_first, _second) = (setting.peer(), setting.peer());
    setting.service.start();
    setting.settle();
    setting.service.start();
    setting.settle();
    assert_eq!(setting.world.memory.descriptors(), 1);
}

/// How a preparation goes that the test decides about.
#[derive(Clone, Default)]
struct Preparation(Rc<RefCell<Vec<Resolver<Result>>>>);

impl Preparation {
    fn options(&self) -> ClientOptions {
        let resolver = Rc::clone(&self.0);
        ClientOptions::default().prepare(move |transport| {
            transport.write("login");
            let (deferred, prepared) = Deferred::new(transport.reactor());
            resolver.borrow_mut().push(prepared);
            deferred
        })
    }

    /// Ends the one that began first.
    fn end(&self, result: Result) {
        let first = self.0.borrow_mut().remove(0);
        first.resolve(result);
    }
}

#[test]
fn nobody_hears_of_a_connection_before_it_is_prepared() {
    let preparation = Preparation::default();
    let mut setting = Setting::with(preparation.options());
    let peer = setting.accepting_peer();
    setting.note(setting.service.when_connected());
    setting.settle();
    assert_eq!(peer.received(), b"login");
    setting.note(setting.service.when_connected());
    setting.settle();
    setting.assert_log(&["made"]);
    preparation.end(Ok(()));
    setting.settle();
    setting.assert_log(&["connected", "got 192.0.2.1:80", "got 192.0.2.1:80"]);
}

#[test]
fn a_preparation_that_fails_closes_the_connection_and_counts_as_a_failure() {
    let preparation = Preparation::default();
    let mut setting = Setting::with(preparation.options());
    let peer = setting.accepting_peer();
    setting.note(setting.service.when_connected_within(1));
    setting.settle();
    preparation.end(Err("wrong password".into()));
    setting.settle();
    assert!(peer.has_finished());
    setting.assert_log(&["made"]);
    peer.finish();
    setting.settle();
    setting.assert_log(&[
        "lost closed",
        "waiting: preparing the connection: wrong password",
        "no connection: 1 failure: preparing the connection: wrong password",
    ]);
    let _next = setting.accepting_peer();
    setting.wait();
    preparation.end(Ok(()));
    setting.settle();
    setting.assert_log(&["made", "connected"]);
}

/// What has no result fails; whatever comes late means nothing.
#[test]
fn a_preparation_without_a_result_fails() {
    let panics = ClientOptions::default().prepare(|_| panic!("on purpose"));
    let forgets = ClientOptions::default().prepare(|transport| Deferred::new(transport.reactor()).0);
    for options in [panics, forgets] {
        let mut setting = Setting::with(options);
        let peer = setting.accepting_peer();
        peer.finish();
        setting.settle();
        assert!(peer.is_closed());
        assert_eq!(setting.log.last(), "waiting: the attempt to connect ended without a result");
        assert!(setting.service.is_running());
    }
}

#[test]
fn a_connection_that_is_lost_while_it_is_prepared_is_a_failure() {
    let preparation = Preparation::default();
    let mut setting = Setting::with(preparation.options());
    let peer = setting.accepting_peer();
    setting.settle();
    peer.reset();
    let _next = setting.accepting_peer();
    setting.settle();
    let lost = "waiting: the connection was lost: connection reset";
    setting.assert_log(&["made", "lost broken ConnectionReset", lost]);
    setting.wait();
    // This comes too late for the first connection and is not meant for the second.
    preparation.end(Ok(()));
    setting.settle();
    setting.assert_log(&["made"]);
    preparation.end(Ok(()));
    setting.settle();
    setting.assert_log(&["connected"]);
}

/// A preparation is cancelled when nobody needs it any more.
#[test]
fn a_loss_and_a_stop_cancel_the_preparation() {
    for stopped in [false, true] {
        let elsewhere = SocketAddr::from(([192, 0, 2, 2], 80));
        let mut setting = Setting::with(ClientOptions::default().prepare(move |transport| {
            let options = ConnectOptions::default();
            let other = transport.reactor().connect(elsewhere, &options, for_protocol(|| Echo));
            other.map(|result| result.map(drop).map_err(Into::into))
        }));
        let (peer, preparing) = (setting.accepting_peer(), setting.world.memory.expect_connect(elsewhere));
        setting.settle();
        assert!(!preparing.is_closed());
        if stopped {
            setting.stop();
        } else {
            peer.reset();
        }
        setting.settle();
        assert!(preparing.is_closed(), "stopped: {stopped}");
    }
}

/// Every state that a service can be in when it is stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Stopped,
    Starting,
    Waiting,
    Connecting,
    Preparing,
    Connected,
    Closing,
    Stopping,
    Restarting,
}

const STATES: [State; 9] = [
    State::Stopped,
    State::Starting,
    State::Waiting,
    State::Connecting,
    State::Preparing,
    State::Connected,
    State::Closing,
    State::Stopping,
    State::Restarting,
];

/// A service that is in `state`, and the peer of its last attempt.
fn setting_in(state: State) -> (Setting, Peer) {
    let preparation = Preparation::default();
    let mut setting = Setting::with(preparation.options());
    let peer = setting.peer();
    match state {
        State::Starting => return (setting, peer),
        State::Waiting => peer.refuse(ConnectionRefused),
        State::Stopped | State::Connecting => {}
        State::Preparing | State::Connected | State::Closing | State::Stopping | State::Restarting => {
            peer.accept();
        }
    }
    setting.settle();
    match state {
        State::Connected | State::Stopping | State::Restarting => preparation.end(Ok(())),
        State::Closing => preparation.end(Err("wrong password".into())),
        _ => {}
    }
    setting.settle();
    if matches!(state, State::Stopped | State::Stopping | State::Restarting) {
        drop(setting.service.stop());
        setting.settle();
    }
    if state == State::Restarting {
        setting.service.start();
    }
    let expected = match state {
        State::Restarting => "Stopping",
        _ => &format!("{state:?}"),
    };
    let shown = format!("{:?}", setting.service);
    assert!(shown.contains(&format!("state: {expected}")), "{shown}");
    setting.log.take();
    (setting, peer)
}

/// Stopping comes to its end in every state, but not before the connection has; and the service can start again.
#[test]
fn it_can_be_stopped_in_every_state() {
    for state in STATES {
        let (mut setting, peer) = setting_in(state);
        let has_connection = setting.world.connections() == 1;
        if state == State::Connected {
            peer.send("unheard");
        } else if !matches!(state, State::Stopped | State::Stopping) {
            setting.note(setting.service.when_connected());
        }
        setting.stop();
        setting.stop();
        assert!(!setting.service.is_running());
        assert!(setting.log.take().is_empty(), "{state:?}: stopping calls nobody");
        setting.settle();
        let mut log = setting.log.take();
        if has_connection {
            assert!(peer.has_finished() && !peer.is_closed(), "{state:?}");
            assert!(!log.contains(&"stopped".to_owned()), "{state:?}: {log:?}");
            peer.finish();
            setting.settle();
            log.extend(setting.log.take());
            assert_eq!(log.iter().filter(|entry| *entry == "lost closed").count(), 1, "{state:?}");
        }
        let ends: Vec<_> = log.iter().rev().take(2).collect();
        assert_eq!(ends, ["stopped", "stopped"], "{state:?}: {log:?}");
        let disappointed = log.contains(&"no connection: the client service is stopped".to_owned());
        let waited = !matches!(state, State::Stopped | State::Stopping | State::Connected);
        assert_eq!(disappointed, waited, "{state:?}: {log:?}");
        setting.assert_at_rest();
        setting.world.run_for(SECOND * 600);
        assert!(setting.log.take().is_empty(), "{state:?}");
        let next = setting.peer();
        setting.service.start();
        setting.settle();
        // The attempt that was never made left its peer.
        let next = if state == State::Starting { peer } else { next };
        next.accept();
        setting.settle();
        setting.assert_log(&["made"]);
    }
}

/// The connection stands in the same turn in which the service is stopped: it is closed again.
#[test]
fn stopping_outruns_an_attempt_that_succeeds() {
    for turns in 0..6 {
        let mut setting = Setting::new();
        let peer = setting.peer();
        setting.settle();
        peer.accept();
        for _ in 0..turns {
            setting.world.turn();
        }
        setting.stop();
        peer.finish();
        setting.settle();
        assert_eq!(setting.log.last(), "stopped", "after {turns} turns");
        assert_eq!(setting.log.count("made"), setting.log.count("lost"));
        setting.assert_at_rest();
    }
}

#[test]
fn starting_while_stopping_starts_again_after_it() {
    let (mut setting, peer) = setting_in(State::Connected);
    setting.stop();
    setting.service.start();
    assert!(setting.service.is_running());
    setting.note(setting.service.when_connected());
    let next = setting.peer();
    setting.settle();
    setting.assert_log(&[]);
    peer.finish();
    setting.settle();
    setting.assert_log(&["lost closed", "stopped"]);
    next.refuse(ConnectionRefused);
    setting.settle();
    setting.assert_log(&[REFUSED]);
}

/// A reactor that stops takes the connection away; the service goes on when the reactor does.
#[test]
fn it_outlives_a_stop_of_the_reactor() {
    let (mut setting, _) = setting_in(State::Connected);
    setting.world.reactor.stop();
    setting.settle();
    setting.assert_log(&["lost shutdown", "waiting: the reactor stopped"]);
    let _peer = setting.accepting_peer();
    setting.wait();
    setting.assert_log(&["made"]);
}

/// Dropping the reactor frees those who wait for the service, whatever it does, and tells nobody.
#[test]
fn dropping_the_reactor_frees_what_waits_in_every_state() {
    for (state, stopping) in STATES.into_iter().flat_map(|state| [(state, false), (state, true)]) {
        let held = Rc::new(());
        let weak = Rc::downgrade(&held);
        let (setting, _peer) = setting_in(state);
        let (service, log) = (setting.service.clone(), setting.log.clone());
        let circle = (service.clone(), Rc::clone(&held));
        service.when_connected().then(move |_| drop(circle));
        let circle = (service.clone(), held);
        if stopping {
            service.stop().then(move |()| drop(circle));
        } else {
            drop(circle);
        }
        drop(setting);
        assert!(weak.upgrade().is_none(), "{state:?}");
        assert!(log.take().is_empty(), "{state:?}: dropping calls nobody");
        assert!(!service.is_running(), "{state:?}");
        service.start();
        drop(service.stop());
        drop(service.when_connected());
        assert!(!service.is_running(), "{state:?}");
    }
}

/// An endpoint that panics, forgets its result, or stops the service from within, keeps nobody waiting.
#[test]
fn a_bad_endpoint_is_a_failure() {
    struct Bad(Cell<u32>, Rc<RefCell<Option<ClientService>>>);
    impl ropewalk::ClientEndpoint for Bad {
        fn connect_shared(&self, reactor: &ReactorHandle, _: Rc<dyn Factory>) -> Deferred<ConnectResult> {
            self.0.set(self.0.get() + 1);
            assert!(self.0.get() != 1, "on purpose");
            if self.0.get() == 3 {
                drop(self.1.take().unwrap().stop());
            }
            Deferred::new(reactor).0
        }
    }
    let mut world = World::new();
    let (log, own) = (Log::default(), Rc::default());
    let noted = log.clone();
    let options = ClientOptions::default().on_event(move |event| noted.add(format!("{event:?}")));
    let endpoint = Bad(Cell::new(0), Rc::clone(&own));
    let service = ClientService::new(&world.reactor, endpoint, for_protocol(|| Echo), options);
    *own.borrow_mut() = Some(service.clone());
    service.start();
    world.run_for(SECOND * 10);
    assert_eq!(log.count("Waiting { failure: Broken"), 2);
    assert!(!service.is_running());
    assert_eq!((world.reactor.stats().timers, world.now()), (0, Instant::ZERO + SECOND * 10));
}

/// What user code does when its preparation is cancelled counts as at any other time: by a stop, or by a loss.
#[test]
fn cancelling_a_preparation_may_start_or_stop_the_service() {
    for (stopping, starts) in [(true, true), (true, false), (false, true), (false, false)] {
        let own: Rc<RefCell<Option<ClientService>>> = Rc::default();
        let (service, log) = (Rc::clone(&own), Log::default());
        let noted = log.clone();
        let kept: RefCell<Option<Resolver<Result>>> = RefCell::default();
        let options = ClientOptions::default().prepare(move |transport| {
            let (preparation, resolver) = Deferred::new(transport.reactor());
            kept.replace(Some(resolver));
            let (service, noted) = (Rc::clone(&service), noted.clone());
            preparation.on_cancel(move || {
                let service = service.take().unwrap();
                noted.add("cancelled");
                if starts {
                    service.start();
                } else {
                    service.stop().then(move |()| noted.add("stopped"));
                }
            });
            preparation
        });
        let mut setting = Setting::with(options);
        own.replace(Some(setting.service.clone()));
        let (peer, _next) = (setting.accepting_peer(), setting.accepting_peer());
        setting.settle();
        if stopping {
            drop(setting.service.stop());
            setting.settle();
            assert_eq!(log.take(), ["cancelled"], "the connection is not over");
            assert_eq!(setting.log.count("made"), 1, "the next comes after it");
        }
        peer.finish();
        setting.settle();
        setting.world.run_for(SECOND);
        let is_stopped = log.take().contains(&"stopped".into());
        assert_eq!((setting.service.is_running(), is_stopped), (starts, !starts));
        assert_eq!(setting.log.count("made"), if starts { 2 } else { 1 }, "stopping: {stopping}");
    }
}

/// Whoever asks again and again while there is no connection, and no longer waits for the answers, costs nothing.
#[test]
fn waiters_that_give_up_are_forgotten_with_the_next_failure() {
    let mut setting = Setting::new();
    let held = Rc::new(());
    for _ in 0..100 {
        let connected = setting.service.when_connected();
        let kept = Rc::clone(&held);
        connected.on_cancel(move || drop(kept));
    }
    setting.note(setting.service.when_connected());
    setting.settle();
    setting.assert_log(&[REFUSED]);
    assert_eq!(Rc::strong_count(&held), 1);
    let _peer = setting.accepting_peer();
    setting.wait();
    setting.assert_log(&["made", "connected", "got 192.0.2.1:80"]);
}
