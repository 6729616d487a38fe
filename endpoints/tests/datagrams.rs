//! Endpoints for datagrams.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::cell::RefCell;
use std::net::UdpSocket;
use std::rc::Rc;

use ropewalk_endpoints::{AddressProblem, UdpEndpoint};
use ropewalk_reactor::{Address, DatagramOptions, DatagramProtocol, DatagramTransport, Reactor, Result};

mod common;

use common::run_until;

/// Notes what it receives and says it again.
struct Echo(Rc<RefCell<Vec<u8>>>);

impl DatagramProtocol for Echo {
    fn datagram_received(&mut self, transport: &DatagramTransport, data: &[u8], from: &Address) -> Result {
        self.0.borrow_mut().extend_from_slice(data);
        transport.send_to(data, from)?;
        Ok(())
    }
}

/// Says something first.
struct Client(Rc<RefCell<Vec<u8>>>);

impl DatagramProtocol for Client {
    fn started(&mut self, transport: &DatagramTransport) {
        transport.send("hello").unwrap();
    }

    fn datagram_received(&mut self, _: &DatagramTransport, data: &[u8], _: &Address) -> Result {
        self.0.borrow_mut().extend_from_slice(data);
        Ok(())
    }
}

#[test]
fn two_endpoints_speak() {
    for text in ["127.0.0.1:0", "[::1]:0", "localhost:0"] {
        let mut reactor = Reactor::new().unwrap();
        let (asked, answered) = (Rc::default(), Rc::default());
        let endpoint: UdpEndpoint = text.parse().unwrap();
        assert_eq!(endpoint.to_string(), text);
        let server = endpoint.listen(&reactor, Echo(Rc::clone(&asked))).unwrap();
        let endpoint = UdpEndpoint::from(server.host().socket().unwrap());
        let client = endpoint.connect(&reactor, Client(Rc::clone(&answered))).unwrap();
        assert_eq!(client.peer(), Some(server.host()));
        run_until(&mut reactor, || *answered.borrow() == b"hello");
        assert_eq!(*asked.borrow(), b"hello");
    }
}

#[test]
fn options_are_used() {
    let mut options = DatagramOptions::default();
    options.max_packet_size = 3;
    let mut reactor = Reactor::new().unwrap();
    let heard = Rc::default();
    let endpoint = "127.0.0.1:0".parse::<UdpEndpoint>().unwrap().with_options(options);
    let server = endpoint.listen(&reactor, Echo(Rc::clone(&heard))).unwrap();
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    for text in ["four", "one"] {
        peer.send_to(text.as_bytes(), server.host().socket().unwrap()).unwrap();
    }
    run_until(&mut reactor, || *heard.borrow() == b"one");
}

#[test]
fn a_bad_address_says_what_is_wrong() {
    let error = "127.0.0.1".parse::<UdpEndpoint>().unwrap_err();
    assert_eq!(error.problem(), AddressProblem::MissingPort);
}
