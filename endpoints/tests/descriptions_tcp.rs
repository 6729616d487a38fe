//! The kinds `tcp` and `tcp6`, on real sockets.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

mod common;

use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::rc::Rc;
use std::time::Duration;

use common::greeter;
use ropewalk_endpoints::{ClientEndpoint, ServerEndpoint, client_endpoint, server_endpoint};
use ropewalk_reactor::{ConnectResult, ListeningPort, Reactor};
use socket2::{Domain, Socket, Type};

#[track_caller]
fn listen(reactor: &Reactor, description: &str) -> ListeningPort {
    server_endpoint(description).unwrap().listen(reactor, greeter("hello").0).unwrap()
}

#[track_caller]
fn connect(reactor: &mut Reactor, description: &str) -> ConnectResult {
    let result = Rc::new(RefCell::new(None));
    let for_result = Rc::clone(&result);
    let endpoint = client_endpoint(description).unwrap();
    endpoint.connect(reactor, greeter("").0).then(move |value| *for_result.borrow_mut() = Some(value));
    common::run_until(reactor, || result.borrow().is_some());
    result.take().unwrap()
}

#[test]
fn s104_servers_listen_where_they_are_told() {
    let reactor = Reactor::new().unwrap();
    let loopback = IpAddr::from(Ipv4Addr::LOCALHOST);
    let cases: [(&str, IpAddr); 13] = [
        ("tcp:0", Ipv4Addr::UNSPECIFIED.into()),
        ("tcp:0:", Ipv4Addr::UNSPECIFIED.into()),
        ("tcp:port=0:interface=", Ipv4Addr::UNSPECIFIED.into()),
        ("tcp:0:127.0.0.1:5", loopback),
        ("tcp:0:interface=127.0.0.1", loopback),
        ("tcp:backlog=5:interface=localhost:0", loopback),
        ("tcp:0:[::1]", Ipv6Addr::LOCALHOST.into()),
        (r"tcp:0:interface=\:\:1", Ipv6Addr::LOCALHOST.into()),
        ("tcp6:0", Ipv6Addr::UNSPECIFIED.into()),
        ("tcp6:0:interface=[::1]", Ipv6Addr::LOCALHOST.into()),
        (r"tcp6:0:5:\:\:1", Ipv6Addr::LOCALHOST.into()),
        ("tcp6:0:interface=localhost", Ipv6Addr::LOCALHOST.into()),
        ("localhost:0", loopback),
    ];
    for (description, expected) in cases {
        assert_eq!(listen(&reactor, description).address().ip(), Some(expected), "{description}");
    }
}

#[test]
fn tcp6_takes_ipv4_too_unless_told_otherwise() {
    let reactor = Reactor::new().unwrap();
    let reached = |description| {
        let port = listen(&reactor, description).address().port().unwrap();
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
    };
    assert!(reached("tcp6:0"));
    assert!(reached("tcp6:0:dual_stack=yes"));
    assert!(!reached("tcp6:0:dual_stack=no"));
}

#[test]
fn reuse_port_reaches_the_socket() {
    let reactor = Reactor::new().unwrap();
    let port = listen(&reactor, "tcp:0:interface=127.0.0.1:reuse_port=yes").address().port().unwrap();
    let again = |reuse| {
        let endpoint =
            server_endpoint(&format!("tcp:{port}:interface=127.0.0.1:reuse_port={reuse}")).unwrap();
        endpoint.listen(&reactor, greeter("hello").0)
    };
    again("yes").unwrap();
    again("no").unwrap_err();
}

#[test]
fn the_backlog_reaches_the_socket() {
    // Nobody accepts, as the reactor does not run. Linux lets one more wait than it is told.
    let reactor = Reactor::new().unwrap();
    let answered = |description| {
        let address = listen(&reactor, description).address().socket().unwrap();
        let patience = Duration::from_millis(200);
        (0..4).map_while(|_| TcpStream::connect_timeout(&address, patience).ok()).count()
    };
    assert!(answered("tcp:0:interface=127.0.0.1:backlog=1") < 4);
    assert!(answered("tcp6:0:1:[::1]:dual_stack=no") < 4);
    assert_eq!(answered("tcp:0:interface=127.0.0.1"), 4, "there is room by default");
}

#[test]
fn clients_connect_to_both_families() {
    let mut reactor = Reactor::new().unwrap();
    let ipv4 = listen(&reactor, "tcp:0:interface=127.0.0.1").address().port().unwrap();
    let ipv6 = listen(&reactor, "tcp6:0:interface=[::1]").address().port().unwrap();
    for description in [
        format!("tcp:127.0.0.1:{ipv4}"),
        format!("tcp:port={ipv4}:host=localhost"),
        format!("127.0.0.1:{ipv4}"),
        format!("tcp:[::1]:{ipv6}"),
        format!(r"tcp:\:\:1:{ipv6}"),
        format!("tcp6:[::1]:{ipv6}"),
        format!("tcp6:localhost:{ipv6}"),
    ] {
        connect(&mut reactor, &description).unwrap();
    }
}

#[test]
fn bind_address_is_where_the_connection_comes_from() {
    let mut reactor = Reactor::new().unwrap();
    let port = listen(&reactor, "tcp:0").address().port().unwrap();
    let host = |reactor: &mut Reactor, bind: &str| {
        let transport = connect(reactor, &format!("tcp:127.0.0.1:{port}:{bind}")).unwrap();
        transport.host().socket().unwrap()
    };
    let free = std::net::TcpListener::bind("127.0.0.3:0").unwrap().local_addr().unwrap().port();
    assert_eq!(host(&mut reactor, "bindAddress=127.0.0.2").ip(), IpAddr::from([127, 0, 0, 2]));
    let expected = SocketAddr::from(([127, 0, 0, 3], free));
    assert_eq!(host(&mut reactor, &format!(r"bind_address=127.0.0.3\:{free}")), expected);
    let error = connect(&mut reactor, &format!("tcp:[::1]:{port}:bind_address=[::2]")).unwrap_err();
    assert!(error.to_string().contains(&format!("[::1]:{port}")), "{error}");
}

#[test]
fn the_timeout_may_have_a_fraction() {
    // A listener that accepts nobody and has room for one answers only the first two.
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    listener.listen(0).unwrap();
    let port = listener.local_addr().unwrap().as_socket().unwrap().port();
    let mut reactor = Reactor::new().unwrap();
    let description = format!("tcp:127.0.0.1:{port}:timeout=0.05");
    let results: Vec<_> = (0..4).map(|_| connect(&mut reactor, &description)).collect();
    let error = results.into_iter().find_map(Result::err).expect("somebody was not answered");
    assert_eq!(error.to_string(), format!("connecting to 127.0.0.1:{port}: no answer within 50ms"));
}
