//! The end of connections and of sockets for datagrams: telling them, and freeing what they held.

use super::{Reactor, Source};
use crate::ConnectionId;

impl Reactor {
    /// Tells whoever ended in this turn.
    pub(super) fn deliver_losses(&mut self) {
        for &id in &self.losses {
            match self.table.get(id) {
                Some(Source::Connection(connection)) => connection.lose(&mut self.watch),
                Some(Source::Datagrams(socket)) => socket.end(&mut self.watch),
                Some(Source::Attempt(_) | Source::Port(_)) | None => {}
            }
        }
    }

    /// Closes the sockets of those who ended and drops their protocols.
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
        match self.table.remove(id) {
            Some(Source::Connection(connection)) => {
                self.core().counters.connection_closed();
                self.count_drained(&connection);
                (*connection).discard();
            }
            Some(Source::Datagrams(socket)) => (*socket).discard(),
            Some(Source::Attempt(_) | Source::Port(_)) | None => return,
        }
        self.feed_starved_ports();
    }
}
