//! Asks for a name and a password, which telnet does not show, and then sends back each line.
//!
//! ```text
//! cargo run --example login
//! telnet 127.0.0.1 8123
//! ```
mod common;

use std::any::Any;
use std::process::ExitCode;
use std::rc::Rc;

use ropewalk::{
    Delimiter, Factory, LineProtocol, LineReceiver, LineTransport, Result, SendLine, TelnetEvent,
    TelnetServer, TelnetTransport, Transport, for_protocol,
};

const USAGE: &str = "\
Usage: login [ENDPOINT [PASSWORD]]

Lets everybody who connects to ENDPOINT (default 127.0.0.1:8123) and knows the
PASSWORD (default \"hemp\") in, and sends back what they say.";

/// How many passwords somebody may try.
const ATTEMPTS_MAX: usize = 3;

enum Stage {
    Name,
    Password { name: String },
    Welcome { name: String },
}

struct Login {
    password: Rc<str>,
    stage: Stage,
    failures: usize,
}

impl Login {
    fn new(password: Rc<str>) -> Self {
        Self { password, stage: Stage::Name, failures: 0 }
    }

    fn ask_for_name(&mut self, transport: &Transport) {
        transport.write("Name: ");
        self.stage = Stage::Name;
    }

    fn name_received(&mut self, transport: &Transport, name: &[u8]) {
        // No control characters: they would come back to a terminal.
        let name = String::from_utf8_lossy(name).replace(char::is_control, "");
        if name.trim().is_empty() {
            return self.ask_for_name(transport);
        }
        transport.set_input_hidden(true);
        transport.write("Password: ");
        self.stage = Stage::Password { name };
    }

    fn password_received(&mut self, transport: &Transport, name: String, password: &[u8]) {
        transport.set_input_hidden(false);
        if password == self.password.as_bytes() {
            transport.send_line(format!("Welcome, {name}!"));
            self.stage = Stage::Welcome { name };
            return;
        }
        self.failures += 1;
        transport.send_line("That is not the password.");
        if self.failures == ATTEMPTS_MAX {
            transport.lose_connection();
        } else {
            self.ask_for_name(transport);
        }
    }
}

impl LineProtocol for Login {
    fn connection_made(&mut self, transport: &mut LineTransport<'_>) {
        self.ask_for_name(transport);
    }

    fn line_received(&mut self, transport: &mut LineTransport<'_>, line: &[u8]) -> Result {
        match std::mem::replace(&mut self.stage, Stage::Name) {
            Stage::Name => self.name_received(transport, line),
            Stage::Password { name } => self.password_received(transport, name, line),
            Stage::Welcome { name } => {
                transport.send_line([name.as_bytes(), b": ", line].concat());
                self.stage = Stage::Welcome { name };
            }
        }
        Ok(())
    }

    fn event_received(&mut self, transport: &mut LineTransport<'_>, event: Box<dyn Any>) {
        if event.downcast_ref() == Some(&TelnetEvent::Interrupt) {
            transport.send_line("Goodbye.");
            transport.lose_connection();
        }
    }
}

pub(crate) fn login(password: Rc<str>) -> impl Factory {
    TelnetServer::new(for_protocol(move || {
        LineReceiver::new(Login::new(Rc::clone(&password))).delimiter(Delimiter::LfOrCrLf)
    }))
}

fn main() -> ExitCode {
    common::run(USAGE, |mut arguments| {
        let endpoint = arguments.next_or("127.0.0.1:8123")?;
        let password = arguments.next_or("hemp")?;
        arguments.finish()?;
        common::serve(&endpoint, login(password.into()))
    })
}
