//! Time.

use ropewalk_reactor::{Protocol, Result, Transport};

/// From the beginning of 1900 to that of 1970, in seconds (RFC 868 gives this number).
const SECONDS_TO_1970: i64 = 2_208_988_800;

/// Sends the time and closes (RFC 868): the seconds since the beginning of 1900, UTC, as four bytes, the most
/// significant first. In February 2036 the number begins again at zero.
///
/// ```
/// let factory = ropewalk_reactor::for_protocol(|| ropewalk_protocols::Time);
/// ```
#[derive(Clone, Copy, Default, Debug)]
pub struct Time;

impl Protocol for Time {
    fn connection_made(&mut self, transport: &Transport) {
        let seconds = super::unix_seconds(transport.reactor().system_time()).wrapping_add(SECONDS_TO_1970);
        // The lower half, which is what the format has room for.
        transport.write((seconds as u32).to_be_bytes());
        transport.lose_connection();
    }

    fn data_received(&mut self, _transport: &Transport, _data: &[u8]) -> Result {
        Ok(())
    }
}
