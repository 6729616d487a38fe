//! The real world: sockets, clock, threads and signals of the operating system, by way of mio.

#[cfg(unix)]
mod adopted;
mod datagrams;
mod listener;
mod lookups;
mod own_address;
mod shared;
#[cfg_attr(not(all(unix, feature = "signals")), path = "no_signals.rs")]
mod signals;
mod stdio;
mod stream;
#[cfg(unix)]
mod unix;
mod workers;

#[cfg(all(test, loom))]
#[allow(clippy::unwrap_used, reason = "in a test a panic is the report")]
mod model;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "in a test a panic is the report")]
mod tests;

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::io;
#[cfg(unix)]
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use super::{
    ConnectOptions, Datagram, Driver, Event, ListenOptions, Listener, Lookup, PollUntil, Readiness, Stream,
    Token, Wake,
};
use crate::{Address, DatagramOptions, Instant};
use datagrams::udp::MioUdp;
#[cfg(unix)]
use datagrams::unix::MioUnixDatagram;
use listener::MioListener;
use lookups::Lookups;
use shared::Shared;
use signals::SignalWatch;
use stdio::StdioListener;
use stream::MioStream;
#[cfg(unix)]
use unix::{listener::MioUnixListener, stream::MioUnixStream};
use workers::Workers;

/// How many events one poll takes from the operating system; the others wait there for the next poll.
const EVENTS_PER_POLL: usize = 1024;

/// The longest wait of one poll. Systems count in milliseconds of 32 bits, so a far deadline needs a bound;
/// the loop finds its deadline not reached and polls again.
const LONGEST_POLL: Duration = Duration::from_secs(24 * 60 * 60);

/// The token of the waker. Users' tokens are below both reserved ones.
const WAKER_TOKEN: mio::Token = mio::Token(usize::MAX);

/// The token of the signals.
const SIGNAL_TOKEN: mio::Token = mio::Token(usize::MAX - 1);

/// The [`Driver`] of the real world.
pub(crate) struct MioDriver {
    poll: mio::Poll,
    events: mio::Events,
    waker: Arc<MioWaker>,
    shared: Rc<Shared>,
    workers: Workers,
    max_threads: usize,
    lookups: Lookups,
    signals: Option<SignalWatch>,
    started: std::time::Instant,
}

impl MioDriver {
    /// A driver without sockets whose clock begins now. Threads are started when there is work for them.
    pub(crate) fn new() -> io::Result<Self> {
        let poll = mio::Poll::new()?;
        let waker = Arc::new(MioWaker::new(mio::Waker::new(poll.registry(), WAKER_TOKEN)?));
        let shared = Rc::new(Shared::new(poll.registry().try_clone()?));
        Ok(Self {
            poll,
            events: mio::Events::with_capacity(EVENTS_PER_POLL),
            waker,
            shared,
            workers: Workers::new("worker", workers::IDLE_TIME),
            max_threads: workers::MAX_THREADS,
            lookups: Lookups::of_system(),
            signals: None,
            started: std::time::Instant::now(),
        })
    }
}

impl Driver for MioDriver {
    fn now(&self) -> Instant {
        Instant::ZERO + self.started.elapsed()
    }

    fn system_time(&self) -> SystemTime {
        SystemTime::now()
    }

    fn poll(&mut self, until: PollUntil, events: &mut Vec<Event>) -> io::Result<()> {
        let timeout = match until {
            PollUntil::Now => Some(Duration::ZERO),
            PollUntil::Deadline(deadline) => Some(deadline.saturating_since(self.now()).min(LONGEST_POLL)),
            PollUntil::Event => None,
        };
        match self.poll.poll(&mut self.events, timeout) {
            Ok(()) => {}
            // A signal was handled meanwhile. If it is a watched one, the next poll reports it.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            Err(error) => return Err(error),
        }
        for event in &self.events {
            match event.token() {
                WAKER_TOKEN => {
                    events.push(Event::Woken);
                    events.append(&mut self.waker.reported());
                }
                SIGNAL_TOKEN => {
                    events.extend(self.signals.iter_mut().flat_map(SignalWatch::arrived).map(Event::Signal));
                }
                mio::Token(token) => events.push(Event::Ready(Token(token), readiness(event))),
            }
        }
        Ok(())
    }

    fn listen(&mut self, address: &Address, options: &ListenOptions) -> io::Result<Box<dyn Listener>> {
        match address {
            Address::Tcp(address) => Ok(Box::new(MioListener::listen(&self.shared, *address, options)?)),
            #[cfg(unix)]
            Address::Unix(address) => Ok(Box::new(MioUnixListener::listen(&self.shared, address, options)?)),
            Address::Stdio => Ok(Box::new(StdioListener::listen(&self.waker)?)),
            _ => Err(address.no_stream()),
        }
    }

