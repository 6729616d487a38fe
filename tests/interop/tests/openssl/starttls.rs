//! TLS that begins in mid-stream.

use ropewalk::{
    Protocol, Reason, Result, ServerEndpoint, TcpServerEndpoint, TlsServerConfig, TlsTransport, Transport,
    for_protocol,
};
use ropewalk_interop::{Authority, EchoServer, Notes, Running, SERVER_NAME, openssl};

use crate::client::VERSIONS;

/// As much of SMTP (RFC 5321, RFC 3207) as comes before TLS; after that it echoes.
struct Mail {
    tls: TlsServerConfig,
    notes: Notes,
    line: Vec<u8>,
    is_protected: bool,
}

impl Protocol for Mail {
    fn connection_made(&mut self, transport: &Transport) {
        transport.write("220 mail.example ESMTP\r\n");
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        if self.is_protected {
            return self.notes.data_received(transport, data);
        }
        self.line.extend_from_slice(data);
        if !self.line.ends_with(b"\r\n") {
            return Ok(());
        }
        let line = std::mem::take(&mut self.line);
        if line.starts_with(b"EHLO") {
            transport.write("250-mail.example\r\n250 STARTTLS\r\n");
        } else if line == b"STARTTLS\r\n" {
            transport.write("220 Go ahead\r\n");
            transport.start_tls_server(&self.tls)?;
            self.is_protected = true;
        }
        Ok(())
    }

    fn layer_opened(&mut self, transport: &Transport) {
        self.notes.layer_opened(transport);
    }

    fn eof_received(&mut self, transport: &Transport) -> Result {
        self.notes.eof_received(transport)
    }

    fn connection_lost(&mut self, transport: &Transport, reason: &Reason) {
        self.notes.connection_lost(transport, reason);
    }
}

fn mail_server(authority: &Authority) -> EchoServer {
    let identity = authority.server(SERVER_NAME);
    EchoServer::start(move |reactor, notes| {
        let tls = TlsServerConfig::builder().identity(identity.tls()).build().unwrap();
        let make =
            move || Mail { tls: tls.clone(), notes: notes.clone(), line: Vec::new(), is_protected: false };
        "127.0.0.1:0".parse::<TcpServerEndpoint>().unwrap().listen(reactor, for_protocol(make)).unwrap()
    })
}

#[test]
fn a_client_of_mail_changes_to_tls() {
    let authority = Authority::new();
    let server = mail_server(&authority);
    for (option, version) in VERSIONS {
        let mut command = openssl("s_client");
        command.args(["-connect", &server.address().to_string(), "-starttls", "smtp", option, "-quiet"]);
        command
            .args(["-verify_return_error", "-verify_hostname", SERVER_NAME, "-CAfile"])
            .arg(authority.path());
        let mut client = Running::start(&mut command);
        let info = server.made();
        assert_eq!(info.version, version);
        client.say("protected\nquit\n");
        // OpenSSL prints the server's last plain line first.
        let finished = client.finish();
        assert!(finished.output.ends_with("protected\nquit\n"), "{finished:?}");
        assert_eq!(server.lost(), "the connection was closed cleanly");
    }
}

/// The client does not believe the certificate; the server hears that, and serves the next.
#[test]
fn a_handshake_that_fails_in_mid_stream_ends_the_connection() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let server = mail_server(&authority);
    let mut command = openssl("s_client");
    command.args(["-connect", &server.address().to_string(), "-starttls", "smtp", "-verify_return_error"]);
    let finished = Running::with_input(command.arg("-CAfile").arg(stranger.path()), "").finish();
    assert!(finished.errors.contains("certificate verify failed"), "{finished:?}");
    assert_eq!(server.lost(), "the peer rejected our certificate: unknown CA");
}
