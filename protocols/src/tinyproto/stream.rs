//! A message that is read while it is sent.

use std::io::{self, Read};

use ropewalk_reactor::Transport;

use super::message::Confirmation;
use crate::file_sender::{CHUNK_SIZE, fill};

/// A message that the peer has agreed to, as far as it has not been sent.
pub(super) struct Stream {
    reader: Box<dyn Read>,
    pub(super) size: u32,
    pub(super) left: u32,
    pub(super) confirmation: Confirmation,
    /// The size of an announcement that is to be answered afterwards.
    pub(super) parked: Option<u32>,
}

impl Stream {
    pub(super) fn new(
        reader: Box<dyn Read>,
        size: u32,
        confirmation: Confirmation,
        parked: Option<u32>,
    ) -> Self {
        Self { reader, size, left: size, confirmation, parked }
    }

    /// Writes until all is written or enough waits for the peer. In the latter case nothing is read from the peer, and
    /// [`reading_resumed`](ropewalk_reactor::Protocol::reading_resumed) is called when there is room again.
    pub(super) fn advance(&mut self, transport: &Transport) -> io::Result<()> {
        let mut chunk = vec![0; CHUNK_SIZE];
        while self.left > 0 && transport.accepts_output() {
            let (limits, buffered) = (transport.limits(), transport.buffered());
            if buffered > limits.high_water {
                transport.wait_for_room(transport);
                transport.continue_reading();
                break;
            }
            let left = usize::try_from(self.left).unwrap_or(usize::MAX);
            // A limit below the high-water mark and a chunk would otherwise end the connection.
            let room = limits.output.saturating_sub(buffered).max(1);
            let size = chunk.len().min(left).min(room);
            let (filled, result) = fill(&mut self.reader, &mut chunk[..size]);
            transport.write(&chunk[..filled]);
            // No chunk is longer than what was left.
            self.left -= u32::try_from(filled).unwrap_or(self.left);
            result?;
            if filled < size {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(())
    }
}
