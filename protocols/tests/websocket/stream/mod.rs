//! Streams of bytes over WebSockets.

mod bad_peers;
mod frames;
mod handshake;
mod heartbeat;
mod stage;
mod text;
