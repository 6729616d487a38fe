//! TLS that begins in mid-stream, with Python on the other side.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use ropewalk::{
    ClientEndpoint, Protocol, Reactor, Reason, Result, TcpClientEndpoint, TlsClientConfig, TlsTransport,
    Transport, for_protocol,
};
use ropewalk_interop::{Authority, PATIENCE, Running, SERVER_NAME, python};

/// Answers in plain text, changes to TLS, and answers again.
const SERVER: &str = r"
import socket, ssl, sys
identity, version = sys.argv[1:3]
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(identity)
context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, version)
listener = socket.create_server(('127.0.0.1', 0))
listener.settimeout(20)
print(listener.getsockname()[1], flush=True)
plain, _ = listener.accept()
plain.settimeout(20)
plain.sendall(b'220 mail.example\r\n')
assert plain.recv(100) == b'STARTTLS\r\n'
plain.sendall(b'220 Go ahead\r\n')
tls = context.wrap_socket(plain, server_side=True)
assert tls.recv(100) == b'EHLO client.example\r\n'
tls.sendall(b'250 mail.example\r\n')
assert tls.recv(1) == b''
tls.unwrap()
print('bye')
";

/// As much of SMTP (RFC 5321, RFC 3207) as it takes.
struct Mail {
    tls: TlsClientConfig,
    heard: Rc<RefCell<Vec<String>>>,
}

impl Mail {
    fn note(&self, note: impl Into<String>) {
        self.heard.borrow_mut().push(note.into());
    }
}

impl Protocol for Mail {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        self.note(String::from_utf8_lossy(data));
        match data {
            b"220 mail.example\r\n" => transport.write("STARTTLS\r\n"),
            b"220 Go ahead\r\n" => {
                transport.start_tls_client(&self.tls, SERVER_NAME)?;
                transport.write("EHLO client.example\r\n");
            }
            _ => transport.lose_connection(),
        }
        Ok(())
    }

    fn layer_opened(&mut self, transport: &Transport) {
        self.note(transport.tls().unwrap().version.to_string());
    }

    fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
        self.note(format!("lost: {reason}"));
    }
}

/// What a client hears, until the connection is lost.
fn heard(port: &str, tls: TlsClientConfig) -> Vec<String> {
    let heard = Rc::default();
    let shared = Rc::clone(&heard);
    let factory = for_protocol(move || Mail { tls: tls.clone(), heard: Rc::clone(&shared) });
    let mut reactor = Reactor::new().unwrap();
    let endpoint: TcpClientEndpoint = format!("127.0.0.1:{port}").parse().unwrap();
    drop(endpoint.connect(&reactor, factory));
    let deadline = Instant::now() + PATIENCE;
    while !heard.borrow().iter().any(|note: &String| note.starts_with("lost")) {
        assert!(Instant::now() < deadline, "only {:?}", heard.borrow());
        let _ = reactor.run_once(Some(Duration::from_millis(50))).unwrap();
    }
    heard.take()
}

fn start(authority: &Authority, name: &str, version: &str) -> (Running, String) {
    let mut command = python(SERVER);
    let mut running = Running::start(command.arg(authority.server(name).path()).arg(version));
    let port = running.line();
    (running, port)
}

#[test]
fn a_server_in_python_changes_to_tls() {
    let authority = Authority::new();
    for (option, version) in [("TLSv1_2", "TLS 1.2"), ("TLSv1_3", "TLS 1.3")] {
        let (running, port) = start(&authority, SERVER_NAME, option);
        let heard = heard(&port, authority.client_config().build().unwrap());
        let lost = "lost: the connection was closed cleanly";
        assert_eq!(
            heard,
            ["220 mail.example\r\n", "220 Go ahead\r\n", version, "250 mail.example\r\n", lost]
        );
        let finished = running.finish();
        assert_eq!(finished.output, "bye\n", "{finished:?}");
    }
}

/// What is written behind the handshake never goes out.
#[test]
fn a_server_of_another_name_hears_nothing_more() {
    let authority = Authority::new();
    let (running, port) = start(&authority, "other.example", "TLSv1_3");
    let heard = heard(&port, authority.client_config().build().unwrap());
    let lost = r#"lost: the peer's certificate is not for "server.example" but for other.example"#;
    assert_eq!(heard, ["220 mail.example\r\n", "220 Go ahead\r\n", lost]);
    let finished = running.finish();
    assert!(finished.errors.contains("alert bad certificate"), "{finished:?}");
}
