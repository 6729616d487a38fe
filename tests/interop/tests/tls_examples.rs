//! The examples over TLS, with OpenSSL.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use ropewalk_interop::{
    Example, Finished, Running, Signal, Socket, example_path, free_port, openssl, openssl_client,
};
use tempfile::TempDir;

/// `echo_tls` with a certificate that it has made.
struct EchoTls {
    example: Example,
    certificate: PathBuf,
    _directory: TempDir,
}

impl EchoTls {
    fn start() -> Self {
        let directory = TempDir::new().unwrap();
        let certificate = directory.path().join("made.pem");
        let example = Example::start("echo_tls", &[certificate.to_str().unwrap()]);
        Self { example, certificate, _directory: directory }
    }
}

#[test]
fn openssl_gets_its_echo() {
    let server = EchoTls::start();
    let mut client = Running::start(&mut openssl_client(server.example.address(), &server.certificate));
    client.say("hello\n");
    assert_eq!(client.line(), "hello");
    let mode = server.certificate.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "the key is for nobody else");
    // The port is the one that it got, not the 0 that it was told.
    let hint = format!(
        "try it with: openssl s_client -CAfile {} -connect {}\n",
        server.certificate.display(),
        server.example.address()
    );
    let Finished { status, errors, .. } = server.example.end_by(Signal::SIGTERM);
    assert!(status.success() && errors.contains(&hint), "{errors}");
}

#[test]
fn openssl_gets_its_echo_over_ipv6() {
    let made = EchoTls::start();
    let server = Example::start_at("[::1]:0", "echo_tls", &[made.certificate.to_str().unwrap()]);
    let mut client = Running::start(&mut openssl_client(server.address(), &made.certificate));
    client.say("hello\n");
    assert_eq!(client.line(), "hello");
}

#[test]
fn clients_hear_close_notify_when_a_signal_ends_the_server() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let server = EchoTls::start();
        let clients = ["-tls1_2", "-tls1_3"].map(|version| {
            let mut command = openssl_client(server.example.address(), &server.certificate);
            let mut client = Running::start(command.args([version, "-msg"]));
            client.say("hello\n");
            client.until("hello\n");
            client
        });
        assert_eq!(server.example.end_by(signal).status.code(), Some(0));
        for client in clients {
            let Finished { status, output, errors } = client.finish();
            assert!(status.success(), "{errors}");
            // OpenSSL shows each message that it gets, and the last one is this.
            let heard = output.split("<<< ").last().unwrap().lines().next().unwrap();
            assert!(heard.contains("close_notify"), "{output}");
        }
    }
}

#[test]
fn the_certificate_is_made_once() {
    let first = EchoTls::start();
    let second = Example::start("echo_tls", &[first.certificate.to_str().unwrap()]);
    let mut client = Running::start(&mut openssl_client(second.address(), &first.certificate));
    client.say("hello\n");
    assert_eq!(client.line(), "hello");
    assert!(!second.end_by(Signal::SIGTERM).errors.contains("made "));
}

#[test]
fn our_client_verifies_it() {
    let server = EchoTls::start();
    let talk = |trust: &str| {
        let description = format!("tls:localhost:{}{trust}", server.example.address().port());
        let mut client = Command::new(example_path("client"));
        Running::with_input(client.arg(description), "hello\n").finish()
    };
    let Finished { status, output, errors } = talk(&format!(":ca={}", server.certificate.display()));
    assert!(status.success(), "{errors}");
    assert_eq!(output, "hello\r\n");
    let Finished { status, errors, .. } = talk("");
    assert!(!status.success());
    assert!(errors.contains("is not signed by an authority that this side trusts"), "{errors}");
}

#[test]
fn chat_takes_tls() {
    let certificate = EchoTls::start();
    let file = certificate.certificate.display();
    let chat = Example::start_at(&format!("tls:0:interface=127.0.0.1:cert={file}"), "chat", &[]);
    let mut client = Running::start(&mut openssl_client(chat.address(), &certificate.certificate));
    assert_eq!(client.line(), "What's your name?");
    client.say("alice\n");
    assert_eq!(client.line(), "Welcome, alice!");
}

