//! The clients that await their input and that come back, against servers in the hands of a test.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

use std::net::TcpListener;
use std::process::Command;

use ropewalk_interop::{Example, Running, Signal, Socket, example_path};

/// A server that a client is about to connect to.
struct Server(TcpListener);

impl Server {
    fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    fn client(&self, name: &str, argument: &str) -> Running {
        let mut command = Command::new(example_path(name));
        Running::start(command.arg(self.0.local_addr().unwrap().to_string()).arg(argument))
    }

    fn accept(&self) -> Socket {
        Socket::from(self.0.accept().unwrap().0)
    }
}

#[test]
fn fetch_prints_the_quote_of_the_day() {
    let example = Example::start("qotd", &["To be or not to be"]);
    let mut fetch = Command::new(example_path("fetch"));
    let finished = Running::start(fetch.arg(example.address().to_string())).finish();
    assert_eq!(finished.errors, "");
    assert_eq!(finished.output, "To be or not to be\r\n");
    assert_eq!(finished.status.code(), Some(0));
}

#[test]
fn fetch_asks_for_a_path_by_http() {
    let server = Server::new();
    let fetch = server.client("fetch", "/index.html");
    let mut socket = server.accept();
    let address = server.0.local_addr().unwrap();
    socket.expect(&format!("GET /index.html HTTP/1.0\r\nHost: {address}\r\n\r\n"));
    let body = "x".repeat(1_000_000);
    socket.send(format!("HTTP/1.0 200 OK\r\n\r\n{body}"));
    drop(socket);
    let finished = fetch.finish();
    assert!(finished.output.ends_with(&format!("\r\n\r\n{body}")), "{} bytes", finished.output.len());
    assert_eq!((finished.errors.as_str(), finished.status.code()), ("", Some(0)));
}

#[test]
fn fetch_tells_of_a_broken_connection() {
    let server = Server::new();
    let fetch = server.client("fetch", "How are you?");
    let mut socket = server.accept();
    socket.expect("How are you?\r\n");
    socket.reset();
    let finished = fetch.finish();
    assert_eq!(finished.errors, "error: the connection was lost: Connection reset by peer (os error 104)\n");
    assert_eq!(finished.status.code(), Some(1));
}

#[test]
fn a_signal_ends_fetch_which_does_not_take_a_part_for_the_whole() {
    let server = Server::new();
    let mut fetch = server.client("fetch", "");
    let mut socket = server.accept();
    socket.send("wait\n");
    assert_eq!(fetch.line(), "wait");
    fetch.signal(Signal::SIGTERM);
    socket.expect_end();
    drop(socket);
    assert_eq!(fetch.finish().status.code(), Some(130));
}

#[test]
fn the_reconnecting_client_comes_back() {
    let server = Server::new();
    let mut client = server.client("reconnecting_client", "Fred");
    for greeting in ["one", "two", "three"] {
        let mut socket = server.accept();
        socket.expect("Fred\r\n");
        socket.send(format!("{greeting}\r\n"));
        assert_eq!(client.line(), greeting);
        if greeting == "two" { socket.reset() } else { drop(socket) }
    }
    let mut socket = server.accept();
    socket.expect("Fred\r\n");
    client.signal(Signal::SIGTERM);
    socket.expect_end();
    drop(socket);
    let finished = client.finish();
    assert_eq!(finished.status.code(), Some(0));
    assert_eq!(finished.errors.matches("connected to 127.0.0.1:").count(), 4, "{}", finished.errors);
    assert!(finished.errors.matches("; trying again in ").count() >= 3, "{}", finished.errors);
}

#[test]
fn a_signal_ends_the_wait_for_a_server_that_is_not_there() {
    let address = Server::new().0.local_addr().unwrap();
    let mut command = Command::new(example_path("reconnecting_client"));
    // What is reported comes on standard error: have it where lines can be awaited.
    let script = format!("exec {} {address} 2>&1", command.get_program().to_string_lossy());
    command = Command::new("sh");
    let mut client = Running::start(command.args(["-c", &script]));
    let refused = format!("connecting to {address}: Connection refused (os error 111); trying again in ");
    for _ in 0..2 {
        let line = client.line();
        assert!(line.starts_with(&refused), "{line}");
    }
    client.signal(Signal::SIGINT);
    assert_eq!(client.finish().status.code(), Some(0));
}
