//! The chat of the circuits tutorial, with one line for each message.
//!
//! ```text
//! cargo run --example circuits_chat
//! telnet 127.0.0.1 9000
//! ```
//!
//! Do the latter in two terminals, and talk.
mod common;

use std::process::ExitCode;

use ropewalk::{Delimiter, Factory, Group, Router};

const USAGE: &str = "\
Usage: circuits_chat [ENDPOINT]

Tells everybody who is connected to ENDPOINT (default 127.0.0.1:9000) what the
others say.";

/// A room of all connections.
pub(crate) fn chat() -> impl Factory {
    Router::new().in_group(&Group::new()).per_line(Delimiter::LfOrCrLf).any(|context, line| {
        let message = line.trim_ascii();
        if !message.is_empty() {
            context.tell_others([message, b"\n"].concat());
        }
        Ok(())
    })
}

fn main() -> ExitCode {
    common::run_server(USAGE, "127.0.0.1:9000", chat)
}
