//! WebSockets: frames, handshakes, closing, time, and peers that mean harm.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

mod client;
mod closing;
#[cfg(feature = "deflate")]
mod deflate;
mod farewell;
mod groups;
mod handshake;
mod hostile;
mod large;
mod laws;
#[path = "../layering/mod.rs"]
mod layering;
mod messages;
mod sending;
mod sending_on;
mod stream;
mod timing;
mod world;
