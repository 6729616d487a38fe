//! A message that waits, and what is told about it.

use std::io::Read;

use ropewalk_reactor::{Bytes, Deferred, ReactorHandle, Resolver};

use super::error::TransmitError;

/// A message that is to be transmitted, and who is to hear of it.
pub(super) struct Message {
    pub(super) content: Content,
    pub(super) confirmation: Confirmation,
}

/// Where a message comes from.
pub(super) enum Content {
    Bytes(Bytes),
    /// So many bytes are read when the peer has agreed.
    Reader(Box<dyn Read>, u32),
}

impl Content {
    /// How many bytes of memory it takes while it waits.
    pub(super) fn length(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Reader(..) => 0,
        }
    }
}

/// What becomes of a message. Dropped without a word, it tells that the message was not transmitted.
#[derive(Default)]
pub(super) struct Confirmation(Option<Resolver<Result<(), TransmitError>>>);

impl Confirmation {
    pub(super) fn new(reactor: &ReactorHandle) -> (Deferred<Result<(), TransmitError>>, Self) {
        let (deferred, resolver) = Deferred::new(reactor);
        (deferred, Self(Some(resolver)))
    }

    /// Whether somebody is told.
    pub(super) fn is_wanted(&self) -> bool {
        self.0.is_some()
    }

    pub(super) fn give(mut self, result: Result<(), TransmitError>) {
        self.resolve(result);
    }

    fn resolve(&mut self, result: Result<(), TransmitError>) {
        if let Some(resolver) = self.0.take() {
            resolver.resolve(result);
        }
    }
}

impl Drop for Confirmation {
    fn drop(&mut self) {
        self.resolve(Err(TransmitError::NotTransmitted));
    }
}
