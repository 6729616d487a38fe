//! Listening: addresses, busy ports, stopping and starting, factories (S90 to S93, hazard 15).
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod support;

use std::cell::{Cell, RefCell};
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;

use ropewalk::{
    Address, ConnectOptions, Factory, ListenOptions, ListeningPort, Protocol, Reactor, factory_fn,
};
use support::{
    ANY_PORT, Event, Log, Probe, dial, listen, open_port, run_until, settle, socket_address, with_peer,
};

const ANY_PORT_V6: SocketAddr = SocketAddr::new(std::net::IpAddr::V6(Ipv6Addr::LOCALHOST), 0);

/// A factory that notes its life.
struct Noting {
    log: Log,
    notes: RefCell<Vec<&'static str>>,
}

impl Noting {
    fn new(log: &Log) -> Rc<Self> {
        Rc::new(Self { log: log.clone(), notes: RefCell::default() })
    }

    fn notes(&self) -> Vec<&'static str> {
        self.notes.borrow().clone()
    }
}

impl Factory for Noting {
    fn build_protocol(&self, _: &Address) -> Option<Box<dyn Protocol>> {
        self.notes.borrow_mut().push("build");
        Some(Box::new(Probe::echo(&self.log)))
    }

    fn start_factory(&self) {
        self.notes.borrow_mut().push("start");
    }

    fn stop_factory(&self) {
        self.notes.borrow_mut().push("stop");
    }
}

/// Stops a port and turns the loop until that is done.
#[track_caller]
fn stop(reactor: &mut Reactor, port: &ListeningPort) {
    let stopped = Rc::new(Cell::new(false));
    let told = Rc::clone(&stopped);
    port.stop().then(move |()| told.set(true));
    assert!(!stopped.get(), "the deferred called back at once");
    run_until(reactor, "the port has stopped", || stopped.get());
}

/// Whether a peer can connect and be served.
#[track_caller]
fn is_served(reactor: &mut Reactor, address: SocketAddr, log: &Log) {
    let before = log.received();
    let mut stream = dial(address);
    stream.write_all(b"hello").unwrap();
    run_until(reactor, "the greeting", || log.received() == before + 5);
}

#[test]
fn s90_a_factory_of_two_ports_starts_once_and_stops_once() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let factory = Noting::new(&log);
    let first = open_port(&reactor, Rc::clone(&factory));
    let second = open_port(&reactor, Rc::clone(&factory));
    settle(&mut reactor);
    assert_eq!(factory.notes(), ["start"]);
    stop(&mut reactor, &first);
    is_served(&mut reactor, socket_address(second.address()), &log);
    assert_eq!(factory.notes(), ["start", "build"]);
    stop(&mut reactor, &second);
    stop(&mut reactor, &second);
    assert_eq!(factory.notes(), ["start", "build", "stop"]);
    // Both listen again: it starts again.
    first.start().unwrap();
    second.start().unwrap();
    settle(&mut reactor);
    assert_eq!(factory.notes(), ["start", "build", "stop", "start"]);
}

#[test]
fn two_ports_with_factories_of_their_own_share_nothing() {
    let mut reactor = Reactor::new().unwrap();
    let logs = [Log::default(), Log::default()];
    let factories = logs.each_ref().map(Noting::new);
    let [first, second] = factories.each_ref().map(|factory| open_port(&reactor, Rc::clone(factory)));
    is_served(&mut reactor, socket_address(first.address()), &logs[0]);
    assert_eq!(factories.each_ref().map(|factory| factory.notes()), [vec!["start", "build"], vec!["start"]]);
    assert_eq!(logs[1].received(), 0);
    stop(&mut reactor, &first);
    is_served(&mut reactor, socket_address(second.address()), &logs[1]);
    assert_eq!(factories[0].notes(), ["start", "build", "stop"]);
    assert_eq!(factories[1].notes(), ["start", "build"]);
    assert_eq!(logs[0].received(), 5);
}

