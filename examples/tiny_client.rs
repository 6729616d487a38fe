//! A client of tinyproto: sends each line that is typed as a message, and prints the messages that come.
//!
//! ```text
//! cargo run --example tiny_echo
//! cargo run --example tiny_client
//! ```
mod common;
#[path = "common/keyboard.rs"]
mod keyboard;

use std::any::Any;
use std::cell::RefCell;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use common::Outcome;
use keyboard::{Keyboard, Screen, Typed, keyboard, screen, without_line_end};
use ropewalk::{
    ClientEndpoint, Reactor, Reason, Result, TimerKey, TinyProtocol, TinyReceiver, Transmit, Transport,
    client_endpoint, for_protocol,
};

const USAGE: &str = "\
Usage: tiny_client [--polite] [ENDPOINT]

Sends each line that is typed to ENDPOINT (default 127.0.0.1:9123) as a message of
tinyproto, and prints each message that comes. Ends when the server closes, at the
line quit, and at the end of input once the server has been silent for a second.
Exits with 0 then, with 1 if it could not begin or broke off.

  --polite  sends only when the server has been silent for 100 ms, for servers in
            Python, which break if both sides begin to send at the same time";

/// The largest message, in bytes.
const MESSAGE_MAX: u32 = 64 * 1024 * 1024;
const POLITE_PAUSE: Duration = Duration::from_millis(100);
/// How long answers are waited for when there is nothing more to say.
const ANSWER_TIME: Duration = Duration::from_secs(1);

struct Client {
    keyboard: Keyboard,
    screen: Screen,
    /// A line was asked for and has not come yet.
    asked: bool,
    /// Too much waits for the server.
    paused: bool,
    /// The input is over; the timer runs while answers may come.
    last_answer: Option<TimerKey>,
    ended: Ended,
}

/// How the connection ended.
pub(crate) type Ended = Rc<RefCell<Outcome>>;

impl Client {
    fn new(keyboard: Keyboard, screen: Screen, ended: Ended) -> Self {
        Self { keyboard, screen, asked: false, paused: false, last_answer: None, ended }
    }

    fn ask_for_line(&mut self, transport: &Transport) {
        if !self.asked && !self.paused {
            self.asked = true;
            (self.keyboard)(transport);
        }
    }
}

impl TinyProtocol for Client {
    fn ready(&mut self, transport: &Transport) {
        let mut limits = transport.limits();
        limits.output = 2 * MESSAGE_MAX as usize;
        transport.set_limits(limits);
        self.ask_for_line(transport);
    }

    fn event_received(&mut self, transport: &Transport, event: Box<dyn Any>) {
        match event.downcast().map(|typed| *typed) {
            Ok(Typed::Line(line)) => match without_line_end(&line) {
                b"quit" => transport.close_after_transmission(),
                line => {
                    transport.transmit(line);
                    self.asked = false;
                    self.ask_for_line(transport);
                }
            },
            Ok(Typed::EndOfInput) => self.last_answer = Some(transport.set_timer(ANSWER_TIME)),
            Err(_) => {}
        }
    }

    fn message_received(&mut self, transport: &Transport, message: &[u8]) -> Result {
        if let Some(timer) = self.last_answer.take() {
            transport.cancel_timer(timer);
            self.last_answer = Some(transport.set_timer(ANSWER_TIME));
        }
        Ok((self.screen)(format!("{}\n", String::from_utf8_lossy(message)).as_bytes())?)
    }

    fn timer_expired(&mut self, transport: &Transport, _: TimerKey) {
        transport.close_after_transmission();
    }

    fn writing_paused(&mut self, _: &Transport) {
        self.paused = true;
    }

    fn writing_resumed(&mut self, transport: &Transport) {
        self.paused = false;
        self.ask_for_line(transport);
    }

    fn connection_lost(&mut self, transport: &Transport, reason: &Reason) {
        if !reason.is_clean() {
            *self.ended.borrow_mut() = Err(reason.to_string().into());
        }
        transport.reactor().stop();
    }
}

pub(crate) fn client(
    keyboard: Keyboard,
    screen: Screen,
    ended: Ended,
    is_polite: bool,
) -> TinyReceiver<impl TinyProtocol> {
    let receiver = TinyReceiver::client(Client::new(keyboard, screen, ended)).max_message(MESSAGE_MAX);
    if is_polite { receiver.polite(POLITE_PAUSE) } else { receiver }
}

fn main() -> ExitCode {
    common::run(USAGE, |mut arguments| {
        let is_polite = arguments.has("--polite");
        let endpoint = client_endpoint(&arguments.next_or("127.0.0.1:9123")?)?;
        arguments.finish()?;
        let mut reactor = Reactor::new()?;
        reactor.stop_on_signals()?;
        let ended = Ended::new(RefCell::new(Ok(())));
        let (for_client, for_attempt) = (Rc::clone(&ended), Rc::clone(&ended));
        let handle = reactor.handle();
        let (keyboard, screen) = (keyboard(), screen());
        let factory = for_protocol(move || {
            client(Rc::clone(&keyboard), Rc::clone(&screen), Rc::clone(&for_client), is_polite)
        });
        endpoint.connect(&reactor, factory).then(move |result| {
            if let Err(error) = result {
                *for_attempt.borrow_mut() = Err(error.into());
                handle.stop();
            }
        });
        reactor.run()?;
        ended.replace(Ok(()))
    })
}
