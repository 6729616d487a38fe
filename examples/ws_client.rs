//! A client of WebSockets: sends back each message, or sends one and prints the answer.
//!
//! ```text
//! cargo run --example ws_echo
//! cargo run --example ws_client ws://127.0.0.1:8008/ --send hello
//! ```
mod common;

use std::cell::RefCell;
use std::error::Error;
use std::process::ExitCode;
use std::rc::Rc;

use common::Outcome;
use ropewalk::{
    ClientEndpoint, CloseCode, Message, Reactor, Reason, Result, Transport, WebSocket, WebSocketProtocol,
    WebSocketReceiver, WebSocketUrl, client_endpoint, for_protocol, quote_argument,
};

const USAGE: &str = "\
Usage: ws_client [URL] [--send TEXT] [--ca FILE]

Opens a WebSocket at URL (default ws://127.0.0.1:8008/), which may be wss:// for one
over TLS, and sends back each message until the server closes it. With --send it
sends TEXT, prints the first message that comes, and closes. With --ca it trusts
the authorities in FILE, of PEM, alone. Built with the feature deflate, it asks for
compression, of each message with regard to those before. Exits with 0 if the
WebSocket was closed in an orderly way and, with --send, an answer has come, with 1
otherwise.";

const MAX_MESSAGE: usize = 32 * 1024 * 1024;

/// How the WebSocket ended.
pub(crate) type Ended = Rc<RefCell<Outcome>>;

struct Client {
    /// What is sent instead of sending back what comes.
    text: Option<String>,
    is_answered: bool,
    ended: Ended,
}

impl WebSocketProtocol for Client {
    fn opened(&mut self, socket: &WebSocket) {
        if let Some(text) = &self.text {
            socket.send(text);
        }
    }

    fn message_received(&mut self, socket: &WebSocket, message: Message<'_>) -> Result {
        if self.text.is_none() {
            socket.send(message);
            return Ok(());
        }
        self.is_answered = true;
        common::say(&String::from_utf8_lossy(message.bytes()))?;
        socket.close(CloseCode::NORMAL, "");
        Ok(())
    }

    fn connection_lost(&mut self, transport: &Transport, reason: &Reason) {
        if self.text.is_some() && !self.is_answered {
            *self.ended.borrow_mut() = Err(format!("no answer has come: {reason}").into());
        } else if !reason.is_clean() {
            *self.ended.borrow_mut() = Err(reason.to_string().into());
        }
        transport.reactor().stop();
    }
}

/// One that sends `text`, or else sends back what comes.
pub(crate) fn client(
    url: &WebSocketUrl,
    text: Option<String>,
    ended: Ended,
) -> WebSocketReceiver<impl WebSocketProtocol + use<>> {
    let receiver =
        WebSocketReceiver::client(Client { text, is_answered: false, ended }, url).max_message(MAX_MESSAGE);
    #[cfg(feature = "deflate")]
    let receiver = receiver.deflate(ropewalk::DeflateOptions::new().context_takeover(true));
    receiver
}

/// What the command line says.
struct Wanted {
    url: WebSocketUrl,
    text: Option<String>,
    endpoint: Box<dyn ClientEndpoint>,
}

fn read(mut arguments: common::Arguments) -> Result<Wanted, Box<dyn Error>> {
    let (text, authorities) = (arguments.value_of("--send")?, arguments.value_of("--ca")?);
    let url: WebSocketUrl = arguments.next_or("ws://127.0.0.1:8008/")?.parse()?;
    arguments.finish()?;
    let mut description = url.endpoint();
    if let Some(file) = authorities.filter(|_| url.is_secure()) {
        description = format!("{description}:ca={}", quote_argument(&file));
    }
    let endpoint = client_endpoint(&description)?;
    Ok(Wanted { url, text, endpoint: Box::new(endpoint) })
}

fn main() -> ExitCode {
    common::run(USAGE, |arguments| {
        let Wanted { url, text, endpoint } = read(arguments)?;
        let mut reactor = Reactor::new()?;
        reactor.stop_on_signals()?;
        let ended = Ended::new(RefCell::new(Ok(())));
        let (for_client, for_attempt) = (Rc::clone(&ended), Rc::clone(&ended));
        let handle = reactor.handle();
        let factory = for_protocol(move || client(&url, text.clone(), Rc::clone(&for_client)));
        endpoint.connect_shared(&reactor, Rc::new(factory)).then(move |result| {
            if let Err(error) = result {
                *for_attempt.borrow_mut() = Err(error.into());
                handle.stop();
            }
        });
        reactor.run()?;
        ended.replace(Ok(()))
    })
}
