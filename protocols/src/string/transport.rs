//! The transport as a protocol of strings sees it.

use std::borrow::Cow;
use std::ops::Deref;

use ropewalk_reactor::Transport;

use crate::receiving::Rest;

/// The [`Transport`] of a protocol of strings, and its hold on the [`StringReceiver`](super::StringReceiver) around it.
///
/// It dereferences to [`Transport`]; clone that one to keep it.
#[derive(Debug)]
pub struct StringTransport<'a> {
    transport: &'a Transport,
    max_length: &'a mut usize,
    rest: Rest<'a>,
}

impl<'a> StringTransport<'a> {
    pub(super) fn new(transport: &'a Transport, max_length: &'a mut usize, rest: Rest<'a>) -> Self {
        Self { transport, max_length, rest }
    }

    /// What has come and is not delivered: for a look ahead, or to give to
    /// [`switch_protocol`](Transport::switch_protocol).
    pub fn rest(&self) -> Cow<'_, [u8]> {
        self.rest.bytes()
    }

    /// Changes how long the strings that follow may be, in bytes without prefix. It does not apply to a netstring whose
    /// length has come.
    pub fn set_max_length(&mut self, bytes: usize) {
        *self.max_length = bytes;
    }
}

impl Deref for StringTransport<'_> {
    type Target = Transport;

    fn deref(&self) -> &Transport {
        self.transport
    }
}
