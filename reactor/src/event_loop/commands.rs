//! Carrying out commands and messages from other threads.

use super::callbacks::Running;
use super::{Reactor, Source};
use crate::commands::Command;
use crate::remote::Message;

impl Reactor {
    /// Does what other threads have posted; what they post meanwhile waits for the next turn.
    pub(super) fn take_messages(&mut self) {
        for message in self.core().remote.take() {
            match message {
                Message::Call(call) => self.run_call("a call from another thread", call),
                Message::Event(connection, event) => self.deliver_event(connection, event),
                Message::Finished(job, result) => {
                    let finish = self.core().jobs.borrow_mut().take(job);
                    // A result that nobody waits for is dropped here, and may have a destructor of its own.
                    self.core().run_guarded("a result's destructor", || match finish {
                        Some(finish) => finish(result),
                        None => drop(result),
                    });
                }
            }
        }
    }

    /// Does the batch of commands that has gathered; what they command waits for the next turn.
    pub(super) fn run_commands(&mut self) {
        if !self.core().has_commands() {
            return;
        }
        let mut batch = self.core().take_commands();
        for command in batch.drain(..) {
            self.run_command(command);
        }
        self.core().recycle_commands(batch);
    }

    fn run_command(&mut self, command: Command) {
        match command {
            Command::Call(call) => self.run_call("a call", call),
            Command::Post(connection, event) => self.deliver_event(connection, event),
            Command::PostToDatagrams(transport, event) => self.deliver_to_datagrams(&transport, event),
            Command::Connect(attempt) => self.insert_attempt(attempt),
            Command::CancelConnect(attempt) => self.cancel_attempt(&attempt),
            Command::SettlePort(port, resolver) => self.settle_port(port, resolver),
            Command::StartDatagrams(socket) => self.start_datagrams(socket),
            Command::Drain(within, resolver) => self.begin_drain(within, resolver),
        }
    }

    fn deliver_event(&mut self, connection: crate::ConnectionId, event: Box<dyn std::any::Any>) {
        match self.table.get(connection) {
            Some(Source::Connection(connection)) if !connection.is_lost() => {
                connection.event_received(&mut self.watch, event);
            }
            _ => self.drop_event(event),
        }
    }

    /// Drops an event that nobody hears; it may have a destructor of its own.
    pub(crate) fn drop_event(&mut self, event: Box<dyn std::any::Any>) {
        self.watch.begin(Running::Call("an event's destructor"));
        self.handle.core().run_guarded("an event's destructor", || drop(event));
    }
}
