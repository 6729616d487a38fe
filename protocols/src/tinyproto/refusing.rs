//! What those hear for whom there is no place.

use ropewalk_reactor::{Protocol, Result, Transport};

/// Says `SC_CONLIMIT`.
const CONNECTION_LIMIT: u8 = 0xfe;

/// Tells a tinyproto peer that there are as many connections as there may be, and closes: what is served beyond a limit.
///
/// Peers in Python report "Initialisation error", a [`TinyReceiver`](super::TinyReceiver) reports
/// [`TinyProtoError::ConnectionRefused`](super::error::TinyProtoError::ConnectionRefused).
///
/// With the crate `ropewalk`: `LimitConnections::new(10).with_overflow(for_protocol(|| TinyConnectionLimit)).around(factory)`.
#[derive(Clone, Copy, Default, Debug)]
pub struct TinyConnectionLimit;

impl Protocol for TinyConnectionLimit {
    fn connection_made(&mut self, transport: &Transport) {
        transport.write([CONNECTION_LIMIT]);
        transport.lose_connection();
    }

    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result {
        Ok(())
    }
}
