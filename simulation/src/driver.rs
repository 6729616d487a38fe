//! The reactor's side of the world: the driver and its sockets.

use std::io::{self, IoSlice};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ropewalk_reactor::driver::{Datagram, Driver, Event, Listener, Lookup, PollUntil, Stream, Token, Wake};
use ropewalk_reactor::testing::{Dice, Operation};
use ropewalk_reactor::{Address, ConnectOptions, DatagramOptions, DatagramSetting, Instant, ListenOptions};

use crate::trace::What;
use crate::waking::HostWaker;
use crate::world::{Happening, HostIndex, ListenerId, MailboxId, Shared, SocketId};

/// When the simulation begins, on clocks on the wall: the first second of 2026, in UTC.
const EPOCH: Duration = Duration::from_secs(1_767_225_600);

/// The longest that a thread takes for work.
const LONGEST_WORK: Duration = Duration::from_millis(10);

/// The [`Driver`] of one host, from one boot to the next.
pub(crate) struct SimulatedDriver {
    world: Shared,
    host: HostIndex,
    boot: u64,
}

impl SimulatedDriver {
    pub(crate) fn new(world: &Shared, host: HostIndex) -> Self {
        let boot = world.borrow_mut().host(host).boot;
        Self { world: Rc::clone(world), host, boot }
    }
}

impl Driver for SimulatedDriver {
    fn now(&self) -> Instant {
        self.world.borrow().now
    }

    fn system_time(&self) -> SystemTime {
        let world = self.world.borrow();
        SystemTime::UNIX_EPOCH + EPOCH + (world.now - Instant::ZERO) + world.hosts[self.host.0].clock_ahead
    }

    fn poll(&mut self, until: PollUntil, events: &mut Vec<Event>) -> io::Result<()> {
        self.world.borrow_mut().poll(self.host, until, events)
    }

    fn listen(&mut self, address: &Address, options: &ListenOptions) -> io::Result<Box<dyn Listener>> {
        let id = self.world.borrow_mut().listen(self.host, address, options)?;
        Ok(Box::new(SimulatedListener { world: Rc::clone(&self.world), id }))
    }

    fn connect(&mut self, address: &Address, options: &ConnectOptions) -> io::Result<Box<dyn Stream>> {
        let id = self.world.borrow_mut().connect(self.host, address, options)?;
        Ok(Box::new(SimulatedStream { world: Rc::clone(&self.world), id }))
    }

    fn bind_datagrams(
        &mut self,
        address: &Address,
        options: &DatagramOptions,
    ) -> io::Result<Box<dyn Datagram>> {
        self.open_mailbox(address, options, Operation::Listen)
    }

    fn connect_datagrams(
        &mut self,
        address: &Address,
        options: &DatagramOptions,
    ) -> io::Result<Box<dyn Datagram>> {
        self.open_mailbox(address, options, Operation::Connect)
    }

    fn waker(&self) -> Arc<dyn Wake> {
        let woken = Arc::clone(&self.world.borrow().woken);
        Arc::new(HostWaker { woken, host: self.host, boot: self.boot })
    }

    fn run_in_thread(&mut self, work: Box<dyn FnOnce() + Send>) -> io::Result<()> {
        let mut world = self.world.borrow_mut();
        world.check(self.host, Operation::Thread)?;
        let at = world.now + world.up_to(LONGEST_WORK);
        world.schedule.add(at, Happening::Works(self.host, self.boot, work));
        Ok(())
    }

    fn resolve(&mut self, lookup: Lookup) -> io::Result<()> {
        let mut world = self.world.borrow_mut();
        world.check(self.host, Operation::Resolve)?;
        world.note(self.host, What::Resolves(lookup.name().to_owned()));
        let time = world.names.lookup_time;
        let at = world.now + time;
        if time < Duration::MAX {
            world.schedule.add(at, Happening::IsLookedUp(lookup));
        }
        Ok(())
    }

    fn watch_signals(&mut self) -> io::Result<()> {
        self.world.borrow_mut().host(self.host).watches_signals = true;
        Ok(())
    }

    fn random_seed(&mut self) -> u64 {
        self.world.borrow_mut().dice.number()
    }

