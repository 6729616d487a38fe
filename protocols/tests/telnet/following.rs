//! What those hear of telnet who look after a connection and are not its protocol.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;

use ropewalk_protocols::{TelnetLayer, TelnetTransport};
use ropewalk_reactor::testing::{Memory, Peer};
use ropewalk_reactor::{Address, ConnectOptions, Factory, Layer, Protocol, Reactor, Result, Transport};

use super::stage::{DO, ECHO, IAC, SUPPRESS_GO_AHEAD, WILL, WINDOW_SIZE, WONT};

/// A client that does nothing, with or without telnet.
struct Client {
    telnet: bool,
}

impl Factory for Client {
    fn build_protocol(&self, _: &Address) -> Option<Box<dyn Protocol>> {
        Some(Box::new(Deaf))
    }

    fn admit(&self, _: &Address, layers: &mut Vec<Box<dyn Layer>>) -> bool {
        if self.telnet {
            layers.push(Box::new(TelnetLayer::client("XTERM")));
        }
        true
    }
}

struct Deaf;

impl Protocol for Deaf {
    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result {
        Ok(())
    }
}

/// A connection with its peer.
fn connected(memory: &Memory, reactor: &mut Reactor, telnet: bool) -> (Peer, Transport) {
    let address = SocketAddr::from(([192, 0, 2, 1], 23));
    let peer = memory.expect_connect(address);
    peer.accept();
    let transport = Rc::new(Cell::new(None));
    let given = Rc::clone(&transport);
    reactor
        .connect(address, &ConnectOptions::default(), Client { telnet })
        .then(move |result| given.set(result.ok()));
    memory.settle(reactor);
    (peer, transport.take().unwrap())
}

/// Counts the changes, waiting for each from the last one on.
async fn count_changes(transport: Transport, count: Rc<Cell<u32>>) {
    loop {
        transport.when_telnet_changes().await;
        count.set(count.get() + 1);
    }
}

#[test]
fn what_the_server_wants_of_the_terminal_is_known() {
    let memory = Memory::new();
    let mut reactor = memory.reactor();
    let (peer, transport) = connected(&memory, &mut reactor, true);
    transport.set_window_size(80, 24);
    let steps = [
        ([IAC, WILL, SUPPRESS_GO_AHEAD], [false, false, false]),
        ([IAC, WILL, ECHO], [true, true, false]),
        ([IAC, DO, WINDOW_SIZE], [true, true, true]),
        ([IAC, WONT, SUPPRESS_GO_AHEAD], [true, false, true]),
        ([IAC, WONT, ECHO], [false, false, true]),
    ];
    for (said, wanted) in steps {
        peer.send(said);
        memory.settle(&mut reactor);
        let info = transport.telnet().unwrap();
        assert_eq!([info.echoes, info.takes_keys, info.wants_window_size], wanted, "after {said:?}");
    }
}

#[test]
fn each_change_is_told_to_all_who_wait_for_it() {
    let memory = Memory::new();
    let mut reactor = memory.reactor();
    let (peer, transport) = connected(&memory, &mut reactor, true);
    let counts = [Rc::new(Cell::new(0)), Rc::new(Cell::new(0))];
    for count in &counts {
        reactor.spawn(count_changes(transport.clone(), Rc::clone(count))).detach();
    }
    memory.settle(&mut reactor);
    // Data, and a refusal, are no changes.
    for (said, changes) in
        [(&b"hello"[..], 0), (&[IAC, WILL, ECHO], 1), (&[IAC, WILL, 99], 1), (&[IAC, WONT, ECHO], 2)]
    {
        peer.send(said);
        memory.settle(&mut reactor);
        assert_eq!(counts.each_ref().map(|count| count.get()), [changes; 2], "after {said:?}");
    }
    // Also when this side says no more.
    transport.lose_write_connection();
    for (verb, changes) in [(WILL, 3), (WONT, 4)] {
        peer.send([IAC, verb, ECHO]);
        memory.settle(&mut reactor);
        assert_eq!(counts.each_ref().map(|count| count.get()), [changes; 2]);
    }
}

#[test]
fn without_telnet_nothing_changes() {
    let memory = Memory::new();
    let mut reactor = memory.reactor();
    let (peer, transport) = connected(&memory, &mut reactor, false);
    let changed = Rc::new(Cell::new(false));
    let tell = Rc::clone(&changed);
    let waiting = async move {
        transport.when_telnet_changes().await;
        tell.set(true);
    };
    reactor.spawn(waiting).detach();
    peer.send([IAC, WILL, ECHO]);
    memory.settle(&mut reactor);
    assert!(!changed.get());
}
