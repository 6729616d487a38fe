//! Quote of the day: says its piece and hangs up.
//!
//! ```text
//! cargo run --example qotd
//! telnet 127.0.0.1 8007
//! ```
mod common;

use std::process::ExitCode;
use std::rc::Rc;

use ropewalk::{Factory, Protocol, Result, Transport, for_protocol};

const USAGE: &str = "\
Usage: qotd [ENDPOINT [QUOTE]]

Says QUOTE (default: An apple a day keeps the doctor away) to everybody who
connects to ENDPOINT (default 127.0.0.1:8007), and hangs up.";

struct QuoteOfTheDay {
    /// One quote for all connections.
    quote: Rc<str>,
}

impl Protocol for QuoteOfTheDay {
    fn connection_made(&mut self, transport: &Transport) {
        transport.write_vectored(&[self.quote.as_bytes(), b"\r\n"]);
        transport.lose_connection();
    }

    fn data_received(&mut self, _transport: &Transport, _data: &[u8]) -> Result {
        Ok(()) // Nobody is asked, and after `lose_connection` nothing is heard.
    }
}

pub(crate) fn quotes(quote: &str) -> impl Factory + use<> {
    let quote: Rc<str> = quote.into();
    for_protocol(move || QuoteOfTheDay { quote: Rc::clone(&quote) })
}

fn main() -> ExitCode {
    common::run(USAGE, |mut arguments| {
        let endpoint = arguments.next_or("127.0.0.1:8007")?;
        let quote = arguments.next_or("An apple a day keeps the doctor away")?;
        arguments.finish()?;
        common::serve(&endpoint, quotes(&quote))
    })
}
