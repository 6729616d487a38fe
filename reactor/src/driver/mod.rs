//! What the loop asks of the world: one small trait, so that the world can be real or simulated.
//!
//! Every nondeterministic input enters through here: time, readiness, bytes and their counts, new connections,
//! signals, addresses of names, random seeds, secrets, and the work of other threads. Nothing else in the crate touches sockets or clocks.

pub(crate) mod datagrams;
mod gone;
mod lookup;
pub(crate) mod options;
mod real;

use std::io;
#[cfg(unix)]
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::SystemTime;

pub use datagrams::Datagram;
pub(crate) use gone::Gone;
pub use lookup::Lookup;
pub(crate) use real::MioDriver;

pub(crate) use options::{ConnectOptions, ListenOptions};

use crate::{Address, DatagramOptions, Instant};

/// The world as the loop sees it.
///
/// [`Reactor::new`](crate::Reactor::new) uses one built on mio; [`Reactor::with_driver`](crate::Reactor::with_driver)
/// takes any other, such as a simulated network. A driver calls nobody: the loop asks, it answers.
pub trait Driver {
    /// The time on this driver's monotonic clock. Never goes back.
    fn now(&self) -> Instant;

    /// The time of day, for protocols that tell it. May jump.
    fn system_time(&self) -> SystemTime;

    /// Waits for events and appends them to `events`, in any order.
    ///
    /// Readiness is edge-triggered: it is reported when it arises and need not be reported again until a call on
    /// the stream or listener has answered [`io::ErrorKind::WouldBlock`]. Spurious events are allowed. Returning early
    /// with no event is allowed too.
    fn poll(&mut self, until: PollUntil, events: &mut Vec<Event>) -> io::Result<()>;

    /// Binds `address` and listens at once; accepting begins when the listener is registered.
    ///
    /// # Errors
    /// Of kind `Unsupported` for an address that is not of streams, or not of this driver.
    fn listen(&mut self, address: &Address, options: &ListenOptions) -> io::Result<Box<dyn Listener>>;

    /// Begins to connect to `address`, without waiting.
    ///
    /// # Errors
    /// As [`listen`](Self::listen).
    fn connect(&mut self, address: &Address, options: &ConnectOptions) -> io::Result<Box<dyn Stream>>;

    /// Takes over a socket that listens already; see [`ReactorHandle::adopt_listener`](crate::ReactorHandle::adopt_listener).
    ///
    /// # Errors
    /// If it is anything else. The default refuses every one, with the kind `Unsupported`.
    #[cfg(unix)]
    fn adopt_listener(&mut self, descriptor: OwnedFd) -> io::Result<Box<dyn Listener>> {
        drop(descriptor);
        Err(no_descriptors())
    }

    /// Takes over a stream socket that is connected already; returns the address of its peer too.
    ///
    /// # Errors
    /// As [`adopt_listener`](Self::adopt_listener).
    #[cfg(unix)]
    fn adopt_connection(&mut self, descriptor: OwnedFd) -> io::Result<(Box<dyn Stream>, Address)> {
        drop(descriptor);
        Err(no_descriptors())
    }

    /// Binds a socket for datagrams to `address`; receiving begins when it is registered.
    ///
    /// # Errors
    /// Of kind `Unsupported` for an address that is not of datagrams, or not of this driver, as here.
    fn bind_datagrams(
        &mut self,
        address: &Address,
        options: &DatagramOptions,
    ) -> io::Result<Box<dyn Datagram>> {
        let _ = options;
        Err(address.no_datagrams())
    }

    /// Opens a socket that exchanges datagrams with `address` alone.
    ///
    /// # Errors
    /// As [`bind_datagrams`](Self::bind_datagrams).
    fn connect_datagrams(
        &mut self,
        address: &Address,
        options: &DatagramOptions,
    ) -> io::Result<Box<dyn Datagram>> {
        let _ = options;
        Err(address.no_datagrams())
    }

    /// What other threads use to make a `poll` return with [`Event::Woken`].
    fn waker(&self) -> Arc<dyn Wake>;

    /// Does `work` on another thread, when one is free.
    fn run_in_thread(&mut self, work: Box<dyn FnOnce() + Send>) -> io::Result<()>;

    /// Sets how many threads there may be for that, at least one. Drivers without threads need not implement it.
    fn set_max_threads(&mut self, threads: usize) {
        let _ = threads;
    }

    /// Looks a name up, without waiting: the answer goes to [`Lookup::finish`], also if there is no such name.
    ///
    /// # Errors
    /// If the lookup cannot be begun. Drivers that have no names need not implement this; the error is of kind
    /// `Unsupported`.
    fn resolve(&mut self, lookup: Lookup) -> io::Result<()> {
        drop(lookup);
        Err(io::Error::new(io::ErrorKind::Unsupported, "this driver looks up no names"))
    }

    /// Reports SIGINT and SIGTERM as [`Event::Signal`] from now on instead of ending the process.
    fn watch_signals(&mut self) -> io::Result<()>;

    /// A seed for the reactor's random numbers.
    fn random_seed(&mut self) -> u64;

