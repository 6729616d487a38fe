//! The edge between the loop and user code: panics stop here, and slow callbacks are noticed here.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crate::core::Core;
use crate::{ConnectionId, Instant, ReactorHandle};

/// Calls user code; a panic comes back as its message.
///
/// State that a panic leaves half-changed belongs to the user code that panicked, and to whoever shares it: the loop's
/// own state is never inside.
pub(crate) fn catch<R>(call: impl FnOnce() -> R) -> Result<R, String> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|payload| {
        let message = message(&*payload);
        discard(payload);
        message
    })
}

/// Drops a panic's value, whose destructor may panic too; what that one leaves is leaked, lest this go on for ever.
fn discard(payload: Box<dyn Any + Send>) {
    if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(another);
    }
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a value that is not text".to_owned())
}

impl Core {
    /// Counts and logs a panic that was caught.
    pub(crate) fn report_panic(&self, what: &str, message: &str) {
        self.counters.panic();
        log::error!("{what} panicked: {message}");
    }

    /// Calls user code that belongs to no connection; `what` names it in the log.
    pub(crate) fn run_guarded(&self, what: &str, call: impl FnOnce()) {
        if let Err(message) = catch(call) {
            self.report_panic(what, &message);
        }
    }
}

/// What the loop is running.
#[derive(Clone, Copy)]
pub(crate) enum Running {
    /// A callback of a connection.
    Callback(ConnectionId, &'static str),
    /// User code that belongs to no connection.
    Call(&'static str),
}

/// Finds the callbacks that hold the loop too long.
///
/// The clock is read when a second callback begins in a turn, and once at the turn's end: between two readings lies
/// exactly one callback, so each slow one is known by name, and a turn with one callback costs one reading.
pub(crate) struct Watch {
    reactor: ReactorHandle,
    /// In nanoseconds, as laps are compared without the division that a `Duration` costs.
    threshold: u64,
    since: Instant,
    running: Option<Running>,
    slow: Vec<(Running, Duration)>,
}

impl Watch {
    pub(crate) fn new(reactor: ReactorHandle) -> Self {
        Self { reactor, threshold: u64::MAX, since: Instant::ZERO, running: None, slow: Vec::new() }
    }

    /// A turn begins, at `now`.
    pub(crate) fn begin_turn(&mut self, now: Instant, threshold: Duration) {
        self.since = now;
        self.threshold = (Instant::ZERO + threshold).as_nanos();
        self.running = None;
    }

    /// User code is about to run.
    pub(crate) fn begin(&mut self, running: Running) {
        if self.running.is_some() {
            self.lap();
        }
        self.running = Some(running);
    }

    /// The turn ends: returns what was slow in it, if anything was.
    pub(crate) fn end_turn(&mut self) -> Option<Vec<(Running, Duration)>> {
        if self.running.is_some() {
            self.lap();
            self.running = None;
        }
        (!self.slow.is_empty()).then(|| std::mem::take(&mut self.slow))
    }

    fn lap(&mut self) {
        if self.threshold == u64::MAX {
            return;
        }
        let now = self.reactor.core().driver.borrow().now();
        let since = std::mem::replace(&mut self.since, now);
        if now.as_nanos().saturating_sub(since.as_nanos()) > self.threshold {
            self.slow.extend(self.running.take().map(|running| (running, now - since)));
        }
    }
}