#[test]
fn s91_a_stopped_port_accepts_nobody_and_open_connections_live_on() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let port = open_port(&reactor, Probe::echo(&log).factory());
    let address = socket_address(port.address());
    let mut open = dial(address);
    run_until(&mut reactor, "connected", || log.has(&Event::Made));
    assert!(port.is_listening());
    let stopping = port.stop();
    // At once, before the loop turns.
    assert!(!port.is_listening());
    assert_eq!(TcpStream::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    drop(stopping);
    settle(&mut reactor);
    open.write_all(b"still here").unwrap();
    run_until(&mut reactor, "the open connection is served", || log.data() == b"still here");
    // And again on the same address.
    port.start().unwrap();
    port.start().unwrap();
    is_served(&mut reactor, address, &log);
    assert_eq!(socket_address(port.address()), address);
}

#[test]
fn s91_a_port_stopped_and_started_before_the_loop_turns_listens() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let factory = Noting::new(&log);
    let port = open_port(&reactor, Rc::clone(&factory));
    for _ in 0..3 {
        drop(port.stop());
        port.start().unwrap();
        is_served(&mut reactor, socket_address(port.address()), &log);
    }
    assert_eq!(factory.notes(), ["start", "build", "build", "build"]);
}

#[test]
fn s91_a_port_stopped_by_the_first_of_a_burst_accepts_no_other() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let port: Rc<RefCell<Option<ListeningPort>>> = Rc::default();
    let own = Rc::clone(&port);
    let probe = Probe::new(&log).on_made(move |_| drop(own.borrow().as_ref().unwrap().stop()));
    let opened = open_port(&reactor, probe.factory());
    let address = socket_address(opened.address());
    port.replace(Some(opened));
    let streams: Vec<_> = (0..20).map(|_| dial(address)).collect();
    run_until(&mut reactor, "the first", || log.has(&Event::Made));
    settle(&mut reactor);
    assert_eq!(log.transports().len(), 1);
    drop(streams);
}

#[test]
fn s92_a_busy_port_is_an_error_at_once_and_the_factory_does_not_start() {
    let mut reactor = Reactor::new().unwrap();
    let busy = TcpListener::bind(ANY_PORT).unwrap();
    let address = busy.local_addr().unwrap();
    let factory = Noting::new(&Log::default());
    let error = reactor.listen(address, ListenOptions::default(), Rc::clone(&factory)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    let text = error.to_string();
    assert!(text.starts_with(&format!("listening on {address}: Address already in use")), "{text}");
    settle(&mut reactor);
    assert!(factory.notes().is_empty());
    // The port of a stopped one may be taken meanwhile.
    drop(busy);
    let port = reactor.listen(address, ListenOptions::default(), Rc::clone(&factory)).unwrap();
    settle(&mut reactor);
    stop(&mut reactor, &port);
    let busy = TcpListener::bind(address).unwrap();
    assert_eq!(port.start().unwrap_err().kind(), ErrorKind::AddrInUse);
    drop(busy);
    port.start().unwrap();
    settle(&mut reactor);
    assert_eq!(factory.notes(), ["start", "stop", "start"]);
}

#[test]
fn an_address_of_somebody_else_is_an_error() {
    let reactor = Reactor::new().unwrap();
    let address: SocketAddr = "192.0.2.1:0".parse().unwrap();
    let error = reactor.listen(address, ListenOptions::default(), factory_fn(|_| None)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
    assert!(error.to_string().starts_with("listening on 192.0.2.1:0: "), "{error}");
}

#[test]
fn s93_port_zero_becomes_a_real_port() {
    let reactor = Reactor::new().unwrap();
    let ports: Vec<_> = (0..10).map(|_| open_port(&reactor, factory_fn(|_| None))).collect();
    let mut numbers: Vec<_> = ports.iter().map(|port| port.address().port().unwrap()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 10);
    assert!(numbers[0] > 0);
}

#[test]
fn connections_know_both_ends_over_ipv4_and_ipv6() {
    for any_port in [ANY_PORT, ANY_PORT_V6] {
        let mut reactor = Reactor::new().unwrap();
        let log = Log::default();
        let port = reactor.listen(any_port, ListenOptions::default(), Probe::new(&log).factory()).unwrap();
        let stream = dial(socket_address(port.address()));
        run_until(&mut reactor, "connected", || log.has(&Event::Made));
        assert_eq!(*log.transport().peer(), Address::from(stream.local_addr().unwrap()));
        assert_eq!(*log.transport().host(), Address::from(stream.peer_addr().unwrap()));
    }
}

#[test]
fn a_dual_stack_port_shows_ipv4_peers_as_such() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let wildcard = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0));
    let port = reactor.listen(wildcard, ListenOptions::default(), Probe::new(&log).factory()).unwrap();
    let number = port.address().port().unwrap();
    for (count, ip) in [(1, Ipv4Addr::LOCALHOST.into()), (2, Ipv6Addr::LOCALHOST.into())] {
        let stream = dial(SocketAddr::new(ip, number));
        run_until(&mut reactor, "connected", || log.transports().len() == count);
        assert_eq!(*log.transport().peer(), Address::from(stream.local_addr().unwrap()));
        assert_eq!(*log.transport().host(), Address::from(stream.peer_addr().unwrap()));
    }
}