#[test]
fn a_key_that_openssl_has_encrypted_is_opened_by_its_password() {
    let made = EchoTls::start();
    let (plain, key) = (&made.certificate, made.certificate.with_extension("key"));
    let mut encrypt = openssl("pkcs8");
    encrypt.args(["-topk8", "-v2", "aes256", "-passout", "pass:geheim", "-in"]).arg(plain);
    assert!(Running::start(encrypt.arg("-out").arg(&key)).finish().status.success());
    let description =
        format!("tls:0:interface=127.0.0.1:cert={}:key={}:password=geheim", plain.display(), key.display());
    let echo = Example::start_at(&description, "echo", &[]);
    let mut client = Running::start(&mut openssl_client(echo.address(), plain));
    client.say("hello\n");
    assert_eq!(client.line(), "hello");
}

#[test]
fn two_people_chat_over_tls() {
    let directory = TempDir::new().unwrap();
    let certificate = directory.path().join("made.pem");
    let chat = Example::start("chat_tls", &[certificate.to_str().unwrap()]);
    let enter = |nickname: &str| {
        let mut client = Running::start(&mut openssl_client(chat.address(), &certificate));
        client.say(nickname);
        client
    };
    // The answer to an empty nickname tells that the one after it is known too.
    let mut bob = enter("\nbob\n");
    bob.until("Nickname: Nickname: ");
    let mut ann = enter("ann\n");
    assert_eq!(bob.line(), "ann has joined the room");
    bob.say("hello, ann\n");
    assert_eq!(ann.line(), "Nickname: bob: hello, ann");
    ann.signal(Signal::SIGTERM);
    assert_eq!(bob.line(), "ann has left the room.");
    assert!(chat.end_by(Signal::SIGTERM).status.success());
}

#[test]
fn openssl_upgrades_by_starttls() {
    let made = EchoTls::start();
    let server = Example::start("starttls", &[made.certificate.to_str().unwrap()]);
    let mut command = openssl_client(server.address(), &made.certificate);
    let mut client = Running::start(command.args(["-starttls", "smtp", "-crlf"]));
    client.say("NOOP\n");
    assert_eq!(client.line(), "250 TLS 1.3, TLS_AES_256_GCM_SHA384");
    client.say("EHLO again\n");
    assert_eq!(client.line(), "250 localhost");
    client.say("STARTTLS\n");
    assert_eq!(client.line(), "503 TLS is active already");
    client.say("quit\n");
    assert_eq!(client.line(), "221 Bye");
    // OpenSSL shows the last line from before the handshake.
    assert!(client.finish().errors.contains("250 STARTTLS"));
}

#[test]
fn starttls_takes_nothing_that_was_sent_too_early() {
    let made = EchoTls::start();
    let server = Example::start("starttls", &[made.certificate.to_str().unwrap()]);
    let mut socket = Socket::connect(server.address());
    socket.expect("220 localhost ESMTP\r\n");
    socket.send("NOOP\r\n");
    socket.expect("250 everybody on the way can read this\r\n");
    socket.send("MAIL FROM:<a@example.org>\r\n");
    socket.expect("502 This is but an example: EHLO, STARTTLS, NOOP, QUIT\r\n");
    socket.send("STARTTLS\r\nNOOP\r\n");
    socket.expect("220 Go ahead\r\n");
    // The answer to the line that came along would be plain text.
    socket.expect_end();
}

#[test]
fn a_bad_certificate_or_endpoint_is_one_clear_line() {
    let directory = TempDir::new().unwrap();
    let missing = directory.path().join("missing.pem");
    let complaint = |name: &str, endpoint: &str| {
        let mut command = Command::new(example_path(name));
        let finished = Running::start(command.arg(endpoint).arg(&missing)).finish();
        assert_eq!(finished.status.code(), Some(1), "{finished:?}");
        finished.errors
    };
    let error = complaint("starttls", &format!("127.0.0.1:{}", free_port()));
    assert!(error.starts_with(&format!("error: {}: it cannot be read", missing.display())), "{error}");
    assert!(complaint("echo_tls", "tpc:80").contains("did you mean tcp?"));
    assert!(!missing.exists(), "a bad endpoint leaves a file behind");
}
