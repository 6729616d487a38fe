//! A world that costs nothing and counts what the reactor asks of it: input that a test hands out is read, output
//! is taken and forgotten, and nothing here allocates once the connections are there.
#![allow(dead_code, reason = "every test file is a crate of its own and uses its part")]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind, IoSlice};
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ropewalk::driver::{Driver, Event, Listener, PollUntil, Readiness, Stream, Token, Wake};
use ropewalk::{Address, ConnectOptions, Factory, Instant, ListenOptions, Reactor};

const ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 1);

/// What the reactor has asked for, in calls. All but `clock` would be system calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Calls {
    pub(crate) polls: u64,
    pub(crate) reads: u64,
    pub(crate) writes: u64,
    /// Fills of the store of secrets.
    pub(crate) secrets: u64,
    /// Everything else: accepting, registering, options.
    pub(crate) others: u64,
    /// Readings of the clock, which is no system call where it matters.
    pub(crate) clock: u64,
}

/// The test's hold on the world.
#[derive(Default)]
pub(crate) struct World {
    now: Cell<Instant>,
    calls: Cell<Calls>,
    /// What the last poll might have waited for.
    until: Cell<Option<PollUntil>>,
    ready: RefCell<Vec<Token>>,
    sockets: RefCell<Vec<Rc<Socket>>>,
    accepted: Cell<usize>,
}

/// One connection, as the world sees it.
#[derive(Default)]
pub(crate) struct Socket {
    token: Cell<Option<Token>>,
    input: Cell<&'static [u8]>,
    /// What reading fails with when there is no input.
    broken: Cell<Option<ErrorKind>>,
    /// Calls of `write`.
    pub(crate) writes: Cell<u64>,
    /// Bytes written.
    pub(crate) written: Cell<usize>,
    /// Where in memory the bytes of the last write began.
    pub(crate) written_from: Cell<usize>,
}

impl World {
    /// A world and a reactor with so many connections, which `factory` has served.
    pub(crate) fn with(connections: usize, factory: impl Factory + 'static) -> (Rc<Self>, Reactor) {
        let world = Rc::new(Self::default());
        world.sockets.borrow_mut().resize_with(connections, Rc::default);
        world.ready.borrow_mut().reserve(connections + 1);
        let mut reactor = Reactor::with_driver(Box::new(Counting(Rc::clone(&world))));
        reactor.listen(ADDRESS, ListenOptions::default(), factory).unwrap();
        while reactor.stats().connections < connections {
            turn(&mut reactor);
        }
        turn(&mut reactor);
        (world, reactor)
    }

    pub(crate) fn socket(&self, index: usize) -> Rc<Socket> {
        Rc::clone(&self.sockets.borrow()[index])
    }

    /// Input arrives at one connection.
    pub(crate) fn deliver(&self, index: usize, input: &'static [u8]) {
        let sockets = self.sockets.borrow();
        sockets[index].input.set(input);
        self.ready.borrow_mut().extend(sockets[index].token.get());
    }

    /// One connection breaks.
    pub(crate) fn fail(&self, index: usize, error: ErrorKind) {
        let sockets = self.sockets.borrow();
        sockets[index].broken.set(Some(error));
        self.ready.borrow_mut().extend(sockets[index].token.get());
    }

    pub(crate) fn advance(&self, time: Duration) {
        self.now.set(self.now.get() + time);
    }

    pub(crate) fn calls(&self) -> Calls {
        self.calls.get()
    }

    pub(crate) fn until(&self) -> Option<PollUntil> {
        self.until.get()
    }

    /// How often each connection was written to, if that is the same for all.
    #[track_caller]
    pub(crate) fn writes_each(&self) -> u64 {
        let sockets = self.sockets.borrow();
        let writes = sockets[0].writes.get();
        assert!(sockets.iter().all(|socket| socket.writes.get() == writes));
        writes
    }

    fn count(&self, count: impl FnOnce(&mut Calls)) {
        let mut calls = self.calls.get();
        count(&mut calls);
        self.calls.set(calls);
    }

    fn count_other(&self) {
        self.count(|calls| calls.others += 1);
    }
}

/// Makes one turn of the loop, without limit to how long it might wait.
pub(crate) fn turn(reactor: &mut Reactor) {
    let _ = reactor.run_once(None).unwrap();
}

struct Counting(Rc<World>);

impl Driver for Counting {
    fn now(&self) -> Instant {
        self.0.count(|calls| calls.clock += 1);
        self.0.now.get()
    }

