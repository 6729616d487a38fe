//! A call that is made again and again.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use super::DelayedCall;
use crate::event_loop::callbacks::catch;
use crate::{Completion, Deferred, Instant, ReactorHandle, Resolver};

/// A call made every interval, on a grid that does not drift: at start + 1·interval, start + 2·interval, …
///
/// A tick that is missed because the loop was busy is skipped, never made up; [`count`](Self::count) tells how many
/// intervals have passed. The next call is never made before the last has finished; a call that returns a
/// [`Deferred`] finishes when that has its value. An interval of zero calls once every turn.
///
/// The call is given its `LoopingCall`, so that it can stop itself. A panic in it is logged and stops it. Dropping the
/// handle changes nothing.
///
/// ```
/// # use std::time::Duration;
/// # let mut reactor = ropewalk_reactor::Reactor::new()?;
/// let handle = reactor.handle();
/// let mut left = 3;
/// reactor.call_every(Duration::from_millis(1), move |looping| {
///     left -= 1;
///     if left == 0 {
///         looping.stop();
///         handle.stop();
///     }
/// });
/// reactor.run()?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct LoopingCall {
    inner: Rc<Inner>,
}

/// Why a looping call ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LoopEnd {
    /// It was stopped.
    Stopped,
    /// The call panicked with this message.
    Panicked(String),
}

type Call = Box<dyn FnMut(&LoopingCall) -> Completion>;

struct Inner {
    reactor: ReactorHandle,
    interval: Duration,
    /// Where the grid begins.
    origin: Cell<Instant>,
    /// The number of the grid point at or before the last call; −1 before a call at the origin itself.
    last: Cell<i64>,
    count: Cell<u64>,
    running: Cell<bool>,
    /// The call has begun and what it waits for has not come.
    busy: Cell<bool>,
    next: RefCell<Option<DelayedCall>>,
    ended: RefCell<Vec<Resolver<LoopEnd>>>,
    /// How it has ended, once it has.
    end: RefCell<Option<LoopEnd>>,
}

impl LoopingCall {
    pub(crate) fn start<C: Into<Completion>>(
        reactor: &ReactorHandle,
        interval: Duration,
        at_once: bool,
        mut call: impl FnMut(&Self) -> C + 'static,
    ) -> Self {
        let call: Call = Box::new(move |looping| call(looping).into());
        let looping = Self {
            inner: Rc::new(Inner {
                reactor: reactor.clone(),
                interval,
                origin: Cell::new(reactor.now()),
                last: Cell::new(if at_once { -1 } else { 0 }),
                count: Cell::new(0),
                running: Cell::new(true),
                busy: Cell::new(false),
                next: RefCell::new(None),
                ended: RefCell::default(),
                end: RefCell::default(),
            }),
        };
        if at_once {
            looping.schedule(Duration::ZERO, call);
        } else {
            looping.schedule(interval, call);
        }
        looping
    }

    /// Makes no more calls. Does nothing if it has ended.
    pub fn stop(&self) {
        if self.inner.running.replace(false) {
            let next = self.inner.next.take();
            if let Some(next) = next {
                next.cancel().ok();
            }
            if !self.inner.busy.get() {
                self.finish(LoopEnd::Stopped);
            }
        }
    }

    /// Begins the grid anew: the next call comes one interval from now. Does nothing if it has ended.
    pub fn reset(&self) {
        if !self.inner.running.get() {
            return;
        }
        self.inner.origin.set(self.inner.reactor.now());
        self.inner.last.set(0);
        if let Some(next) = self.inner.next.borrow().as_ref() {
            next.reset(self.inner.interval).ok();
        }
    }

    /// Whether more calls will be made.
    pub fn is_running(&self) -> bool {
        self.inner.running.get()
    }

    /// How many intervals have passed between the last call and the one before: 1, or more if ticks were skipped. 1 for
    /// a first call made at once; 0 before the first.
    pub fn count(&self) -> u64 {
        self.inner.count.get()
    }

    /// How the looping call ends, when it does: after the last call and what it waited for.
    pub fn ended(&self) -> Deferred<LoopEnd> {
        let (deferred, resolver) = Deferred::new(&self.inner.reactor);
        let end = self.inner.end.borrow().clone();
        match end {
            Some(end) => resolver.resolve(end),
            None => self.inner.ended.borrow_mut().push(resolver),
        }
        deferred
    }

    /// The call waits in the timer, so that it goes with the reactor even if it holds its own handle.
    fn schedule(&self, delay: Duration, call: Call) {
        let looping = self.clone();
        let next = self.inner.reactor.call_later(delay, move |_| looping.tick(call));
        self.inner.next.replace(Some(next));
    }

    fn tick(&self, mut call: Call) {
        self.inner.next.take();
        self.count_intervals();
        self.inner.busy.set(true);
        match catch(|| call(self)) {
            Ok(completion) => self.wait(completion, call),
            Err(message) => {
                self.inner.reactor.core().report_panic("a looping call", &message);
                self.inner.running.set(false);
                self.inner.busy.set(false);
                self.finish(LoopEnd::Panicked(message));
            }
        }
    }

    fn wait(&self, completion: Completion, call: Call) {
        let looping = self.clone();
        match completion {
            // There is no grid whose points it could have missed.
            Completion::Done if self.inner.interval.is_zero() => self.completed(call),
            // In the next turn, so that the time the call took is known and the grid points it missed are skipped.
            Completion::Done => {
                self.inner.reactor.call_later(Duration::ZERO, move |_| looping.completed(call));
            }
            Completion::Later(deferred) => deferred.then(move |()| looping.completed(call)),
        }
    }

    fn completed(&self, call: Call) {
        self.inner.busy.set(false);
        if self.inner.running.get() {
            self.schedule(self.until_next_point(), call);
        } else {
            drop(call);
            self.finish(LoopEnd::Stopped);
        }
    }

    fn finish(&self, end: LoopEnd) {
        self.inner.end.replace(Some(end.clone()));
        for resolver in self.inner.ended.take() {
            resolver.resolve(end.clone());
        }
    }

    /// The number of the last grid point that has passed.
    fn passed(&self) -> i64 {
        let elapsed = self.inner.reactor.now() - self.inner.origin.get();
        match self.inner.interval.as_nanos() {
            0 => self.inner.last.get() + 1,
            interval => i64::try_from(elapsed.as_nanos() / interval).unwrap_or(i64::MAX),
        }
    }

    fn count_intervals(&self) {
        let passed = self.passed();
        let count = passed.saturating_sub(self.inner.last.get()).max(1);
        self.inner.count.set(count.unsigned_abs());
        self.inner.last.set(passed);
    }

    fn until_next_point(&self) -> Duration {
        let interval = self.inner.interval.as_nanos();
        if interval == 0 {
            return Duration::ZERO;
        }
        let elapsed = (self.inner.reactor.now() - self.inner.origin.get()).as_nanos();
        Duration::from_nanos(u64::try_from(interval - elapsed % interval).unwrap_or(u64::MAX))
    }
}

impl fmt::Debug for LoopingCall {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("LoopingCall")
            .field("interval", &self.inner.interval)
            .field("running", &self.inner.running.get())
            .finish_non_exhaustive()
    }
}
