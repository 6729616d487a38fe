//! Sends back each message of a WebSocket.
//!
//! ```text
//! cargo run --example ws_echo
//! cargo run --example ws_client ws://127.0.0.1:8008/ --send hello
//! ```
mod common;

use std::process::ExitCode;

use ropewalk::{Factory, Message, Result, WebSocket, WebSocketProtocol, WebSocketReceiver, for_protocol};

const USAGE: &str = "\
Usage: ws_echo [ENDPOINT]

Sends back each message of the WebSockets that clients open on ENDPOINT (default
127.0.0.1:8008; ws:8008 and wss:8443:cert=FILE are understood). A message may have 32 MiB.
Built with the feature deflate, it compresses if the client asks for that.";

pub(crate) struct Echo;

impl WebSocketProtocol for Echo {
    fn message_received(&mut self, socket: &WebSocket, message: Message<'_>) -> Result {
        socket.send(message);
        Ok(())
    }
}

pub(crate) fn echo() -> impl Factory {
    let receiver = || WebSocketReceiver::server(Echo).max_message(32 * 1024 * 1024);
    #[cfg(feature = "deflate")]
    let receiver = move || receiver().deflate(ropewalk::DeflateOptions::new());
    for_protocol(receiver)
}

fn main() -> ExitCode {
    common::run_websocket_server(USAGE, "127.0.0.1:8008", echo)
}
