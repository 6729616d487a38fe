//! Questions and answers, a line each.
//!
//! ```text
//! cargo run --example answer
//! telnet 127.0.0.1 8123
//! How are you?
//! ```
mod common;

use std::process::ExitCode;

use ropewalk::{
    Delimiter, Factory, LineProtocol, LineReceiver, LineTransport, Result, SendLine, TelnetServer,
    for_protocol,
};

const USAGE: &str = "\
Usage: answer [ENDPOINT]

Answers the questions of everybody who connects to ENDPOINT (default
127.0.0.1:8123), as far as it knows: \"How are you?\", for one.";

struct Answer;

impl LineProtocol for Answer {
    fn line_received(&mut self, transport: &mut LineTransport<'_>, line: &[u8]) -> Result {
        transport.send_line(match line {
            b"How are you?" => "Fine",
            b"What is your name?" => "I am an example",
            b"Are we alone?" => "No, I serve others too",
            _ => "I don't know what you mean",
        });
        Ok(())
    }
}

pub(crate) fn answers() -> impl Factory {
    TelnetServer::new(for_protocol(|| LineReceiver::new(Answer).delimiter(Delimiter::LfOrCrLf)))
}

fn main() -> ExitCode {
    common::run_server(USAGE, "127.0.0.1:8123", answers)
}
