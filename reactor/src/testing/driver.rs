//! The reactor's side of the world.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::SystemTime;

use super::datagrams::MemoryDatagram;
use super::dice::Dice;
use super::faults::Operation;
use super::listener::MemoryListener;
use super::memory::{World, loopback};
use super::stream::MemoryStream;
use crate::driver::{
    ConnectOptions, Datagram, Driver, Event, ListenOptions, Listener, Lookup, PollUntil, Stream, Wake,
};
use crate::{Address, DatagramOptions, Instant};

/// The same in every run: tests are to be repeatable.
const RANDOM_SEED: u64 = 0x726f_7065;

/// Another, so that secrets and random numbers differ here too.
const SECRETS_SEED: u64 = 0x7761_6c6b;

/// The [`Driver`] of a world in memory.
pub(super) struct MemoryDriver {
    world: Rc<World>,
    secrets: Dice,
}

impl MemoryDriver {
    pub(super) fn new(world: Rc<World>) -> Self {
        Self { world, secrets: Dice::new(SECRETS_SEED) }
    }

    /// Does the work of threads, which cannot touch this world.
    fn work(&self) {
        let work = self.world.work.take();
        for work in work {
            work();
        }
    }

    fn wait(&self, until: PollUntil) -> io::Result<()> {
        let now = self.world.now();
        let until = match (until, self.world.names.next_answer()) {
            (PollUntil::Deadline(deadline), Some(answer)) => PollUntil::Deadline(deadline.min(answer)),
            (PollUntil::Event, Some(answer)) => PollUntil::Deadline(answer),
            (until, _) => until,
        };
        match until {
            PollUntil::Now => {}
            PollUntil::Deadline(deadline) if deadline <= now => {}
            until if self.world.held.get() => self.world.idle.set(Some(until)),
            PollUntil::Deadline(deadline) if deadline < Instant::NEVER => self.world.move_to(deadline),
            _ => {
                return Err(io::Error::other(
                    "nothing is left that could happen: no event, no timer, no work of a thread",
                ));
            }
        }
        Ok(())
    }
}

impl Driver for MemoryDriver {
    fn now(&self) -> Instant {
        self.world.clock_readings.set(self.world.clock_readings.get() + 1);
        self.world.now()
    }

    fn system_time(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + (self.world.now() - Instant::ZERO)
    }

    fn poll(&mut self, until: PollUntil, events: &mut Vec<Event>) -> io::Result<()> {
        self.world.polls.set(self.world.polls.get() + 1);
        self.work();
        self.world.names.answer(self.world.now());
        self.world.take_events(events);
        if events.is_empty() { self.wait(until) } else { Ok(()) }
    }

    fn listen(&mut self, address: &Address, options: &ListenOptions) -> io::Result<Box<dyn Listener>> {
        self.world.faults.check(Operation::Listen)?;
        Ok(Box::new(MemoryListener::listen(&self.world, tcp(address)?, options)?))
    }

    fn connect(&mut self, address: &Address, _options: &ConnectOptions) -> io::Result<Box<dyn Stream>> {
        self.world.faults.check(Operation::Connect)?;
        let mut expected = self.world.expected.borrow_mut();
        let socket = expected.get_mut(&tcp(address)?).and_then(|sockets| sockets.pop_front());
        let socket = socket.ok_or(io::ErrorKind::ConnectionRefused)?;
        Ok(Box::new(MemoryStream::new(socket)))
    }

    fn bind_datagrams(&mut self, address: &Address, _: &DatagramOptions) -> io::Result<Box<dyn Datagram>> {
        self.world.faults.check(Operation::Listen)?;
        Ok(Box::new(MemoryDatagram::open(&self.world, udp(address)?, None)?))
    }

    fn connect_datagrams(
        &mut self,
        address: &Address,
        options: &DatagramOptions,
    ) -> io::Result<Box<dyn Datagram>> {
        self.world.faults.check(Operation::Connect)?;
        let peer = udp(address)?;
        let host = match &options.bind {
            Some(bind) => udp(&bind.for_datagrams())?,
            None => SocketAddr::new(loopback(peer.ip()), 0),
        };
        Ok(Box::new(MemoryDatagram::open(&self.world, host, Some(peer))?))
    }

    fn waker(&self) -> Arc<dyn Wake> {
        Arc::clone(&self.world.waker) as Arc<dyn Wake>
    }

    fn run_in_thread(&mut self, work: Box<dyn FnOnce() + Send>) -> io::Result<()> {
        self.world.faults.check(Operation::Thread)?;
        self.world.work.borrow_mut().push_back(work);
        // So that a poll comes that does it.
        self.world.waker.wake();
        Ok(())
    }

    fn resolve(&mut self, lookup: Lookup) -> io::Result<()> {
        self.world.faults.check(Operation::Resolve)?;
        self.world.names.begin(lookup, self.world.now());
        Ok(())
    }

    fn watch_signals(&mut self) -> io::Result<()> {
        self.world.signals_watched.set(true);
        Ok(())
    }

    fn random_seed(&mut self) -> u64 {
        RANDOM_SEED
    }

    fn fill_secret(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        self.world.faults.check(Operation::Secrets)?;
        self.secrets.fill(buffer);
        Ok(())
    }
}

/// This world has TCP alone for streams.
fn tcp(address: &Address) -> io::Result<SocketAddr> {
    match address {
        Address::Tcp(address) => Ok(*address),
        _ => Err(address.no_stream()),
    }
}

/// This world has UDP alone for datagrams.
fn udp(address: &Address) -> io::Result<SocketAddr> {
    match address {
        Address::Udp(address) => Ok(*address),
        _ => Err(address.no_datagrams()),
    }
}

impl Drop for MemoryDriver {
    fn drop(&mut self) {
        // Work that no thread has begun is dropped with the driver, as in the real world.
        drop(self.world.work.take());
        self.world.names.forget_lookups();
        self.world.signals_watched.set(false);
    }
}
