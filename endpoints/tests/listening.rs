//! Server endpoints on real sockets.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

mod common;

use std::io::{self, Read};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::rc::Rc;
use std::time::Duration;

use common::greeter;
use ropewalk_endpoints::{ServerEndpoint, TcpServerEndpoint};
use ropewalk_reactor::{Address, Factory, ListenOptions, ListeningPort, Reactor};

fn tcp(port: &ListeningPort) -> SocketAddr {
    SocketAddr::new(port.address().ip().unwrap(), port.address().port().unwrap())
}

/// Connects from another thread and returns what the server says.
fn greeting_at(reactor: &mut Reactor, address: SocketAddr) -> String {
    let client = std::thread::spawn(move || {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(10)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut greeting = [0; 5];
        stream.read_exact(&mut greeting).unwrap();
        String::from_utf8(greeting.to_vec()).unwrap()
    });
    common::run_until(reactor, || client.is_finished());
    client.join().unwrap()
}

#[test]
fn a_literal_address_is_listened_on() {
    for text in ["127.0.0.1:0", "[::1]:0", "0.0.0.0:0", "localhost:0"] {
        let mut reactor = Reactor::new().unwrap();
        let endpoint: TcpServerEndpoint = text.parse().unwrap();
        let port = endpoint.listen(&reactor, greeter("hello").0).unwrap();
        assert_ne!(port.address().port(), Some(0), "S93: the real port is shown");
        let mut address = tcp(&port);
        if address.ip().is_unspecified() {
            address.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        assert_eq!(greeting_at(&mut reactor, address), "hello", "{text}");
    }
}

#[test]
fn localhost_means_127_0_0_1() {
    let reactor = Reactor::new().unwrap();
    let endpoint: TcpServerEndpoint = "localhost:0".parse().unwrap();
    let port = endpoint.listen(&reactor, greeter("hello").0).unwrap();
    assert_eq!(port.address().ip(), Some(Ipv4Addr::LOCALHOST.into()));
}

#[test]
fn the_ipv6_wildcard_takes_both_families_unless_told_otherwise() {
    let mut reactor = Reactor::new().unwrap();
    let endpoint: TcpServerEndpoint = "[::]:0".parse().unwrap();
    let port = endpoint.listen(&reactor, greeter("hello").0).unwrap().address().port().unwrap();
    assert_eq!(greeting_at(&mut reactor, (Ipv4Addr::LOCALHOST, port).into()), "hello");
    assert_eq!(greeting_at(&mut reactor, (Ipv6Addr::LOCALHOST, port).into()), "hello");

    let mut options = ListenOptions::default();
    options.dual_stack = Some(false);
    let port = endpoint.with_options(options).listen(&reactor, greeter("hello").0).unwrap();
    let port = port.address().port().unwrap();
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err());
    assert_eq!(greeting_at(&mut reactor, (Ipv6Addr::LOCALHOST, port).into()), "hello");
}

#[test]
fn options_reach_the_socket() {
    let reactor = Reactor::new().unwrap();
    let mut options = ListenOptions::default();
    options.reuse_port = true;
    let first = "127.0.0.1:0".parse::<TcpServerEndpoint>().unwrap().with_options(options.clone());
    let port = first.listen(&reactor, greeter("hello").0).unwrap();
    let again = TcpServerEndpoint::from(tcp(&port));
    assert!(again.listen(&reactor, greeter("hello").0).is_err());
    again.with_options(options).listen(&reactor, greeter("hello").0).unwrap();
}

#[test]
fn s92_a_busy_port_is_an_error_that_says_where_and_why() {
    let reactor = Reactor::new().unwrap();
    let endpoint: TcpServerEndpoint = "127.0.0.1:0".parse().unwrap();
    let port = endpoint.listen(&reactor, greeter("hello").0).unwrap();
    let Address::Tcp(address) = port.address() else { panic!("not TCP") };
    let error = TcpServerEndpoint::from(*address).listen(&reactor, greeter("hello").0).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    let text = error.to_string();
    assert!(text.starts_with(&format!("listening on {address}: Address already in use")), "{text}");
}

#[test]
fn a_boxed_endpoint_takes_a_shared_factory() {
    let mut reactor = Reactor::new().unwrap();
    let factory: Rc<dyn Factory> = Rc::new(greeter("hello").0);
    let endpoints: Vec<Box<dyn ServerEndpoint>> = vec![
        Box::new("127.0.0.1:0".parse::<TcpServerEndpoint>().unwrap()),
        Box::new("[::1]:0".parse::<TcpServerEndpoint>().unwrap()),
    ];
    for endpoint in endpoints {
        let port = endpoint.listen(&reactor, Rc::clone(&factory)).unwrap();
        assert_eq!(greeting_at(&mut reactor, tcp(&port)), "hello");
    }
}
