//! The chat of the Twisted tutorial.
//!
//! ```text
//! cargo run --example chat
//! telnet 127.0.0.1 8123
//! ```
//!
//! Do the latter in two terminals, and talk. Telnet may send lines or, after `mode character` at its prompt, each key; netcat
//! does as well.
#[path = "../common/mod.rs"]
mod common;

use std::process::ExitCode;

use ropewalk::{
    Delimiter, Factory, Group, LineProtocol, LineReceiver, LineTransport, Membership, Reason, Result,
    SendLine, TelnetServer, Transport, for_protocol,
};

const USAGE: &str = "\
Usage: chat [ENDPOINT]

Lets everybody who connects to ENDPOINT (default 127.0.0.1:8123) talk.";

/// The longest line, in bytes.
const LINE_LENGTH_MAX: usize = 1024;

/// The longest name, in characters.
const NAME_LENGTH_MAX: usize = 32;

struct Chat {
    /// Those who have a name, by name. All connections share it.
    room: Group<String>,
    /// There once it has a name. Dropped with the connection, it leaves the room.
    membership: Option<Membership<String>>,
}

impl Chat {
    fn new(room: Group<String>) -> Self {
        Self { room, membership: None }
    }

    fn register(&mut self, transport: &Transport, name: &str) {
        if !is_name(name) {
            transport.send_line(format!(
                "A name is one word of at most {NAME_LENGTH_MAX} characters without < and >, please choose another."
            ));
        } else if let Ok(membership) = self.room.join(name.to_owned(), transport) {
            transport.send_line(format!("Welcome, {name}!"));
            for (other, _) in self.room.members().iter().filter(|(other, _)| other != name) {
                transport.send_line(format!("{other} is here."));
            }
            membership.tell_others(format!("{name} has joined.\r\n"));
            self.membership = Some(membership);
        } else {
            transport.send_line("Name taken, please choose another.");
        }
    }
}

impl LineProtocol for Chat {
    fn connection_made(&mut self, transport: &mut LineTransport<'_>) {
        transport.send_line("What's your name?");
    }

    fn line_received(&mut self, transport: &mut LineTransport<'_>, line: &[u8]) -> Result {
        match (text(line), &self.membership) {
            (Err(complaint), _) => transport.send_line(complaint),
            (Ok(message), Some(this)) => this.tell_others(format!("<{}> {message}\r\n", this.key())),
            (Ok(name), None) => self.register(transport, name.trim()),
        }
        Ok(())
    }

    fn line_too_long(&mut self, transport: &mut LineTransport<'_>, _start: &[u8], limit: usize) -> Result {
        transport.send_line(format!("That was longer than {limit} bytes, please be brief."));
        Ok(())
    }

    fn connection_lost(&mut self, _: &Transport, _: &Reason) {
        if let Some(this) = self.membership.take() {
            this.tell_others(format!("{} has left.\r\n", this.key()));
        }
    }
}

/// Whether nobody can take this for more than a name. `<name> text` is a message, `name has joined.` is not, so a name is one
/// word without brackets, and has none of the characters that hide themselves or turn text around.
fn is_name(text: &str) -> bool {
    let is_fit = |character: char| {
        !character.is_whitespace()
            && !matches!(character, '<' | '>' | '\u{ad}' | '\u{61c}' | '\u{feff}')
            && !matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
    };
    (1..=NAME_LENGTH_MAX).contains(&text.chars().count()) && text.chars().all(is_fit)
}

/// What may be shown on other people's terminals, or what to answer instead.
fn text(line: &[u8]) -> std::result::Result<&str, &'static str> {
    let text = std::str::from_utf8(line).map_err(|_| "That was not UTF-8, please write plain text.")?;
    if text.contains(|character: char| character.is_control() && character != '\t') {
        return Err("That had control characters in it, please write plain text.");
    }
    Ok(text)
}

/// An empty room, and a protocol for each who enters it.
pub(crate) fn chat() -> impl Factory {
    let room = Group::new();
    TelnetServer::new(for_protocol(move || {
        // CR LF from telnet, bare LF from netcat.
        LineReceiver::new(Chat::new(room.clone())).delimiter(Delimiter::LfOrCrLf).max_length(LINE_LENGTH_MAX)
    }))
}

fn main() -> ExitCode {
    common::run(USAGE, |mut arguments| {
        let endpoint = arguments.next_or("127.0.0.1:8123");
        arguments.finish()?;
        common::serve(&endpoint, chat())
    })
}
