//! The PROXY protocol: how a proxy tells the server behind it who the client is.

mod checksum;
pub(crate) mod client;
pub(crate) mod error;
pub(crate) mod header;
mod kind;
pub(crate) mod layer;
pub(crate) mod options;
pub(crate) mod server;
pub(crate) mod ssl;
pub(crate) mod tlv;
mod tlv_bytes;
mod unix;
mod version1;
mod version2;
