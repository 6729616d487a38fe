//! TCP.

pub(crate) mod address;
pub(crate) mod client;
pub(crate) mod server;
