//! Whether the peer of an idle connection still lives.

use std::io;
use std::time::Duration;

use super::{Body, Happening, Packet, SocketId, World};

/// How long after the first probe that nobody answers a connection is given up: nine probes, 75 seconds apart, as Linux does it.
const UNANSWERED_MAX: Duration = Duration::from_secs(9 * 75);

impl World {
    pub(crate) fn keepalive_changed(&mut self, id: SocketId) {
        let Some(socket) = self.sockets.get(id) else { return };
        if let Some(after) = socket.keepalive {
            self.schedule.add(socket.last_heard.max(self.now) + after, Happening::Probes(id));
        }
    }

    /// A connection looks whether its peer still lives.
    pub(super) fn probe(&mut self, id: SocketId) {
        let now = self.now;
        let Some(socket) = self.sockets.get(id).filter(|socket| socket.broken.is_none()) else { return };
        let Some(after) = socket.keepalive else { return };
        let idle = now - socket.last_heard;
        if idle < after {
            return self.schedule.add(socket.last_heard + after, Happening::Probes(id));
        }
        let (here, there, peer) = (socket.host, socket.peer_host, socket.peer());
        let is_reached =
            !self.lanes.is_cut(here, there) && !self.lanes.is_cut(there, here) && self.host(there).is_up;
        let answers = peer.is_some_and(|peer| self.sockets.contains(peer));
        match (is_reached, answers) {
            (true, true) => self.heard(id),
            (true, false) => {
                // The peer's host knows nothing of this connection.
                self.send(Packet {
                    from: there,
                    to: here,
                    sender: id,
                    sequence: None,
                    body: Body::Reset(id),
                });
            }
            (false, _) if idle >= after + UNANSWERED_MAX => self.break_socket(id, io::ErrorKind::TimedOut),
            (false, _) => self.schedule.add(now + Duration::from_secs(75), Happening::Probes(id)),
        }
    }

    fn heard(&mut self, id: SocketId) {
        let now = self.now;
        if let Some(socket) = self.sockets.get_mut(id) {
            socket.last_heard = now;
        }
        self.keepalive_changed(id);
    }
}
