//! One connection in memory, between the reactor's stream and the test's peer.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::{self, IoSlice, Read};
use std::net::SocketAddr;
use std::rc::Rc;

use super::faults::{Faults, Operation};
use super::memory::World;
use crate::driver::{Readiness, Token};

/// What stream and peer share.
pub(super) struct Socket {
    world: Rc<World>,
    /// The reactor's end.
    host: SocketAddr,
    /// The test's end.
    peer: SocketAddr,
    token: Cell<Option<Token>>,
    connect: Cell<Connect>,
    /// Sent by the peer and not read by the reactor.
    input: RefCell<VecDeque<u8>>,
    /// The peer has finished: nothing comes after the input.
    pub(super) input_ended: Cell<bool>,
    /// The peer has reset the connection.
    broken: Cell<bool>,
    /// The peer resets the connection as soon as something is written.
    hung_up: Cell<bool>,
    /// Written by the reactor and not received by the peer.
    output: RefCell<Vec<u8>>,
    /// How many more bytes the reactor may write; `None` for any number.
    window: Cell<Option<usize>>,
    /// The reactor has finished writing.
    pub(super) output_ended: Cell<bool>,
    /// The reactor has dropped its end.
    pub(super) closed: Cell<bool>,
    /// The peer sees a reset.
    pub(super) was_reset: Cell<bool>,
    pub(super) reads: Cell<usize>,
    pub(super) writes: Cell<usize>,
    pub(super) nodelay: Cell<bool>,
    pub(super) keepalive: Cell<Option<std::time::Duration>>,
    pub(super) faults: Faults,
}

/// How far connecting has come.
#[derive(Clone, Copy)]
enum Connect {
    Unanswered,
    Refused(io::ErrorKind),
    Done,
}

impl Socket {
    /// The connection of a peer that has connected to `host`.
    pub(super) fn accepted(world: &Rc<World>, host: SocketAddr, peer: SocketAddr) -> Rc<Self> {
        Self::new(world, host, peer, Connect::Done)
    }

    /// A connection from `host` that nobody has accepted yet.
    pub(super) fn connecting(world: &Rc<World>, host: SocketAddr) -> Rc<Self> {
        Self::new(world, host, host, Connect::Unanswered)
    }

    fn new(world: &Rc<World>, host: SocketAddr, peer: SocketAddr, connect: Connect) -> Rc<Self> {
        Rc::new(Self {
            world: Rc::clone(world),
            host,
            peer,
            token: Cell::new(None),
            connect: Cell::new(connect),
            input: RefCell::default(),
            input_ended: Cell::new(false),
            broken: Cell::new(false),
            hung_up: Cell::new(false),
            output: RefCell::default(),
            window: Cell::new(None),
            output_ended: Cell::new(false),
            closed: Cell::new(false),
            was_reset: Cell::new(false),
            reads: Cell::new(0),
            writes: Cell::new(0),
            nodelay: Cell::new(true),
            keepalive: Cell::new(None),
            faults: Faults::default(),
        })
    }

    pub(super) fn host(&self) -> SocketAddr {
        self.host
    }

    pub(super) fn peer(&self) -> SocketAddr {
        self.peer
    }

    pub(super) fn world(&self) -> &World {
        &self.world
    }

    /// Reports an edge: everything that is ready at this moment.
    pub(super) fn announce(&self) {
        let Some(token) = self.token.get().filter(|_| !self.closed.get()) else {
            return;
        };
        let refused = matches!(self.connect.get(), Connect::Refused(_));
        let connected = matches!(self.connect.get(), Connect::Done);
        let error = self.broken.get() || refused;
        let readiness = Readiness {
            readable: connected && !self.input.borrow().is_empty() || self.input_ended.get() || error,
            writable: connected && self.window.get() != Some(0) || error,
            read_closed: self.input_ended.get() || error,
            error,
            urgent: false,
        };
        if readiness != Readiness::default() {
            self.world.became_ready(token, readiness);
        }
    }

    pub(super) fn spurious(&self, readiness: Readiness) {
        if let Some(token) = self.token.get().filter(|_| !self.closed.get()) {
            self.world.became_ready(token, readiness);
        }
    }

    /// Fails if the test wants that. After `WouldBlock` a new edge comes, as the contract of drivers has it; other errors say
    /// that there is no connection any more, which is so for the peer, too.
    fn check(&self, operation: Operation) -> io::Result<()> {
        let result = self.faults.check(operation).and_then(|()| self.world.faults.check(operation));
        match result.as_ref().map_err(io::Error::kind) {
            Err(io::ErrorKind::WouldBlock) => self.announce(),
            Err(io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) => {
                self.was_reset.set(true);
                self.reset();
            }
            _ => {}
        }
        result
    }
}

