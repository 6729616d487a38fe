//! Settling a connection: its output to the socket, its producer, its marks, and what its lifecycle asks for.

use std::io::{self, IoSlice};

use super::Connection;
use super::lifecycle::{Actions, Event, State};
use crate::driver::Stream;
use crate::event_loop::callbacks::{Running, Watch, catch};
use crate::producer::Registration;
use crate::rate::Direction;
use crate::transport::output::{Output, SLICES_MAX};
use crate::transport::shared::{
    ABOVE_MARK, CUT_OFF, HANDSHAKING, HAS_PRODUCER, INSERTING, LAYERED, RATED, Sent, WRITE_RATE_WAITS,
};
use crate::{Instant, Limits, ProducerKind, Transport};

/// How many bytes one connection may send in one turn before the others have theirs (G5).
const FLUSH_BUDGET: usize = 1024 * 1024;

impl Connection {
    /// Carries out everything that handles have asked of this connection since it was settled last.
    pub(crate) fn settle(&mut self, watch: &mut Watch) {
        self.shared().attention_given();
        self.settle_successor(watch);
        if self.shared().has_rare() {
            self.apply_options();
            self.settle_registration(watch);
            self.settle_failure(watch);
            self.settle_insertions(watch);
        }
        self.flush();
        self.settle_marks(watch);
        self.settle_input(watch);
        if self.shared().has(LAYERED) {
            self.settle_end_of_layers(watch);
        }
        self.settle_producer(watch);
        self.settle_break();
        self.carry_out_actions();
        self.settle_deadlines();
    }

    /// Returns whether the connection is to be put into the list of those to read.
    pub(crate) fn queue(&mut self) -> bool {
        let reads = self.may_read();
        if !reads {
            // A promise that is due and not used would come on top of what the bucket saves up.
            self.budget_used(Direction::Read, 0);
        }
        let queues = !self.queued && reads;
        self.queued |= queues;
        queues
    }

    /// Whether output waits for a socket that is full.
    pub(super) fn output_waits(&self) -> bool {
        !self.writable && self.shared().has_output()
    }

    /// Settles for the last time before a stop: sends all that the socket takes.
    pub(crate) fn settle_finally(&mut self, watch: &mut Watch) {
        self.shared().set(RATED | WRITE_RATE_WAITS, false);
        self.settle(watch);
        let mut deadline = None;
        while self.shared().state().flushes() && self.shared().has_output() {
            if !self.writable && !self.wait_writable(&mut deadline) {
                return;
            }
            if self.flush() == 0 && self.writable {
                return;
            }
        }
    }

    /// Waits for a stream that can be waited for, within the close timeout from the first wait on.
    fn wait_writable(&mut self, deadline: &mut Option<Instant>) -> bool {
        let now = self.transport.reactor().core().driver.borrow().now();
        let deadline = *deadline.get_or_insert(now + self.shared().limits().close_timeout);
        self.writable = self.stream.wait_writable(deadline.saturating_since(now));
        self.writable
    }

    /// Hands waiting output to the socket until it is all gone, the socket is full or the budget is used up. Returns how
    /// many bytes that were.
    fn flush(&mut self) -> usize {
        if self.shared().has(INSERTING) {
            // Some of the output has to wait for a layer to be put in place, which is the next turn's business.
            return 0;
        }
        let budget = self.write_budget(FLUSH_BUDGET);
        let sent =
            if self.shared().has(LAYERED) { self.flush_layers(budget) } else { self.flush_output(budget) };
        self.budget_used(Direction::Write, sent);
        if self.shared().has(RATED) && sent == budget && sent > 0 {
            // Not the peer holds up the rest.
            self.deadlines.begin(self.shared().now());
        }
        if self.output_waits() && !self.output_left && !self.shared().state().is_ending() {
            self.deadlines.begin(self.shared().now());
        }
        self.output_left = self.shared().has_output();
        // Layers that are opening have to say more, unless nobody wants to hear of them any more.
        let is_opening = self.shared().has(HANDSHAKING) && self.shared().state() == State::Finishing;
        if !self.shared().has_output() && !self.shared().has(HAS_PRODUCER) && !is_opening {
            let resets = self.shared().has(CUT_OFF) && !self.tells_cut_off_in_layers();
            self.shared().step(if resets { Event::Abort } else { Event::Flushed });
        }
        sent
    }

