//! Streams of bytes over WebSockets.

pub(crate) mod client;
mod incoming;
pub(crate) mod layer;
mod opening;
mod outgoing;
pub(crate) mod server;
