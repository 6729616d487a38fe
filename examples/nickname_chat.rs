//! The chat with nicknames of circuits' examples.
//!
//! ```text
//! cargo run --example nickname_chat
//! telnet 127.0.0.1 8000
//! ```
//!
//! Do the latter in two terminals, and talk.
mod common;

use std::process::ExitCode;

use ropewalk::{Delimiter, Factory, Group, Router, RouterContext};

const USAGE: &str = "\
Usage: nickname_chat [ENDPOINT]

Lets everybody who connects to ENDPOINT (default 127.0.0.1:8000) talk under a
nickname.";

const PROMPT: &str = "Please enter a desired nickname: ";

/// There once it was said.
type Nickname = Option<String>;

/// A room of all connections, which hear the others even before they have a nickname.
pub(crate) fn chat() -> impl Factory {
    Router::with_state(|_| Nickname::None)
        .in_group(&Group::new())
        .per_line(Delimiter::LfOrCrLf)
        .connection_made(|context| context.write(format!("Welcome to the circuits Chat Server!\n{PROMPT}")))
        .any(|context, line| {
            say(context, String::from_utf8_lossy(line).trim());
            Ok(())
        })
        .connection_lost(|context, _| {
            if let Some(nickname) = &context.state {
                context.tell_others(format!("!!! {nickname} has left !!!\n"));
            }
        })
}

fn say(context: &mut RouterContext<'_, Nickname>, text: &str) {
    if let Some(nickname) = &context.state {
        context.tell_others(format!("<{nickname}> {text}\n"));
    } else if text.is_empty() {
        context.write(PROMPT);
    } else {
        *context.state = Some(text.to_owned());
        context.tell_others(format!("!!! {text} has joined !!!\n"));
    }
}

fn main() -> ExitCode {
    common::run_server(USAGE, "127.0.0.1:8000", chat)
}
