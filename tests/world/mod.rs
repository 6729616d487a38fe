//! What the tests on the in-memory world share: a world with its reactor, and a protocol that is scripted and keeps a log.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::type_complexity,
    reason = "shared by tests that each use a part"
)]

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use ropewalk::testing::{Memory, Peer};
use ropewalk::{
    ConnectOptions, Factory, Instant, Limits, ListenOptions, ListeningPort, Protocol, Reactor, Reason,
    Result, TimerKey, Transport, factory_fn,
};

pub const MILLISECOND: Duration = Duration::from_millis(1);
pub const SECOND: Duration = Duration::from_secs(1);
pub const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// What happened, in order.
#[derive(Clone, Default)]
pub struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    pub fn add(&self, entry: impl Into<String>) {
        self.0.borrow_mut().push(entry.into());
    }

    /// Takes what was logged since the last call.
    pub fn take(&self) -> Vec<String> {
        self.0.take()
    }

    pub fn count(&self, beginning: &str) -> usize {
        self.0.borrow().iter().filter(|entry| entry.starts_with(beginning)).count()
    }

    pub fn last(&self) -> String {
        self.0.borrow().last().cloned().unwrap_or_default()
    }
}

pub struct World {
    pub memory: Memory,
    pub reactor: Reactor,
    next: u16,
}

impl World {
    pub fn new() -> Self {
        let memory = Memory::new();
        Self { reactor: memory.reactor(), memory, next: 1 }
    }

    /// A world with one connection of `protocol`.
    pub fn with(protocol: impl Protocol + 'static) -> (Self, Peer, Transport) {
        let mut world = Self::new();
        let (peer, transport) = world.open(protocol);
        (world, peer, transport)
    }

    /// Opens a connection of `protocol` and settles.
    pub fn open(&mut self, protocol: impl Protocol + 'static) -> (Peer, Transport) {
        let address = SocketAddr::from(([10, 0, 0, 1], self.next));
        self.next += 1;
        let peer = self.memory.expect_connect(address);
        peer.accept();
        let protocol = Cell::new(Some(Box::new(protocol) as Box<dyn Protocol>));
        let transport = Rc::new(RefCell::new(None));
        let made = Rc::clone(&transport);
        let factory = factory_fn(move |_| protocol.take());
        self.reactor
            .connect(address, &ConnectOptions::default(), factory)
            .then(move |result| *made.borrow_mut() = Some(result.unwrap()));
        self.settle();
        let transport = transport.take().unwrap();
        (peer, transport)
    }

    pub fn listen(&mut self, factory: impl Factory + 'static) -> (ListeningPort, SocketAddr) {
        let port = self.reactor.listen(([127, 0, 0, 1], 0), ListenOptions::default(), factory).unwrap();
        self.settle();
        let ropewalk::Address::Tcp(address) = *port.address() else { unreachable!() };
        (port, address)
    }

    pub fn settle(&mut self) {
        self.memory.settle(&mut self.reactor);
    }

    pub fn run_for(&mut self, time: Duration) {
        self.memory.run_for(&mut self.reactor, time);
    }

    /// Exactly one turn, in which the clock stands still.
    pub fn turn(&mut self) {
        let _ = self.reactor.run_once(Some(Duration::ZERO)).unwrap();
    }

    pub fn now(&self) -> Instant {
        self.memory.now()
    }

    pub fn connections(&self) -> usize {
        self.reactor.stats().connections
    }
}

type Told = Box<dyn FnMut(&Transport)>;
type Asked = Box<dyn FnMut(&Transport) -> Result>;

/// A protocol that logs each callback and then does as the test has told it.
pub struct Script {
    log: Log,
    made: Told,
    data: Box<dyn FnMut(&Transport, &[u8]) -> Result>,
    eof: Asked,
    paused: Told,
    resumed: Told,
    reading_resumed: Asked,
    timer: Box<dyn FnMut(&Transport, TimerKey)>,
    event: Box<dyn FnMut(&Transport, Box<dyn Any>)>,
    lost: Box<dyn FnMut(&Transport, &Reason)>,
    /// The callback that is running: nothing may come in between.
    busy: Rc<Cell<bool>>,
}

impl Script {
    pub fn new(log: &Log) -> Self {
        Self {
            log: log.clone(),
            made: Box::new(|_| {}),
            data: Box::new(|_, _| Ok(())),
            eof: Box::new(|transport| {
                transport.lose_connection();
                Ok(())
            }),
            paused: Box::new(|_| {}),
            resumed: Box::new(|_| {}),
            reading_resumed: Box::new(|_| Ok(())),
            timer: Box::new(|_, _| {}),
            event: Box::new(|_, _| {}),
            lost: Box::new(|_, _| {}),
            busy: Rc::default(),
        }
    }

