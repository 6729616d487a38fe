//! A server's factory with telnet, and what its protocols know of their peers.

use std::cell::RefCell;
use std::rc::Rc;

use ropewalk_protocols::{Echo, TelnetInfo, TelnetLayer, TelnetServer, TelnetTransport};
use ropewalk_reactor::testing::{Memory, Probe};
use ropewalk_reactor::{
    Address, Factory, Layer, ListenOptions, Protocol, Reason, Result, Transport, for_protocol,
};

use crate::stage::{IAC, IS, SB, SE, TERMINAL_TYPE, WILL, WINDOW_SIZE, bytes};

/// Notes what it hears.
#[derive(Default)]
struct Noting(RefCell<Vec<String>>);

impl Factory for Noting {
    fn build_protocol(&self, _: &Address) -> Option<Box<dyn Protocol>> {
        self.0.borrow_mut().push("asked for a protocol".into());
        None
    }

    fn connection_failed(&self, _: &Address, reason: &Reason) {
        self.0.borrow_mut().push(format!("failed: {reason}"));
    }

    fn start_factory(&self) {
        self.0.borrow_mut().push("started".into());
    }

    fn stop_factory(&self) {
        self.0.borrow_mut().push("stopped".into());
    }
}

#[test]
fn the_factory_below_telnet_hears_of_all_that_its_ports_have() {
    let memory = Memory::new();
    let mut reactor = memory.reactor();
    let noting = Rc::new(Noting::default());
    let listen = |port: u16| {
        let factory = TelnetServer::new(Rc::clone(&noting));
        reactor.listen(([127, 0, 0, 1], port), ListenOptions::default(), factory).unwrap()
    };
    let ports = [23, 24].map(listen);
    let other = Rc::new(Noting::default());
    let factory = TelnetServer::new(Rc::clone(&other));
    reactor.listen(([127, 0, 0, 1], 25), ListenOptions::default(), factory).unwrap();
    memory.settle(&mut reactor);
    let _peer = memory.connect(([127, 0, 0, 1], 23).into()).unwrap();
    memory.settle(&mut reactor);
    for port in ports {
        let _ = port.stop();
        memory.settle(&mut reactor);
    }
    assert_eq!(noting.0.take(), ["started", "asked for a protocol", "stopped"], "two ports have one factory");
    assert_eq!(other.0.take(), ["started"], "and the third has another");
}

#[test]
fn the_factory_below_telnet_hears_of_connections_that_came_to_nothing() {
    let noting = Rc::new(Noting::default());
    let peer = Address::Tcp(([10, 0, 0, 1], 1).into());
    TelnetServer::new(Rc::clone(&noting)).connection_failed(&peer, &Reason::Aborted);
    assert_eq!(noting.0.take(), [format!("failed: {}", Reason::Aborted)]);
}

/// Notes what is known of the peer whenever it says something.
struct Knowing(Rc<RefCell<Vec<TelnetInfo>>>);

impl Protocol for Knowing {
    fn data_received(&mut self, transport: &Transport, _: &[u8]) -> Result {
        self.0.borrow_mut().push(transport.telnet().unwrap());
        Ok(())
    }
}

#[test]
fn what_the_peer_has_told_is_known() {
    let memory = Memory::new();
    let mut reactor = memory.reactor();
    let address = ([127, 0, 0, 1], 23).into();
    let known = Rc::<RefCell<Vec<_>>>::default();
    let given = Rc::clone(&known);
    let factory = TelnetServer::new(for_protocol(move || Knowing(Rc::clone(&given))));
    reactor.listen(address, ListenOptions::default(), factory).unwrap();
    memory.settle(&mut reactor);
    let peer = memory.connect(address).unwrap();
    peer.send("x");
    memory.settle(&mut reactor);
    assert_eq!(known.take(), [TelnetInfo::default()]);

    peer.send(bytes(&[
        &[IAC, WILL, WINDOW_SIZE, IAC, SB, WINDOW_SIZE, 0, 80, 0, 24, IAC, SE],
        &[IAC, WILL, TERMINAL_TYPE, IAC, SB, TERMINAL_TYPE, IS],
        b"VT220",
        &[IAC, SE],
        b"x",
    ]));
    memory.settle(&mut reactor);
    let info = known.take().pop().unwrap();
    assert!(info.speaks_telnet);
    assert_eq!((info.window_size, info.terminal_type.as_deref()), (Some((80, 24)), Some("VT220")));
}

/// The protocol is asked once for all that came at once, unless a line ends or a command comes.
#[test]
fn what_is_no_telnet_is_heard_in_one_piece() {
    let memory = Memory::new();
    let mut reactor = memory.reactor();
    let address = ([127, 0, 0, 1], 23).into();
    let heard = Rc::<RefCell<Vec<_>>>::default();
    let given = Rc::clone(&heard);
    let factory = TelnetServer::new(for_protocol(move || Knowing(Rc::clone(&given))));
    reactor.listen(address, ListenOptions::default(), factory).unwrap();
    memory.settle(&mut reactor);
    let peer = memory.connect(address).unwrap();
    peer.send([b'x'; 1000]);
    memory.settle(&mut reactor);
    assert_eq!(heard.borrow().len(), 1);
}

/// Answers are said in parts, so that it can be seen in between whether the peer listens.
#[test]
fn a_layer_says_no_more_than_4_kib_at_once() {
    const AYT: [u8; 2] = [IAC, 246];
    let yes = b"[Yes]\r\n".len();
    let mut layer = TelnetLayer::server();
    let mut input = AYT.repeat(2000);
    let mut down = Vec::new();
    for part in 1..=2 {
        let used = layer.received(&mut input, &mut Vec::new(), &mut down).unwrap();
        assert_eq!(used, (4096 / yes + 1) * AYT.len(), "part {part}");
        assert!(layer.take_stop().is_some());
    }
    assert_eq!(down.len(), 2 * (4096 / yes + 1) * yes);
}

#[test]
fn nothing_is_known_where_there_is_no_telnet() {
    let probe = Probe::new(Echo);
    assert_eq!(probe.transport().telnet(), None);
}
