//! The world and the hand that moves it.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::datagrams::{DatagramPeer, Mailbox};
use super::driver::MemoryDriver;
use super::faults::{Faults, Operation};
use super::listener::Waiting;
use super::names::Names;
use super::peer::Peer;
use super::socket::Socket;
use crate::driver::{Event, PollUntil, Readiness, Signal, Token, Wake};
use crate::{Instant, Reactor, Status};

/// The first port given to whoever asks for port 0, and to peers.
const FIRST_PORT: u16 = 40_000;

/// How many turns without the clock moving count as never coming to rest.
const TURNS_MAX: usize = 100_000;

/// A world in memory, with a clock of its own: clones are the same world.
///
/// The test holds one and moves it; the reactor that [`reactor`](Self::reactor) gives lives in it. The reactor
/// waits by moving the clock to its next timer, so hours pass at once; with [`settle`](Self::settle) and
/// [`run_for`](Self::run_for) the clock moves only as the test says. A loop that would wait for ever gets an error from
/// its poll. Work for threads is done in the next poll, by the thread of the test. What real threads have posted is
/// taken by the next poll too, but no poll waits for them: join them first.
///
/// There are no backlogs to overflow and nothing is lost on the way; what a peer sends has arrived at once.
///
/// ```
/// # use ropewalk_reactor::{for_protocol, ListenOptions, Protocol, Result, Transport};
/// # struct Echo;
/// # impl Protocol for Echo {
/// #     fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result { Ok(transport.write(data)) }
/// # }
/// let memory = ropewalk_reactor::testing::Memory::new();
/// let mut reactor = memory.reactor();
/// let address = "127.0.0.1:7".parse()?;
/// reactor.listen(address, ListenOptions::default(), for_protocol(|| Echo))?;
/// memory.settle(&mut reactor);
/// let peer = memory.connect(address)?;
/// peer.send("hello");
/// memory.settle(&mut reactor);
/// assert_eq!(peer.received(), b"hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct Memory {
    world: Rc<World>,
}

/// What the driver, its sockets and the test share.
#[derive(Default)]
pub(super) struct World {
    now: Cell<Instant>,
    /// The clock moves only by the test's hand.
    pub(super) held: Cell<bool>,
    /// What the loop would have waited for in the last poll, if it had nothing left to do before.
    pub(super) idle: Cell<Option<PollUntil>>,
    pub(super) polls: Cell<usize>,
    pub(super) clock_readings: Cell<usize>,
    /// Readiness that was not reported yet. Invariant: each token at most once.
    ready: RefCell<Vec<(Token, Readiness)>>,
    pub(super) signals: RefCell<VecDeque<Signal>>,
    pub(super) signals_watched: Cell<bool>,
    pub(super) work: RefCell<VecDeque<Box<dyn FnOnce() + Send>>>,
    pub(super) names: Names,
    pub(super) waker: Arc<Flag>,
    pub(super) listeners: RefCell<HashMap<SocketAddr, Rc<Waiting>>>,
    pub(super) expected: RefCell<HashMap<SocketAddr, VecDeque<Rc<Socket>>>>,
    /// Where datagrams arrive, of the reactor's sockets and the test's.
    pub(super) mailboxes: RefCell<HashMap<SocketAddr, Rc<Mailbox>>>,
    ports: Cell<u16>,
    pub(super) faults: Faults,
    /// Streams, listeners and sockets for datagrams that the reactor holds.
    pub(super) descriptors: Cell<usize>,
}

impl Memory {
    /// A new world, whose clock begins at zero.
    pub fn new() -> Self {
        Self::default()
    }

    /// A reactor in this world. One world is for one reactor at a time.
    pub fn reactor(&self) -> Reactor {
        Reactor::with_driver(Box::new(MemoryDriver::new(Rc::clone(&self.world))))
    }

    /// The time.
    pub fn now(&self) -> Instant {
        self.world.now.get()
    }

    /// Moves the clock; a callback that does this acts as a slow one. Timers run when the reactor next does.
    pub fn advance(&self, by: Duration) {
        self.world.now.set(self.now() + by);
    }

