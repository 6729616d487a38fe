//! What is left of a driver when its reactor has been dropped.

use std::io;
#[cfg(unix)]
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::SystemTime;

use super::{
    ConnectOptions, Datagram, Driver, Event, ListenOptions, Listener, Lookup, PollUntil, Stream, Wake,
};
use crate::{Address, DatagramOptions, Instant};

/// Refuses everything; its clock stands still.
pub(crate) struct Gone {
    now: Instant,
}

impl Gone {
    pub(crate) const fn since(now: Instant) -> Self {
        Self { now }
    }
}

fn error() -> io::Error {
    io::Error::other(crate::ReactorGone)
}

struct NoWake;

impl Wake for NoWake {
    fn wake(&self) {}
}

impl Driver for Gone {
    fn now(&self) -> Instant {
        self.now
    }

    fn system_time(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }

    fn poll(&mut self, _until: PollUntil, _events: &mut Vec<Event>) -> io::Result<()> {
        Err(error())
    }

    fn listen(&mut self, _address: &Address, _options: &ListenOptions) -> io::Result<Box<dyn Listener>> {
        Err(error())
    }

    fn connect(&mut self, _address: &Address, _options: &ConnectOptions) -> io::Result<Box<dyn Stream>> {
        Err(error())
    }

    #[cfg(unix)]
    fn adopt_listener(&mut self, _descriptor: OwnedFd) -> io::Result<Box<dyn Listener>> {
        Err(error())
    }

    #[cfg(unix)]
    fn adopt_connection(&mut self, _descriptor: OwnedFd) -> io::Result<(Box<dyn Stream>, Address)> {
        Err(error())
    }

    fn bind_datagrams(&mut self, _: &Address, _: &DatagramOptions) -> io::Result<Box<dyn Datagram>> {
        Err(error())
    }

    fn connect_datagrams(&mut self, _: &Address, _: &DatagramOptions) -> io::Result<Box<dyn Datagram>> {
        Err(error())
    }

    fn waker(&self) -> Arc<dyn Wake> {
        Arc::new(NoWake)
    }

    fn run_in_thread(&mut self, _work: Box<dyn FnOnce() + Send>) -> io::Result<()> {
        Err(error())
    }

    fn resolve(&mut self, _lookup: Lookup) -> io::Result<()> {
        Err(error())
    }

    fn watch_signals(&mut self) -> io::Result<()> {
        Err(error())
    }

    fn random_seed(&mut self) -> u64 {
        0
    }

    fn fill_secret(&mut self, _buffer: &mut [u8]) -> io::Result<()> {
        Err(error())
    }
}
