//! Peers of a TLS server that no good program is. Whatever one does, the next is served.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

mod connecting;
mod flooding;
mod forging;
mod handshake;
mod world;
