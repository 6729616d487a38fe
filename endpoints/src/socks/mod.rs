//! SOCKS version 5: connecting through a proxy that is told whereto (RFC 1928, RFC 1929).

pub(crate) mod client;
pub(crate) mod credentials;
pub(crate) mod error;
pub(crate) mod layer;
mod messages;
pub(crate) mod target;
