//! What a peer is told when somebody else than its protocol ends the connection.

use crate::transport::shared::{DISMISSED, HAS_PRODUCER, Shared};
use crate::{Bytes, Transport};

impl Transport {
    /// What the peer is told last if the connection is [dismissed](Self::dismiss), or the reactor
    /// [drains](crate::ReactorHandle::drain) or stops: a close frame, a line that says why. Each call replaces what an earlier one
    /// has set; nothing is said if it is empty, as by default, if it would exceed [`Limits::output`](crate::Limits::output), or if the
    /// protocol closes the connection itself. It ends with the
    /// protocol: [`switch_protocol`](Self::switch_protocol) forgets it.
    ///
    /// ```
    /// # fn example(transport: &ropewalk_reactor::Transport) {
    /// transport.set_farewell("421 shutting down\r\n");
    /// # }
    /// ```
    pub fn set_farewell(&self, farewell: impl Into<Bytes>) {
        let farewell = Some(farewell.into()).filter(|farewell| !farewell.is_empty());
        self.shared.farewell.set(farewell.map(Box::new));
    }

    /// Closes the connection as a drain does: what was written is sent, a registered producer finishes, then comes the
    /// [farewell](Self::set_farewell), then all is as after [`lose_connection`](Self::lose_connection). For those who look after
    /// connections and are not their protocol.
    ///
    /// ```
    /// # fn example(port: &ropewalk_reactor::ListeningPort, members: Vec<ropewalk_reactor::Transport>) {
    /// port.stop();
    /// for member in members {
    ///     member.dismiss();
    /// }
    /// # }
    /// ```
    pub fn dismiss(&self) {
        self.shared.dismiss();
        self.lose_connection();
    }

    /// The producer has finished; its connection may have been waiting for that.
    pub(super) fn end_producer(&self) {
        if self.shared.has(DISMISSED) {
            self.shared.write_farewell();
        }
        self.shared.set(HAS_PRODUCER, false);
        self.shared.ask_attention();
    }
}

impl Shared {
    /// Notes that somebody else than the protocol ends the connection, and says the farewell, unless it would come in the midst of
    /// what a producer writes.
    pub(crate) fn dismiss(&self) {
        if self.state().is_ending() {
            return;
        }
        self.set(DISMISSED, true);
        if self.accepts_output() && !self.has(HAS_PRODUCER) {
            self.write_farewell();
        }
    }

    fn write_farewell(&self) {
        let farewell = self.farewell.take();
        // What was written is worth more than this: it must not go beyond the limit of output.
        let room = self.limits().output.saturating_sub(self.buffered());
        if let Some(farewell) = farewell.filter(|farewell| farewell.len() <= room) {
            self.write_shared(*farewell);
        }
    }
}
