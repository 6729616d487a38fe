//! Listeners in memory.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use super::faults::Operation;
use super::memory::World;
use super::socket::Socket;
use super::stream::MemoryStream;
use crate::Address;
use crate::driver::{ListenOptions, Listener, Readiness, Stream, Token};

/// The connections that wait to be accepted at one address.
pub(super) struct Waiting {
    world: Rc<World>,
    token: Cell<Option<Token>>,
    sockets: RefCell<VecDeque<Rc<Socket>>>,
}

impl Waiting {
    pub(super) fn push(&self, socket: Rc<Socket>) {
        self.sockets.borrow_mut().push_back(socket);
        self.announce();
    }

    fn announce(&self) {
        if let Some(token) = self.token.get() {
            if !self.sockets.borrow().is_empty() {
                self.world.became_ready(token, Readiness { readable: true, ..Readiness::default() });
            }
        }
    }

    fn next(&self, operation: Operation) -> io::Result<Rc<Socket>> {
        if self.sockets.borrow().is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        if let Err(error) = self.world.faults.check(operation) {
            if error.kind() == io::ErrorKind::WouldBlock {
                self.announce();
            }
            return Err(error);
        }
        let socket = self.sockets.borrow_mut().pop_front();
        socket.ok_or_else(|| io::ErrorKind::WouldBlock.into())
    }
}

/// A listener as the reactor has it.
pub(super) struct MemoryListener {
    address: SocketAddr,
    waiting: Rc<Waiting>,
}

impl MemoryListener {
    pub(super) fn listen(
        world: &Rc<World>,
        mut address: SocketAddr,
        options: &ListenOptions,
    ) -> io::Result<Self> {
        if options.reuse_port {
            return Err(io::ErrorKind::Unsupported.into());
        }
        if address.port() == 0 {
            address.set_port(world.free_port());
        }
        let mut listeners = world.listeners.borrow_mut();
        if listeners.contains_key(&address) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let waiting = Waiting {
            world: Rc::clone(world),
            token: Cell::new(None),
            sockets: RefCell::new(VecDeque::new()),
        };
        let waiting = Rc::new(waiting);
        listeners.insert(address, Rc::clone(&waiting));
        world.descriptors.set(world.descriptors.get() + 1);
        Ok(Self { address, waiting })
    }
}

impl Listener for MemoryListener {
    fn register(&mut self, token: Token) -> io::Result<()> {
        self.waiting.world.faults.check(Operation::Register)?;
        self.waiting.token.set(Some(token));
        self.waiting.announce();
        Ok(())
    }

    fn accept(&mut self) -> io::Result<(Box<dyn Stream>, Address)> {
        let socket = self.waiting.next(Operation::Accept)?;
        let peer = socket.peer();
        Ok((Box::new(MemoryStream::new(socket)), peer.into()))
    }

    fn refuse(&mut self) -> io::Result<()> {
        drop(MemoryStream::new(self.waiting.next(Operation::Refuse)?));
        Ok(())
    }

    fn local_address(&self) -> io::Result<Address> {
        Ok(self.address.into())
    }
}

impl Drop for MemoryListener {
    fn drop(&mut self) {
        self.waiting.world.listeners.borrow_mut().remove(&self.address);
        self.waiting.world.forget(self.waiting.token.get());
        for socket in self.waiting.sockets.take() {
            socket.close(true);
        }
    }
}
