//! The chat of ButterflyNet's tutorial, over TLS.
//!
//! ```text
//! cargo run --example chat_tls
//! openssl s_client -quiet -connect localhost:8444 -CAfile chat_tls.pem
//! ```
//!
//! Do the latter in two terminals, and talk.
mod common;
#[path = "common/tls.rs"]
mod tls;

use std::process::ExitCode;

use ropewalk::{Delimiter, Factory, Group, Membership, Router, RouterContext};

const USAGE: &str = "\
Usage: chat_tls [ENDPOINT [FILE]]

Lets everybody who connects to ENDPOINT (default 127.0.0.1:8444) over TLS talk.
FILE (default chat_tls.pem) has the certificate and its key. If there is no such
file it is made, with a certificate for localhost that is signed by nobody else.";

const PROMPT: &str = "Nickname: ";

/// There once it has a nickname.
type Guest = Option<Membership<String>>;

/// A room of those who have said their nicknames.
pub(crate) fn chat() -> impl Factory {
    let room = Group::new();
    Router::with_state(|_| Guest::None)
        .per_line(Delimiter::LfOrCrLf)
        .connection_made(|context| context.write(PROMPT))
        .any(move |context, line| {
            let line = String::from_utf8_lossy(line);
            match context.state {
                Some(this) => this.tell_others(format!("{}: {line}\n", this.key())),
                None => enter(context, &room, &line),
            }
            Ok(())
        })
        .connection_lost(|context, _| {
            if let Some(this) = context.state.take() {
                this.tell_others(format!("{} has left the room.\n", this.key()));
            }
        })
}

fn enter(context: &mut RouterContext<'_, Guest>, room: &Group<String>, nickname: &str) {
    match room.join(nickname.to_owned(), context) {
        Ok(this) if !nickname.is_empty() => {
            this.tell_others(format!("{nickname} has joined the room\n"));
            *context.state = Some(this);
        }
        _ => context.write(PROMPT),
    }
}

fn main() -> ExitCode {
    common::run(USAGE, |mut arguments| {
        let endpoint = arguments.next_or("127.0.0.1:8444")?;
        let file = arguments.next_or("chat_tls.pem")?;
        arguments.finish()?;
        tls::serve(&endpoint, &file, chat())
    })
}