/// The peer's side.
impl Socket {
    pub(super) fn accept(&self) {
        self.answer(Connect::Done);
    }

    pub(super) fn refuse(&self, error: io::ErrorKind) {
        self.answer(Connect::Refused(error));
    }

    fn answer(&self, answer: Connect) {
        if matches!(self.connect.get(), Connect::Unanswered) {
            self.connect.set(answer);
            self.announce();
        }
    }

    pub(super) fn send(&self, data: &[u8]) {
        if !data.is_empty() && !self.closed.get() && !self.input_ended.get() && !self.broken.get() {
            self.input.borrow_mut().extend(data);
            self.announce();
        }
    }

    pub(super) fn finish(&self) {
        if !self.input_ended.replace(true) {
            self.announce();
        }
    }

    pub(super) fn hang_up(&self) {
        self.hung_up.set(true);
        self.finish();
    }

    pub(super) fn reset(&self) {
        if !self.broken.replace(true) {
            self.announce();
        }
    }

    pub(super) fn receive(&self) -> Vec<u8> {
        let output = self.output.take();
        self.open_window(output.len());
        output
    }

    pub(super) fn arrived(&self) -> usize {
        self.output.borrow().len()
    }

    pub(super) fn set_window(&self, window: Option<usize>) {
        let was_full = self.window.replace(window) == Some(0);
        if was_full && window != Some(0) {
            self.announce();
        }
    }

    pub(super) fn open_window(&self, by: usize) {
        self.set_window(self.window.get().map(|window| window.saturating_add(by)));
    }
}

/// The reactor's side.
impl Socket {
    pub(super) fn register(&self, token: Token) -> io::Result<()> {
        self.check(Operation::Register)?;
        self.token.set(Some(token));
        self.announce();
        Ok(())
    }

    pub(super) fn finish_connect(&self) -> io::Result<bool> {
        match self.connect.get() {
            Connect::Unanswered => Ok(false),
            Connect::Refused(error) => Err(error.into()),
            Connect::Done => Ok(true),
        }
    }

    pub(super) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reads.set(self.reads.get() + 1);
        self.check(Operation::Read)?;
        let mut count = 0;
        let mut input = self.input.borrow_mut();
        // The bytes of a ring lie in up to two pieces.
        while count < buffer.len() && !input.is_empty() {
            count += input.read(&mut buffer[count..])?;
        }
        match count {
            0 if self.broken.get() => Err(io::ErrorKind::ConnectionReset.into()),
            0 if self.input_ended.get() => Ok(0),
            0 => Err(io::ErrorKind::WouldBlock.into()),
            count => Ok(count),
        }
    }

    pub(super) fn write(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        self.check(Operation::Write)?;
        if self.broken.get() {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        if self.output_ended.get() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        if self.hung_up.get() {
            // The system takes the bytes, and learns from the answer that nobody wanted them.
            self.reset();
            return Ok(buffers.iter().map(|buffer| buffer.len()).sum());
        }
        let room = self.window.get().unwrap_or(usize::MAX);
        if room == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let taken = self.take_output(buffers, room);
        self.window.set(self.window.get().map(|window| window - taken));
        self.writes.set(self.writes.get() + 1);
        Ok(taken)
    }

    fn take_output(&self, buffers: &[IoSlice<'_>], room: usize) -> usize {
        let mut output = self.output.borrow_mut();
        let before = output.len();
        for buffer in buffers {
            let room = room - (output.len() - before);
            output.extend_from_slice(&buffer[..buffer.len().min(room)]);
        }
        output.len() - before
    }

    pub(super) fn shutdown_write(&self) -> io::Result<()> {
        self.check(Operation::Shutdown)?;
        if self.broken.get() {
            return Err(io::ErrorKind::NotConnected.into());
        }
        self.output_ended.set(true);
        Ok(())
    }

    /// Closes the reactor's end. Unread input makes the peer see a reset, as TCP does.
    pub(super) fn close(&self, reset: bool) {
        self.closed.set(true);
        if reset || !self.input.borrow().is_empty() {
            self.was_reset.set(true);
        } else {
            self.output_ended.set(true);
        }
    }

    pub(super) fn token(&self) -> Option<Token> {
        self.token.get()
    }
}
