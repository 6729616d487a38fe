//! One member: its connection, and what waits for it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use ropewalk_reactor::{Bytes, Transport};

use super::backlog::Backlog;
use super::policy::{Lag, LagPolicy, MemberTooSlow};

pub(super) struct Member {
    pub(super) transport: Transport,
    /// Invariant: empty unless the member will be told when its output has drained.
    backlog: RefCell<Backlog>,
    waits: Cell<bool>,
}

impl Member {
    pub(super) fn new(transport: Transport) -> Self {
        Self { transport, backlog: RefCell::default(), waits: Cell::new(false) }
    }

    pub(super) fn lag(&self) -> Lag {
        self.backlog.borrow().lag()
    }

    /// Sends a message now or, if the member lags, when it has caught up.
    pub(super) fn tell(self: &Rc<Self>, message: &Bytes, topic: Option<u64>, policy: &LagPolicy) {
        if !self.transport.accepts_output() {
            return;
        }
        let mut backlog = self.backlog.borrow_mut();
        if backlog.is_empty() && self.has_room() {
            self.transport.write_shared(message.clone());
        } else if backlog.add(message, topic, policy) {
            drop(backlog);
            self.wait();
        } else {
            let Lag { messages, bytes, .. } = backlog.lag();
            self.transport.fail(MemberTooSlow { messages, bytes });
            backlog.drop_all();
        }
    }

    /// Whether no more output waits than the high-water mark.
    fn has_room(&self) -> bool {
        let buffered = self.transport.buffered();
        buffered == 0 || buffered <= self.transport.limits().high_water
    }

    fn wait(self: &Rc<Self>) {
        if self.backlog.borrow().is_empty() || self.waits.replace(true) {
            return;
        }
        let member = Rc::downgrade(self);
        self.transport.when_drained().then(move |()| {
            // One that has left wants nothing more.
            if let Some(member) = member.upgrade() {
                member.catch_up();
            }
        });
    }

    fn catch_up(self: &Rc<Self>) {
        self.waits.set(false);
        while self.transport.accepts_output() && self.has_room() {
            let Some(message) = self.backlog.borrow_mut().take_oldest() else { return };
            self.transport.write_shared(message);
        }
        if !self.transport.accepts_output() {
            self.backlog.borrow_mut().drop_all();
        }
        self.wait();
    }
}
