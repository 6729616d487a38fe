//! The loop: it alone owns connections, and it alone calls user code.

pub(crate) mod callbacks;
mod commands;
mod losses;
mod shutdown;
mod table;

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::ops::Deref;
use std::time::Duration;

use crate::core::{Core, Phase};
use crate::draining::Drain;
use crate::driver::{Driver, Event, MioDriver, PollUntil, Readiness};
use crate::timers::{Timer, TimerId};
use crate::{ConnectionId, ReactorHandle, TimerKey};
use callbacks::{Running, Watch};
use shutdown::Shutdown;
pub(crate) use table::{Source, Table};

/// How many bytes one read takes at the most: 64 KiB, and what a protocol puts around that. One buffer serves all connections.
const READ_BUFFER_SIZE: usize = 65 * 1024;

/// A single-threaded event loop and everything it serves.
///
/// A program makes one, lets endpoints listen and connect, and calls [`run`](Self::run). A process may have several,
/// each in its own thread. A reactor dereferences to its [`ReactorHandle`], which carries most of its methods; who needs
/// one to keep, such as a task, takes `reactor.handle()`.
///
/// ```
/// use ropewalk_reactor::{ListenOptions, Protocol, Reactor, Result, Transport, for_protocol};
///
/// struct Echo;
///
/// impl Protocol for Echo {
///     fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
///         transport.write(data);
///         Ok(())
///     }
/// }
///
/// let mut reactor = Reactor::new()?;
/// reactor.listen(([127, 0, 0, 1], 0), ListenOptions::default(), for_protocol(|| Echo))?;
/// reactor.call_when_running(|reactor| reactor.stop()); // a server would call stop_on_signals
/// reactor.run()?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # One turn of the loop
///
/// 1. Poll for events: without waiting if anything is still to be done, else until the next timer.
/// 2. Read the clock, once; all that follows sees this time.
/// 3. Latch what has become ready into connections, ports and sockets for datagrams, and do what other threads have posted.
/// 4. Read and deliver input, up to 256 KiB of each connection and each socket for datagrams (and at most 64 datagrams),
///    accept up to 64 new connections at each port, and finish connection attempts.
/// 5. Run the timers that were due when the turn began.
/// 6. Do what was commanded before this step; what that commands waits for the next turn.
/// 7. Run the tasks that were woken before this step; what they wake waits for the next turn.
/// 8. Settle the connections and sockets that asked for it: send their output, up to 1 MiB and with one system call for each
///    connection as a rule, tell them about marks and resumed reading, carry out what their lifecycle demands.
/// 9. Deliver losses.
/// 10. Free what was lost.
///
/// # Dropping
///
/// Dropping a reactor frees everything it holds: sockets, protocols, timers, calls, tasks, threads that are idle. No callback is
/// called; [`ReactorHandle::stop`] is the way to tell the connections.
pub struct Reactor {
    pub(crate) handle: ReactorHandle,
    pub(crate) table: Table,
    /// Sources that may give something without a new event. Invariant: each at most once.
    pub(crate) ready: Vec<ConnectionId>,
    /// Connections and sockets for datagrams that ended in this turn.
    losses: Vec<ConnectionId>,
    /// Ports that wait for descriptors.
    pub(crate) starved: Vec<ConnectionId>,
    /// How many ports listen for each factory, by its identity.
    pub(crate) factories: HashMap<usize, usize>,
    shutdown: Shutdown,
    pub(crate) drain: Drain,
    pub(crate) watch: Watch,
    read_buffer: Box<[u8]>,
    /// Empty between turns; kept for their memory.
    events: Vec<Event>,
    due: Vec<TimerId>,
}

/// Whether a reactor goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "a stopped reactor starts again if it is run again"]
pub enum Status {
    /// There may be more to do.
    Running,
    /// [`ReactorHandle::stop`] was called, and everything that belongs to stopping has been done.
    Stopped,
}

impl Reactor {
    /// A reactor on the real network and clock.
    ///
    /// # Errors
    /// If the operating system refuses the descriptors that it needs.
    pub fn new() -> io::Result<Self> {
        Ok(Self::with_driver(Box::new(MioDriver::new()?)))
    }

    /// A reactor in a world of its own, such as a simulated network.
    pub fn with_driver(driver: Box<dyn Driver>) -> Self {
        let handle = ReactorHandle::new(Core::new(driver));
        let watch = Watch::new(handle.clone());
        Self {
            handle,
            table: Table::default(),
            ready: Vec::new(),
            losses: Vec::new(),
            starved: Vec::new(),
            shutdown: Shutdown::default(),
            factories: HashMap::new(),
            drain: Drain::default(),
            watch,
            read_buffer: vec![0; READ_BUFFER_SIZE].into_boxed_slice(),
            events: Vec::new(),
            due: Vec::new(),
        }
    }

