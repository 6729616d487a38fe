//! Compression.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use ropewalk_reactor::Result;

use super::plugin::TinyPlugin;

/// Compresses messages in the zlib format (RFC 1950), each by itself, as Python's `zlib.compress` and `zlib.decompress` do.
///
/// A message that becomes longer than the receiver's limit ends the connection once so much of it is unpacked.
#[derive(Clone, Copy, Default, Debug)]
pub struct ZlibPlugin;

impl TinyPlugin for ZlibPlugin {
    fn transmit(&mut self, message: Vec<u8>) -> Result<Vec<u8>> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&message)?;
        Ok(encoder.finish()?)
    }

    fn receive(&mut self, message: Vec<u8>, limit: u32) -> Result<Vec<u8>> {
        let mut unpacked = Vec::new();
        // One byte more shows that there are too many.
        let mut decoder = ZlibDecoder::new(&message[..]).take(u64::from(limit) + 1);
        decoder.read_to_end(&mut unpacked)?;
        if unpacked.len() as u64 > u64::from(limit) {
            return Err(format!("a compressed message is longer than {limit} bytes").into());
        }
        Ok(unpacked)
    }
}