    fn connect(&mut self, address: &Address, options: &ConnectOptions) -> io::Result<Box<dyn Stream>> {
        match address {
            Address::Tcp(address) => Ok(Box::new(MioStream::connect(&self.shared, *address, options)?)),
            #[cfg(unix)]
            Address::Unix(address) => Ok(Box::new(MioUnixStream::connect(&self.shared, address, options)?)),
            Address::Stdio => Ok(StdioListener::listen(&self.waker)?.accept()?.0),
            _ => Err(address.no_stream()),
        }
    }

    #[cfg(unix)]
    fn adopt_listener(&mut self, descriptor: OwnedFd) -> io::Result<Box<dyn Listener>> {
        adopted::listener(&self.shared, descriptor)
    }

    #[cfg(unix)]
    fn adopt_connection(&mut self, descriptor: OwnedFd) -> io::Result<(Box<dyn Stream>, Address)> {
        adopted::connection(&self.shared, descriptor)
    }

    fn bind_datagrams(
        &mut self,
        address: &Address,
        options: &DatagramOptions,
    ) -> io::Result<Box<dyn Datagram>> {
        match address {
            Address::Udp(address) => Ok(Box::new(MioUdp::bind(&self.shared, *address, options)?)),
            #[cfg(unix)]
            Address::Unix(address) => Ok(Box::new(MioUnixDatagram::bind(&self.shared, address, options)?)),
            _ => Err(address.no_datagrams()),
        }
    }

    fn connect_datagrams(
        &mut self,
        address: &Address,
        options: &DatagramOptions,
    ) -> io::Result<Box<dyn Datagram>> {
        match address {
            Address::Udp(address) => Ok(Box::new(MioUdp::connect(&self.shared, *address, options)?)),
            #[cfg(unix)]
            Address::Unix(address) => Ok(Box::new(MioUnixDatagram::connect(&self.shared, address, options)?)),
            _ => Err(address.no_datagrams()),
        }
    }

    fn waker(&self) -> Arc<dyn Wake> {
        Arc::<MioWaker>::clone(&self.waker)
    }

    fn run_in_thread(&mut self, work: Box<dyn FnOnce() + Send>) -> io::Result<()> {
        self.workers.run(self.max_threads, work)
    }

    fn set_max_threads(&mut self, threads: usize) {
        self.max_threads = threads;
        self.workers.raise(threads);
    }

    fn resolve(&mut self, lookup: Lookup) -> io::Result<()> {
        self.lookups.begin(lookup)
    }

    fn watch_signals(&mut self) -> io::Result<()> {
        if self.signals.is_none() {
            self.signals = Some(SignalWatch::new(self.poll.registry(), SIGNAL_TOKEN)?);
        }
        Ok(())
    }

    fn random_seed(&mut self) -> u64 {
        // Every state has keys of its own, which come from the operating system's random numbers.
        RandomState::new().hash_one(self.started)
    }

    fn fill_secret(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        Ok(getrandom::fill(buffer)?)
    }
}

impl fmt::Debug for MioDriver {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("MioDriver").field("now", &self.now()).finish_non_exhaustive()
    }
}

/// Wakes through the poll's own descriptor, which it keeps open: waking after the driver's end reaches
/// nobody.
struct MioWaker {
    waker: mio::Waker,
    /// What threads have said of streams since the last poll.
    reported: Mutex<Vec<Event>>,
}

impl MioWaker {
    fn new(waker: mio::Waker) -> Self {
        Self { waker, reported: Mutex::default() }
    }

    /// Has the current or the next poll report the readiness of something that the operating system does not poll.
    fn report(&self, token: Token, readiness: Readiness) {
        self.reported.lock().unwrap_or_else(PoisonError::into_inner).push(Event::Ready(token, readiness));
        self.wake();
    }

    fn reported(&self) -> Vec<Event> {
        std::mem::take(&mut self.reported.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Wake for MioWaker {
    fn wake(&self) {
        if let Err(error) = self.waker.wake() {
            log::error!("cannot wake the reactor: {error}");
        }
    }
}

/// What mio says about a socket, in the words of the loop.
fn readiness(event: &mio::event::Event) -> Readiness {
    Readiness {
        readable: event.is_readable(),
        writable: event.is_writable(),
        read_closed: event.is_read_closed(),
        error: event.is_error(),
        urgent: event.is_priority(),
    }
}

/// Calls the operating system again for as long as signal handlers interrupt it.
fn uninterrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
