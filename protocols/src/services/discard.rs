//! Discard.

use ropewalk_reactor::{Protocol, Result, Transport};

/// Throws away whatever comes and answers nothing (RFC 863).
///
/// ```
/// let factory = ropewalk_reactor::for_protocol(|| ropewalk_protocols::Discard);
/// ```
#[derive(Clone, Copy, Default, Debug)]
pub struct Discard;

impl Protocol for Discard {
    fn data_received(&mut self, _transport: &Transport, _data: &[u8]) -> Result {
        Ok(())
    }
}
