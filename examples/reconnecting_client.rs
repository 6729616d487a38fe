//! Listens in on a chat, and comes back whenever the server does.
//!
//! ```text
//! cargo run --example chat
//! cargo run --example reconnecting_client 127.0.0.1:8123 Fred
//! ```
mod common;

use std::io::{self, Write};
use std::process::ExitCode;

use ropewalk::{
    ClientEvent, ClientOptions, ClientService, Delimiter, LineProtocol, LineReceiver, LineTransport, Reactor,
    Result, SendLine, When, client_endpoint, for_protocol,
};

const USAGE: &str = "\
Usage: reconnecting_client [ENDPOINT [NAME]]

Keeps a connection to ENDPOINT (default 127.0.0.1:8123), sends NAME (default
listener) as the first line of each, and prints the lines that come. Tells on
standard error when it is connected and how long it waits when it is not.";

struct Listener {
    name: String,
}

impl LineProtocol for Listener {
    fn connection_made(&mut self, transport: &mut LineTransport<'_>) {
        transport.send_line(&self.name);
    }

    fn line_received(&mut self, _transport: &mut LineTransport<'_>, line: &[u8]) -> Result {
        let mut output = io::stdout().lock();
        output.write_all(line)?;
        output.write_all(b"\n")?;
        output.flush()?;
        Ok(())
    }
}

fn report(event: &ClientEvent) {
    match event {
        ClientEvent::Connected(transport) => eprintln!("connected to {}", transport.peer()),
        ClientEvent::Waiting { failure, wait } => eprintln!("{failure}; trying again in {wait:.1?}"),
        _ => {}
    }
}

fn main() -> ExitCode {
    common::run(USAGE, |mut arguments| {
        let endpoint = client_endpoint(&arguments.next_or("127.0.0.1:8123"))?;
        let name = arguments.next_or("listener");
        arguments.finish()?;
        let mut reactor = Reactor::new()?;
        reactor.stop_on_signals()?;
        let factory = for_protocol(move || {
            LineReceiver::new(Listener { name: name.clone() }).delimiter(Delimiter::LfOrCrLf)
        });
        let options = ClientOptions::default().on_event(report);
        let service = ClientService::new(&reactor, endpoint, factory, options);
        service.start();
        reactor.add_trigger(When::BeforeShutdown, move |_| service.stop());
        reactor.run()?;
        Ok(())
    })
}
