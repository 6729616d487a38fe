//! The chat, with members who come by telnet, over TLS, by a UNIX socket, and by its page in a browser.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

mod members;
mod page;
mod room;
mod serving;
