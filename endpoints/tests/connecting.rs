//! Client endpoints on real sockets.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

mod common;

use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::rc::Rc;
use std::time::Duration;

use common::{greeter, run_until};
use ropewalk_endpoints::{ClientEndpoint, ServerEndpoint, TcpClientEndpoint, TcpServerEndpoint};
use ropewalk_reactor::{
    ConnectError, ConnectOptions, ConnectResult, Deferred, Factory, NameResolver, Reactor, ReactorHandle,
    ResolveError, factory_fn,
};
use socket2::{Domain, Socket, Type};

/// A reactor with a server on `address` that says "hello", and the server's port.
fn server(address: &str) -> (Reactor, u16) {
    let reactor = Reactor::new().unwrap();
    let endpoint: TcpServerEndpoint = address.parse().unwrap();
    let port = endpoint.listen(&reactor, greeter("hello").0).unwrap();
    let number = port.address().port().unwrap();
    (reactor, number)
}

/// Connects, and runs the reactor until that has succeeded or failed.
fn connect(
    reactor: &mut Reactor,
    endpoint: &impl ClientEndpoint,
    factory: impl Factory + 'static,
) -> ConnectResult {
    let attempt = endpoint.connect(reactor, factory);
    value_of(reactor, attempt)
}

fn value_of<T: 'static>(reactor: &mut Reactor, deferred: Deferred<T>) -> T {
    let heard = Rc::new(RefCell::new(None));
    let keep = Rc::clone(&heard);
    deferred.then(move |value| *keep.borrow_mut() = Some(value));
    run_until(reactor, || heard.borrow().is_some());
    let value = heard.borrow_mut().take();
    value.unwrap()
}

/// A port on which nobody listens, on 127.0.0.1 or `[::1]`: held by a socket that does not listen.
fn closed_port() -> (u16, [Socket; 2]) {
    loop {
        let v4 = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        v4.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        let port = v4.local_addr().unwrap().as_socket().unwrap().port();
        let v6 = Socket::new(Domain::IPV6, Type::STREAM, None).unwrap();
        let address: SocketAddr = format!("[::1]:{port}").parse().unwrap();
        if v6.bind(&address.into()).is_ok() {
            return (port, [v4, v6]);
        }
    }
}

/// Knows every name as that of this host.
struct Here(Vec<IpAddr>);

impl NameResolver for Here {
    fn resolve(&self, reactor: &ReactorHandle, _name: &str) -> Deferred<Result<Vec<IpAddr>, ResolveError>> {
        Deferred::resolved(reactor, Ok(self.0.clone()))
    }
}

#[test]
fn a_name_is_connected_to_by_the_family_that_answers() {
    let (v4, v6) = (IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST));
    for listen in ["127.0.0.1:0", "[::1]:0"] {
        for order in [vec![v4, v6], vec![v6, v4]] {
            let (mut reactor, port) = server(listen);
            reactor.set_name_resolver(Rc::new(Here(order)));
            let endpoint: TcpClientEndpoint = format!("example.org:{port}").parse().unwrap();
            let (factory, received) = greeter("");
            let transport = connect(&mut reactor, &endpoint, factory).unwrap();
            let listening: SocketAddr = listen.parse().unwrap();
            assert_eq!(transport.peer().ip(), Some(listening.ip()));
            run_until(&mut reactor, || *received.borrow() == b"hello");
        }
    }
}

#[test]
fn an_address_that_does_not_answer_is_passed_by() {
    // A listener whose backlog is full answers nobody.
    let full = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    full.bind(&SocketAddr::from(([127, 0, 0, 2], 0)).into()).unwrap();
    full.listen(0).unwrap();
    let full_address = full.local_addr().unwrap().as_socket().unwrap();
    let mut streams = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&full_address, Duration::from_millis(100)) {
        streams.push(stream);
        assert!(streams.len() < 100, "the backlog is never full");
    }
    let (mut reactor, port) = server(&format!("127.0.0.1:{}", full_address.port()));
    reactor.set_name_resolver(Rc::new(Here(vec![full_address.ip(), Ipv4Addr::LOCALHOST.into()])));
    let endpoint: TcpClientEndpoint = format!("example.org:{port}").parse().unwrap();
    let transport = connect(&mut reactor, &endpoint, greeter("").0).unwrap();
    assert_eq!(transport.peer().ip(), Some(Ipv4Addr::LOCALHOST.into()));
    // The server's end and the client's, and no attempt any more.
    run_until(&mut reactor, || {
        let stats = transport.reactor().stats();
        (stats.connections, stats.timers) == (2, 0)
    });
}

#[test]
fn a_connection_is_made() {
    for (listen, host) in [("127.0.0.1:0", "127.0.0.1"), ("[::1]:0", "[::1]"), ("localhost:0", "localhost")] {
        let (mut reactor, port) = server(listen);
        let endpoint: TcpClientEndpoint = format!("{host}:{port}").parse().unwrap();
        let (factory, received) = greeter("");
        let transport = connect(&mut reactor, &endpoint, factory).unwrap();
        assert_eq!(transport.peer().port(), Some(port));
        run_until(&mut reactor, || *received.borrow() == b"hello");
    }
}

