//! Asks once, and prints the answer: a client that reads in a line.
//!
//! ```text
//! cargo run --example qotd
//! cargo run --example fetch 127.0.0.1:8007
//! cargo run --example fetch 127.0.0.1:80 /index.html
//! ```
mod common;

use std::io::{self, Write};
use std::process::ExitCode;

use common::Outcome;
use ropewalk::{ClientEndpoint, ReactorHandle, TcpClientEndpoint, client_endpoint, connect_stream};

const USAGE: &str = "\
Usage: fetch [ENDPOINT [REQUEST]]

Connects to ENDPOINT (default 127.0.0.1:8123), sends REQUEST, and prints what comes
back until the other side ends it. A REQUEST that begins with \"/\" is a path to GET
by HTTP/1.0, any other is sent as a line; without one nothing is sent. Exits with 0
when all has come, with 1 if it could not begin or broke off, and with 130 after
Ctrl-C.";

/// What to send for this request. A web server is told its address, if one was given: HTTP/1.0 does without.
fn message(request: &str, address: Option<&TcpClientEndpoint>) -> String {
    let host = address.map(|address| format!("Host: {address}\r\n")).unwrap_or_default();
    match request {
        "" => String::new(),
        path if path.starts_with('/') => format!("GET {path} HTTP/1.0\r\n{host}\r\n"),
        line => format!("{line}\r\n"),
    }
}

async fn fetch(reactor: ReactorHandle, endpoint: impl ClientEndpoint, message: String) -> Outcome {
    let mut stream = connect_stream(&reactor, &endpoint).await?;
    stream.write(message);
    let mut output = io::stdout();
    while let Some(data) = stream.read().await? {
        output.write_all(&data)?;
        output.flush()?;
    }
    stream.close().await?;
    Ok(())
}

fn main() -> ExitCode {
    common::run(USAGE, |mut arguments| {
        let description = arguments.next_or("127.0.0.1:8123")?;
        let endpoint = client_endpoint(&description)?;
        let message = message(&arguments.next_or("")?, description.parse().ok().as_ref());
        arguments.finish()?;
        common::run_errand(|reactor| fetch(reactor, endpoint, message))
    })
}
