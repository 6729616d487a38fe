//! The handle on a reactor that everybody may keep.

use std::fmt;
use std::io;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use crate::core::{Core, Phase};
use crate::{Instant, Limits, Stats};

/// A cheap clone of a way to reach the reactor, within its thread: [`Transport::reactor`](crate::Transport::reactor)
/// gives it in callbacks, and a [`Reactor`](crate::Reactor) dereferences to it.
///
/// Its methods record what is wanted and return; none calls user code. After the reactor is dropped they do nothing
/// or return an error, as each says.
#[derive(Clone)]
pub struct ReactorHandle {
    core: Rc<Core>,
}

impl ReactorHandle {
    pub(crate) fn new(core: Core) -> Self {
        Self { core: Rc::new(core) }
    }

    pub(crate) fn core(&self) -> &Core {
        &self.core
    }

    /// The time at which the running turn of the loop began: all callbacks of a turn see the same time. Between turns, and
    /// before the first, the time it is.
    pub fn now(&self) -> Instant {
        self.core.now()
    }

    /// The time of day, as the driver tells it.
    pub fn system_time(&self) -> SystemTime {
        self.core.driver.borrow().system_time()
    }

    /// A random number from the reactor's own generator: fast, reproducible under a simulated driver, and *not* fit for
    /// [secrets](Self::secret).
    pub fn random(&self) -> u64 {
        self.core.random.borrow_mut().next()
    }

    /// Bytes that nobody can predict: for keys, tokens, masks. They are the operating system's random numbers, asked for a
    /// kibibyte at a time, so that a few bytes seldom cost a system call; none is given twice, and no copy is kept. Under
    /// a simulated driver, or that of tests, they follow from its seed as everything does.
    ///
    /// ```
    /// # fn example(reactor: &ropewalk_reactor::ReactorHandle) -> std::io::Result<()> {
    /// let session_key: [u8; 16] = reactor.secret()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the operating system gives none, which may happen where there is no descriptor left and it has them only in
    /// a file; and after the reactor was dropped. The call waits if the system has just booted and has none yet.
    pub fn secret<const LENGTH: usize>(&self) -> io::Result<[u8; LENGTH]> {
        let mut bytes = [0; LENGTH];
        self.core.secrets.borrow_mut().fill(&mut bytes, &self.core.driver)?;
        Ok(bytes)
    }

    /// Whether the reactor runs: from the startup event's `during` to the shutdown event's `during`.
    pub fn is_running(&self) -> bool {
        matches!(self.core.phase.get(), Phase::Running | Phase::StopRequested | Phase::Stopping)
    }

    /// Whether the reactor was dropped: then nothing that is asked of this handle happens any more.
    pub fn is_gone(&self) -> bool {
        self.core.phase.get() == Phase::Gone
    }

    /// Stops the reactor at the end of the running turn: fires the shutdown event, tells every open connection
    /// [`Reason::Shutdown`](crate::Reason::Shutdown), stops sockets for datagrams, and has [`Reactor::run`](crate::Reactor::run) return. What was written is sent, then
    /// [farewells](crate::Transport::set_farewell), then what layers say at the end, such as the `close_notify` of TLS, as far as the
    /// operating system takes it at once; the rest is lost, and the peer sees a reset then. [`drain`](Self::drain) first to avoid
    /// that.
    ///
    /// Called again while triggers before the shutdown are waited for, it ends the waiting. Does nothing if the reactor is
    /// not running.
    pub fn stop(&self) {
        if self.is_running() {
            self.core.phase.set(Phase::StopRequested);
        }
    }

    /// Calls `call` in the next batch of commands, or once the reactor runs if it does not yet. Calls keep their order.
    pub fn call_when_running(&self, call: impl FnOnce(&Self) + 'static) {
        self.core.call(Box::new(call));
    }

    /// What the reactor has done and holds, at this moment.
    pub fn stats(&self) -> Stats {
        let timers = self.core.timers.borrow().len();
        self.core.counters.snapshot(timers)
    }

    /// Changes the limits that connections without limits of their own have, those already open included. A timeout that
    /// a connection is waiting for already is shortened only when something happens on it.
    pub fn set_default_limits(&self, limits: Limits) {
        self.core.limits.set(limits);
    }

    /// Logs a warning about each callback that holds the loop longer than `threshold` (default 100 ms): its protocol,
    /// connection, name and duration. [`Duration::MAX`] turns that off.
    pub fn set_slow_callback_threshold(&self, threshold: Duration) {
        self.core.slow_callback.set(threshold);
    }
}

impl fmt::Debug for ReactorHandle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ReactorHandle").field("phase", &self.core.phase.get()).finish_non_exhaustive()
    }
}