#[test]
fn localhost_falls_back_to_ipv6() {
    let (mut reactor, port) = server("[::1]:0");
    let endpoint: TcpClientEndpoint = format!("localhost:{port}").parse().unwrap();
    let transport = connect(&mut reactor, &endpoint, greeter("").0).unwrap();
    assert_eq!(transport.peer().to_string(), format!("[::1]:{port}"));
}

#[test]
fn a_refused_connection_says_where_and_why() {
    let (port, _held) = closed_port();
    let mut reactor = Reactor::new().unwrap();
    let endpoint: TcpClientEndpoint = format!("127.0.0.1:{port}").parse().unwrap();
    let error = connect(&mut reactor, &endpoint, greeter("").0).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with(&format!("connecting to 127.0.0.1:{port}: Connection refused")), "{text}");
}

#[test]
fn an_error_at_localhost_names_both_addresses() {
    let (port, _held) = closed_port();
    let mut reactor = Reactor::new().unwrap();
    let endpoint: TcpClientEndpoint = format!("localhost:{port}").parse().unwrap();
    let error = connect(&mut reactor, &endpoint, greeter("").0).unwrap_err();
    assert!(matches!(&error, ConnectError::AllFailed { attempts } if attempts.len() == 2), "{error:?}");
    let text = error.to_string();
    for address in ["127.0.0.1", "[::1]"] {
        assert!(text.contains(&format!("connecting to {address}:{port}: Connection refused")), "{text}");
    }
}

#[test]
fn a_refusing_factory_is_not_asked_twice() {
    let (mut reactor, port) = server("127.0.0.1:0");
    let endpoint: TcpClientEndpoint = format!("localhost:{port}").parse().unwrap();
    let error = connect(&mut reactor, &endpoint, factory_fn(|_| None)).unwrap_err();
    assert!(matches!(error, ConnectError::NoProtocol { .. }), "{error:?}");
}

#[test]
fn a_cancelled_attempt_at_localhost_goes_no_further() {
    // Somebody who accepts on [::1] would be found if the second address were tried.
    let (mut reactor, port) = server("[::1]:0");
    let endpoint: TcpClientEndpoint = format!("localhost:{port}").parse().unwrap();
    let attempt = endpoint.connect(&reactor, greeter("").0);
    attempt.cancel();
    let error = value_of(&mut reactor, attempt).unwrap_err();
    assert!(matches!(error, ConnectError::Cancelled { .. }), "{error:?}");
    assert_eq!(reactor.stats().connections, 0);
}

#[test]
fn the_timeout_of_the_options_holds() {
    // A listener that accepts nobody and has room for one answers only the first two.
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    listener.listen(0).unwrap();
    let mut options = ConnectOptions::default();
    options.timeout = Duration::from_millis(50);
    let address = listener.local_addr().unwrap().as_socket().unwrap();
    let endpoint = TcpClientEndpoint::from(address).with_options(options);
    let mut reactor = Reactor::new().unwrap();
    let results: Vec<_> = (0..4).map(|_| connect(&mut reactor, &endpoint, greeter("").0)).collect();
    let error = results.into_iter().find_map(Result::err).expect("somebody was not answered");
    assert_eq!(error.to_string(), format!("connecting to {address}: no answer within 50ms"));
}

#[test]
fn a_local_address_is_bound_and_chooses_the_family() {
    let (mut reactor, port) = server("127.0.0.1:0");
    let mut options = ConnectOptions::default();
    options.bind = Some("127.0.0.2:0".parse().unwrap());
    let endpoint: TcpClientEndpoint = format!("localhost:{port}").parse().unwrap();
    let endpoint = endpoint.with_options(options);
    let transport = connect(&mut reactor, &endpoint, greeter("").0).unwrap();
    assert_eq!(transport.host().ip(), Some([127, 0, 0, 2].into()));

    let (closed, _held) = closed_port();
    let mut options = ConnectOptions::default();
    options.bind = Some("127.0.0.2:0".parse().unwrap());
    let endpoint = format!("localhost:{closed}").parse::<TcpClientEndpoint>().unwrap().with_options(options);
    let error = connect(&mut reactor, &endpoint, greeter("").0).unwrap_err();
    assert!(matches!(error, ConnectError::Failed { .. }), "only one address was worth trying: {error:?}");
}

#[test]
fn a_boxed_endpoint_takes_a_shared_factory() {
    let (mut reactor, port) = server("127.0.0.1:0");
    let endpoint: Box<dyn ClientEndpoint> =
        Box::new(format!("127.0.0.1:{port}").parse::<TcpClientEndpoint>().unwrap());
    let factory: Rc<dyn Factory> = Rc::new(greeter("").0);
    for _ in 0..2 {
        connect(&mut reactor, &endpoint, Rc::clone(&factory)).unwrap();
    }
    assert_eq!(reactor.stats().connections, 4);
}