    /// Fills `buffer` with bytes that nobody can predict, or, in a world that is to be repeatable, with some that follow from its
    /// seed.
    ///
    /// # Errors
    /// If there are none. Drivers that have no secrets need not implement this; the error is of kind `Unsupported`.
    fn fill_secret(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        let _ = buffer;
        Err(io::Error::new(io::ErrorKind::Unsupported, "this driver has no secrets"))
    }
}

/// The error of a driver that is not on the operating system's sockets.
#[cfg(unix)]
fn no_descriptors() -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, "this driver cannot adopt descriptors")
}

/// How long a [`Driver::poll`] may wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PollUntil {
    /// Not at all: report what is there.
    Now,
    /// Until an event comes or the clock reaches this point. Later is allowed, earlier is not an error.
    Deadline(Instant),
    /// Until an event comes.
    Event,
}

/// Something that happened in the world.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// A registered stream, listener or socket for datagrams became ready.
    Ready(Token, Readiness),
    /// [`Wake::wake`] was called, once or many times.
    Woken,
    /// The process was asked to end.
    Signal(Signal),
}

/// Names a registered stream, listener or socket for datagrams. The loop makes them; drivers hand them back.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Token(pub usize);

/// What a stream, a listener or a socket for datagrams became ready for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Readiness {
    /// A read or accept may succeed, or tell of an end or an error.
    pub readable: bool,
    /// A write may succeed, or tell of an error; a connection attempt is decided.
    pub writable: bool,
    /// The peer will send no more. Input that arrived before is still there to be read.
    pub read_closed: bool,
    /// The connection is broken. Input that arrived before may still be there to be read.
    pub error: bool,
    /// The peer marked a byte as urgent. Reads stop at it although there is more.
    pub urgent: bool,
}

/// A request to end, from the operating system.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signal {
    /// SIGINT: Ctrl-C in a terminal.
    Interrupt,
    /// SIGTERM: from a supervisor.
    Terminate,
}

/// Wakes a driver's `poll` from any thread.
pub trait Wake: Send + Sync {
    /// Makes the current or the next `poll` return with [`Event::Woken`].
    fn wake(&self);
}

/// A connected, or connecting, stream socket. Never blocks. Dropping it closes it.
pub trait Stream {
    /// Reports readiness under `token` from now on, beginning with what is ready already.
    fn register(&mut self, token: Token) -> io::Result<()>;

    /// Whether the connection attempt has succeeded (`true`) or goes on (`false`).
    fn finish_connect(&mut self) -> io::Result<bool>;

    /// Reads into `buffer`; `0` means that the peer has finished sending.
    ///
    /// A read that does not fill `buffer` has emptied the stream, unless `read_closed`, `error` or `urgent` was
    /// reported, or [`empties_by_short_read`](Self::empties_by_short_read) denies it. Urgent bytes come in their place among the others.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize>;

    /// Whether a read that does not fill its buffer has emptied the stream, which saves reading once more to find out.
    fn empties_by_short_read(&self) -> bool {
        true
    }

    /// Hands bytes of `buffers`, in order, to the network; returns how many it took.
    fn write(&mut self, buffers: &[io::IoSlice<'_>]) -> io::Result<usize>;

    /// Waits until a write may take something, for `within` at the most, and returns whether it came to that. Asked when the
    /// reactor stops, so that output is not lost with the process; only a stream that is served by a thread of this process
    /// has to wait.
    fn wait_writable(&mut self, within: std::time::Duration) -> bool {
        let _ = within;
        false
    }

    /// Tells the peer that no more will come, after what was written.
    fn shutdown_write(&mut self) -> io::Result<()>;

    /// Whether closing over input that was not read may destroy what was sent, so that the peer's input is read and thrown
    /// away for a while.
    fn lingers(&self) -> bool {
        true
    }

    /// Makes dropping this stream reset the connection, so that the peer sees an error and unsent bytes are discarded.
    fn reset_on_drop(&mut self);

    /// The address of this end.
    fn local_address(&self) -> io::Result<Address>;

    /// Sends small writes at once (`true`) or gathers them (`false`, Nagle's algorithm).
    fn set_nodelay(&self, nodelay: bool) -> io::Result<()>;

    /// Probes an idle peer after this time without traffic; `None` never does.
    fn set_keepalive(&self, after: Option<std::time::Duration>) -> io::Result<()>;
}

/// A listening socket. Never blocks. Dropping it closes it.
pub trait Listener {
    /// Reports readiness under `token` from now on, beginning with what is ready already.
    fn register(&mut self, token: Token) -> io::Result<()>;

    /// The next connection, with its peer's address; `TCP_NODELAY` is on.
    ///
    /// # Errors
    /// Of kind [`io::ErrorKind::UnexpectedEof`] if there will never be another: the port ends.
    fn accept(&mut self) -> io::Result<(Box<dyn Stream>, Address)>;

    /// Closes the next waiting connection, with a descriptor kept in reserve for when there are no others.
    fn refuse(&mut self) -> io::Result<()>;

    /// The address listened on, with the real port.
    fn local_address(&self) -> io::Result<Address>;
}
