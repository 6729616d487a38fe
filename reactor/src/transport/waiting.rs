//! What others than its protocol wait for on a connection.

use std::rc::Rc;

use crate::connection::lifecycle::State;
use crate::transport::shared::{self, Shared};
use crate::{Deferred, Reason, Transport};

impl Transport {
    /// Comes when the connection has ended and its protocol, whichever it is then, has heard `connection_lost`, with the reason; at
    /// once if that was before, and then without, as nobody keeps it. For those who look after connections and are not their
    /// protocol.
    ///
    /// ```
    /// # fn example(transport: &ropewalk_reactor::Transport) {
    /// let peer = transport.peer().clone();
    /// transport.when_lost().then(move |reason| match reason {
    ///     Some(reason) => println!("{peer} is gone: {reason}"),
    ///     None => println!("{peer} was gone"),
    /// });
    /// # }
    /// ```
    pub fn when_lost(&self) -> Deferred<Option<Rc<Reason>>> {
        let (deferred, resolver) = Deferred::new(self.reactor());
        if self.shared.has(shared::LOSS_TOLD) {
            resolver.resolve(None);
        } else {
            self.shared.with_rare(|rare| rare.waiting_for_loss.push(resolver));
        }
        deferred
    }

    /// Comes when output above [`Limits::high_water`](crate::Limits::high_water) has drained to
    /// [`Limits::low_water`](crate::Limits::low_water), or will never be sent; at once if no more than the former waits. For
    /// those who write to connections and are not their protocol, which hears
    /// [`writing_paused`](crate::Protocol::writing_paused) and [`writing_resumed`](crate::Protocol::writing_resumed).
    ///
    /// ```
    /// # async fn example(transport: ropewalk_reactor::Transport) {
    /// for number in 0..1_000 {
    ///     transport.write(format!("line {number}\r\n"));
    ///     transport.when_drained().await; // no more waits in memory than the marks allow
    /// }
    /// # }
    /// ```
    pub fn when_drained(&self) -> Deferred<()> {
        let (deferred, resolver) = Deferred::new(self.reactor());
        if self.shared.drains() {
            self.shared.with_rare(|rare| rare.waiting_for_drain.push(resolver));
        } else {
            resolver.resolve(());
        }
        deferred
    }
}

impl Shared {
    /// Reading waits until the output of `other` has drained.
    pub(super) fn wait_for_room(&self, this: &Transport, other: &Self) {
        if self.has(shared::WAITS_FOR_ROOM) || self.state() == State::Lost {
            return;
        }
        self.set(shared::WAITS_FOR_ROOM, true);
        self.ask_attention();
        let mut waiting = other.take_rare(|rare| std::mem::take(&mut rare.waiting_for_room));
        if waiting.len() == waiting.capacity() {
            // Before the list grows, those leave it that were lost while they waited.
            waiting.retain(|transport| transport.shared().state() != State::Lost);
        }
        waiting.push(this.clone());
        other.with_rare(|rare| rare.waiting_for_room = waiting);
    }

    pub(super) fn end_wait_for_room(&self) {
        self.set(shared::WAITS_FOR_ROOM, false);
        self.end_pause();
        self.ask_attention();
    }

    /// Whether output was above the high-water mark and has not drained since.
    fn drains(&self) -> bool {
        if self.state() == State::Lost || !self.has_output() {
            return false;
        }
        let limits = self.limits();
        // The marks of all connections may have been lowered since the output was written.
        if !self.has(shared::ABOVE_MARK) && limits.is_above_mark(self.buffered()) {
            self.rise_above_mark(&limits);
            self.ask_attention();
        }
        self.has(shared::ABOVE_MARK)
    }
}
