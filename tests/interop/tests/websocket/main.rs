//! WebSockets with the package `websockets` of Python on the other side.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

mod client;
mod package;
mod server;
mod streams;
