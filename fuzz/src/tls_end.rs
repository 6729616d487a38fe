//! A TLS layer without a connection.

use ropewalk::{Layer, LayerEnd, LayerState, TlsLayer};

/// What a connection reads at a time.
const READ_MAX: usize = 64 * 1024;

/// What a layer may leave unused: beyond it a connection would end.
const UNUSED_MAX: usize = 128 * 1024;

/// A layer, driven as a connection would, between its protocol and a wire that is in somebody's hands.
#[derive(Debug)]
pub struct TlsEnd {
    pub layer: TlsLayer,
    /// What it has not used yet.
    unused: Vec<u8>,
    /// What it has said and nobody has heard.
    pub wire: Vec<u8>,
    /// What its protocol has said.
    pub said: Vec<u8>,
    /// What has come up to its protocol.
    pub got: Vec<u8>,
    pub has_closed: bool,
    pub error: Option<String>,
}

impl TlsEnd {
    /// An end that has begun.
    pub fn new(layer: TlsLayer) -> Self {
        let mut end = Self {
            layer,
            unused: Vec::new(),
            wire: Vec::new(),
            said: Vec::new(),
            got: Vec::new(),
            has_closed: false,
            error: None,
        };
        end.layer.begin(&mut end.wire).expect("nothing is wrong yet");
        end
    }

    /// Bytes have come from the wire.
    pub fn hear(&mut self, bytes: &[u8]) {
        bytes.chunks(READ_MAX).for_each(|read| self.hear_one_read(read));
    }

    fn hear_one_read(&mut self, bytes: &[u8]) {
        if self.error.is_some() {
            return;
        }
        self.unused.extend_from_slice(bytes);
        match self.layer.received(&mut self.unused, &mut self.got, &mut self.wire) {
            Ok(used) => drop(self.unused.drain(..used)),
            Err(error) => self.error = Some(error.to_string()),
        }
        assert!(self.error.is_some() || self.unused.len() <= UNUSED_MAX);
    }

    /// Says something, if that may be.
    pub fn say(&mut self, data: &[u8]) {
        if self.error.is_some() || self.has_closed || self.layer.state() != LayerState::Open {
            return;
        }
        match self.layer.send(data, &mut self.wire) {
            Ok(()) => self.said.extend_from_slice(data),
            Err(error) => self.error = Some(error.to_string()),
        }
    }

    /// Says that nothing more will be said, once.
    pub fn close(&mut self) {
        if self.error.is_none() && !self.has_closed && self.layer.state() != LayerState::Opening {
            self.layer.close(LayerEnd::Finished, &mut self.wire);
            self.has_closed = true;
        }
    }
}
