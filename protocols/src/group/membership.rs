//! Being a member, for as long as one likes.

use std::error::Error;
use std::fmt;
use std::rc::Rc;

use ropewalk_reactor::Transport;

use super::member::Member;
use super::recipient::Recipient;
use super::{Group, Lag};

/// A place in a [`Group`]: dropping it leaves the group.
///
/// A protocol keeps it in a field, and so leaves when its connection is lost, however that comes about.
#[must_use = "dropping it leaves the group"]
pub struct Membership<K: Ord, M: Recipient = Transport> {
    group: Group<K, M>,
    key: K,
    member: Rc<Member<M>>,
}

/// Somebody else has the key; here it is back.
pub struct KeyTaken<K>(pub K);

impl<K: Ord, M: Recipient> Membership<K, M> {
    pub(super) fn new(group: Group<K, M>, key: K, member: Rc<Member<M>>) -> Self {
        Self { group, key, member }
    }

    /// The key that this member has joined with.
    pub const fn key(&self) -> &K {
        &self.key
    }

    /// The group.
    pub const fn group(&self) -> &Group<K, M> {
        &self.group
    }

    /// Sends `message` to all members but this one.
    pub fn tell_others(&self, message: impl Into<M::Message>) {
        self.group.broadcast_except(std::slice::from_ref(&self.key), message);
    }

    /// How far this member is behind.
    pub fn lag(&self) -> Lag {
        self.member.lag()
    }
}

impl<K: Ord, M: Recipient> Drop for Membership<K, M> {
    fn drop(&mut self) {
        self.group.remove(&self.key);
    }
}

impl<K: Ord + fmt::Debug, M: Recipient> fmt::Debug for Membership<K, M> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Membership").field("key", &self.key).finish_non_exhaustive()
    }
}

impl<K> fmt::Debug for KeyTaken<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("KeyTaken")
    }
}

impl<K> fmt::Display for KeyTaken<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("another member of the group has this key")
    }
}

impl<K> Error for KeyTaken<K> {}