    /// A handle to keep, also beyond the reactor's end.
    pub fn handle(&self) -> ReactorHandle {
        self.handle.clone()
    }

    /// Runs until [`ReactorHandle::stop`] is called. It can be run again afterwards; timers and calls that were still to
    /// come are kept.
    ///
    /// It does not return by itself when there is nothing left to do: another thread may yet post something.
    ///
    /// # Errors
    /// If polling fails, which no peer and no user can cause.
    pub fn run(&mut self) -> io::Result<()> {
        while self.run_once(None)? == Status::Running {}
        Ok(())
    }

    /// Makes one turn of the loop, waiting for something to do for at most `timeout`, or without end if `None`. The first
    /// call starts the reactor as `run` does.
    ///
    /// # Errors
    /// If polling fails, which no peer and no user can cause.
    pub fn run_once(&mut self, timeout: Option<Duration>) -> io::Result<Status> {
        let status = self.make_turn(timeout);
        self.core().in_turn.set(false);
        status
    }

    fn make_turn(&mut self, timeout: Option<Duration>) -> io::Result<Status> {
        if self.core().phase.get() == Phase::Idle {
            self.start_up();
        }
        self.poll(timeout)?;
        self.begin_turn();
        self.latch_events();
        self.serve_ready();
        self.run_timers();
        self.run_commands();
        self.run_tasks();
        self.settle_connections();
        self.deliver_losses();
        self.end_turn();
        Ok(self.advance_shutdown())
    }

    fn poll(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        let until = self.poll_until(timeout);
        let result = self.handle.core().driver.borrow_mut().poll(until, &mut self.events);
        match result {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            result => result,
        }
    }

    /// How long the next turn would wait for an event. For worlds of several reactors: one that waits need not make a
    /// turn before something happens in its driver, a handle of it is used, or this time comes.
    pub fn next_poll(&self) -> PollUntil {
        match self.core().phase.get() {
            Phase::Idle => PollUntil::Now,
            _ => self.poll_until(None),
        }
    }

    /// How long there is nothing to do but wait.
    fn poll_until(&self, timeout: Option<Duration>) -> PollUntil {
        let core = self.core();
        let busy = !self.ready.is_empty()
            || core.has_commands()
            || core.tasks.has_woken()
            || !core.attention.borrow().is_empty()
            || core.phase.get() == Phase::StopRequested
            || self.shutdown.is_due();
        if busy || timeout == Some(Duration::ZERO) {
            return PollUntil::Now;
        }
        let timer = core.timers.borrow_mut().next_wakeup();
        let timeout = timeout.map(|timeout| core.driver.borrow().now() + timeout);
        timer.into_iter().chain(timeout).min().map_or(PollUntil::Event, PollUntil::Deadline)
    }

    fn begin_turn(&mut self) {
        let core = self.handle.core();
        let now = core.driver.borrow().now();
        core.begin_turn(now);
        core.counters.turn();
        self.watch.begin_turn(now, core.slow_callback.get());
    }

    fn latch_events(&mut self) {
        let mut woken = false;
        for index in 0..self.events.len() {
            match self.events[index] {
                Event::Ready(token, readiness) => {
                    if let Some(id) = self.table.id(token) {
                        self.latch(id, readiness);
                    }
                }
                Event::Woken => woken = true,
                Event::Signal(signal) => self.handle.signal_received(signal),
            }
        }
        self.events.clear();
        if woken {
            self.take_messages();
        }
    }

    pub(crate) fn latch(&mut self, id: ConnectionId, readiness: Readiness) {
        let queues = match self.table.get(id) {
            Some(Source::Connection(connection)) => connection.became_ready(readiness),
            Some(Source::Port(port)) => port.became_ready(),
            Some(Source::Attempt(attempt)) => attempt.became_ready(readiness),
            Some(Source::Datagrams(socket)) => socket.became_ready(readiness),
            None => false,
        };
        if queues {
            self.ready.push(id);
        }
    }

