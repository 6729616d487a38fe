//! Sends back whatever it receives, over TLS.
//!
//! ```text
//! cargo run --example echo_tls
//! openssl s_client -connect localhost:8443 -CAfile echo_tls.pem
//! cargo run --example client tls:localhost:8443:ca=echo_tls.pem
//! ```
mod common;
#[path = "common/tls.rs"]
mod tls;

use std::process::ExitCode;

use ropewalk::{Protocol, Result, Transport, for_protocol};

const USAGE: &str = "\
Usage: echo_tls [ENDPOINT [FILE]]

Sends back whatever it receives on ENDPOINT (default 127.0.0.1:8443), over TLS.
FILE (default echo_tls.pem) has the certificate and its key. If there is no such
file it is made, with a certificate for localhost that is signed by nobody else.";

struct Echo;

impl Protocol for Echo {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        transport.write(data);
        Ok(())
    }
}

fn main() -> ExitCode {
    common::run(USAGE, |mut arguments| {
        let endpoint = arguments.next_or("127.0.0.1:8443")?;
        let file = arguments.next_or("echo_tls.pem")?;
        arguments.finish()?;
        tls::serve(&endpoint, &file, for_protocol(|| Echo))
    })
}
