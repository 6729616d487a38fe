//! A line client: sends the lines that are typed, and prints what comes back.
//!
//! ```text
//! cargo run --example chat
//! cargo run --example client 127.0.0.1:8123
//! ```
//!
//! It is what `telnet 127.0.0.1 8123` does, and ends when either side has no more to say.
mod common;
#[path = "common/keyboard.rs"]
mod keyboard;

use std::any::Any;
use std::cell::RefCell;
use std::io::{self, Write};
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use common::Outcome;
use keyboard::{Typed, read_when, without_line_end};
use ropewalk::{ClientEndpoint, Protocol, Reactor, Reason, Result, Transport, client_endpoint, for_protocol};

const USAGE: &str = "\
Usage: client [ENDPOINT]

Sends what is typed to ENDPOINT (default 127.0.0.1:8123), line by line, and prints
what comes back. Exits with 0 when either side has ended the conversation, with 1
if it could not begin or broke off.";

struct Client {
    /// Asks the thread at the keyboard for the next line, once there is one.
    keyboard: Option<Sender<()>>,
    /// A line was asked for and has not come yet.
    asked: bool,
    /// The server reads more slowly than we type.
    paused: bool,
    ended: Ended,
}

/// How the connection ended.
type Ended = Rc<RefCell<Outcome>>;

impl Client {
    fn new(ended: Ended) -> Self {
        Self { keyboard: None, asked: false, paused: false, ended }
    }

    fn ask_for_line(&mut self) {
        if self.asked || self.paused {
            return;
        }
        if let Some(keyboard) = &self.keyboard {
            // After the end of the input nobody hears this, and nobody needs to.
            self.asked = keyboard.send(()).is_ok();
        }
    }
}

impl Protocol for Client {
    fn connection_made(&mut self, transport: &Transport) {
        let (ask, asked) = channel();
        let (remote, connection) = (transport.reactor().remote(), transport.id());
        thread::spawn(move || read_when(&asked, &remote, connection));
        self.keyboard = Some(ask);
        self.ask_for_line();
    }

    fn event_received(&mut self, transport: &Transport, event: Box<dyn Any>) {
        match event.downcast().map(|typed| *typed) {
            Ok(Typed::Line(line)) => {
                transport.write_vectored(&[without_line_end(&line), b"\r\n"]);
                self.asked = false;
                self.ask_for_line();
            }
            Ok(Typed::EndOfInput) => transport.lose_write_connection(),
            Err(_) => {}
        }
    }

    fn writing_paused(&mut self, _transport: &Transport) {
        self.paused = true;
    }

    fn writing_resumed(&mut self, _transport: &Transport) {
        self.paused = false;
        self.ask_for_line();
    }

    fn data_received(&mut self, _transport: &Transport, data: &[u8]) -> Result {
        let mut output = io::stdout().lock();
        output.write_all(data)?;
        output.flush()?;
        Ok(())
    }

    fn connection_lost(&mut self, transport: &Transport, reason: &Reason) {
        if !reason.is_clean() {
            *self.ended.borrow_mut() = Err(reason.to_string().into());
        }
        transport.reactor().stop();
    }
}

fn main() -> ExitCode {
    common::run(USAGE, |mut arguments| {
        let endpoint = client_endpoint(&arguments.next_or("127.0.0.1:8123"))?;
        arguments.finish()?;
        let mut reactor = Reactor::new()?;
        reactor.stop_on_signals()?;
        let ended = Ended::new(RefCell::new(Ok(())));
        let (for_client, for_attempt) = (Rc::clone(&ended), Rc::clone(&ended));
        let handle = (*reactor).clone();
        endpoint.connect(&reactor, for_protocol(move || Client::new(Rc::clone(&for_client)))).then(
            move |result| {
                if let Err(error) = result {
                    *for_attempt.borrow_mut() = Err(error.into());
                    handle.stop();
                }
            },
        );
        reactor.run()?;
        ended.replace(Ok(()))
    })
}
