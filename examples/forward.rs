//! Passes connections on to another endpoint.
//!
//! ```text
//! cargo run --example echo
//! cargo run --example forward
//! telnet 127.0.0.1 8001
//! ```
//!
//! So a server that knows nothing of browsers has some for clients: `forward ws:8001:subprotocol=binary 127.0.0.1:5900` for noVNC, say.
mod common;

use std::process::ExitCode;

use ropewalk::{PortForward, client_endpoint};

const USAGE: &str = "\
Usage: forward [ENDPOINT [TARGET]]

Passes each connection to ENDPOINT (default 127.0.0.1:8001) on to TARGET, which is
an endpoint too (default 127.0.0.1:8000).";

fn main() -> ExitCode {
    common::run(USAGE, |mut arguments| {
        let endpoint = arguments.next_or("127.0.0.1:8001")?;
        let target = client_endpoint(&arguments.next_or("127.0.0.1:8000")?)?;
        arguments.finish()?;
        common::serve(&endpoint, PortForward::new(target))
    })
}
