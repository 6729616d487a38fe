//! A conversation in lines that becomes TLS when the client says `STARTTLS`: as much of SMTP as that takes (RFC 3207).
//!
//! ```text
//! cargo run --example echo_tls     # makes a certificate, echo_tls.pem; end it with Ctrl-C
//! cargo run --example starttls
//! openssl s_client -starttls smtp -CAfile echo_tls.pem -crlf -connect localhost:8025
//! ```
//!
//! Then say `NOOP`, which tells what is known of the connection.
mod common;

use std::process::ExitCode;

use ropewalk::{
    Delimiter, Factory, LineProtocol, LineReceiver, LineTransport, Result, SendLine, TlsIdentity,
    TlsServerConfig, TlsTransport, for_protocol,
};

const USAGE: &str = "\
Usage: starttls [ENDPOINT [FILE]]

Speaks on ENDPOINT (default 127.0.0.1:8025) the words of SMTP that lead to TLS:
EHLO, STARTTLS, NOOP, QUIT. FILE (default echo_tls.pem) has the certificate and its
key; the example echo_tls makes one.";

/// The longest line, in bytes: that of RFC 5321, section 4.5.3.1.4.
const LINE_LENGTH_MAX: usize = 510;

struct Mail {
    config: TlsServerConfig,
}

impl Mail {
    fn greet(transport: &LineTransport<'_>) {
        match transport.tls() {
            Some(_) => transport.send_line("250 localhost"),
            None => transport.write("250-localhost\r\n250 STARTTLS\r\n"),
        }
    }

    fn start_tls(&self, transport: &LineTransport<'_>) -> Result {
        if transport.tls().is_some() {
            transport.send_line("503 TLS is active already");
            return Ok(());
        }
        // The last that goes out unprotected.
        transport.send_line("220 Go ahead");
        transport.start_tls_server(&self.config)?;
        Ok(())
    }

    fn tell_facts(transport: &LineTransport<'_>) {
        match transport.tls() {
            Some(tls) => transport.send_line(format!("250 {}, {}", tls.version, tls.cipher_suite)),
            None => transport.send_line("250 everybody on the way can read this"),
        }
    }
}

impl LineProtocol for Mail {
    fn connection_made(&mut self, transport: &mut LineTransport<'_>) {
        transport.send_line("220 localhost ESMTP");
    }

    fn line_received(&mut self, transport: &mut LineTransport<'_>, line: &[u8]) -> Result {
        let word = line.split(|byte| *byte == b' ').next().unwrap_or_default();
        match word.to_ascii_uppercase().as_slice() {
            b"EHLO" => Self::greet(transport),
            b"STARTTLS" => self.start_tls(transport)?,
            b"NOOP" => Self::tell_facts(transport),
            b"QUIT" => {
                transport.send_line("221 Bye");
                transport.lose_connection();
            }
            _ => transport.send_line("502 This is but an example: EHLO, STARTTLS, NOOP, QUIT"),
        }
        Ok(())
    }
}

/// A protocol for each who brings mail.
pub(crate) fn mail(config: TlsServerConfig) -> impl Factory {
    for_protocol(move || {
        LineReceiver::new(Mail { config: config.clone() })
            .delimiter(Delimiter::LfOrCrLf)
            .max_length(LINE_LENGTH_MAX)
    })
}

fn main() -> ExitCode {
    common::run(USAGE, |mut arguments| {
        let endpoint = arguments.next_or("127.0.0.1:8025")?;
        let file = arguments.next_or("echo_tls.pem")?;
        arguments.finish()?;
        let config = TlsServerConfig::builder().identity(TlsIdentity::from_pem_file(file)).build()?;
        common::serve(&endpoint, mail(config))
    })
}
