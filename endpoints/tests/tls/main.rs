//! TLS: layers back to back in memory, configurations, and connections over sockets.
#![cfg(all(feature = "tls", any(feature = "ring", feature = "aws-lc-rs")))]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod authority;
mod bad_input;
mod configuration;
mod fragments;
mod handshake;
mod limits;
mod notes;
mod pair;
mod peers;
mod reload;
mod resumption;
mod server_names;
mod sockets;
mod verification;
