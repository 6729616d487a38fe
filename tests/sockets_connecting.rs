//! Connecting: results, errors, cancelling (S56, S94, S95, S100).
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod support;

use std::cell::RefCell;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::time::Duration;

use ropewalk::{ConnectError, ConnectOptions, ConnectResult, Deferred, Factory, Reactor, factory_fn};
use support::{ANY_PORT, Event, Log, Probe, dead_address, listen, run_until, run_until_empty, settle};

/// Where a result will be found.
type Outcome = Rc<RefCell<Option<ConnectResult>>>;

fn outcome(deferred: Deferred<ConnectResult>) -> Outcome {
    let outcome = Outcome::default();
    let found = Rc::clone(&outcome);
    deferred.then(move |result| {
        found.replace(Some(result));
    });
    outcome
}

/// Turns the loop until there is a result.
#[track_caller]
fn wait(reactor: &mut Reactor, outcome: &Outcome) -> ConnectResult {
    run_until(reactor, "the attempt is decided", || outcome.borrow().is_some());
    outcome.take().unwrap()
}

#[track_caller]
fn connect(reactor: &mut Reactor, address: SocketAddr, factory: impl Factory + 'static) -> ConnectResult {
    let outcome = outcome(reactor.connect(address, &ConnectOptions::default(), factory));
    wait(reactor, &outcome)
}

/// A listener whose backlog is full, so that attempts to connect to it are not answered.
fn full_listener() -> (socket2::Socket, SocketAddr, Vec<TcpStream>) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&ANY_PORT.into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let mut streams = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(100)) {
        streams.push(stream);
        assert!(streams.len() < 100, "the backlog is never full");
    }
    (socket, address, streams)
}

#[test]
fn s100_connection_made_comes_before_the_result() {
    let mut reactor = Reactor::new().unwrap();
    let address = listen(&reactor, Probe::new(&Log::default()).factory());
    let log = Log::default();
    let options = ConnectOptions::default();
    let seen = log.clone();
    reactor.connect(address, &options, Probe::new(&log).factory()).then(move |result| {
        seen.push(Event::Posted(format!("result: {}", result.is_ok())));
    });
    run_until(&mut reactor, "the result", || log.events().len() == 2);
    assert_eq!(log.events(), [Event::Made, Event::Posted("result: true".into())]);
    assert_eq!(*log.transport().peer(), address.into());
}

#[test]
fn a_refusal_says_what_was_tried_where_and_why() {
    let mut reactor = Reactor::new().unwrap();
    let address = dead_address();
    let log = Log::default();
    let error = connect(&mut reactor, address, Probe::new(&log).factory()).unwrap_err();
    let expected = format!("connecting to {address}: Connection refused");
    assert!(error.to_string().starts_with(&expected), "{error}");
    assert!(matches!(error, ConnectError::Failed { .. }));
    assert!(std::error::Error::source(&error).is_some());
    assert!(log.events().is_empty());
}

#[test]
fn an_address_that_cannot_be_tried_is_an_error_that_comes_later_too() {
    let mut reactor = Reactor::new().unwrap();
    let mut options = ConnectOptions::default();
    options.bind = Some("[::1]:0".parse().unwrap());
    let attempt = reactor.connect(dead_address(), &options, factory_fn(|_| None));
    let outcome = outcome(attempt);
    assert!(outcome.borrow().is_none());
    let error = wait(&mut reactor, &outcome).unwrap_err();
    assert!(error.to_string().ends_with("the families of the addresses differ"), "{error}");
}

#[test]
fn the_local_address_can_be_chosen() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let address = listen(&reactor, Probe::new(&log).factory());
    let mut options = ConnectOptions::default();
    options.bind = Some(TcpListener::bind(ANY_PORT).unwrap().local_addr().unwrap());
    let factory = Probe::new(&Log::default()).factory();
    let outcome = outcome(reactor.connect(address, &options, factory));
    let transport = wait(&mut reactor, &outcome).unwrap();
    assert_eq!(*transport.host(), options.bind.unwrap().into());
    run_until(&mut reactor, "accepted", || log.has(&Event::Made));
    assert_eq!(log.transport().peer(), transport.host());
}

#[test]
fn s95_no_answer_in_time() {
    let (_listener, address, _streams) = full_listener();
    let mut reactor = Reactor::new().unwrap();
    let mut options = ConnectOptions::default();
    options.timeout = Duration::from_millis(50);
    let log = Log::default();
    let attempt = outcome(reactor.connect(address, &options, Probe::new(&log).factory()));
    let error = wait(&mut reactor, &attempt).unwrap_err();
    assert_eq!(error.to_string(), format!("connecting to {address}: no answer within 50ms"));
    assert!(log.events().is_empty());
    assert_eq!(reactor.stats().timers, 0);
}

#[test]
fn s95_an_attempt_is_cancelled_before_and_while_it_goes_on_and_too_late() {
    let (_listener, unanswered, _streams) = full_listener();
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let options = ConnectOptions::default();
    for turns in [0, 1, 5] {
        let attempt = reactor.connect(unanswered, &options, Probe::new(&log).factory());
        for _ in 0..turns {
            let _ = reactor.run_once(Some(Duration::ZERO)).unwrap();
        }
        attempt.cancel();
        attempt.cancel();
        let attempt = outcome(attempt);
        let error = wait(&mut reactor, &attempt).unwrap_err();
        assert_eq!(error.to_string(), format!("connecting to {unanswered}: cancelled"));
    }
    assert!(log.events().is_empty());
    assert_eq!(reactor.stats().timers, 0);
    // Connected already: cancelling does nothing.
    let address = listen(&reactor, Probe::new(&Log::default()).factory());
    let attempt = reactor.connect(address, &options, Probe::new(&log).factory());
    run_until(&mut reactor, "connected", || log.has(&Event::Made));
    attempt.cancel();
    let attempt = outcome(attempt);
    assert!(wait(&mut reactor, &attempt).unwrap().is_open());
}

