//! The simulated network: what it does, and that it does the same for the same seed.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod broadcast;
mod calls;
mod closing;
mod draining;
mod examples;
mod eyeballs;
mod forwarding;
mod groups;
mod helpers;
mod hosts;
mod network;
mod outages;
mod partitions;
mod people;
mod policies;
mod repeating;
mod seeds;
mod services;
mod sockets;
mod timeouts;
#[cfg(all(feature = "tls", any(feature = "ring", feature = "aws-lc-rs")))]
mod tls;
mod websockets;
mod witness;
