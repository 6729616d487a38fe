//! A client of tinyproto: sends each line that is typed as a message, and prints the messages that come.
//!
//! ```text
//! cargo run --example tiny_echo
//! cargo run --example tiny_client
//! ```
mod common;

use std::process::ExitCode;
use std::time::Duration;

use common::{Outcome, keyboard::Keyboard, say};
use ropewalk::{ClientEndpoint, ReactorHandle, connect_tiny, race};

const USAGE: &str = "\
Usage: tiny_client [ENDPOINT]

Sends each line that is typed to ENDPOINT (default 127.0.0.1:9123) as a message of
tinyproto, and prints each message that comes. Ends when the server closes, and a
second after the end of input. Exits with 0 then, with 1 if it could not begin or
broke off, and with 130 after Ctrl-C.

It sends when the server has been silent for 100 ms: servers in Python break if both
sides begin to send at the same time.";

/// The largest message, in bytes.
const MESSAGE_MAX: u32 = 64 * 1024 * 1024;
/// How long the server must have been silent.
const PAUSE: Duration = Duration::from_millis(100);

async fn talk(reactor: ReactorHandle, endpoint: impl ClientEndpoint) -> Outcome {
    let server =
        connect_tiny(&reactor, &endpoint, |tiny| tiny.max_message(MESSAGE_MAX).polite(PAUSE)).await?;
    let keyboard = Keyboard::open(&reactor).await?;
    let hearing = server.for_each(async |message| say(&String::from_utf8_lossy(&message)));
    let talking = keyboard.for_each(async |line| Ok(server.send(line).await?));
    race(hearing, talking).await
}

fn main() -> ExitCode {
    common::run_client(USAGE, "127.0.0.1:9123", talk)
}
