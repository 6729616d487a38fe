//! Compression of messages (RFC 7692, permessage-deflate).

mod negotiation;
pub(crate) mod options;
mod receiving;
mod sending;

pub(crate) use negotiation::Agreement;
pub(crate) use options::DeflateOptions;
pub(crate) use receiving::Inflation;
pub(crate) use sending::Deflation;

/// What ends every flushed message of deflate, and is not sent: the lengths of an empty block.
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];