    /// Gives each source that is ready its share of the turn.
    fn serve_ready(&mut self) {
        let mut served = std::mem::take(&mut self.ready);
        for id in served.drain(..) {
            let more = match self.table.get(id) {
                Some(Source::Connection(connection)) => {
                    connection.read(&mut self.watch, &mut self.read_buffer);
                    connection.queued
                }
                Some(Source::Port(_)) => self.accept(id),
                Some(Source::Attempt(_)) => {
                    self.finish_attempt(id);
                    false
                }
                Some(Source::Datagrams(socket)) => {
                    socket.receive(&mut self.watch, &mut self.read_buffer);
                    socket.queued
                }
                None => false,
            };
            if more {
                self.ready.push(id);
            }
        }
        if self.ready.is_empty() {
            self.ready = served;
        }
    }

    fn run_timers(&mut self) {
        let now = self.handle.now();
        self.handle.core().timers.borrow_mut().advance(now, &mut self.due);
        for index in 0..self.due.len() {
            self.run_timer(self.due[index]);
        }
        self.due.clear();
    }

    fn run_timer(&mut self, id: TimerId) {
        let timer = {
            let mut timers = self.handle.core().timers.borrow_mut();
            // A timer that ran before may have cancelled this one or moved it.
            if timers.is_due(id) { timers.remove(id) } else { None }
        };
        match timer {
            Some(Timer::Call(call)) => self.run_call("a delayed call", call),
            Some(Timer::Protocol(connection)) => {
                if let Some(connection) = self.table.connection(connection) {
                    connection.timer_expired(&mut self.watch, TimerKey(id));
                }
            }
            Some(Timer::Guard(connection)) => {
                if let Some(connection) = self.table.connection(connection) {
                    connection.deadline_timer_expired();
                }
            }
            Some(Timer::Deadline(connection)) => {
                if let Some(connection) = self.table.connection(connection) {
                    connection.shared().deadline_reached();
                }
            }
            Some(Timer::Rate(connection)) => {
                if let Some(connection) = self.table.connection(connection) {
                    connection.rate_timer_expired(TimerKey(id));
                }
            }
            Some(Timer::Attempt(attempt)) => self.attempt_timed_out(attempt),
            Some(Timer::Accept(port)) => self.retry_accepting(port),
            Some(Timer::Drain) => self.drain_deadline_reached(),
            None => {}
        }
    }

    /// Calls user code that belongs to no connection.
    fn run_call(&mut self, what: &'static str, call: crate::commands::Call) {
        self.watch.begin(Running::Call(what));
        self.handle.core().run_guarded(what, || call(&self.handle));
    }

    fn settle_connections(&mut self) {
        let mut asking = self.core().attention.take();
        for id in asking.drain(..) {
            let (queues, ends) = match self.table.get(id) {
                Some(Source::Connection(connection)) => {
                    connection.settle(&mut self.watch);
                    (connection.queue(), connection.begin_ending())
                }
                Some(Source::Datagrams(socket)) => {
                    socket.settle(&mut self.watch);
                    (socket.queue(), socket.begin_ending())
                }
                Some(Source::Attempt(_) | Source::Port(_)) | None => continue,
            };
            if queues {
                self.ready.push(id);
            }
            if ends {
                self.losses.push(id);
            }
        }
        let mut attention = self.handle.core().attention.borrow_mut();
        if attention.is_empty() {
            *attention = asking;
        }
    }

    /// Reports callbacks that were slow, then frees what was lost.
    fn end_turn(&mut self) {
        self.report_slow_callbacks();
        self.free_losses();
    }

    fn report_slow_callbacks(&mut self) {
        let Some(slow) = self.watch.end_turn() else {
            return;
        };
        for (running, took) in slow {
            self.report_slow(running, took);
        }
    }

    fn report_slow(&mut self, running: Running, took: Duration) {
        self.handle.core().counters.slow_callback();
        match running {
            Running::Call(what) => log::warn!("{what} held the loop for {took:?}"),
            Running::Callback(id, callback) => {
                let (what, protocol) = match self.table.get(id) {
                    Some(Source::Connection(connection)) => {
                        let peer = connection.transport().peer();
                        (format!("connection {id} with {peer}"), connection.protocol_name())
                    }
                    Some(Source::Datagrams(socket)) => {
                        (format!("datagrams at {}", socket.transport().host()), socket.protocol_name())
                    }
                    _ => (format!("connection {id} with a peer that is gone"), "a protocol that is gone"),
                };
                log::warn!("{what}: {callback} of {protocol} held the loop for {took:?}");
            }
        }
    }
}

impl Deref for Reactor {
    type Target = ReactorHandle;

    fn deref(&self) -> &ReactorHandle {
        &self.handle
    }
}

impl fmt::Debug for Reactor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Reactor").field("handle", &self.handle).finish_non_exhaustive()
    }
}