    fn fill_secret(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        let mut world = self.world.borrow_mut();
        world.check(self.host, Operation::Secrets)?;
        // One number of the world's for any number of bytes, lest a fuzzer's be used up.
        Dice::new(world.dice.number()).fill(buffer);
        Ok(())
    }
}

impl SimulatedDriver {
    fn open_mailbox(
        &self,
        address: &Address,
        options: &DatagramOptions,
        operation: Operation,
    ) -> io::Result<Box<dyn Datagram>> {
        let id = self.world.borrow_mut().open_mailbox(self.host, address, options, operation)?;
        Ok(Box::new(SimulatedDatagram { world: Rc::clone(&self.world), id }))
    }
}

/// A connection as a reactor has it.
struct SimulatedStream {
    world: Shared,
    id: SocketId,
}

impl Stream for SimulatedStream {
    fn register(&mut self, token: Token) -> io::Result<()> {
        self.world.borrow_mut().register_stream(self.id, token)
    }

    fn finish_connect(&mut self) -> io::Result<bool> {
        self.world.borrow_mut().finish_connect(self.id)
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.world.borrow_mut().read(self.id, buffer)
    }

    fn write(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        self.world.borrow_mut().write(self.id, buffers)
    }

    fn shutdown_write(&mut self) -> io::Result<()> {
        self.world.borrow_mut().finish_writing(self.id)
    }

    fn reset_on_drop(&mut self) {
        self.world.borrow_mut().reset_on_drop(self.id);
    }

    fn local_address(&self) -> io::Result<Address> {
        self.world.borrow_mut().stream_address(self.id)
    }

    fn set_nodelay(&self, _nodelay: bool) -> io::Result<()> {
        self.world.borrow_mut().stream_option(self.id).map(drop)
    }

    fn set_keepalive(&self, after: Option<Duration>) -> io::Result<()> {
        let mut world = self.world.borrow_mut();
        world.stream_option(self.id)?.keepalive = after;
        world.keepalive_changed(self.id);
        Ok(())
    }
}

impl Drop for SimulatedStream {
    fn drop(&mut self) {
        self.world.borrow_mut().close_stream(self.id);
    }
}

/// A listener as a reactor has it.
struct SimulatedListener {
    world: Shared,
    id: ListenerId,
}

impl Listener for SimulatedListener {
    fn register(&mut self, token: Token) -> io::Result<()> {
        self.world.borrow_mut().register_listener(self.id, token)
    }

    fn accept(&mut self) -> io::Result<(Box<dyn Stream>, Address)> {
        let (id, peer) = self.world.borrow_mut().accept(self.id)?;
        Ok((Box::new(SimulatedStream { world: Rc::clone(&self.world), id }), peer))
    }

    fn refuse(&mut self) -> io::Result<()> {
        self.world.borrow_mut().refuse(self.id)
    }

    fn local_address(&self) -> io::Result<Address> {
        self.world.borrow_mut().local_address(self.id)
    }
}

impl Drop for SimulatedListener {
    fn drop(&mut self) {
        self.world.borrow_mut().close_listener(self.id);
    }
}

/// A socket for datagrams as a reactor has it.
struct SimulatedDatagram {
    world: Shared,
    id: MailboxId,
}

impl Datagram for SimulatedDatagram {
    fn register(&mut self, token: Token) -> io::Result<()> {
        self.world.borrow_mut().register_mailbox(self.id, token)
    }

    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<(usize, Address)> {
        self.world.borrow_mut().receive(self.id, buffer)
    }

    fn send(&mut self, data: &[u8], to: Option<&Address>) -> io::Result<()> {
        self.world.borrow_mut().send_datagram(self.id, data, to)
    }

    fn local_address(&self) -> io::Result<Address> {
        self.world.borrow_mut().mailbox_address(self.id)
    }

    fn set(&mut self, setting: &DatagramSetting) -> io::Result<()> {
        match setting {
            DatagramSetting::Broadcast(_) => Ok(()),
            _ => Err(io::Error::new(io::ErrorKind::Unsupported, "there is no multicast in the simulation")),
        }
    }
}

impl Drop for SimulatedDatagram {
    fn drop(&mut self) {
        self.world.borrow_mut().close_mailbox(self.id);
    }
}
