//! Programs of other systems beside our examples that are to be their equals: the same guests say the same to both, and expect
//! the same, but for what the originals cannot do.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

mod circuits;
mod server;
mod tiny;
