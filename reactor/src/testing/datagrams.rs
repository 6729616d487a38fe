//! Sockets for datagrams in memory: both ends.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use super::faults::Operation;
use super::memory::World;
use crate::driver::{Datagram, Readiness, Token};
use crate::{Address, DatagramSetting};

/// A datagram and its sender, or what a socket is told instead.
type Arrival = io::Result<(Vec<u8>, SocketAddr)>;

/// What has arrived at one address.
pub(super) struct Mailbox {
    address: SocketAddr,
    token: Cell<Option<Token>>,
    arrived: RefCell<VecDeque<Arrival>>,
}

impl Mailbox {
    /// Takes `address`, or a free port of it, for as long as somebody keeps the mailbox open.
    fn open(world: &World, mut address: SocketAddr) -> io::Result<Rc<Self>> {
        if address.port() == 0 {
            address.set_port(world.free_port());
        }
        let mut mailboxes = world.mailboxes.borrow_mut();
        if mailboxes.contains_key(&address) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let mailbox =
            Rc::new(Self { address, token: Cell::new(None), arrived: RefCell::new(VecDeque::new()) });
        mailboxes.insert(address, Rc::clone(&mailbox));
        Ok(mailbox)
    }

    fn push(&self, world: &World, arrival: Arrival) {
        self.arrived.borrow_mut().push_back(arrival);
        self.announce(world);
    }

    fn announce(&self, world: &World) {
        if let Some(token) = self.token.get() {
            let readable = !self.arrived.borrow().is_empty();
            world.became_ready(token, Readiness { readable, writable: true, ..Readiness::default() });
        }
    }
}

impl World {
    /// Brings a datagram to whoever has its address; if nobody has, false.
    fn deliver(&self, data: &[u8], from: SocketAddr, to: SocketAddr) -> bool {
        let mailbox = self.mailboxes.borrow().get(&to).map(Rc::clone);
        if let Some(mailbox) = &mailbox {
            mailbox.push(self, Ok((data.to_vec(), from)));
        }
        mailbox.is_some()
    }
}

/// A socket for datagrams as the reactor has it.
pub(super) struct MemoryDatagram {
    world: Rc<World>,
    mailbox: Rc<Mailbox>,
    peer: Option<SocketAddr>,
}

impl MemoryDatagram {
    pub(super) fn open(world: &Rc<World>, address: SocketAddr, peer: Option<SocketAddr>) -> io::Result<Self> {
        let mailbox = Mailbox::open(world, address)?;
        world.descriptors.set(world.descriptors.get() + 1);
        Ok(Self { world: Rc::clone(world), mailbox, peer })
    }

    /// Fails if a failure is due. What would block is ready again at once.
    fn check(&self, operation: Operation) -> io::Result<()> {
        let result = self.world.faults.check(operation);
        if result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock) {
            self.mailbox.announce(&self.world);
        }
        result
    }
}

impl Datagram for MemoryDatagram {
    fn register(&mut self, token: Token) -> io::Result<()> {
        self.world.faults.check(Operation::Register)?;
        self.mailbox.token.set(Some(token));
        self.mailbox.announce(&self.world);
        Ok(())
    }

    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<(usize, Address)> {
        loop {
            if self.mailbox.arrived.borrow().is_empty() {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            self.check(Operation::Read)?;
            let arrival = self.mailbox.arrived.borrow_mut().pop_front();
            let (data, from) = arrival.unwrap_or_else(|| Err(io::ErrorKind::WouldBlock.into()))?;
            if self.peer.is_some_and(|peer| peer != from) {
                continue;
            }
            let length = data.len().min(buffer.len());
            buffer[..length].copy_from_slice(&data[..length]);
            return Ok((length, Address::Udp(from)));
        }
    }

    fn send(&mut self, data: &[u8], to: Option<&Address>) -> io::Result<()> {
        self.check(Operation::Write)?;
        let to = to.map_or(self.peer, Address::socket).ok_or(io::ErrorKind::NotConnected)?;
        if !self.world.deliver(data, self.mailbox.address, to) && self.peer.is_some() {
            self.mailbox.push(&self.world, Err(io::ErrorKind::ConnectionRefused.into()));
        }
        Ok(())
    }

    fn local_address(&self) -> io::Result<Address> {
        Ok(Address::Udp(self.mailbox.address))
    }

    fn set(&mut self, setting: &DatagramSetting) -> io::Result<()> {
        match setting {
            DatagramSetting::Broadcast(_) => Ok(()),
            _ => Err(io::Error::new(io::ErrorKind::Unsupported, "there is no multicast in memory")),
        }
    }
}

impl Drop for MemoryDatagram {
    fn drop(&mut self) {
        self.world.mailboxes.borrow_mut().remove(&self.mailbox.address);
        self.world.forget(self.mailbox.token.get());
    }
}

/// A socket for datagrams that the test holds, from [`Memory::open_datagrams`](super::Memory::open_datagrams). Dropping it
/// frees its address: what is sent there comes back refused to sockets that are connected to it.
pub struct DatagramPeer {
    world: Rc<World>,
    mailbox: Rc<Mailbox>,
}

impl DatagramPeer {
    pub(super) fn open(world: &Rc<World>, address: SocketAddr) -> io::Result<Self> {
        Ok(Self { world: Rc::clone(world), mailbox: Mailbox::open(world, address)? })
    }

    /// The address of this socket.
    pub fn address(&self) -> SocketAddr {
        self.mailbox.address
    }

    /// Sends a datagram, which has arrived when this returns. Sent to where nobody is, it is lost.
    pub fn send_to(&self, data: impl AsRef<[u8]>, to: SocketAddr) {
        self.world.deliver(data.as_ref(), self.address(), to);
    }

    /// Takes the oldest datagram that has arrived, with its sender.
    pub fn received(&self) -> Option<(Vec<u8>, SocketAddr)> {
        self.mailbox.arrived.borrow_mut().pop_front()?.ok()
    }
}

impl Drop for DatagramPeer {
    fn drop(&mut self) {
        self.world.mailboxes.borrow_mut().remove(&self.mailbox.address);
    }
}

impl fmt::Debug for DatagramPeer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("DatagramPeer").field("address", &self.address()).finish_non_exhaustive()
    }
}
