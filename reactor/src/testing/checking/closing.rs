//! The end of a run: the connection has to go, and to leave nothing behind.

use std::time::Duration;

use super::Law;
use super::stage::Stage;
use super::watch::Breach;

/// How long closing may take at most, whatever the limits of the connection say.
const CLOSING_MAX: Duration = Duration::from_secs(24 * 3600);

/// How many of the timers that were left behind are run, to see what they do; and how many may come after the end of input.
const LEFTOVERS_MAX: usize = 16;

impl Stage {
    /// Has the connection end, and looks at what is left.
    pub(super) fn close(mut self) -> Option<Breach> {
        self.end();
        if self.watch.breach().is_none() && self.is_lost() {
            self.look_for_leftovers();
        }
        let Self { reactor, watch, transport, .. } = self;
        let holders = watch.events.holders();
        drop((reactor, transport));
        watch.events.release();
        if watch.events.holders() > 1 {
            watch.broken(
                Law::AfterLoss,
                "something keeps the protocol, or its `Events`, alive for ever: a cycle of `Rc`s?",
            );
        } else if holders > 1 {
            watch.broken(
                Law::AfterLoss,
                "something keeps the protocol, or its `Events`, alive for as long as the reactor lives",
            );
        }
        watch.breach()
    }

    /// Has the connection end: a reset one has to by itself, a closing one too, in its time if the peer reads nothing, and one
    /// whose peer has finished has to begin closing.
    fn end(&mut self) {
        if self.expects_closing() {
            self.expect_closing();
        }
        if self.reset && !self.is_lost() {
            self.settle();
            if !self.is_lost() {
                self.expect_loss(Law::Loss, "it was reset");
            }
        } else if !self.transport.is_open() && !self.is_lost() {
            self.expect_loss(Law::Closing, "it began to close");
            if self.reads_on() && self.has_closing_timed_out() {
                let how = "closing ended by its timeout alone, although the peer reads: is a producer still registered?";
                self.watch.broken(Law::Closing, how);
            }
        }
        if !self.is_lost() {
            self.transport.abort_connection();
            self.settle();
            if !self.is_lost() {
                self.watch
                    .broken(Law::Loss, "the connection was aborted, and `connection_lost` was not called");
            }
        }
    }

    /// Whether the connection is open and nobody is there for whom it might stay open.
    fn expects_closing(&self) -> bool {
        !self.outlives_input && self.finished && self.transport.is_open() && self.reads_on() && !self.paused
    }

    /// Has those timers expire that are pending after the end of input, after which the connection should be closing.
    fn expect_closing(&mut self) {
        for _ in 0..LEFTOVERS_MAX {
            if !self.transport.is_open() || self.reactor.core().tasks.len() > 0 {
                return;
            }
            let Some(pending) = self.timers() else { break };
            self.wait(pending.first);
        }
        if self.transport.is_open() && self.watch.breach().is_none() {
            let how = "the peer has finished sending, and the connection stays open; if that is meant, say so with `outlives_input`";
            self.watch.broken(Law::Closing, how);
        }
    }

    fn has_closing_timed_out(&self) -> bool {
        self.watch.end.borrow().as_ref().is_some_and(|end| end.closing_timed_out)
    }

    fn expect_loss(&mut self, law: Law, since: &str) {
        let limits = self.transport.limits();
        let time = limits.close_timeout.saturating_add(limits.linger_timeout).min(CLOSING_MAX);
        self.wait(time);
        if !self.is_lost() {
            self.watch.broken(law, format!("`connection_lost` was not called within {time:?} since {since}"));
        }
    }

    /// Looks for what goes on although the connection is gone.
    fn look_for_leftovers(&mut self) {
        let refused = self.reactor.core().counters.output_refused();
        let timers = self.reactor.stats().timers;
        for _ in 0..LEFTOVERS_MAX {
            let Some(pending) = self.timers() else { break };
            self.memory.advance(pending.first);
            self.settle();
        }
        let watch = &self.watch;
        if let Some(event) = watch.events.so_far().get(watch.events_heard.get()) {
            watch.broken(Law::AfterLoss, format!("an event was recorded after `connection_lost`: {event}"));
        }
        let refused = self.reactor.core().counters.output_refused() - refused;
        if refused > 0 {
            watch.broken(Law::AfterLoss, format!("{refused} bytes were written after `connection_lost`"));
        }
        self.left(timers, "timer", "delayed and looping calls and sleeping tasks have one");
        self.left(self.reactor.core().tasks.len(), "task", "it is to be cancelled with the connection");
        if watch.alive.get() > 0 {
            watch.broken(Law::AfterLoss, "the protocol was not dropped");
        }
    }

    fn left(&self, count: usize, what: &str, remark: &str) {
        if count > 0 {
            let were = if count == 1 { " was" } else { "s were" };
            self.watch.broken(Law::AfterLoss, format!("{count} {what}{were} left in the reactor: {remark}"));
        }
    }
}
