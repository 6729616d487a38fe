//! What can be a member of a group.

use ropewalk_reactor::{Bytes, Deferred, Transport};

use super::policy::MemberTooSlow;
use crate::websocket::close_code::CloseCode;
use crate::websocket::message::EncodedMessage;
use crate::websocket::socket::WebSocket;

/// What can be a member of a [`Group`](super::Group): a [`Transport`], which is sent bytes, or a [`WebSocket`], which is sent
/// messages that were encoded once for all. A handle of your own on a protocol's connection can be another. As with all handles,
/// its methods call nobody: they come in the midst of a broadcast, when the group may not be used.
pub trait Recipient: Clone + 'static {
    /// What it is sent, which many share.
    type Message: Clone;

    /// The connection.
    fn transport(&self) -> &Transport;

    /// How many bytes a message takes; one of none is not sent.
    fn length(message: &Self::Message) -> usize;

    /// Sends a message.
    fn tell(&self, message: &Self::Message);

    /// Whether messages can be sent, at once or later. To one that is not open, nothing is sent.
    fn is_open(&self) -> bool;

    /// Whether a message that is told now would go out behind what its connection has to send, without having to wait for anything
    /// else. If not, it waits in the group for [`when_ready`](Self::when_ready).
    fn is_ready(&self) -> bool;

    /// Comes when the connection's output has drained and messages can go out.
    fn when_ready(&self) -> Deferred<()>;

    /// Ends the connection, because too much waits.
    fn disconnect(&self, error: MemberTooSlow);
}

impl Recipient for Transport {
    type Message = Bytes;

    fn transport(&self) -> &Transport {
        self
    }

    fn length(message: &Bytes) -> usize {
        message.len()
    }

    fn tell(&self, message: &Bytes) {
        self.write_shared(message.clone());
    }

    fn is_open(&self) -> bool {
        self.accepts_output()
    }

    fn is_ready(&self) -> bool {
        true
    }

    fn when_ready(&self) -> Deferred<()> {
        self.when_drained()
    }

    fn disconnect(&self, error: MemberTooSlow) {
        self.fail(error);
    }
}

impl Recipient for WebSocket {
    type Message = EncodedMessage;

    fn transport(&self) -> &Transport {
        self.transport()
    }

    fn length(message: &EncodedMessage) -> usize {
        message.length()
    }

    fn tell(&self, message: &EncodedMessage) {
        self.send_encoded(message);
    }

    fn is_open(&self) -> bool {
        self.is_open()
    }

    /// Not while a message is being sent in fragments, which may take long: what waits for its end counts as lag.
    fn is_ready(&self) -> bool {
        !self.is_sending_fragments()
    }

    fn when_ready(&self) -> Deferred<()> {
        self.when_fragments_end().unwrap_or_else(|| self.transport().when_drained())
    }

    /// The peer is told by the code 1008.
    fn disconnect(&self, error: MemberTooSlow) {
        self.say_goodbye(CloseCode::POLICY_VIOLATION, &error.to_string());
        self.transport().fail(error);
    }
}
