//! What waits for the end of a message that is being sent in fragments.

use ropewalk_reactor::{Resolver, Transport};

use super::message::EncodedMessage;

/// What a waiting message counts beyond its length, in bytes, so that empty ones are bounded too.
const MESSAGE_COST: usize = 64;

/// Messages and groups that wait.
#[derive(Default)]
pub(super) struct Behind {
    messages: Vec<EncodedMessage>,
    /// What the messages count together.
    bytes: usize,
    /// Groups, which keep their messages themselves.
    groups: Vec<Resolver<()>>,
}

impl Behind {
    /// Adds a message. False if that is more than may wait together with the output of the transport.
    pub(super) fn add(&mut self, message: EncodedMessage, transport: &Transport) -> bool {
        self.bytes = self.bytes.saturating_add(message.length()).saturating_add(MESSAGE_COST);
        let fits = self.bytes.saturating_add(transport.buffered()) <= transport.limits().output;
        if fits {
            self.messages.push(message);
        } else {
            self.messages = Vec::new();
        }
        fits
    }

    pub(super) fn add_group(&mut self, resolver: Resolver<()>) {
        self.groups.push(resolver);
    }

    /// Has all of it go on: the messages are given to `send`.
    pub(super) fn end(self, send: impl FnMut(&EncodedMessage)) {
        self.messages.iter().for_each(send);
        self.groups.into_iter().for_each(|resolver| resolver.resolve(()));
    }
}
