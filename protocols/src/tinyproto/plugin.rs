//! What changes messages on their way.

use std::borrow::Cow;

use ropewalk_reactor::{Bytes, Result};

/// Changes messages before they are sent and back after they have come, such as by compression. Both ends need the same ones.
///
/// The size that is announced is that of the changed message.
pub trait TinyPlugin {
    /// Changes a message that is about to be announced.
    ///
    /// # Errors
    /// End the connection.
    fn transmit(&mut self, message: Vec<u8>) -> Result<Vec<u8>>;

    /// Changes a message that has come. The result must not be longer than `limit` bytes, the receiver's limit, which bounds
    /// the memory that a peer can make a plugin take.
    ///
    /// # Errors
    /// End the connection.
    fn receive(&mut self, message: Vec<u8>, limit: u32) -> Result<Vec<u8>>;
}

/// The plugins of a connection, in the order in which they change what is sent.
#[derive(Default)]
pub(super) struct Plugins(Vec<Box<dyn TinyPlugin>>);

impl Plugins {
    pub(super) fn push(&mut self, plugin: Box<dyn TinyPlugin>) {
        self.0.push(plugin);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Nothing is copied if there are none.
    pub(super) fn transmit(&mut self, message: Bytes) -> Result<Bytes> {
        if self.0.is_empty() {
            return Ok(message);
        }
        let changed =
            self.0.iter_mut().try_fold(message.to_vec(), |message, plugin| plugin.transmit(message));
        changed.map(Bytes::from)
    }

    /// Nothing is copied if there are none.
    pub(super) fn receive<'a>(&mut self, message: &'a [u8], limit: u32) -> Result<Cow<'a, [u8]>> {
        if self.0.is_empty() {
            return Ok(message.into());
        }
        let receive = |message, plugin: &mut Box<dyn TinyPlugin>| plugin.receive(message, limit);
        self.0.iter_mut().rev().try_fold(message.to_vec(), receive).map(Cow::from)
    }
}
