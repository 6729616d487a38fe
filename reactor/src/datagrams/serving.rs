//! The loop's side of sockets for datagrams: where they enter its table.

use std::any::Any;

use super::socket::DatagramSocket;
use crate::DatagramTransport;
use crate::event_loop::{Reactor, Source};

impl Reactor {
    /// Puts a socket into the table and tells its protocol.
    pub(crate) fn start_datagrams(&mut self, mut socket: Box<DatagramSocket>) {
        if !socket.transport().is_open() {
            return (*socket).discard();
        }
        let id = self.table.next_id();
        let registered = socket.register(id);
        self.table.insert(Source::Datagrams(socket));
        if let Some(Source::Datagrams(socket)) = self.table.get(id) {
            socket.start(&mut self.watch, registered);
        }
    }

    /// Delivers an event that [`DatagramTransport::post`] has sent.
    pub(crate) fn deliver_to_datagrams(&mut self, transport: &DatagramTransport, event: Box<dyn Any>) {
        let id = transport.shared().id.get();
        match id.and_then(|id| self.table.get(id)) {
            Some(Source::Datagrams(socket)) if transport.is_open() => {
                socket.event_received(&mut self.watch, event);
            }
            _ => self.drop_event(event),
        }
    }
}