#[test]
fn a_port_for_ipv6_only_leaves_ipv4_to_others() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let mut options = ListenOptions::default();
    options.dual_stack = Some(false);
    let wildcard = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0));
    let port = reactor.listen(wildcard, options, Probe::echo(&log).factory()).unwrap();
    let number = port.address().port().unwrap();
    assert_eq!(
        TcpStream::connect((Ipv4Addr::LOCALHOST, number)).unwrap_err().kind(),
        ErrorKind::ConnectionRefused
    );
    is_served(&mut reactor, SocketAddr::from((Ipv6Addr::LOCALHOST, number)), &log);
}

#[test]
fn hazard_15_listening_connecting_and_stopping_inside_callbacks() {
    let mut reactor = Reactor::new().unwrap();
    let (outer, inner, client) = (Log::default(), Log::default(), Log::default());
    let opened: Rc<RefCell<Option<ListeningPort>>> = Rc::default();
    let (opening, stopping) = (Rc::clone(&opened), Rc::clone(&opened));
    let (served, connecting) = (inner.clone(), client.clone());
    let probe = Probe::new(&outer).on_data(move |transport, data| {
        if data == b"open" {
            let reactor = transport.reactor();
            let port = reactor.listen(ANY_PORT, ListenOptions::default(), Probe::echo(&served).factory())?;
            let address = socket_address(port.address());
            opening.replace(Some(port));
            let probe = Probe::new(&connecting).on_made(|transport| transport.write("hello"));
            reactor.connect(address, &ConnectOptions::default(), probe.factory()).then(|_| ());
        } else {
            drop(stopping.borrow().as_ref().unwrap().stop());
        }
        Ok(())
    });
    let mut stream = dial(listen(&reactor, probe.factory()));
    stream.write_all(b"open").unwrap();
    run_until(&mut reactor, "the inner connection has talked", || client.data() == b"hello");
    stream.write_all(b"stop").unwrap();
    run_until(&mut reactor, "the port has stopped", || !opened.borrow().as_ref().unwrap().is_listening());
    assert_eq!((inner.losses(), outer.losses()), (0, 0));
}

#[test]
fn two_reactors_share_a_port() {
    let mut options = ListenOptions::default();
    options.reuse_port = true;
    let mut reactor = Reactor::new().unwrap();
    let first = reactor.listen(ANY_PORT, options.clone(), greeter("first")).unwrap();
    let address = socket_address(first.address());
    let (sender, remotes) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        let mut reactor = Reactor::new().unwrap();
        reactor.listen(address, options, greeter("second")).unwrap();
        sender.send(reactor.remote()).unwrap();
        reactor.run().unwrap();
    });
    let remote = remotes.recv().unwrap();
    // The system deals connections out by their addresses; of so many each gets some.
    let greetings = with_peer(&mut reactor, move || {
        let greet = |_| {
            let mut text = String::new();
            dial(address).read_to_string(&mut text).unwrap();
            text
        };
        (0..200).map(greet).collect::<Vec<_>>()
    });
    remote.post(|reactor| reactor.stop()).unwrap();
    thread.join().unwrap();
    let by_first = greetings.iter().filter(|text| *text == "first").count();
    let by_second = greetings.iter().filter(|text| *text == "second").count();
    assert_eq!(by_first + by_second, 200);
    assert!(by_first > 0 && by_second > 0, "{by_first} and {by_second}");
}

/// Says who it is and closes.
fn greeter(name: &'static str) -> impl Factory {
    let probe = Probe::new(&Log::default()).on_made(move |transport| {
        transport.write(name);
        transport.lose_connection();
    });
    probe.factory()
}