#[test]
fn s56_s100_a_factory_that_builds_nothing_is_no_protocol() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let address = listen(&reactor, Probe::new(&log).factory());
    let error = connect(&mut reactor, address, factory_fn(|_| None)).unwrap_err();
    let expected = format!("connecting to {address}: the factory built no protocol for it");
    assert_eq!(error.to_string(), expected);
    let error = connect(&mut reactor, address, factory_fn(|_| panic!("nor this"))).unwrap_err();
    assert!(matches!(error, ConnectError::NoProtocol { .. }));
    assert_eq!(reactor.stats().panics, 1);
    run_until_empty(&mut reactor);
    assert_eq!(log.losses(), 2);
}

#[test]
fn dropping_the_deferred_does_not_end_the_attempt() {
    let mut reactor = Reactor::new().unwrap();
    let (server, client) = (Log::default(), Log::default());
    let address = listen(&reactor, Probe::echo(&server).factory());
    let probe = Probe::new(&client).on_made(|transport| transport.write("hello"));
    drop(reactor.connect(address, &ConnectOptions::default(), probe.factory()));
    run_until(&mut reactor, "the echo", || client.data() == b"hello");
    // Nor is a failure that nobody waits for a problem.
    drop(reactor.connect(dead_address(), &ConnectOptions::default(), factory_fn(|_| None)));
    settle(&mut reactor);
}

#[test]
fn s94_connecting_again_from_connection_lost() {
    let mut reactor = Reactor::new().unwrap();
    let (server, client) = (Log::default(), Log::default());
    let address = listen(&reactor, Probe::new(&server).on_made(|t| t.lose_connection()).factory());
    let again: Rc<RefCell<Option<Probe>>> = Rc::default();
    let next = Rc::clone(&again);
    let probe = Probe::new(&client).on_lost(move |transport| {
        let probe = next.borrow().clone().unwrap();
        drop(transport.reactor().connect(address, &ConnectOptions::default(), probe.factory()));
    });
    again.replace(Some(probe.clone()));
    drop(reactor.connect(address, &ConnectOptions::default(), probe.factory()));
    run_until(&mut reactor, "twenty connections", || client.losses() == 20);
    again.take();
}

#[test]
fn stopping_the_reactor_ends_attempts() {
    let (_listener, unanswered, _streams) = full_listener();
    let mut reactor = Reactor::new().unwrap();
    let attempt = reactor.connect(unanswered, &ConnectOptions::default(), factory_fn(|_| None));
    let attempt = outcome(attempt);
    reactor.call_when_running(|reactor| reactor.stop());
    reactor.run().unwrap();
    let error = attempt.take().expect("the result has come").unwrap_err();
    assert_eq!(error.to_string(), format!("connecting to {unanswered}: the reactor stopped"));
}

#[test]
fn connecting_again_because_the_reactor_stops_leaves_no_connection_behind() {
    let peer = TcpListener::bind(ANY_PORT).unwrap();
    let address = peer.local_addr().unwrap();
    let mut reactor = Reactor::new().unwrap();
    let (log, again) = (Log::default(), Log::default());
    let probe = Probe::new(&again);
    let error = Rc::new(RefCell::new(None));
    let found = Rc::clone(&error);
    let first = Probe::new(&log).on_made(|transport| transport.reactor().stop()).on_lost(move |transport| {
        let found = Rc::clone(&found);
        let attempt =
            transport.reactor().connect(address, &ConnectOptions::default(), probe.clone().factory());
        attempt.then(move |result| {
            found.replace(result.err().map(|error| error.to_string()));
        });
    });
    drop(reactor.connect(address, &ConnectOptions::default(), first.factory()));
    reactor.run().unwrap();
    assert_eq!(log.losses(), 1);
    // Whatever the peer saw of a second connection has ended already.
    let (mut first, _) = peer.accept().unwrap();
    first.set_read_timeout(Some(support::PATIENCE)).unwrap();
    assert_eq!(std::io::Read::read(&mut first, &mut [0; 8]).unwrap(), 0);
    peer.set_nonblocking(true).unwrap();
    if let Ok((mut second, _)) = peer.accept() {
        second.set_nonblocking(true).unwrap();
        let end = std::io::Read::read(&mut second, &mut [0; 8]).map_err(|error| error.kind());
        assert_ne!(end, Err(std::io::ErrorKind::WouldBlock), "an attempt has outlived the reactor's run");
    }
    settle(&mut reactor);
    assert!(again.events().is_empty());
    assert_eq!(error.take(), Some(format!("connecting to {address}: the reactor stopped")));
}

#[test]
fn what_the_peer_sent_and_closed_before_the_connection_was_noticed_is_delivered() {
    use std::io::Write;
    let mut reactor = Reactor::new().unwrap();
    let listener = TcpListener::bind(ANY_PORT).unwrap();
    let log = Log::default();
    let factory = Probe::new(&log).factory();
    drop(reactor.connect(listener.local_addr().unwrap(), &ConnectOptions::default(), factory));
    let (mut stream, _) = listener.accept().unwrap();
    stream.write_all(b"short and done").unwrap();
    drop(stream);
    run_until(&mut reactor, "the loss", || log.losses() == 1);
    assert_eq!(log.data(), b"short and done");
}
