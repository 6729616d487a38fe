//! What the other end is told if it is not the protocol that ends the WebSocket.

use ropewalk_reactor::{Bytes, Transport};

use super::CloseCode;
use super::socket::Role;

/// The code 1001 in two bytes.
const CODE: [u8; 2] = CloseCode::GOING_AWAY.code().to_be_bytes();

const OF_SERVER: [u8; 4] = [0x88, 2, CODE[0], CODE[1]];

/// A close frame with the code 1001, going away. It is laid up when the WebSocket opens, as nobody is asked when a reactor drains
/// or stops.
pub(super) fn farewell(role: Role, transport: &Transport) -> Bytes {
    match role {
        Role::Server => Bytes::from_static(&OF_SERVER),
        Role::Client => match transport.reactor().secret() {
            Ok([a, b, c, d]) => {
                Bytes::from([0x88, 0x80 | 2, a, b, c, d, CODE[0] ^ a, CODE[1] ^ b].as_slice())
            }
            // Without a mask it says nothing, and fails when there is something to send.
            Err(_) => Bytes::default(),
        },
    }
}
