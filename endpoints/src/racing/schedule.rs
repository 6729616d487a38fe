//! When which address is tried: RFC 8305 §5, as a pure function of what happens and when.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::time::Duration;

use ropewalk_reactor::Instant;

/// A race of connection attempts. Addresses are tried in their order, so an attempt has the number of its address.
#[derive(Clone, Debug)]
pub(super) struct Schedule {
    addresses: usize,
    delay: Duration,
    deadline: Instant,
    /// How many attempts were begun.
    begun: usize,
    /// The attempts that are not decided.
    racing: BTreeSet<usize>,
    /// When the next attempt begins, if none fails before.
    next: Instant,
    winner: Option<usize>,
    /// Nothing more is to be done.
    over: bool,
}

/// What happens to a race.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Event {
    /// It begins, or time has passed.
    Time,
    /// An attempt has failed, or was not answered by the deadline.
    Failed(usize),
    /// An attempt has connected.
    Connected(usize),
    /// This side has given up.
    GivenUp,
}

/// What is to be done about it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Action {
    /// Begin to connect to an address.
    Try(usize),
    /// Cancel an attempt.
    Cancel(usize),
    /// Report that all attempts have failed.
    Fail,
}

impl Schedule {
    /// A race to so many addresses, one at least. An attempt that is not decided after `delay` is joined by the next.
    /// None but the first begins at the deadline or later.
    pub(super) fn new(addresses: usize, delay: Duration, deadline: Instant) -> Self {
        Self {
            addresses,
            delay,
            deadline,
            begun: 0,
            racing: BTreeSet::new(),
            next: Instant::ZERO,
            winner: None,
            over: false,
        }
    }

    /// Takes note of what has happened and says what is to be done.
    pub(super) fn advance(&mut self, event: Event, now: Instant) -> Vec<Action> {
        if self.over {
            return Vec::new();
        }
        match event {
            Event::Time if now >= self.next => self.try_next(now).into_iter().collect(),
            Event::Time => Vec::new(),
            Event::Failed(attempt) => self.failed(attempt, now),
            Event::Connected(attempt) if self.racing.remove(&attempt) => {
                self.winner = Some(attempt);
                self.end()
            }
            Event::Connected(_) => Vec::new(),
            Event::GivenUp => self.end(),
        }
    }

    /// When time has passed to some effect.
    pub(super) fn next_wakeup(&self) -> Option<Instant> {
        (!self.over && self.begun < self.addresses && self.next < self.deadline).then_some(self.next)
    }

    /// The attempt that has connected first.
    pub(super) fn winner(&self) -> Option<usize> {
        self.winner
    }

    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    fn try_next(&mut self, now: Instant) -> Option<Action> {
        if self.begun == self.addresses {
            return None;
        }
        if self.begun > 0 && now >= self.deadline {
            // The time of the next may have passed unnoticed, behind a slow callback: nobody is to wait for it.
            self.next = self.deadline;
            return None;
        }
        let attempt = self.begun;
        self.begun += 1;
        self.racing.insert(attempt);
        self.next = now + self.delay;
        Some(Action::Try(attempt))
    }

    fn failed(&mut self, attempt: usize, now: Instant) -> Vec<Action> {
        if !self.racing.remove(&attempt) {
            return Vec::new();
        }
        let next = self.try_next(now);
        self.over = self.racing.is_empty();
        if self.over { vec![Action::Fail] } else { next.into_iter().collect() }
    }

    fn end(&mut self) -> Vec<Action> {
        self.over = true;
        std::mem::take(&mut self.racing).into_iter().map(Action::Cancel).collect()
    }
}
