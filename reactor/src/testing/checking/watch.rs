//! What is noted of a protocol while it is run.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;

use super::Law;
use super::script::Break;
use crate::testing::{Events, Peer};
use crate::{Reason, Timeout, Transport};

/// A law that was broken, and how.
#[derive(Clone, Debug)]
pub(super) struct Breach {
    pub(super) law: Law,
    pub(super) how: String,
}

/// How a connection has ended.
#[derive(Clone)]
pub(super) struct End {
    pub(super) reason: String,
    /// What was written was sent before.
    pub(super) flushed: bool,
    /// It was closing and did not come to an end by itself.
    pub(super) closing_timed_out: bool,
}

/// What the run and the watched protocol share.
#[derive(Default)]
pub(super) struct Watch {
    pub(super) events: Events,
    pub(super) end: RefCell<Option<End>>,
    /// The first law that was broken.
    breach: RefCell<Option<Breach>>,
    /// How many callbacks have returned.
    pub(super) callbacks: Cell<usize>,
    /// How many protocols of the connection are there, successors included.
    pub(super) alive: Cell<usize>,
    /// How many events were recorded before the loss was over.
    pub(super) events_heard: Cell<usize>,
    /// How many bytes of output may wait.
    pub(super) output_bound: Cell<Option<usize>>,
    /// What breaks the connection after how many callbacks.
    pub(super) break_after: Cell<Option<(usize, Break)>>,
    pub(super) pauses_at_events: Cell<bool>,
    /// How much the peer reads.
    pub(super) window: Cell<usize>,
    /// The connection, from the first callback on until it is taken out.
    pub(super) transport: Cell<Option<Transport>>,
    /// The other end, as soon as there is one.
    pub(super) peer: OnceCell<Peer>,
}

impl Watch {
    /// Notes that a law was broken, unless one was before.
    pub(super) fn broken(&self, law: Law, how: impl Into<String>) {
        self.breach.borrow_mut().get_or_insert_with(|| Breach { law, how: how.into() });
    }

    pub(super) fn breach(&self) -> Option<Breach> {
        self.breach.borrow().clone()
    }

    /// The first callback begins.
    pub(super) fn made(&self, transport: &Transport) {
        self.transport.set(Some(transport.clone()));
        if let Some(peer) = self.peer.get() {
            // Not before: nothing connects to a peer that takes nothing.
            peer.set_window(Some(self.window.get()));
        }
        if self.pauses_at_events.get() {
            self.events.pause_at_each(transport);
        }
    }

    /// A callback has returned.
    pub(super) fn returned(&self, callback: &'static str, transport: &Transport) {
        self.check_output(transport, || format!("after {callback}"));
        let number = self.callbacks.get() + 1;
        self.callbacks.set(number);
        match (self.break_after.get(), self.peer.get()) {
            (Some((after, Break::Abort)), _) if after == number => transport.abort_connection(),
            (Some((after, Break::Reset)), Some(peer)) if after == number => peer.reset(),
            _ => {}
        }
    }

    /// The loss is told.
    pub(super) fn lost(&self, reason: &Reason) {
        let flushed = matches!(reason, Reason::Closed | Reason::Error(_));
        let closing_timed_out = matches!(reason, Reason::TimedOut(Timeout::Close(_)));
        self.end.replace(Some(End { reason: reason.to_string(), flushed, closing_timed_out }));
    }

    /// Whether no more output waits than may.
    pub(super) fn check_output(&self, transport: &Transport, when: impl Fn() -> String) {
        let waiting = transport.buffered();
        // After the loss it is what was never sent.
        if let Some(bound) = self.output_bound.get().filter(|bound| waiting > *bound && transport.is_open()) {
            let when = when();
            self.broken(
                Law::Memory,
                format!("{waiting} bytes of output wait {when}, and no more than {bound} may"),
            );
        }
    }

    /// What is recorded from now on comes after the loss.
    pub(super) fn everything_heard(&self) {
        self.events_heard.set(self.events.length());
    }

    pub(super) fn protocol_begins(self: &Rc<Self>) -> Rc<Self> {
        self.alive.set(self.alive.get() + 1);
        Rc::clone(self)
    }

    pub(super) fn protocol_ends(&self) {
        self.alive.set(self.alive.get() - 1);
    }
}
