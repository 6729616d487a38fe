//! UNIX domain sockets.

mod address;
pub(crate) mod client;
pub(crate) mod server;
