//! Sends back every datagram it receives; or, as a client, sends one and prints the answer.
//!
//! ```text
//! cargo run --example udp_echo
//! cargo run --example udp_echo 127.0.0.1:8007 "Is anybody there?"
//! ```
mod common;

use std::cell::RefCell;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use common::{Outcome, say};
use ropewalk::{Address, DatagramError, DatagramProtocol, DatagramTransport, Reactor, Result, UdpEndpoint};

const USAGE: &str = "\
Usage: udp_echo [ADDRESS [TEXT]]

Sends back every datagram it receives on ADDRESS (default 127.0.0.1:8007). With
TEXT, sends that to ADDRESS and prints the first answer; exits with 1 if none
comes within five seconds.";

/// How long the client waits: a datagram may be lost.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) struct Echo;

impl DatagramProtocol for Echo {
    fn datagram_received(&mut self, transport: &DatagramTransport, data: &[u8], from: &Address) -> Result {
        transport.send_to(data, from)?;
        Ok(())
    }
}

/// How the client's errand ended.
type Ended = Rc<RefCell<Outcome>>;

struct Client {
    text: String,
    ended: Ended,
}

impl Client {
    fn end(&self, transport: &DatagramTransport, outcome: Outcome) {
        *self.ended.borrow_mut() = outcome;
        transport.reactor().stop();
    }
}

impl DatagramProtocol for Client {
    fn started(&mut self, transport: &DatagramTransport) {
        if let Err(error) = transport.send(&self.text) {
            self.end(transport, Err(error.into()));
        }
    }

    fn datagram_received(&mut self, transport: &DatagramTransport, data: &[u8], _: &Address) -> Result {
        self.end(transport, say(&String::from_utf8_lossy(data)));
        Ok(())
    }

    fn error_received(&mut self, transport: &DatagramTransport, error: &DatagramError) {
        self.end(transport, Err(error.to_string().into()));
    }
}

fn serve(endpoint: &UdpEndpoint) -> Outcome {
    let mut reactor = Reactor::new()?;
    let transport = endpoint.listen(&reactor, Echo)?;
    reactor.stop_on_signals()?;
    say(&format!("listening on {}", transport.host()))?;
    reactor.run()?;
    Ok(())
}

fn ask(endpoint: &UdpEndpoint, text: String) -> Outcome {
    let mut reactor = Reactor::new()?;
    let ended =
        Ended::new(RefCell::new(Err(format!("no answer from {endpoint} within {PATIENCE:?}").into())));
    endpoint.connect(&reactor, Client { text, ended: Rc::clone(&ended) })?;
    reactor.call_later(PATIENCE, |reactor| reactor.stop());
    reactor.run()?;
    ended.replace(Ok(()))
}

fn main() -> ExitCode {
    common::run(USAGE, |mut arguments| {
        let endpoint = arguments.next_or("127.0.0.1:8007")?.parse()?;
        let text = arguments.next_or("")?;
        arguments.finish()?;
        if text.is_empty() { serve(&endpoint) } else { ask(&endpoint, text) }
    })
}