    pub fn on_made(mut self, made: impl FnMut(&Transport) + 'static) -> Self {
        self.made = Box::new(made);
        self
    }

    pub fn on_data(mut self, data: impl FnMut(&Transport, &[u8]) -> Result + 'static) -> Self {
        self.data = Box::new(data);
        self
    }

    pub fn on_eof(mut self, eof: impl FnMut(&Transport) -> Result + 'static) -> Self {
        self.eof = Box::new(eof);
        self
    }

    pub fn on_paused(mut self, paused: impl FnMut(&Transport) + 'static) -> Self {
        self.paused = Box::new(paused);
        self
    }

    pub fn on_resumed(mut self, resumed: impl FnMut(&Transport) + 'static) -> Self {
        self.resumed = Box::new(resumed);
        self
    }

    pub fn on_reading_resumed(mut self, resumed: impl FnMut(&Transport) -> Result + 'static) -> Self {
        self.reading_resumed = Box::new(resumed);
        self
    }

    pub fn on_timer(mut self, timer: impl FnMut(&Transport, TimerKey) + 'static) -> Self {
        self.timer = Box::new(timer);
        self
    }

    pub fn on_event(mut self, event: impl FnMut(&Transport, Box<dyn Any>) + 'static) -> Self {
        self.event = Box::new(event);
        self
    }

    pub fn on_lost(mut self, lost: impl FnMut(&Transport, &Reason) + 'static) -> Self {
        self.lost = Box::new(lost);
        self
    }

    fn enter(&self, entry: impl Into<String>) -> Busy {
        assert!(!self.busy.replace(true), "a callback was entered while another runs");
        self.log.add(entry);
        Busy(Rc::clone(&self.busy))
    }
}

/// Lives as long as a callback, also if it panics.
struct Busy(Rc<Cell<bool>>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

impl Protocol for Script {
    fn connection_made(&mut self, transport: &Transport) {
        let _busy = self.enter("made");
        (self.made)(transport);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        let text = if data.len() > 40 {
            format!("data of {}", data.len())
        } else {
            format!("data {}", String::from_utf8_lossy(data))
        };
        let _busy = self.enter(text);
        (self.data)(transport, data)
    }

    fn eof_received(&mut self, transport: &Transport) -> Result {
        let _busy = self.enter("eof");
        (self.eof)(transport)
    }

    fn writing_paused(&mut self, transport: &Transport) {
        let _busy = self.enter("writing paused");
        (self.paused)(transport);
    }

    fn writing_resumed(&mut self, transport: &Transport) {
        let _busy = self.enter("writing resumed");
        (self.resumed)(transport);
    }

    fn reading_resumed(&mut self, transport: &Transport) -> Result {
        let _busy = self.enter("reading resumed");
        (self.reading_resumed)(transport)
    }

    fn timer_expired(&mut self, transport: &Transport, timer: TimerKey) {
        let _busy = self.enter("timer");
        (self.timer)(transport, timer);
    }

    fn event_received(&mut self, transport: &Transport, event: Box<dyn Any>) {
        let _busy = self.enter("event");
        (self.event)(transport, event);
    }

    fn connection_lost(&mut self, transport: &Transport, reason: &Reason) {
        let _busy = self.enter(format!("lost {}", kind(reason)));
        (self.lost)(transport, reason);
    }
}

/// A reason in a word or two.
pub fn kind(reason: &Reason) -> String {
    match reason {
        Reason::Closed => "closed".into(),
        Reason::Lost(error) => format!("broken {:?}", error.kind()),
        Reason::Aborted => "aborted".into(),
        Reason::Error(error) => format!("error {error}"),
        Reason::TimedOut(timeout) => format!("{timeout:?}"),
        Reason::OutputLimit { limit } => format!("output limit {limit}"),
        Reason::Shutdown => "shutdown".into(),
        Reason::Panicked(message) => format!("panicked {message}"),
        other => other.to_string(),
    }
}

/// Limits that differ from the defaults as `change` says.
pub fn limits(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::DEFAULT;
    change(&mut limits);
    limits
}

/// Sends input back.
pub struct Echo;

impl Protocol for Echo {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        transport.write(data);
        Ok(())
    }
}
