//! TLS with OpenSSL's programs on the other side.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

mod certificates;
mod client;
mod ending;
mod server;
mod sessions;
mod starttls;
