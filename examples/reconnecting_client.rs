//! Listens in on a chat, and comes back whenever the server does.
//!
//! ```text
//! cargo run --example chat
//! cargo run --example reconnecting_client 127.0.0.1:8123 Fred
//! ```
mod common;

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use ropewalk::{
    ClientEndpoint, ClientEvent, ClientOptions, ClientService, Delimiter, LineProtocol, LineReceiver,
    LineTransport, Reactor, ReactorHandle, Result, SendLine, When, client_endpoint, for_protocol,
};

const USAGE: &str = "\
Usage: reconnecting_client [ENDPOINT [NAME]]

Keeps a connection to ENDPOINT (default 127.0.0.1:8123), sends NAME (default
listener) as the first line of each, and prints the lines that come. Tells on
standard error when it is connected and how long it waits when it is not.";

/// After so long a silence the server is asked whether it is still there.
const KEEPALIVE: Duration = Duration::from_secs(60);

pub(crate) struct Listener<S> {
    name: String,
    /// Shows a line that has come.
    show: S,
}

impl<S: Fn(&[u8]) -> io::Result<()> + Clone + 'static> Listener<S> {
    pub(crate) fn receiver(name: &str, show: &S) -> LineReceiver<Self> {
        LineReceiver::new(Self { name: name.to_owned(), show: show.clone() }).delimiter(Delimiter::LfOrCrLf)
    }
}

impl<S: Fn(&[u8]) -> io::Result<()> + 'static> LineProtocol for Listener<S> {
    fn connection_made(&mut self, transport: &mut LineTransport<'_>) {
        transport.send_line(&self.name);
        // It only listens, and would never hear that the server's machine is gone.
        transport.set_keepalive(Some(KEEPALIVE));
    }

    fn line_received(&mut self, _transport: &mut LineTransport<'_>, line: &[u8]) -> Result {
        Ok((self.show)(line)?)
    }
}

/// Keeps a connection to `endpoint` and shows the lines that come, and tells what becomes of the connection.
pub(crate) fn listen_in(
    reactor: &ReactorHandle,
    endpoint: impl ClientEndpoint + 'static,
    name: String,
    show: impl Fn(&[u8]) -> io::Result<()> + Clone + 'static,
    report: impl Fn(&ClientEvent) + 'static,
) -> ClientService {
    let factory = for_protocol(move || Listener::receiver(&name, &show));
    let service = ClientService::new(reactor, endpoint, factory, ClientOptions::default().on_event(report));
    service.start();
    service
}

/// Prints a line, even if somebody is waiting for it at the other end of a pipe.
fn show(line: &[u8]) -> io::Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(line)?;
    output.write_all(b"\n")?;
    output.flush()
}

fn main() -> ExitCode {
    common::run(USAGE, |mut arguments| {
        let endpoint = client_endpoint(&arguments.next_or("127.0.0.1:8123")?)?;
        let name = arguments.next_or("listener")?;
        arguments.finish()?;
        let mut reactor = Reactor::new()?;
        reactor.stop_on_signals()?;
        let service = listen_in(&reactor, endpoint, name, show, |event| eprintln!("{event}"));
        reactor.add_trigger(When::BeforeShutdown, move |_| service.stop());
        reactor.run()?;
        Ok(())
    })
}
