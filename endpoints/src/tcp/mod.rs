//! TCP.

mod address;
pub(crate) mod client;
pub(crate) mod server;
