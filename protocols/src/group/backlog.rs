//! What waits for one member that lags, within bounds.

use std::collections::{BTreeMap, VecDeque};

use super::policy::{Lag, LagPolicy, Overflow};
use super::recipient::Recipient;

/// Messages that wait for a member, oldest first.
pub(super) struct Backlog<M: Recipient> {
    messages: VecDeque<Waiting<M::Message>>,
    /// How many messages have left at the front, ever: the number of the oldest one that waits.
    first: u64,
    /// The numbers of those that have a topic. Invariant: each is among the messages, under that topic.
    topics: BTreeMap<u64, u64>,
    /// Invariant: `messages` and `bytes` in here are those of the messages above.
    lag: Lag,
}

struct Waiting<T> {
    message: T,
    topic: Option<u64>,
}

impl<M: Recipient> Backlog<M> {
    pub(super) fn new() -> Self {
        Self { messages: VecDeque::new(), first: 0, topics: BTreeMap::new(), lag: Lag::default() }
    }

    pub(super) const fn lag(&self) -> Lag {
        self.lag
    }

    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Adds a message, or drops one as the policy says. False if the member is to be disconnected.
    pub(super) fn add(&mut self, message: &M::Message, topic: Option<u64>, policy: &LagPolicy) -> bool {
        while !self.has_room(message, topic, policy) {
            // One that is too long by itself is not worth all the others.
            let makes_room = policy.overflow == Overflow::DropOldest && M::length(message) <= policy.bytes;
            if !(makes_room && self.drop_oldest()) {
                self.lag.dropped += 1;
                return policy.overflow != Overflow::Disconnect;
            }
        }
        self.place(message.clone(), topic);
        true
    }

    /// Takes out the oldest message.
    pub(super) fn take_oldest(&mut self) -> Option<M::Message> {
        let Waiting { message, topic } = self.messages.pop_front()?;
        let number = self.first;
        self.first += 1;
        self.lag.messages -= 1;
        self.lag.bytes -= M::length(&message);
        if let Some(topic) = topic {
            let of_topic = self.topics.remove(&topic);
            debug_assert_eq!(of_topic, Some(number), "one message waits for each topic");
        }
        if self.messages.is_empty() {
            // A member that has caught up holds no memory.
            (self.messages, self.topics) = Default::default();
        }
        Some(message)
    }

    /// Nothing will be sent to the member any more.
    pub(super) fn drop_all(&mut self) {
        while self.drop_oldest() {}
    }

    fn drop_oldest(&mut self) -> bool {
        let dropped = self.take_oldest().is_some();
        self.lag.dropped += u64::from(dropped);
        dropped
    }

    fn has_room(&self, message: &M::Message, topic: Option<u64>, policy: &LagPolicy) -> bool {
        let (messages, bytes) = match self.position(topic) {
            Some(position) => {
                (self.lag.messages, self.lag.bytes - M::length(&self.messages[position].message))
            }
            None => (self.lag.messages + 1, self.lag.bytes),
        };
        messages <= policy.messages && bytes.saturating_add(M::length(message)) <= policy.bytes
    }

    /// Where the message of this topic waits.
    fn position(&self, topic: Option<u64>) -> Option<usize> {
        let number = self.topics.get(&topic?)?;
        // Fits: it is less than the number of messages that wait.
        Some((number - self.first) as usize)
    }

    fn place(&mut self, message: M::Message, topic: Option<u64>) {
        self.lag.bytes += M::length(&message);
        if let Some(position) = self.position(topic) {
            // It keeps its place: a topic that changes often comes no later for that.
            let replaced = std::mem::replace(&mut self.messages[position].message, message);
            self.lag.bytes -= M::length(&replaced);
            self.lag.replaced += 1;
            return;
        }
        if let Some(topic) = topic {
            self.topics.insert(topic, self.first + self.messages.len() as u64);
        }
        self.lag.messages += 1;
        self.messages.push_back(Waiting { message, topic });
    }
}
