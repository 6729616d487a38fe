//! Echo.

use ropewalk_reactor::{Protocol, Result, Transport};

/// Sends back whatever comes (RFC 862). A peer that does not read what comes back is not read from either.
///
/// ```
/// let factory = ropewalk_reactor::for_protocol(|| ropewalk_protocols::Echo);
/// ```
#[derive(Clone, Copy, Default, Debug)]
pub struct Echo;

impl Protocol for Echo {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        transport.write(data);
        Ok(())
    }
}
