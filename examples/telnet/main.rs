//! A telnet client: joins the terminal and a connection.
//!
//! ```text
//! cargo run --example login
//! cargo run --example telnet 127.0.0.1:8123
//! ```
//!
//! The terminal edits the line, until a server asks for each key, and does not show what a server hides. It speaks to any
//! endpoint: `tls:example.org:992`, `unix:/run/socket`, `ws://example.org/chat`, and datagrams with `udp:127.0.0.1:8007`.
#[path = "../common/mod.rs"]
mod common;
mod datagrams;
mod stream;
mod terminal;

use std::cell::RefCell;
use std::error::Error;
use std::process::ExitCode;
use std::rc::Rc;

use common::Outcome;
use ropewalk::{Reactor, client_endpoint};

const USAGE: &str = "\
Usage: telnet [ENDPOINT]

Sends what is typed to ENDPOINT (default 127.0.0.1:8123) and prints what comes back.
With udp:HOST:PORT each line is a datagram, and a second after the end of the input
is the end. Exits with 0 when either side has ended the conversation, with 1 if it
could not begin or broke off, and with 130 after Ctrl-C.";

/// As shells have it: 128, and the number of SIGINT.
const INTERRUPTED: u8 = 130;

/// How the conversation has ended, or is about to. None while nobody has ended it: then a signal does.
type Ended = Rc<RefCell<Option<Outcome>>>;

fn main() -> ExitCode {
    let mut interrupted = false;
    let code = common::run(USAGE, |mut arguments| {
        let endpoint = arguments.next_or("127.0.0.1:8123")?;
        arguments.finish()?;
        interrupted = converse(&endpoint)? == End::Interrupted;
        Ok(())
    });
    if interrupted { ExitCode::from(INTERRUPTED) } else { code }
}

/// Who has ended the conversation.
#[derive(PartialEq, Eq)]
enum End {
    OneSide,
    Interrupted,
}

fn converse(endpoint: &str) -> Result<End, Box<dyn Error>> {
    let ended = Ended::default();
    let mut reactor = Reactor::new()?;
    match endpoint.strip_prefix("udp:") {
        Some(address) => datagrams::join(&reactor, &address.parse()?, &ended)?,
        None => stream::join(&reactor, &client_endpoint(endpoint)?, &ended),
    }
    reactor.stop_on_signals()?;
    reactor.run()?;
    match ended.take() {
        Some(outcome) => outcome.map(|()| End::OneSide),
        None => Ok(End::Interrupted),
    }
}
