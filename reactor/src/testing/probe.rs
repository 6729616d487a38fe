//! One protocol under test.

use std::cell::{Cell, RefCell};
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use super::{Memory, Peer};
use crate::{ConnectOptions, Protocol, Reactor, Transport, factory_fn};

/// One protocol with one connection, in a world of its own: bytes in, bytes out, time as the test says.
///
/// Every method has the reactor finish what there is to do before it returns; it panics if that has no end.
///
/// ```
/// # use ropewalk_reactor::{Protocol, Result, Transport};
/// # struct Echo;
/// # impl Protocol for Echo {
/// #     fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result { Ok(transport.write(data)) }
/// # }
/// use ropewalk_reactor::testing::Probe;
///
/// let mut probe = Probe::new(Echo);
/// probe.deliver("hello");
/// assert_eq!(probe.written(), b"hello");
/// probe.deliver_eof();
/// assert!(probe.is_closed());
/// ```
#[derive(Debug)]
pub struct Probe {
    memory: Memory,
    reactor: Reactor,
    peer: Peer,
    transport: Transport,
}

impl Probe {
    /// Gives `protocol` a connection; `connection_made` has been called when this returns.
    pub fn new(protocol: impl Protocol + 'static) -> Self {
        let memory = Memory::new();
        let mut reactor = memory.reactor();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        let peer = memory.expect_connect(address);
        peer.accept();
        let protocol = Cell::new(Some(Box::new(protocol) as Box<dyn Protocol>));
        let transport = Rc::new(RefCell::new(None));
        let made = Rc::clone(&transport);
        reactor
            .connect(address, &ConnectOptions::default(), factory_fn(move |_| protocol.take()))
            .then(move |connected| *made.borrow_mut() = connected.ok());
        memory.settle(&mut reactor);
        let transport = transport.take().expect("a connection that the peer accepts is made");
        Self { memory, reactor, peer, transport }
    }

    /// The peer sends `data`.
    pub fn deliver(&mut self, data: impl AsRef<[u8]>) {
        self.peer.send(data);
        self.settle();
    }

    /// The peer finishes sending.
    pub fn deliver_eof(&mut self) {
        self.peer.finish();
        self.settle();
    }

    /// The peer resets the connection.
    pub fn reset(&mut self) {
        self.peer.reset();
        self.settle();
    }

    /// Takes what the peer has received since this was last called.
    pub fn written(&mut self) -> Vec<u8> {
        let written = self.peer.received();
        self.settle();
        written
    }

    /// Lets time pass, from timer to timer.
    pub fn advance(&mut self, time: Duration) {
        self.memory.run_for(&mut self.reactor, time);
    }

    /// How many more bytes the peer accepts; see [`Peer::set_window`].
    pub fn set_window(&mut self, window: Option<usize>) {
        self.peer.set_window(window);
        self.settle();
    }

    /// Whether the connection is closing, or closed.
    pub fn is_closing(&self) -> bool {
        !self.transport.is_open()
    }

    /// Whether the connection has ended and its protocol is dropped. After an orderly close that is when the peer has ended its
    /// side too, as by [`deliver_eof`](Self::deliver_eof), or when the time for that is over.
    pub fn is_closed(&self) -> bool {
        self.peer.is_closed()
    }

    /// The connection, to act on it from outside; call [`settle`](Self::settle) afterwards.
    pub fn transport(&self) -> &Transport {
        &self.transport
    }

    /// The far end, for what the short methods here do not offer.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Has the reactor do what there is to do before time passes.
    pub fn settle(&mut self) {
        self.memory.settle(&mut self.reactor);
    }
}
