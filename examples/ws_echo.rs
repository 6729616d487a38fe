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

const MAX_MESSAGE: usize = 32 * 1024 * 1024;

pub(crate) struct Echo;

impl WebSocketProtocol for Echo {
    fn opened(&mut self, socket: &WebSocket) {
        // Of a large message the answer waits whole, behind another one maybe.
        let mut limits = socket.transport().limits();
        limits.output = 2 * MAX_MESSAGE;
        socket.transport().set_limits(limits);
    }

    fn message_received(&mut self, socket: &WebSocket, message: Message<'_>) -> Result {
        socket.send(message);
        Ok(())
    }
}

pub(crate) fn echo() -> impl Factory {
    for_protocol(|| {
        let receiver = WebSocketReceiver::server(Echo).max_message(MAX_MESSAGE);
        #[cfg(feature = "deflate")]
        let receiver = receiver.deflate(ropewalk::DeflateOptions::new());
        receiver
    })
}

fn main() -> ExitCode {
    common::run(USAGE, |mut arguments| {
        let endpoint = arguments.next_or("127.0.0.1:8008")?;
        arguments.finish()?;
        let endpoint = common::below_websockets(&endpoint)?;
        common::serve_at(&[Box::new(endpoint)], echo(), common::where_it_listens)
    })
}