    fn system_time(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }

    fn poll(&mut self, until: PollUntil, events: &mut Vec<Event>) -> io::Result<()> {
        self.0.count(|calls| calls.polls += 1);
        self.0.until.set(Some(until));
        let readiness = Readiness { readable: true, ..Readiness::default() };
        events.extend(self.0.ready.borrow_mut().drain(..).map(|token| Event::Ready(token, readiness)));
        Ok(())
    }

    fn listen(&mut self, _address: &Address, _options: &ListenOptions) -> io::Result<Box<dyn Listener>> {
        Ok(Box::new(CountingListener(Rc::clone(&self.0))))
    }

    fn connect(&mut self, _address: &Address, _options: &ConnectOptions) -> io::Result<Box<dyn Stream>> {
        Err(ErrorKind::Unsupported.into())
    }

    fn waker(&self) -> Arc<dyn Wake> {
        Arc::new(NoWake)
    }

    fn run_in_thread(&mut self, _work: Box<dyn FnOnce() + Send>) -> io::Result<()> {
        Err(ErrorKind::Unsupported.into())
    }

    fn watch_signals(&mut self) -> io::Result<()> {
        Err(ErrorKind::Unsupported.into())
    }

    fn random_seed(&mut self) -> u64 {
        0
    }

    /// Eight bytes at a time, each time others.
    fn fill_secret(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        self.0.count(|calls| calls.secrets += 1);
        let numbers = self.0.calls().secrets * 1_000_000..;
        for (chunk, number) in buffer.chunks_mut(8).zip(numbers) {
            chunk.copy_from_slice(&number.to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

struct NoWake;

impl Wake for NoWake {
    fn wake(&self) {}
}

struct CountingListener(Rc<World>);

impl Listener for CountingListener {
    fn register(&mut self, token: Token) -> io::Result<()> {
        self.0.ready.borrow_mut().push(token);
        Ok(())
    }

    fn accept(&mut self) -> io::Result<(Box<dyn Stream>, Address)> {
        self.0.count_other();
        let next = self.0.accepted.get();
        let sockets = self.0.sockets.borrow();
        let socket = sockets.get(next).ok_or(ErrorKind::WouldBlock)?;
        self.0.accepted.set(next + 1);
        let stream = CountingStream { world: Rc::clone(&self.0), socket: Rc::clone(socket) };
        Ok((Box::new(stream), ADDRESS.into()))
    }

    fn refuse(&mut self) -> io::Result<()> {
        Err(ErrorKind::WouldBlock.into())
    }

    fn local_address(&self) -> io::Result<Address> {
        Ok(ADDRESS.into())
    }
}

struct CountingStream {
    world: Rc<World>,
    socket: Rc<Socket>,
}

impl Stream for CountingStream {
    fn register(&mut self, token: Token) -> io::Result<()> {
        self.world.count_other();
        self.socket.token.set(Some(token));
        Ok(())
    }

    fn finish_connect(&mut self) -> io::Result<bool> {
        self.world.count_other();
        Ok(true)
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.world.count(|calls| calls.reads += 1);
        let input = self.socket.input.get();
        if input.is_empty() {
            return Err(self.socket.broken.get().unwrap_or(ErrorKind::WouldBlock).into());
        }
        let (read, rest) = input.split_at(input.len().min(buffer.len()));
        buffer[..read.len()].copy_from_slice(read);
        self.socket.input.set(rest);
        Ok(read.len())
    }

    fn write(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        self.world.count(|calls| calls.writes += 1);
        let count = buffers.iter().map(|buffer| buffer.len()).sum();
        self.socket.writes.set(self.socket.writes.get() + 1);
        self.socket.written.set(self.socket.written.get() + count);
        self.socket.written_from.set(buffers[0].as_ptr().addr());
        Ok(count)
    }

    fn shutdown_write(&mut self) -> io::Result<()> {
        self.world.count_other();
        Ok(())
    }

    fn reset_on_drop(&mut self) {
        self.world.count_other();
    }

    fn local_address(&self) -> io::Result<Address> {
        self.world.count_other();
        Ok(ADDRESS.into())
    }

    fn set_nodelay(&self, _nodelay: bool) -> io::Result<()> {
        self.world.count_other();
        Ok(())
    }

    fn set_keepalive(&self, _after: Option<Duration>) -> io::Result<()> {
        self.world.count_other();
        Ok(())
    }
}
