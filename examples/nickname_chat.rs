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

use ropewalk::{ConnectionId, Delimiter, Factory, Group, Membership, Router, RouterContext};

const USAGE: &str = "\
Usage: nickname_chat [ENDPOINT]

Lets everybody who connects to ENDPOINT (default 127.0.0.1:8000) talk under a
nickname.";

const PROMPT: &str = "Please enter a desired nickname: ";

/// One who is connected, and hears the others even before it has a nickname.
#[derive(Default)]
struct Guest {
    membership: Option<Membership<ConnectionId>>,
    nickname: Option<String>,
}

impl Guest {
    fn tell_others(&self, message: String) {
        self.membership.iter().for_each(|this| this.tell_others(message.as_str()));
    }
}

/// A room of all connections.
pub(crate) fn chat() -> impl Factory {
    let room = Group::new();
    Router::with_state(|_| Guest::default())
        .per_line(Delimiter::LfOrCrLf)
        .connection_made(move |context| {
            context.state.membership = room.join(context.id(), context).ok();
            context.write(format!("Welcome to the circuits Chat Server!\n{PROMPT}"));
        })
        .any(|context, line| {
            say(context, String::from_utf8_lossy(line).trim());
            Ok(())
        })
        .connection_lost(|context, _| {
            if let Some(nickname) = &context.state.nickname {
                context.state.tell_others(format!("!!! {nickname} has left !!!\n"));
            }
        })
}

fn say(context: &mut RouterContext<'_, Guest>, text: &str) {
    if let Some(nickname) = &context.state.nickname {
        context.state.tell_others(format!("<{nickname}> {text}\n"));
    } else if text.is_empty() {
        context.write(PROMPT);
    } else {
        context.state.nickname = Some(text.to_owned());
        context.state.tell_others(format!("!!! {text} has joined !!!\n"));
    }
}

fn main() -> ExitCode {
    common::run_server(USAGE, "127.0.0.1:8000", chat)
}
