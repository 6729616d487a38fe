//! Sends back whatever it receives, over TLS.
//!
//! ```text
//! cargo run --example echo_tls
//! openssl s_client -connect localhost:8443 -CAfile echo_tls.pem
//! cargo run --example client tls:localhost:8443:ca=echo_tls.pem
//! ```
mod common;

use std::fs::OpenOptions;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;

use common::Outcome;
use ropewalk::{
    Protocol, Result, TlsIdentity, TlsServerConfig, TlsServerEndpoint, Transport, for_protocol,
    server_endpoint,
};

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

/// Makes a certificate for this host and its key, unless there is one.
fn provide(file: &Path) -> Outcome {
    if file.exists() {
        return Ok(());
    }
    let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let made = rcgen::generate_simple_self_signed(names)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    // The key is nobody else's business.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut output = options.open(file).map_err(|error| format!("making {}: {error}", file.display()))?;
    write!(output, "{}{}", made.cert.pem(), made.signing_key.serialize_pem())?;
    eprintln!("made {}: a certificate for localhost and its key", file.display());
    Ok(())
}

fn main() -> ExitCode {
    common::run(USAGE, |mut arguments| {
        let description = arguments.next_or("127.0.0.1:8443");
        let file = arguments.next_or("echo_tls.pem");
        arguments.finish()?;
        // A bad endpoint must not leave a file behind.
        let endpoint = server_endpoint(&description)?;
        provide(file.as_ref())?;
        let config = TlsServerConfig::builder().identity(TlsIdentity::from_pem_file(&file)).build()?;
        let address = if description.parse::<SocketAddr>().is_ok() { &description } else { "HOST:PORT" };
        eprintln!("try it with: openssl s_client -CAfile {file} -connect {address}");
        common::serve_at(&TlsServerEndpoint::new(endpoint, config), for_protocol(|| Echo))
    })
}
