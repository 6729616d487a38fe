//! Stopping gently: no new connections, and time for the open ones to finish.

use std::rc::Rc;
use std::time::Duration;

use crate::commands::Command;
use crate::connection::Connection;
use crate::connection::lifecycle::{Event, State};
use crate::deferred::Resolver;
use crate::event_loop::{Reactor, Source};
use crate::timers::{Timer, TimerId};
use crate::transport::shared::DRAINING;
use crate::{ConnectError, Deferred, ReactorHandle, Reason, ResolveError, Timeout};

/// How a drain went.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Drained {
    /// Connections that closed in time, by themselves or because of the drain.
    pub closed: usize,
    /// Connections that were still open at the deadline and were aborted.
    pub aborted: usize,
}

/// The drain in progress, if any.
#[derive(Default)]
pub(crate) struct Drain {
    /// Connections that the drain waits for.
    left: usize,
    result: Drained,
    timer: Option<TimerId>,
    waiting: Vec<Resolver<Drained>>,
}

impl ReactorHandle {
    /// Stops all ports and sockets for datagrams, cancels all connection attempts and lookups of names, and closes every
    /// connection in an orderly way: what was written is sent first, and the
    /// [farewell](crate::Transport::set_farewell) if there is one. Whatever is still open after `within` is aborted with
    /// [`Timeout::Drain`](crate::Timeout::Drain). The deferred tells how many of each there were.
    ///
    /// The reactor itself goes on: `drain(within).then(move |_| handle.stop())` ends a server without losing output. A
    /// second drain during the first may shorten its time, and ends with it.
    pub fn drain(&self, within: Duration) -> Deferred<Drained> {
        let (deferred, resolver) = Deferred::new(self);
        self.core().counters.drain();
        self.core().command(Command::Drain(within, resolver));
        deferred
    }
}

impl Reactor {
    pub(crate) fn begin_drain(&mut self, within: Duration, resolver: Resolver<Drained>) {
        self.drain.waiting.push(resolver);
        self.end_lookups(|name| ResolveError::Cancelled { name });
        for id in self.table.ids() {
            match self.table.get(id) {
                Some(Source::Connection(connection)) if !connection.shared().has(DRAINING) => {
                    connection.shared().set(DRAINING, true);
                    connection.transport().dismiss();
                    self.drain.left += 1;
                }
                Some(Source::Port(port)) => {
                    let port = Rc::clone(port);
                    port.stop();
                    self.forget_port(port);
                }
                Some(Source::Attempt(_)) => self.fail_attempt(id, ConnectError::cancelled),
                Some(Source::Datagrams(socket)) => socket.transport().stop(),
                Some(Source::Connection(_)) | None => {}
            }
        }
        self.set_drain_deadline(within);
        self.finish_drain_if_done();
    }

    /// Arms the deadline, or moves it nearer.
    fn set_drain_deadline(&mut self, within: Duration) {
        let deadline = self.now() + within;
        let mut timers = self.handle.core().timers.borrow_mut();
        match self.drain.timer {
            Some(timer) if timers.deadline(timer).is_some_and(|armed| armed <= deadline) => {}
            Some(timer) if timers.reschedule(timer, deadline) => {}
            _ => self.drain.timer = Some(timers.insert(deadline, Timer::Drain)),
        }
    }

    pub(crate) fn drain_deadline_reached(&mut self) {
        self.drain.timer = None;
        for id in self.table.ids() {
            let Some(Source::Connection(connection)) = self.table.get(id) else {
                continue;
            };
            let shared = connection.shared();
            match shared.state() {
                State::Lost => {}
                _ if !shared.has(DRAINING) => {}
                // Everything was sent; only the peer's farewell is missing.
                State::Lingering => shared.step(Event::DeadlineReached),
                _ => {
                    shared.end_with(Reason::TimedOut(Timeout::Drain), Event::Abort);
                    self.drain.result.aborted += 1;
                }
            }
        }
    }

    /// A connection is about to be freed.
    pub(crate) fn count_drained(&mut self, connection: &Connection) {
        if connection.shared().has(DRAINING) {
            self.drain.left -= 1;
            self.drain.result.closed += 1;
            self.finish_drain_if_done();
        }
    }

    fn finish_drain_if_done(&mut self) {
        if self.drain.left > 0 {
            return;
        }
        let drain = std::mem::take(&mut self.drain);
        if let Some(timer) = drain.timer {
            self.core().timers.borrow_mut().remove(timer);
        }
        let aborted = drain.result.aborted;
        let result = Drained { closed: drain.result.closed - aborted, aborted };
        for resolver in drain.waiting {
            resolver.resolve(result);
        }
    }
}
