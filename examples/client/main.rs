//! A line client: sends the lines that are typed, and prints what comes back.
//!
//! ```text
//! cargo run --example chat
//! cargo run --example client 127.0.0.1:8123
//! ```
//!
//! It is what `telnet 127.0.0.1 8123` does, and ends when either side has no more to say.
#[path = "../common/mod.rs"]
mod common;
mod keyboard;

use std::any::Any;
use std::cell::RefCell;
use std::process::ExitCode;
use std::rc::Rc;

use common::Outcome;
pub(crate) use keyboard::{Keyboard, Screen, Typed};
use keyboard::{keyboard, screen, without_line_end};
use ropewalk::{
    ClientEndpoint, Protocol, Reactor, ReactorHandle, Reason, Result, Transport, client_endpoint,
    for_protocol,
};

const USAGE: &str = "\
Usage: client [ENDPOINT]

Sends what is typed to ENDPOINT (default 127.0.0.1:8123), line by line, and prints
what comes back. Exits with 0 when either side has ended the conversation, with 1
if it could not begin or broke off.";

pub(crate) struct Client {
    keyboard: Keyboard,
    screen: Screen,
    /// A line was asked for and has not come yet.
    asked: bool,
    /// The server reads more slowly than we type.
    paused: bool,
    ended: Ended,
}

/// How the connection ended.
pub(crate) type Ended = Rc<RefCell<Outcome>>;

impl Client {
    pub(crate) fn new(keyboard: Keyboard, screen: Screen, ended: Ended) -> Self {
        Self { keyboard, screen, asked: false, paused: false, ended }
    }

    fn ask_for_line(&mut self, transport: &Transport) {
        if !self.asked && !self.paused {
            self.asked = true;
            (self.keyboard)(transport);
        }
    }
}

impl Protocol for Client {
    fn connection_made(&mut self, transport: &Transport) {
        self.ask_for_line(transport);
    }

    fn event_received(&mut self, transport: &Transport, event: Box<dyn Any>) {
        match event.downcast().map(|typed| *typed) {
            Ok(Typed::Line(line)) => {
                transport.write_vectored(&[without_line_end(&line), b"\r\n"]);
                self.asked = false;
                self.ask_for_line(transport);
            }
            Ok(Typed::EndOfInput) => transport.lose_write_connection(),
            Err(_) => {}
        }
    }

    fn writing_paused(&mut self, _transport: &Transport) {
        self.paused = true;
    }

    fn writing_resumed(&mut self, transport: &Transport) {
        self.paused = false;
        self.ask_for_line(transport);
    }

    fn data_received(&mut self, _transport: &Transport, data: &[u8]) -> Result {
        Ok((self.screen)(data)?)
    }

    fn connection_lost(&mut self, transport: &Transport, reason: &Reason) {
        if !reason.is_clean() {
            *self.ended.borrow_mut() = Err(reason.to_string().into());
        }
        transport.reactor().stop();
    }
}

/// Sends what is typed to `endpoint` and shows what comes back. The end of the conversation stops the reactor.
pub(crate) fn talk(
    reactor: &ReactorHandle,
    endpoint: &impl ClientEndpoint,
    keyboard: Keyboard,
    screen: Screen,
) -> Ended {
    let ended = Ended::new(RefCell::new(Ok(())));
    let (for_client, for_attempt) = (Rc::clone(&ended), Rc::clone(&ended));
    let handle = reactor.clone();
    let client = move || Client::new(Rc::clone(&keyboard), Rc::clone(&screen), Rc::clone(&for_client));
    endpoint.connect(reactor, for_protocol(client)).then(move |result| {
        if let Err(error) = result {
            *for_attempt.borrow_mut() = Err(error.into());
            handle.stop();
        }
    });
    ended
}

fn main() -> ExitCode {
    common::run(USAGE, |mut arguments| {
        let endpoint = client_endpoint(&arguments.next_or("127.0.0.1:8123")?)?;
        arguments.finish()?;
        let mut reactor = Reactor::new()?;
        reactor.stop_on_signals()?;
        let ended = talk(&reactor, &endpoint, keyboard(), screen());
        reactor.run()?;
        ended.replace(Ok(()))
    })
}
