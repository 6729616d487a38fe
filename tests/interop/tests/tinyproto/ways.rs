//! tinyproto over UNIX sockets and TLS, as the examples' descriptions have it.

use std::process::Command;

use ropewalk_interop::{Authority, Running, example_path, free_port, socat, wait_for_server};

use crate::package::{VERSIONS, client};
use crate::{crc32, echo_of, large};

/// A running echo, and how it is reached.
struct Echo {
    /// The endpoint of our client.
    endpoint: String,
    /// socat's address.
    address: String,
    _running: Running,
    _directory: Box<dyn std::any::Any>,
}

fn over_unix() -> Echo {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("echo").to_str().unwrap().to_owned();
    let endpoint = format!("unix:{path}");
    let mut running = Running::start(Command::new(example_path("tiny_echo")).arg(&endpoint));
    assert_eq!(running.line(), format!("listening on {path}"));
    Echo {
        endpoint,
        address: format!("UNIX-CONNECT:{path}"),
        _running: running,
        _directory: Box::new(directory),
    }
}

fn over_tls() -> Echo {
    let authority = Authority::new();
    let identity = authority.server("localhost");
    let description = format!("tls:0:interface=127.0.0.1:cert={}", identity.path().display());
    let mut running = Running::start(Command::new(example_path("tiny_echo")).arg(description));
    let line = running.line();
    let port = line.rsplit(':').next().unwrap();
    let authorities = authority.path();
    Echo {
        endpoint: format!("tls:localhost:{port}:ca={}", authorities.display()),
        address: format!(
            "OPENSSL:127.0.0.1:{port},verify=1,cafile={},snihost=localhost,commonname=localhost",
            authorities.display()
        ),
        _running: running,
        _directory: Box::new(authority),
    }
}

#[test]
fn the_client_example_gets_its_echo_however_long() {
    for echo in [over_unix(), over_tls()] {
        let mut client = Running::start(Command::new(example_path("tiny_client")).arg(&echo.endpoint));
        for line in ["hello", &"x".repeat(20_000_000), "", "last"] {
            client.say(format!("{line}\n"));
            let expected = format!("Echo back: {line}\n");
            let answer = client.take(expected.len());
            assert!(answer == expected.as_bytes(), "{}: {} bytes", echo.endpoint, answer.len());
        }
        client.say("QUIT\n");
        let finished = client.finish();
        assert!(finished.status.success(), "{}: {}", echo.endpoint, finished.errors);
    }
}

/// The package knows TCP alone; socat takes it to the socket and through TLS.
#[test]
fn a_client_in_python_gets_its_echo_through_socat() {
    for echo in [over_unix(), over_tls()] {
        let port = free_port();
        let listen = format!("TCP-LISTEN:{port},bind=127.0.0.1,fork,reuseaddr");
        let _socat = Running::start(socat().args(["-t", "20", &listen, &echo.address]));
        wait_for_server(port);
        let mut python = client(VERSIONS[1], "Asks", port, &[]);
        for message in [b"hello".to_vec(), b"second message".to_vec(), vec![], large()] {
            let answer = echo_of(&message);
            assert_eq!(python.line(), format!("{} {}", answer.len(), crc32(&answer)), "{}", echo.endpoint);
        }
        let finished = python.finish();
        assert_eq!(finished.output, "over\n", "{}: {}", echo.endpoint, finished.errors);
    }
}
