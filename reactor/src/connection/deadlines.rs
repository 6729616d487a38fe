//! A connection's deadlines: idleness, a peer that reads nothing, closing, lingering, and the heartbeats of its layers. One timer
//! serves them all.

use std::time::Duration;

use super::Connection;
use super::lifecycle::{Event, State};
use crate::timers::{Timer, TimerId};
use crate::transport::shared::{HANDSHAKING, IDLE_RESTARTED};
use crate::{Instant, Reason, Timeout};

/// Since when things have been as they are, and the timer that looks at them.
///
/// Traffic only moves these points in time. The timer stays where it is; when it expires too early it is armed again for
/// the deadline of that moment. So traffic costs no work on timers.
pub(super) struct Deadlines {
    /// When the protocol's bytes last moved in either direction, or the idle timeout was set.
    active_since: Instant,
    /// When output last moved, or began to wait; while closing, when closing began or last made progress for a producer.
    stalled_since: Instant,
    /// Invariant: armed for no later than the earliest deadline there is.
    timer: Option<TimerId>,
}

impl Deadlines {
    pub(super) fn new(now: Instant) -> Self {
        Self { active_since: now, stalled_since: now, timer: None }
    }

    /// Bytes were read or handed to the socket, and not only what layers say to each other.
    pub(super) fn activity(&mut self, now: Instant) {
        self.active_since = now;
    }

    /// Output begins to wait, or moves; closing or lingering begins.
    pub(super) fn begin(&mut self, now: Instant) {
        self.stalled_since = now;
    }
}

impl Connection {
    /// Arms the timer if a deadline is nearer than what it is armed for.
    pub(super) fn settle_deadlines(&mut self) {
        if self.shared().has(IDLE_RESTARTED) {
            self.shared().set(IDLE_RESTARTED, false);
            self.deadlines.active_since = self.shared().now();
        }
        let deadline = self.next_deadline().map(|(deadline, _)| deadline);
        let Some(deadline) = deadline.into_iter().chain(self.next_beat()).min() else {
            return;
        };
        let mut timers = self.transport.reactor().core().timers.borrow_mut();
        match self.deadlines.timer {
            Some(timer) if timers.deadline(timer).is_some_and(|armed| armed <= deadline) => {}
            Some(timer) if timers.reschedule(timer, deadline) => {}
            _ => self.deadlines.timer = Some(timers.insert(deadline, Timer::Guard(self.shared().id))),
        }
    }

    /// The timer has expired: acts on a deadline that has come, or waits for the next.
    pub(crate) fn deadline_timer_expired(&mut self) {
        self.deadlines.timer = None;
        self.settle_heartbeats();
        match self.next_deadline() {
            Some((deadline, timeout)) if deadline <= self.shared().now() => self.deadline_reached(timeout),
            _ => self.settle_deadlines(),
        }
    }

    fn deadline_reached(&self, timeout: Timeout) {
        let shared = self.shared();
        match (shared.state(), timeout) {
            // Everything was sent, or the reason for the loss is known.
            (State::Lingering | State::HungUp, _) => shared.step(Event::DeadlineReached),
            (_, Timeout::Idle(_) | Timeout::Deadline(_)) => {
                shared.end_with(Reason::TimedOut(timeout), Event::LoseConnection)
            }
            (_, Timeout::Write(_) | Timeout::Handshake(_)) => {
                shared.end_with(Reason::TimedOut(timeout), Event::Abort)
            }
            (_, Timeout::Close(_) | Timeout::Drain) => {
                shared.end_with(Reason::TimedOut(timeout), Event::DeadlineReached);
            }
        }
    }

    /// The earliest deadline that counts, and what it is for.
    fn next_deadline(&self) -> Option<(Instant, Timeout)> {
        let deadline = self.deadline_of_state();
        if !self.shared().has(HANDSHAKING) {
            return deadline;
        }
        let handshake = self.shared().with_layers(|stack| stack.deadline()).flatten();
        let handshake = handshake.map(|(deadline, period)| (deadline, Timeout::Handshake(period)));
        handshake.into_iter().chain(deadline).min_by_key(|(deadline, _)| *deadline)
    }

    /// The earliest deadline that counts in the connection's state, and what it is for.
    fn deadline_of_state(&self) -> Option<(Instant, Timeout)> {
        let limits = || self.shared().limits();
        let stalled = |period, timeout: fn(Duration) -> Timeout| {
            (self.deadlines.stalled_since + period, timeout(period))
        };
        match self.shared().state() {
            State::Closing | State::ClosingAlone | State::HungUp => {
                Some(stalled(limits().close_timeout, Timeout::Close))
            }
            State::Lingering => Some(stalled(limits().linger_timeout, Timeout::Close)),
            State::Open | State::PeerFinished | State::Finishing | State::Finished => {
                let idle = self.shared().idle_timeout.get();
                let idle = idle.map(|period| (self.deadlines.active_since + period, Timeout::Idle(period)));
                let write = self.output_waits().then(|| stalled(limits().write_timeout, Timeout::Write));
                match (idle, write) {
                    (Some(idle), Some(write)) => Some(if write.0 < idle.0 { write } else { idle }),
                    (idle, write) => idle.or(write),
                }
            }
            State::Opening | State::Lost => None,
        }
    }

    /// Cancels the timers of the connection and of its protocol.
    pub(super) fn cancel_timers(&mut self) {
        let protocol = self.shared().take_rare(|rare| std::mem::take(&mut rare.timers));
        let deadline = self.shared().replace_deadline(None).map(|(timer, _)| timer);
        let mut timers = self.transport.reactor().core().timers.borrow_mut();
        for timer in protocol.into_iter().chain(deadline).chain(self.deadlines.timer.take()) {
            // These hold no user code, so dropping them here runs none.
            timers.remove(timer);
        }
    }
}
