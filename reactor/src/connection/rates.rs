//! Connections whose reading or writing has a rate limit.

use super::Connection;
use crate::Instant;
use crate::rate::Direction;
use crate::timers::Timer;
use crate::transport::shared::{LAYERED, RATED};

impl Connection {
    /// How many bytes may be read in this turn; `unlimited` if no rate is set. Input that is thrown away has no limit.
    pub(super) fn read_budget(&self, unlimited: usize) -> usize {
        let is_limited =
            self.shared().has(RATED) && self.shared().state().delivers_input() && self.may_read();
        if is_limited { self.ask_for_budget(Direction::Read, usize::MAX, unlimited) } else { unlimited }
    }

    /// How many bytes may be written in this turn; `unlimited` if no rate is set.
    pub(super) fn write_budget(&self, unlimited: usize) -> usize {
        let shared = self.shared();
        if !shared.has(RATED) || !self.writable || !shared.has_output() {
            return unlimited;
        }
        // Layers turn output into more bytes or less.
        let wanted = if shared.has(LAYERED) { usize::MAX } else { shared.buffered() };
        self.ask_for_budget(Direction::Write, wanted, unlimited)
    }

    /// Asks the bucket, if there is one. If it grants nothing yet, a timer is set for when it does.
    fn ask_for_budget(&self, direction: Direction, wanted: usize, unlimited: usize) -> usize {
        let shared = self.shared();
        if shared.has(direction.waits()) {
            return 0;
        }
        let now = shared.now();
        let ask =
            shared.take_rare(|rare| rare.rates.of(direction).as_mut().map(|share| share.ask(now, wanted)));
        match ask {
            None => unlimited,
            Some(Ok(bytes)) => bytes.min(unlimited),
            Some(Err(from)) => {
                self.wait_for_tokens(direction, from);
                0
            }
        }
    }

    fn wait_for_tokens(&self, direction: Direction, from: Instant) {
        let shared = self.shared();
        shared.set(direction.waits(), true);
        let timer = shared.reactor.core().timers.borrow_mut().insert(from, Timer::Rate(shared.id));
        shared.with_rare(|rare| {
            rare.timers.insert(timer);
            if let Some(share) = rare.rates.of(direction) {
                share.wait(timer);
            }
        });
    }

    /// There may be tokens for which the connection waits.
    pub(crate) fn rate_timer_expired(&self, timer: crate::TimerKey) {
        self.transport.forget_timer(timer);
        let shared = self.shared();
        for direction in [Direction::Read, Direction::Write] {
            let is_due = shared.take_rare(|rare| {
                rare.rates.of(direction).as_mut().is_some_and(|share| share.timer_expired(timer.0))
            });
            if is_due {
                shared.set(direction.waits(), false);
                shared.ask_attention();
            }
        }
    }

    /// So many bytes of a turn's budget were used.
    pub(super) fn budget_used(&self, direction: Direction, bytes: usize) {
        let shared = self.shared();
        if shared.has(RATED) && !shared.has(direction.waits()) {
            let now = shared.now();
            shared.take_rare(|rare| {
                if let Some(share) = rare.rates.of(direction) {
                    share.moved(now, bytes);
                }
            });
        }
    }
}
