//! A telnet client: joins the terminal and a connection.
//!
//! ```text
//! cargo run --example login
//! cargo run --example telnet 127.0.0.1:8123
//! ```
//!
//! The terminal edits the line, until a server asks for each key, and does not show what a server hides. It speaks to any
//! endpoint: `tls:example.org:992`, `unix:/run/socket`, `ws://example.org/chat`, and datagrams with `udp:127.0.0.1:8007`.
mod common;

use std::process::ExitCode;
use std::time::Duration;

use common::Outcome;
use ropewalk::{
    Address, ByteStream, ClientEndpoint, DatagramError, DatagramProtocol, DatagramTransport, Deferred,
    ReactorHandle, Resolver, Result, StdioEndpoint, StreamError, TelnetTerminal, Transport, UdpEndpoint,
    client_endpoint, connect_stream, race,
};

const USAGE: &str = "\
Usage: telnet [ENDPOINT]

Sends what is typed to ENDPOINT (default 127.0.0.1:8123) and prints what comes back.
With udp:HOST:PORT each line is a datagram, and a second after the end of the input
is the end. Exits with 0 when either side has ended the conversation, with 1 if it
could not begin or broke off, and with 130 after Ctrl-C.";

/// How long datagrams are waited for when there is no more to ask.
const PATIENCE: Duration = Duration::from_secs(1);

/// Talks to a server until that has no more to say.
async fn talk(reactor: ReactorHandle, endpoint: impl ClientEndpoint) -> Outcome {
    let endpoint = endpoint.with_policy(TelnetTerminal::new());
    let mut network = connect_stream(&reactor, &endpoint).await?;
    let mut keyboard = connect_stream(&reactor, &StdioEndpoint::new()).await?;
    let (server, screen) = (network.transport().clone(), keyboard.transport().clone());
    let typing = async {
        pass_on(&mut keyboard, &server).await?;
        server.lose_write_connection();
        // The server may have more to say, as long as somebody sees it.
        let reason = screen.when_lost().await;
        Err(StreamError::Lost(reason.map_or_else(String::new, |reason| reason.to_string())))
    };
    race(pass_on(&mut network, &screen), typing).await?;
    network.close().await?;
    Ok(keyboard.close().await?)
}

/// Writes what comes from one to the other, no faster than that takes it.
async fn pass_on(from: &mut ByteStream, to: &Transport) -> Result<(), StreamError> {
    while let Some(data) = from.read().await? {
        to.write(data);
        to.when_drained().await;
    }
    Ok(())
}

/// Sends each line as a datagram.
async fn talk_by_datagrams(reactor: ReactorHandle, endpoint: UdpEndpoint) -> Outcome {
    let mut keyboard = connect_stream(&reactor, &StdioEndpoint::new()).await?;
    let (failure, failed) = Deferred::new(&reactor);
    let answers = Answers { screen: keyboard.transport().clone(), failed: Some(failed) };
    let network = endpoint.connect(&reactor, answers)?;
    let typing = async {
        while let Some(data) = keyboard.read().await? {
            for line in data.split_inclusive(|byte| *byte == b'\n') {
                network.send(line)?;
            }
        }
        reactor.sleep(PATIENCE).await;
        Ok(())
    };
    race(failure, typing).await?;
    Ok(keyboard.close().await?)
}

/// Prints what comes.
struct Answers {
    screen: Transport,
    failed: Option<Resolver<Outcome>>,
}

impl DatagramProtocol for Answers {
    fn datagram_received(&mut self, _: &DatagramTransport, data: &[u8], _: &Address) -> Result {
        self.screen.write(data);
        Ok(())
    }

    fn error_received(&mut self, _: &DatagramTransport, error: &DatagramError) {
        if let Some(failed) = self.failed.take() {
            failed.resolve(Err(error.to_string().into()));
        }
    }
}

fn main() -> ExitCode {
    common::run(USAGE, |mut arguments| {
        let endpoint = arguments.next_or("127.0.0.1:8123")?;
        arguments.finish()?;
        if let Some(address) = endpoint.strip_prefix("udp:") {
            let endpoint = address.parse()?;
            return common::run_errand(|reactor| talk_by_datagrams(reactor, endpoint));
        }
        let endpoint = client_endpoint(&endpoint)?;
        common::run_errand(|reactor| talk(reactor, endpoint))
    })
}
