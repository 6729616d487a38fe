//! The echo server of the Python package tinyproto.
//!
//! ```text
//! cargo run --example tiny_echo
//! cargo run --example tiny_client
//! ```
//!
//! `QUIT` ends a connection, `SRVQUIT` the server.
mod common;

use std::process::ExitCode;

use ropewalk::{
    Factory, LimitConnections, Policy, Result, TinyConnectionLimit, TinyProtocol, TinyReceiver, Transmit,
    Transport, for_protocol,
};

const USAGE: &str = "\
Usage: tiny_echo [ENDPOINT...]

Answers each message of tinyproto on each ENDPOINT (default 127.0.0.1:9123) with
\"Echo back: \" and the message. QUIT ends the connection, SRVQUIT the server.";

/// The largest message, in bytes.
const MESSAGE_MAX: u32 = 64 * 1024 * 1024;
/// How many connections there may be.
const CONNECTIONS_MAX: usize = 1000;

struct Echo;

impl TinyProtocol for Echo {
    fn message_received(&mut self, transport: &Transport, message: &[u8]) -> Result {
        match message {
            b"QUIT" => transport.lose_connection(),
            b"SRVQUIT" => transport.reactor().stop(),
            message => transport.transmit([b"Echo back: ", message].concat()),
        }
        Ok(())
    }
}

pub(crate) fn echo() -> impl Factory {
    LimitConnections::new(CONNECTIONS_MAX)
        .with_overflow(for_protocol(|| TinyConnectionLimit))
        .around(for_protocol(|| TinyReceiver::server(Echo).max_message(MESSAGE_MAX)))
}

fn main() -> ExitCode {
    common::run(USAGE, |arguments| common::serve_all(&arguments.all_or("127.0.0.1:9123")?, echo()))
}
