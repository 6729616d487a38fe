//! One member: its connection, and what waits for it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::backlog::Backlog;
use super::policy::{Lag, LagPolicy, MemberTooSlow};
use super::recipient::Recipient;

pub(super) struct Member<M: Recipient> {
    pub(super) recipient: M,
    /// Invariant: empty unless the member will be told when it is ready again.
    backlog: RefCell<Backlog<M>>,
    waits: Cell<bool>,
}

impl<M: Recipient> Member<M> {
    pub(super) fn new(recipient: M) -> Self {
        Self { recipient, backlog: RefCell::new(Backlog::new()), waits: Cell::new(false) }
    }

    pub(super) fn lag(&self) -> Lag {
        self.backlog.borrow().lag()
    }

    /// Sends a message now or, if the member lags, when it has caught up.
    pub(super) fn tell(self: &Rc<Self>, message: &M::Message, topic: Option<u64>, policy: &LagPolicy) {
        if !self.recipient.is_open() {
            return;
        }
        let mut backlog = self.backlog.borrow_mut();
        if backlog.is_empty() && self.has_room() {
            self.recipient.tell(message);
        } else if backlog.add(message, topic, policy) {
            drop(backlog);
            self.wait();
        } else {
            let Lag { messages, bytes, .. } = backlog.lag();
            self.recipient.disconnect(MemberTooSlow { messages, bytes });
            backlog.drop_all();
        }
    }

    /// Whether no more output waits than the high-water mark, and nothing else is waited for.
    fn has_room(&self) -> bool {
        let transport = self.recipient.transport();
        let buffered = transport.buffered();
        self.recipient.is_ready() && (buffered == 0 || buffered <= transport.limits().high_water)
    }

    fn wait(self: &Rc<Self>) {
        if self.backlog.borrow().is_empty() || self.waits.replace(true) {
            return;
        }
        let member = Rc::downgrade(self);
        self.recipient.when_ready().then(move |()| {
            // One that has left wants nothing more.
            if let Some(member) = member.upgrade() {
                member.catch_up();
            }
        });
    }

    fn catch_up(self: &Rc<Self>) {
        self.waits.set(false);
        while self.recipient.is_open() && self.has_room() {
            let Some(message) = self.backlog.borrow_mut().take_oldest() else { return };
            self.recipient.tell(&message);
        }
        if !self.recipient.is_open() {
            self.backlog.borrow_mut().drop_all();
        }
        self.wait();
    }
}
