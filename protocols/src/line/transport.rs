//! The transport as a line protocol sees it.

use std::borrow::Cow;
use std::ops::Deref;

use ropewalk_reactor::Transport;

use super::decoder::{LineDecoder, Mode};
use crate::receiving::Rest;

/// The [`Transport`] of a line protocol, and its hold on the [`LineReceiver`](super::LineReceiver) around it.
///
/// It dereferences to [`Transport`]; clone that one to keep it. What the methods here change holds at once, for the rest
/// of the same read as for what comes later.
#[derive(Debug)]
pub struct LineTransport<'a> {
    transport: &'a Transport,
    decoder: &'a mut LineDecoder,
    rest: Rest<'a>,
}

impl<'a> LineTransport<'a> {
    pub(super) fn new(transport: &'a Transport, decoder: &'a mut LineDecoder, rest: Rest<'a>) -> Self {
        Self { transport, decoder, rest }
    }

    /// Has everything from here on delivered to `raw_data_received` as it comes, without limit of length, until
    /// [`set_line_mode`](Self::set_line_mode).
    pub fn set_raw_mode(&mut self) {
        self.decoder.set_mode(Mode::Raw);
    }

    /// Has everything from here on cut into lines: first what has come and is not delivered, then `rest`, then what
    /// comes later.
    ///
    /// From `raw_data_received`, give as `rest` the end of the data that is no longer raw. Then nothing is copied,
    /// however often a protocol goes to and fro.
    pub fn set_line_mode(&mut self, rest: impl AsRef<[u8]>) {
        self.decoder.set_mode(Mode::Lines);
        self.rest.append(rest.as_ref());
    }

    /// What has come and is not delivered: for a look ahead, or to give to
    /// [`switch_protocol`](Transport::switch_protocol).
    pub fn rest(&self) -> Cow<'_, [u8]> {
        self.rest.bytes()
    }

    /// Takes away what has come and is not delivered. Later data starts a fresh line.
    pub fn clear_line_buffer(&mut self) -> Vec<u8> {
        self.decoder.begin_line();
        self.rest.take()
    }

    /// Changes how long the lines that follow may be, in bytes without the delimiter.
    pub fn set_max_length(&mut self, bytes: usize) {
        self.decoder.set_max_length(bytes);
    }
}

impl Deref for LineTransport<'_> {
    type Target = Transport;

    fn deref(&self) -> &Transport {
        self.transport
    }
}
