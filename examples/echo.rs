//! Sends back whatever it receives.
//!
//! ```text
//! cargo run --example echo
//! telnet 127.0.0.1 8000
//! ```
mod common;

use std::process::ExitCode;

use ropewalk::{Protocol, Result, Transport, for_protocol};

const USAGE: &str = "\
Usage: echo [ENDPOINT]

Sends back whatever it receives on ENDPOINT (default 127.0.0.1:8000).";

pub(crate) struct Echo;

impl Protocol for Echo {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        transport.write(data);
        Ok(())
    }
}

fn main() -> ExitCode {
    common::run_server(USAGE, "127.0.0.1:8000", || for_protocol(|| Echo))
}
