//! Asks once, and prints the answer: a client that reads in a line.
//!
//! ```text
//! cargo run --example qotd
//! cargo run --example fetch 127.0.0.1:8123
//! cargo run --example fetch 127.0.0.1:80 /index.html
//! ```
mod common;

use std::cell::RefCell;
use std::io::{self, Write};
use std::process::ExitCode;
use std::rc::Rc;

use common::Outcome;
use ropewalk::{Reactor, ReactorHandle, TcpClientEndpoint, connect_stream};

const USAGE: &str = "\
Usage: fetch [ADDRESS [REQUEST]]

Connects to ADDRESS (default 127.0.0.1:8123), sends REQUEST, and prints what comes
back until the other side ends it. A REQUEST that begins with \"/\" is a path to GET
by HTTP/1.0, any other is sent as a line; without one nothing is sent.";

/// What to send for this request.
fn message(request: &str, endpoint: &TcpClientEndpoint) -> String {
    match request {
        "" => String::new(),
        path if path.starts_with('/') => format!("GET {path} HTTP/1.0\r\nHost: {endpoint}\r\n\r\n"),
        line => format!("{line}\r\n"),
    }
}

async fn fetch(reactor: ReactorHandle, endpoint: TcpClientEndpoint, request: String) -> Outcome {
    let mut stream = connect_stream(&reactor, &endpoint).await?;
    stream.write(message(&request, &endpoint));
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
        let endpoint = arguments.next_or("127.0.0.1:8123").parse()?;
        let request = arguments.next_or("");
        arguments.finish()?;
        let mut reactor = Reactor::new()?;
        reactor.stop_on_signals()?;
        let outcome = Rc::new(RefCell::new(Ok(())));
        let (ended, handle) = (Rc::clone(&outcome), (*reactor).clone());
        let task = async move {
            let result = fetch(handle.clone(), endpoint, request).await;
            *ended.borrow_mut() = result;
            handle.stop();
        };
        reactor.spawn(task).detach();
        reactor.run()?;
        outcome.replace(Ok(()))
    })
}
