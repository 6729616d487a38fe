//! The end of connections: telling them, and freeing what they held.

use super::{Reactor, Source};
use crate::ConnectionId;

impl Reactor {
    /// Tells each connection that ended in this turn.
    pub(super) fn deliver_losses(&mut self) {
        for &id in &self.losses {
            if let Some(connection) = self.table.connection(id) {
                connection.lose(&mut self.watch);
            }
        }
    }

    /// Closes the sockets of lost connections and drops their protocols.
    pub(super) fn free_losses(&mut self) {
        if self.losses.is_empty() {
            return;
        }
        let mut losses = std::mem::take(&mut self.losses);
        for id in losses.drain(..) {
            self.free(id);
        }
        self.losses = losses;
    }

    fn free(&mut self, id: ConnectionId) {
        if let Some(Source::Connection(connection)) = self.table.remove(id) {
            self.core().counters.connection_closed();
            self.count_drained(&connection);
            (*connection).discard();
            self.feed_starved_ports();
        }
    }
}
