//! Connections that hear the same things.

mod backlog;
mod member;
pub(crate) mod membership;
pub(crate) mod policy;
pub(crate) mod recipient;

use std::borrow::Borrow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use ropewalk_reactor::Transport;

use member::Member;
use membership::{KeyTaken, Membership};
use policy::{Lag, LagPolicy};
use recipient::Recipient;

/// Connections under keys, all of which can be told something at once: a room, the subscribers of a feed.
///
/// A clone is the same group. The key is what members are known by: a name, or the connection's
/// [`id`](Transport::id) where there is nothing better. Members are kept in the order of their keys.
///
/// No method calls anybody, so a group may be used in every callback.
///
/// ```
/// use ropewalk_protocols::{Group, Membership};
/// use ropewalk_reactor::{ConnectionId, Protocol, Reason, Result, Transport, for_protocol};
///
/// /// Everybody hears what the others say.
/// struct Talker {
///     room: Group<ConnectionId>,
///     membership: Option<Membership<ConnectionId>>,
/// }
///
/// impl Protocol for Talker {
///     fn connection_made(&mut self, transport: &Transport) {
///         self.membership = self.room.join(transport.id(), transport).ok();
///     }
///
///     fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
///         if let Some(membership) = &self.membership {
///             membership.tell_others(data);
///         }
///         Ok(())
///     }
///
///     fn connection_lost(&mut self, _: &Transport, _: &Reason) {
///         self.membership = None; // as would dropping the protocol
///         self.room.broadcast("Somebody has left.\r\n");
///     }
/// }
///
/// let room = Group::new();
/// let factory = for_protocol(move || Talker { room: room.clone(), membership: None });
/// ```
///
/// The connections of a [`Router`](crate::Router) join a group by [`Router::in_group`](crate::Router::in_group).
///
/// # WebSockets
///
/// A group of WebSockets sends messages instead of bytes, each encoded once. They come where messages may: behind one that is being
/// sent in fragments, and not to a member that is closing.
///
/// ```
/// use ropewalk_protocols::{Group, Membership, Message, WebSocket, WebSocketProtocol};
/// use ropewalk_reactor::{ConnectionId, Result};
///
/// type Room = Group<ConnectionId, WebSocket>;
///
/// struct Talker {
///     room: Room,
///     membership: Option<Membership<ConnectionId, WebSocket>>,
/// }
///
/// impl WebSocketProtocol for Talker {
///     fn opened(&mut self, socket: &WebSocket) {
///         self.room.broadcast("Somebody has come."); // the others hear it
///         self.membership = self.room.join(socket.transport().id(), socket).ok();
///     }
///
///     fn message_received(&mut self, _: &WebSocket, message: Message<'_>) -> Result {
///         self.room.broadcast(message);
///         Ok(())
///     }
/// }
///
/// let room = Room::default();
/// ```
///
/// # Members that lag
///
/// A message is handed to a member's connection at once unless more than its high-water mark is unsent there, or a WebSocket sends
/// fragments; then
/// it waits, with those after it, until the output has drained. How much may wait and what happens beyond is the
/// [`LagPolicy`]; [`Lag`] tells how far a member is behind. What else is written to a connection that lags does not
/// wait: it overtakes. Messages that wait when the connection closes or the member leaves are dropped.
///
/// # What it costs
///
/// A message is in memory once, however many members there are; up to 256 bytes are copied to each, as that is
/// cheaper. All that members are told in one turn of the reactor is one write for each of them. Nothing is allocated
/// but the message itself, unless members lag. Telling everybody takes time in proportion to their number.
pub struct Group<K, M: Recipient = Transport> {
    shared: Rc<Shared<K, M>>,
}

struct Shared<K, M: Recipient> {
    policy: LagPolicy,
    members: RefCell<BTreeMap<K, Rc<Member<M>>>>,
}

impl<K: Ord> Group<K> {
    /// A group without members, with the default policy: those for whom more than 1 MiB or 4,096 messages wait are
    /// disconnected.
    pub fn new() -> Self {
        Self::with_policy(LagPolicy::default())
    }

    /// A group with another policy for members that lag.
    pub fn with_policy(policy: LagPolicy) -> Self {
        Self::of_recipients(policy)
    }
}

