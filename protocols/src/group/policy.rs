//! What becomes of members that read too slowly.

use std::error::Error;
use std::fmt;

/// How much may wait for a member of a [`Group`](super::Group) that lags, and what happens when that is full.
///
/// A message waits when more output than [`Limits::high_water`](ropewalk_reactor::Limits::high_water) is unsent on its
/// member's connection; so one member costs no more than that, one message, and what is said here.
///
/// ```
/// use ropewalk_protocols::{Group, LagPolicy, Overflow};
///
/// let mut policy = LagPolicy::new(Overflow::DropOldest);
/// policy.messages = 100;
/// let prices: Group<String> = Group::with_policy(policy);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct LagPolicy {
    /// How many bytes may wait. Default 1 MiB. A message that waits for several members counts for each, and is in memory once.
    pub bytes: usize,
    /// How many messages may wait. Default 4,096. Each costs some 50 bytes beside its own.
    pub messages: usize,
    /// What happens when a message would go beyond. Default [`Overflow::Disconnect`].
    pub overflow: Overflow,
}

/// What happens when too much waits for a member.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Overflow {
    /// The member's connection is closed with the error [`MemberTooSlow`]; what waited is dropped.
    #[default]
    Disconnect,
    /// The oldest messages are dropped until the new one has room. One that has none even then is dropped itself.
    DropOldest,
    /// The new message is dropped.
    DropNewest,
}

/// How far a member is behind, and what it has missed since it joined.
///
/// Every message is counted once: sent, waiting, dropped or replaced.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Lag {
    /// How many messages wait. [`Transport::buffered`](ropewalk_reactor::Transport::buffered) tells what comes on top: the
    /// bytes that were written and not sent.
    pub messages: usize,
    /// How many bytes these are.
    pub bytes: usize,
    /// How many messages were dropped because too much waited, or because the member's connection closed.
    pub dropped: u64,
    /// How many messages gave way to a later one of the same topic.
    pub replaced: u64,
}

/// A member was disconnected because too much waited for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MemberTooSlow {
    /// How many messages waited.
    pub messages: usize,
    /// How many bytes these were.
    pub bytes: usize,
}

impl LagPolicy {
    /// The defaults named on each field, with this way of dealing with what is too much.
    pub const fn new(overflow: Overflow) -> Self {
        Self { bytes: 1024 * 1024, messages: 4096, overflow }
    }
}

impl Default for LagPolicy {
    fn default() -> Self {
        Self::new(Overflow::Disconnect)
    }
}

impl fmt::Display for MemberTooSlow {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { messages, bytes } = self;
        write!(formatter, "the peer reads too slowly: {messages} messages of {bytes} bytes were waiting")
    }
}

impl Error for MemberTooSlow {}