    /// Has the reactor make turns until nothing is left to do before the clock moves, or until it stops.
    ///
    /// # Panics
    /// If that never happens (an interval of zero, say), or if polling fails.
    pub fn settle(&self, reactor: &mut Reactor) {
        assert!(
            self.comes_to_rest(reactor, TURNS_MAX),
            "after {TURNS_MAX} turns the reactor still has something to do, and the clock stands still"
        );
    }

    /// Whether the reactor has nothing left to do before the clock moves, or has stopped, within so many turns.
    pub(super) fn comes_to_rest(&self, reactor: &mut Reactor, turns: usize) -> bool {
        for _ in 0..turns {
            self.world.idle.set(None);
            self.world.held.set(true);
            let status = reactor.run_once(None);
            self.world.held.set(false);
            let status = status.expect("a poll that does not wait cannot fail in memory");
            if status == Status::Stopped || self.world.idle.get().is_some() {
                return true;
            }
        }
        false
    }

    /// Lets `time` pass, from timer to timer, and has the reactor do what comes of it; ends early if it stops.
    ///
    /// # Panics
    /// As [`settle`](Self::settle).
    pub fn run_for(&self, reactor: &mut Reactor, time: Duration) {
        let end = self.now() + time;
        loop {
            self.settle(reactor);
            if !reactor.is_running() || self.now() >= end {
                return;
            }
            self.move_on(end);
        }
    }

    /// Moves the clock to what the reactor waits for, but not beyond `end`.
    pub(super) fn move_on(&self, end: Instant) {
        let next = match self.world.idle.get() {
            Some(PollUntil::Deadline(deadline)) => deadline.min(end),
            _ => end,
        };
        self.world.move_to(next);
    }

    /// Connects a peer to what listens on `address`, or on the wildcard of its family and port.
    ///
    /// # Errors
    /// [`io::ErrorKind::ConnectionRefused`] if nothing listens there.
    pub fn connect(&self, address: SocketAddr) -> io::Result<Peer> {
        let waiting = self.world.listener(address).ok_or(io::ErrorKind::ConnectionRefused)?;
        let peer = SocketAddr::new(loopback(address.ip()), self.world.free_port());
        let socket = Socket::accepted(&self.world, address, peer);
        waiting.push(Rc::clone(&socket));
        Ok(Peer::new(socket))
    }

    /// Prepares the far end of the reactor's next attempt to connect to `address`: nothing answers until
    /// [`Peer::accept`] or [`Peer::refuse`], which may be called before the attempt too. Attempts that nothing
    /// was prepared for are refused.
    pub fn expect_connect(&self, address: SocketAddr) -> Peer {
        let host = SocketAddr::new(loopback(address.ip()), self.world.free_port());
        let socket = Socket::connecting(&self.world, host);
        self.world.expected.borrow_mut().entry(address).or_default().push_back(Rc::clone(&socket));
        Peer::new(socket)
    }

    /// Opens a socket for datagrams of the test's own; port 0 is a free one. UDP alone is here, without wildcards,
    /// broadcasts and groups, and no datagram is lost on the way.
    ///
    /// ```
    /// # use ropewalk_reactor::{Address, DatagramOptions, DatagramProtocol, DatagramTransport, Result};
    /// # struct Echo;
    /// # impl DatagramProtocol for Echo {
    /// #     fn datagram_received(&mut self, transport: &DatagramTransport, data: &[u8], from: &Address) -> Result {
    /// #         Ok(transport.send_to(data, from)?)
    /// #     }
    /// # }
    /// let memory = ropewalk_reactor::testing::Memory::new();
    /// let mut reactor = memory.reactor();
    /// let address = "127.0.0.1:7".parse()?;
    /// reactor.listen_datagrams(address, DatagramOptions::default(), Echo)?;
    /// let peer = memory.open_datagrams("127.0.0.1:0".parse()?)?;
    /// peer.send_to("hello", address);
    /// memory.settle(&mut reactor);
    /// assert_eq!(peer.received(), Some((b"hello".to_vec(), address)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`io::ErrorKind::AddrInUse`] if somebody has the address.
    pub fn open_datagrams(&self, address: SocketAddr) -> io::Result<DatagramPeer> {
        DatagramPeer::open(&self.world, address)
    }