impl<K: Ord, M: Recipient> Group<K, M> {
    /// A group of other members than transports, with a policy; [`default`](Self::default) has the default one.
    ///
    /// ```
    /// use ropewalk_protocols::{Group, LagPolicy, Overflow, WebSocket};
    ///
    /// let spectators: Group<u64, WebSocket> = Group::of_recipients(LagPolicy::new(Overflow::DropOldest));
    /// ```
    pub fn of_recipients(policy: LagPolicy) -> Self {
        Self { shared: Rc::new(Shared { policy, members: RefCell::default() }) }
    }

    /// Makes a connection a member until what is returned is dropped.
    ///
    /// # Errors
    /// Gives the key back if another member has it.
    pub fn join(&self, key: K, recipient: &M) -> Result<Membership<K, M>, KeyTaken<K>>
    where
        K: Clone,
    {
        if self.contains(&key) {
            return Err(KeyTaken(key));
        }
        let member = Rc::new(Member::new(recipient.clone()));
        self.shared.members.borrow_mut().insert(key.clone(), Rc::clone(&member));
        Ok(Membership::new(self.clone(), key, member))
    }

    /// Sends `message` to all members. An empty one is none.
    pub fn broadcast(&self, message: impl Into<M::Message>) {
        self.tell(&[], None, &message.into());
    }

    /// Sends `message` to all members but those who have one of these keys.
    pub fn broadcast_except(&self, except: &[K], message: impl Into<M::Message>) {
        self.tell(except, None, &message.into());
    }

    /// Sends `message` to all members as the latest about its topic, which is any number that you choose: for members that
    /// lag it takes the place of one on the same topic that still waits.
    ///
    /// ```
    /// # use ropewalk_protocols::Group;
    /// # let players: Group<u64> = Group::new();
    /// # let (id, x, y) = (7, 1.0, 2.0);
    /// // Whoever lags wants to know where a player is, not where it was.
    /// players.broadcast_latest(id, format!("player {id} at {x} {y}\n"));
    /// ```
    pub fn broadcast_latest(&self, topic: u64, message: impl Into<M::Message>) {
        self.tell(&[], Some(topic), &message.into());
    }

    fn tell(&self, except: &[K], topic: Option<u64>, message: &M::Message) {
        if M::length(message) == 0 {
            return;
        }
        let members = self.shared.members.borrow();
        for (_, member) in members.iter().filter(|(key, _)| !except.contains(*key)) {
            member.tell(message, topic, &self.shared.policy);
        }
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.shared.members.borrow().len()
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.shared.members.borrow().is_empty()
    }

    /// Whether a member has this key.
    pub fn contains<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.shared.members.borrow().contains_key(key)
    }

    /// The members of this moment, in the order of their keys. Whoever comes or goes later changes nothing in what was
    /// returned.
    pub fn members(&self) -> Vec<(K, M)>
    where
        K: Clone,
    {
        let members = self.shared.members.borrow();
        members.iter().map(|(key, member)| (key.clone(), member.recipient.clone())).collect()
    }

    /// The connection of the member that has this key.
    pub fn transport<Q: Ord + ?Sized>(&self, key: &Q) -> Option<Transport>
    where
        K: Borrow<Q>,
    {
        self.shared.members.borrow().get(key).map(|member| member.recipient.transport().clone())
    }

    /// How far the member that has this key is behind.
    pub fn lag<Q: Ord + ?Sized>(&self, key: &Q) -> Option<Lag>
    where
        K: Borrow<Q>,
    {
        self.shared.members.borrow().get(key).map(|member| member.lag())
    }

    fn remove(&self, key: &K) {
        let removed = self.shared.members.borrow_mut().remove_entry(key);
        // A key may be anything, and its destructor may use the group.
        drop(removed);
    }
}

impl<K, M: Recipient> Clone for Group<K, M> {
    fn clone(&self) -> Self {
        Self { shared: Rc::clone(&self.shared) }
    }
}

impl<K: Ord, M: Recipient> Default for Group<K, M> {
    fn default() -> Self {
        Self::of_recipients(LagPolicy::default())
    }
}

impl<K: fmt::Debug, M: Recipient> fmt::Debug for Group<K, M> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.shared.members.borrow().keys()).finish()
    }
}
