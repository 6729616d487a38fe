//! WebSockets with the packages `websockets` of Python and `ws` of Node.js, and with a browser, on the other side.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

mod browser;
mod client;
mod node;
mod package;
mod server;
mod streams;
