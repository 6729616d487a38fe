//! The chat of the Twisted tutorial, for telnet and for browsers.
//!
//! ```text
//! cargo run --example chat
//! telnet 127.0.0.1 8123
//! ```
//!
//! Do the latter in a terminal or two, open <http://127.0.0.1:8080/> in a browser, and talk. Telnet may send lines or, after
//! `mode character` at its prompt, each key; netcat does as well, and so does `openssl s_client` if the room is open to TLS:
//!
//! ```text
//! cargo run --example chat tcp:8123 tls:8124:cert=chat.pem unix:/tmp/chat wss:8443:cert=chat.pem
//! ```
#[path = "../common/mod.rs"]
mod common;
mod page;

use std::process::ExitCode;
use std::time::Duration;

use page::endpoints_with_page;
use ropewalk::{
    Delimiter, Factory, Group, LineProtocol, LineReceiver, LineTransport, Membership, Reason, Result,
    SendLine, TelnetServer, Transport, for_protocol,
};

const USAGE: &str = "\
Usage: chat [ENDPOINT...]

Lets everybody talk who connects to an ENDPOINT, whichever it is. By default there
are two, for this host alone: 127.0.0.1:8123 for telnet and 127.0.0.1:8080 for
browsers. ws:PORT and wss:PORT:cert=FILE are endpoints that have a page.";

const AT_HOME: [&str; 2] = ["127.0.0.1:8123", "ws:8080:interface=127.0.0.1"];

const GREETING: &str = "telnet 127.0.0.1 8123\nhttp://127.0.0.1:8080/";

const ELSEWHERE: &str = "name other endpoints, as in chat 127.0.0.1:8124 ws:8081:interface=127.0.0.1";

/// The longest line, in bytes.
const LINE_LENGTH_MAX: usize = 1024;

const KEEPALIVE: Duration = Duration::from_secs(30);

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
        // A phone that loses its network does not say goodbye.
        transport.set_keepalive(Some(KEEPALIVE));
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
    common::run(USAGE, |arguments| {
        let descriptions = arguments.all()?;
        if !descriptions.is_empty() {
            return common::serve_at(&endpoints_with_page(&descriptions)?, chat(), common::where_it_listens);
        }
        common::serve_at(&endpoints_with_page(&AT_HOME)?, chat(), |_| GREETING.to_owned())
            .map_err(|error| format!("{error}: {ELSEWHERE}").into())
    })
}