    fn flush_output(&mut self, mut budget: usize) -> usize {
        let limit = budget;
        while self.writable && self.shared().state().flushes() && self.shared().has_output() {
            if budget == 0 {
                self.flush_later();
                break;
            }
            let stream = &mut *self.stream;
            match self.transport.shared().send_output(|output| send(stream, output, budget)) {
                Ok(Sent { taken, offered }) => {
                    budget -= taken;
                    self.note_written(taken, offered);
                    self.deadlines.activity(self.shared().now());
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.writable = false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.hang_up(error),
            }
        }
        limit - budget
    }

    /// More is to be sent when this turn's budget is renewed: in the next turn, or when a rate limit allows it.
    pub(super) fn flush_later(&self) {
        if !self.shared().has(WRITE_RATE_WAITS) {
            self.shared().ask_attention();
        }
    }

    /// The socket has taken so much of what it was offered.
    pub(super) fn note_written(&mut self, taken: usize, offered: usize) {
        self.writable = taken == offered;
        self.shared().reactor.core().counters.written(taken);
        if !self.shared().state().is_ending() || self.shared().has(HAS_PRODUCER) {
            self.deadlines.begin(self.shared().now());
        }
    }

    /// Tells the protocol when output has passed one of the marks since it was told last.
    fn settle_marks(&mut self, watch: &mut Watch) {
        if !self.told_paused && !self.shared().has(ABOVE_MARK) {
            return;
        }
        let (limits, waiting) = (self.shared().limits(), self.shared().buffered());
        // What the socket took at once never waited for the peer.
        let over = if self.told_paused { limits.is_drained(waiting) } else { !limits.is_above_mark(waiting) };
        if over || !self.shared().has_output() {
            self.shared().fall_below_mark();
        } else {
            self.settle_answers(&limits);
        }
        let above = self.shared().has(ABOVE_MARK);
        if above == self.told_paused {
            return;
        }
        self.told_paused = above;
        if !self.shared().state().accepts_output() {
            return;
        }
        if above {
            self.inform(watch, "writing_paused", |protocol, transport| protocol.writing_paused(transport));
        } else {
            self.inform(watch, "writing_resumed", |protocol, transport| protocol.writing_resumed(transport));
        }
    }

    /// Ends the pause that answers have caused, if they have drained although other output waits.
    fn settle_answers(&self, limits: &Limits) {
        let answers = self.shared().answers();
        let over = if self.input_held { limits.is_drained(answers) } else { !limits.is_above_mark(answers) };
        if over {
            self.shared().end_answers_pause();
        }
    }

    /// Takes over a producer that was registered and drops one that was unregistered.
    fn settle_registration(&mut self, watch: &mut Watch) {
        let registration = self.shared().take_rare(|rare| rare.registration.take());
        let dropped = if !self.shared().has(HAS_PRODUCER) {
            (self.producer.take(), registration)
        } else if let Some(registration) = registration {
            let replaced = self.producer.replace(Box::new(registration));
            self.begin_pulling(watch);
            (replaced, None)
        } else {
            return;
        };
        if let Err(message) = catch(move || drop(dropped)) {
            self.report_panic("a producer's destructor", &message);
        }
    }

    fn begin_pulling(&mut self, watch: &mut Watch) {
        let pulls = |registration: &Registration| registration.kind == ProducerKind::Pull;
        if self.shared().state().flushes() && self.producer.as_deref().is_some_and(pulls) {
            self.resume_producer(watch);
        }
    }

    /// A connection that closes because something went wrong sends what was written, and waits for no producer to add to it.
    fn settle_failure(&mut self, watch: &mut Watch) {
        let closes = self.shared().state().is_ending() && self.shared().state().flushes();
        if closes && self.shared().has(HAS_PRODUCER) && self.shared().has_reason() {
            self.stop_producer(watch);
        }
    }

    /// Pauses and resumes the producer as the output demands.
    fn settle_producer(&mut self, watch: &mut Watch) {
        if !self.shared().has(HAS_PRODUCER) || !self.shared().state().flushes() {
            return;
        }
        // A callback since may have put another in the place of this one, which is not to be called any more.
        self.settle_registration(watch);
        let Some(Registration { kind, waits, .. }) = self.producer.as_deref() else {
            return;
        };
        match (kind, waits) {
            (ProducerKind::Pull, true) if !self.shared().has_output() => self.resume_producer(watch),
            (ProducerKind::Push, true) if !self.shared().has(ABOVE_MARK) => self.resume_producer(watch),
            (ProducerKind::Push, false) if self.shared().has(ABOVE_MARK) => self.pause_producer(watch),
            _ => {}
        }
    }

    fn resume_producer(&mut self, watch: &mut Watch) {
        let Some(mut registration) = self.producer.take() else {
            return;
        };
        self.produce(watch, "resume_producing", |transport| {
            registration.producer.resume_producing(transport)
        });
        // A pull producer waits for its piece to be sent; one that wrote nothing is not asked again.
        registration.waits = registration.kind == ProducerKind::Pull && self.shared().has_output();
        self.producer = Some(registration);
    }

    fn pause_producer(&mut self, watch: &mut Watch) {
        let Some(mut registration) = self.producer.take() else {
            return;
        };
        registration.waits = true;
        self.produce(watch, "pause_producing", |transport| registration.producer.pause_producing(transport));
        self.producer = Some(registration);
    }

    /// The connection is lost, or has failed: tells the producer, if one is registered, and drops it.
    pub(super) fn stop_producer(&mut self, watch: &mut Watch) {
        let latest = self.shared().take_rare(|rare| rare.registration.take());
        let replaced = latest.and_then(|latest| self.producer.replace(Box::new(latest)));
        let mut current = self.producer.take();
        if let Some(registration) = current.as_mut().filter(|_| self.shared().has(HAS_PRODUCER)) {
            self.produce(watch, "stop_producing", |transport| {
                registration.producer.stop_producing(transport)
            });
        }
        self.shared().set(HAS_PRODUCER, false);
        if let Err(message) = catch(move || drop((replaced, current))) {
            self.report_panic("a producer's destructor", &message);
        }
    }

    /// Calls a producer; a panic ends the connection as a protocol's does.
    pub(super) fn produce(&self, watch: &mut Watch, callback: &'static str, call: impl FnOnce(&Transport)) {
        watch.begin(Running::Callback(self.shared().id, callback));
        if let Err(message) = catch(|| call(&self.transport)) {
            self.panicked(callback, message);
        }
    }

    fn carry_out_actions(&mut self) {
        if self.shared().pending().is_empty() {
            return;
        }
        if self.shared().take_action(Actions::DISCARD_OUTPUT) {
            self.shared().discard_output();
            // Output that is gone holds reading back no longer.
            self.shared().ask_attention();
        }
        if self.shared().take_action(Actions::FINISH_WRITING) {
            if let Err(error) = self.stream.shutdown_write() {
                self.hang_up(error);
            }
        }
        let lingers = self.shared().take_action(Actions::START_LINGERING);
        if self.shared().take_action(Actions::START_DEADLINE) | lingers {
            self.deadlines.begin(self.shared().now());
        }
        if lingers && !self.stream.lingers() {
            self.shared().step(Event::InputEnded);
        }
    }
}

/// Offers waiting output, `limit` bytes at the most, with one system call.
fn send(stream: &mut dyn Stream, output: &Output, limit: usize) -> io::Result<Sent> {
    if let Some(only) = output.only_segment() {
        // Nearly always; and preparing room for many slices costs more than all the rest.
        return send_slices(stream, &[IoSlice::new(&only[..only.len().min(limit)])]);
    }
    let mut slices = [IoSlice::new(&[]); SLICES_MAX];
    let count = output.fill(&mut slices, limit);
    send_slices(stream, &slices[..count])
}

fn send_slices(stream: &mut dyn Stream, slices: &[IoSlice<'_>]) -> io::Result<Sent> {
    let taken = stream.write(slices)?;
    if taken == 0 {
        return Err(io::ErrorKind::WriteZero.into());
    }
    Ok(Sent { taken, offered: slices.iter().map(|slice| slice.len()).sum() })
}