    /// Gives `name` these addresses, in this order, in place of those it had; without any there is no such host, as for
    /// all names that were not set.
    pub fn set_name(&self, name: &str, addresses: impl IntoIterator<Item = IpAddr>) {
        self.world.names.set(name, addresses.into_iter().collect());
    }

    /// Has lookups that begin from now on take this time, on the virtual clock; [`Duration::MAX`] leaves them without an
    /// answer. At first they take none.
    pub fn set_lookup_time(&self, time: Duration) {
        self.world.names.lookup_time.set(time);
    }

    /// How many lookups the reactor has begun.
    pub fn lookups(&self) -> usize {
        self.world.names.begun.get()
    }

    /// Sends the process a signal. False if the reactor does not watch signals; the process would have ended.
    pub fn signal(&self, signal: Signal) -> bool {
        let watched = self.world.signals_watched.get();
        if watched {
            self.world.signals.borrow_mut().push_back(signal);
        }
        watched
    }

    /// Has the next `times` calls of `operation` fail, on whatever socket. [`Peer::fail_next`] chooses the socket.
    pub fn fail_next(&self, operation: Operation, times: usize, error: io::ErrorKind) {
        self.world.faults.add(operation, times, error);
    }

    /// How often the reactor has polled.
    pub fn polls(&self) -> usize {
        self.world.polls.get()
    }

    /// How often the reactor has read the clock.
    pub fn clock_readings(&self) -> usize {
        self.world.clock_readings.get()
    }

    /// How many streams, listeners and sockets for datagrams the reactor holds.
    pub fn descriptors(&self) -> usize {
        self.world.descriptors.get()
    }
}

impl World {
    pub(super) fn now(&self) -> Instant {
        self.now.get()
    }

    /// Moves the clock forward to `instant`.
    pub(super) fn move_to(&self, instant: Instant) {
        self.now.set(self.now.get().max(instant));
    }

    /// Readiness has arisen.
    pub(super) fn became_ready(&self, token: Token, readiness: Readiness) {
        let mut ready = self.ready.borrow_mut();
        match ready.iter_mut().find(|(other, _)| *other == token) {
            Some((_, known)) => {
                known.readable |= readiness.readable;
                known.writable |= readiness.writable;
                known.read_closed |= readiness.read_closed;
                known.error |= readiness.error;
            }
            None => ready.push((token, readiness)),
        }
    }

    /// A socket is closed: nothing more is reported about it.
    pub(super) fn forget(&self, token: Option<Token>) {
        self.ready.borrow_mut().retain(|(other, _)| Some(*other) != token);
        self.descriptors.set(self.descriptors.get() - 1);
    }

    /// Appends all that has happened since the last call.
    pub(super) fn take_events(&self, events: &mut Vec<Event>) {
        if self.waker.0.swap(false, Ordering::AcqRel) {
            events.push(Event::Woken);
        }
        events.extend(self.signals.borrow_mut().drain(..).map(Event::Signal));
        events.extend(self.ready.borrow_mut().drain(..).map(|(token, ready)| Event::Ready(token, ready)));
    }

    pub(super) fn free_port(&self) -> u16 {
        let port = self.ports.get();
        self.ports.set(port.wrapping_add(1));
        FIRST_PORT.wrapping_add(port)
    }

    fn listener(&self, address: SocketAddr) -> Option<Rc<Waiting>> {
        let listeners = self.listeners.borrow();
        let wildcard = match address.ip() {
            IpAddr::V4(_) => IpAddr::from(Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(_) => IpAddr::from(Ipv6Addr::UNSPECIFIED),
        };
        let wildcard = SocketAddr::new(wildcard, address.port());
        listeners.get(&address).or_else(|| listeners.get(&wildcard)).map(Rc::clone)
    }
}

pub(super) fn loopback(family: IpAddr) -> IpAddr {
    match family {
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    }
}

/// Wakes by being raised.
#[derive(Default)]
pub(super) struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(&self) {
        self.0.store(true, Ordering::Release);
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Memory").field("now", &self.now()).finish_non_exhaustive()
    }
}
