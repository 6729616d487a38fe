//! Reading: from the socket to the protocol.

use std::io;

use super::Connection;
use super::lifecycle::{Actions, Event, State};
use crate::Reason;
use crate::event_loop::callbacks::Watch;
use crate::rate::Direction;
use crate::transport::shared::{
    HEARING, HOLDS_INPUT, INSERTING, LAYERED, LAYERS_ANSWER, READ_RATE_WAITS, SWITCHING,
};

/// How many bytes one connection may read in one turn before the others have theirs (G5).
const READ_BUDGET: usize = 256 * 1024;

impl Connection {
    /// Reads what there is, within the budget, and delivers it. Afterwards `queued` says whether there may be more.
    pub(crate) fn read(&mut self, watch: &mut Watch, buffer: &mut [u8]) {
        self.settle_input(watch);
        let budget = self.read_budget(READ_BUDGET);
        let read = self.read_within(watch, buffer, budget);
        self.budget_used(Direction::Read, read);
    }

    /// Reads what there is up to `limit` bytes, and returns how many there were.
    fn read_within(&mut self, watch: &mut Watch, buffer: &mut [u8], limit: usize) -> usize {
        let mut budget = limit;
        self.queued = true;
        while self.queued {
            if !self.may_read() {
                self.queued = false;
            } else if budget == 0 || self.shared().has(HOLDS_INPUT) || self.is_stopped_in_layers() {
                // What the protocol holds, or a layer, is older than anything that is to be read, the end of input included.
                break;
            } else {
                let length = buffer.len().min(budget);
                budget -= self.read_once(watch, &mut buffer[..length]);
            }
        }
        limit - budget
    }

    /// Makes one read and returns how many bytes it gave.
    fn read_once(&mut self, watch: &mut Watch, buffer: &mut [u8]) -> usize {
        let is_layered = self.shared().has(LAYERED);
        let held = if is_layered { self.held_by_layers(buffer.len()) } else { 0 };
        match self.stream.read(&mut buffer[held..]) {
            Ok(0) => {
                self.readable = false;
                if !is_layered || self.may_end() {
                    self.input_ended(watch);
                }
            }
            Ok(count) => {
                self.shared().reactor.core().counters.read(count);
                // A short read has emptied the socket, and the next bytes will be announced by a new event.
                self.readable = held + count == buffer.len() || self.distrusts_short_reads;
                if self.shared().state() == State::Lingering {
                    // Everything is sent: what layers would make of this matters no more.
                } else if is_layered {
                    self.receive(watch, &mut buffer[..held + count], held);
                } else if self.shared().state().delivers_input() {
                    self.deadlines.activity(self.shared().now());
                    self.deliver(watch, &buffer[..count]);
                }
                return count;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.input_paused(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                self.readable = false;
                self.shared().end_with(Reason::Lost(error), Event::ReadFailed);
            }
        }
        0
    }

    /// Whether the socket should be read if it has anything.
    pub(super) fn may_read(&self) -> bool {
        let state = self.shared().state();
        let wanted = if state.delivers_input() {
            !self.transport.is_reading_paused() && !self.shared().has(SWITCHING | INSERTING | READ_RATE_WAITS)
        } else {
            state.reads()
        };
        wanted && self.readable && !self.shared().has(LAYERS_ANSWER)
    }

    pub(super) fn deliver(&mut self, watch: &mut Watch, data: &[u8]) {
        self.input_held = false;
        self.shared().set(HEARING, true);
        self.call(watch, "data_received", |protocol, transport| protocol.data_received(transport, data));
        self.shared().set(HEARING, false);
    }

    pub(super) fn input_ended(&mut self, watch: &mut Watch) {
        self.shared().step(Event::InputEnded);
        if self.shared().take_action(Actions::DELIVER_END_OF_INPUT) {
            self.call(watch, "eof_received", |protocol, transport| protocol.eof_received(transport));
        }
    }

    /// There is nothing to read for now; on a broken connection, for ever.
    fn input_paused(&mut self) {
        self.readable = false;
        if self.shared().state() == State::HungUp {
            self.shared().step(Event::InputEnded);
        }
    }

    /// Notices that reading is paused; tells the protocol when it no longer is, and has layers go on.
    pub(crate) fn settle_input(&mut self, watch: &mut Watch) {
        self.settle_pause(watch);
        self.settle_stops(watch);
    }

    fn settle_pause(&mut self, watch: &mut Watch) {
        if self.shared().has(HOLDS_INPUT) {
            self.shared().set(HOLDS_INPUT, false);
            self.input_held = true;
        }
        if self.transport.is_reading_paused() {
            self.input_held = true;
            return;
        }
        if !self.input_held || !self.shared().state().delivers_input() {
            return;
        }
        self.input_held = false;
        self.deliver_leftover(watch);
        self.settle_successor(watch);
        if self.transport.delivers_input() {
            self.input_held = false;
            self.shared().set(HEARING, true);
            self.call(watch, "reading_resumed", |protocol, transport| protocol.reading_resumed(transport));
            self.shared().set(HEARING, false);
        }
    }

    /// Keeps what a protocol left to its successor until it may be delivered.
    pub(super) fn hold_leftover(&self, mut leftover: Vec<u8>) {
        if !leftover.is_empty() {
            self.shared().with_rare(|rare| {
                // What an earlier protocol left is newer than what this one has used already.
                leftover.append(&mut rare.leftover);
                rare.leftover = leftover;
            });
        }
    }

    /// Delivers what the protocol before this one has left, if input may be delivered.
    pub(super) fn deliver_leftover(&mut self, watch: &mut Watch) {
        if !self.transport.delivers_input() {
            self.input_held = true;
            return;
        }
        let leftover = self.shared().take_rare(|rare| std::mem::take(&mut rare.leftover));
        if !leftover.is_empty() {
            self.input_held = false;
            self.shared().set(HEARING, true);
            self.call_once(watch, "data_received", |protocol, transport| {
                protocol.data_received(transport, &leftover)
            });
            self.shared().set(HEARING, false);
        }
    }
}
