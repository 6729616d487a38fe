//! One connection's part in the buckets that limit it.

use std::rc::Rc;

use super::TokenBucket;
use super::bucket::Grant;
use crate::Instant;
use crate::timers::TimerId;
use crate::transport::shared::{READ_RATE_WAITS, WRITE_RATE_WAITS};

/// Which way bytes go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Direction {
    Read,
    Write,
}

impl Direction {
    /// The flag of a connection that waits for tokens.
    pub(crate) const fn waits(self) -> u32 {
        match self {
            Self::Read => READ_RATE_WAITS,
            Self::Write => WRITE_RATE_WAITS,
        }
    }
}

/// The limits of one connection.
#[derive(Default)]
pub(crate) struct Rates {
    read: Option<Share>,
    write: Option<Share>,
}

/// A connection's turn at a bucket. What was promised and not moved goes back when this is dropped.
pub(crate) struct Share {
    bucket: Rc<TokenBucket>,
    /// What is promised. Zero bytes mean that nothing is.
    promised: Grant,
    /// Expires when the promise is due.
    timer: Option<TimerId>,
}

impl Rates {
    /// The limit of one direction.
    pub(crate) const fn of(&mut self, direction: Direction) -> &mut Option<Share> {
        match direction {
            Direction::Read => &mut self.read,
            Direction::Write => &mut self.write,
        }
    }

    /// Whether there is any.
    pub(crate) const fn is_limited(&self) -> bool {
        self.read.is_some() || self.write.is_some()
    }
}

impl Share {
    pub(crate) const fn new(bucket: Rc<TokenBucket>) -> Self {
        Self { bucket, promised: Grant { bytes: 0, from: Instant::ZERO }, timer: None }
    }

    /// How many bytes may be moved now, up to `wanted`; or from when on some may be.
    pub(crate) fn ask(&mut self, now: Instant, wanted: usize) -> Result<usize, Instant> {
        if self.promised.bytes == 0 {
            self.promised = self.bucket.reserve(now, wanted);
        }
        if self.promised.from <= now { Ok(self.promised.bytes) } else { Err(self.promised.from) }
    }

    /// The promise is waited for.
    pub(crate) const fn wait(&mut self, timer: TimerId) {
        self.timer = Some(timer);
    }

    /// The timer with which the promise is waited for.
    pub(crate) const fn timer(&self) -> Option<TimerId> {
        self.timer
    }

    /// Whether this was the timer for the promise, which is due then.
    pub(crate) fn timer_expired(&mut self, timer: TimerId) -> bool {
        self.timer.take_if(|waits| *waits == timer).is_some()
    }

    /// So many bytes were moved; the rest of the promise goes back.
    pub(crate) fn moved(&mut self, now: Instant, bytes: usize) {
        let used = bytes.min(self.promised.bytes);
        self.bucket.used(now, used);
        self.promised.bytes -= used;
        self.give_back();
    }

    fn give_back(&mut self) {
        self.bucket.give_back(std::mem::take(&mut self.promised.bytes));
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.give_back();
    }
}
