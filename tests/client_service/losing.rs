//! Connections that are lost, attempts that are no good, and what is told of them.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;

use ropewalk::{
    ClientEvent, ClientOptions, ClientService, ConnectResult, Deferred, Factory, Instant, Message,
    NoConnection, ReactorHandle, Result, TcpClientEndpoint, Transport, WebSocket, WebSocketProtocol,
    WebSocketReceiver, WebSocketUrl, for_protocol,
};

use crate::setting::{ADDRESS, Setting};
use crate::world::{Echo, Log, SECOND, World};

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
