//! The line client against servers in the hands of a test.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

use std::net::TcpListener;
use std::process::Command;

use ropewalk_interop::{Example, Running, Signal, Socket, example_path};

/// A server that the client is about to connect to.
struct Server(TcpListener);

impl Server {
    fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    fn client(&self) -> Command {
        client(&self.0.local_addr().unwrap().to_string())
    }

    fn accept(&self) -> Socket {
        Socket::from(self.0.accept().unwrap().0)
    }
}

fn client(address: &str) -> Command {
    let mut command = Command::new(example_path("client"));
    command.arg(address);
    command
}

#[test]
fn lines_go_out_and_what_comes_is_printed() {
    let server = Server::new();
    let client = Running::with_input(&mut server.client(), "one\n\ntwo\r\nthree");
    let mut socket = server.accept();
    socket.expect("one\r\n\r\ntwo\r\nthree\r\n");
    socket.expect_end();
    // The input has ended, but what the server still says is heard.
    socket.send("Goodbye!\r\n");
    drop(socket);
    let finished = client.finish();
    assert_eq!(finished.output, "Goodbye!\r\n");
    assert_eq!(finished.errors, "");
    assert_eq!(finished.status.code(), Some(0));
}

#[test]
fn an_endpoint_may_be_described() {
    let server = Server::new();
    let port = server.0.local_addr().unwrap().port();
    let client =
        Running::start(&mut client(&format!("tcp:127.0.0.1:{port}:timeout=10:bind_address=127.0.0.2")));
    let mut socket = server.accept();
    socket.send("Hello!\r\n");
    drop(socket);
    assert_eq!(client.finish().output, "Hello!\r\n");
}

#[test]
fn it_ends_when_the_server_does() {
    let server = Server::new();
    let client = Running::start(&mut server.client());
    drop(server.accept());
    assert_eq!(client.finish().status.code(), Some(0));
}

#[test]
fn a_broken_connection_is_exit_code_1() {
    let server = Server::new();
    let mut client = Running::start(&mut server.client());
    let mut socket = server.accept();
    socket.send("Hello!\r\n");
    assert_eq!(client.line(), "Hello!");
    socket.reset();
    let finished = client.finish();
    assert_eq!(finished.status.code(), Some(1));
    assert_eq!(finished.errors, "error: the connection was lost: Connection reset by peer (os error 104)\n");
}

#[test]
fn a_refused_connection_is_exit_code_1() {
    let address = Server::new().0.local_addr().unwrap();
    let finished = Running::start(&mut client(&address.to_string())).finish();
    assert_eq!(finished.status.code(), Some(1));
    assert_eq!(
        finished.errors,
        format!("error: connecting to {address}: Connection refused (os error 111)\n")
    );
}

#[test]
fn signals_end_it_with_exit_code_0() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let server = Server::new();
        let mut client = Running::start(&mut server.client());
        let mut socket = server.accept();
        socket.send("Hello!\r\n");
        assert_eq!(client.line(), "Hello!");
        client.signal(signal);
        socket.expect_end();
        drop(socket);
        assert_eq!(client.finish().status.code(), Some(0));
    }
}

#[test]
fn bulk_input_waits_for_the_server() {
    let echo = Example::start("echo", &[]);
    let bulk: String = (0..30_000).map(|number| format!("{number}\r\n")).collect();
    let client = Running::with_input(&mut client(&echo.address().to_string()), bulk.clone());
    let finished = client.finish();
    assert_eq!(finished.errors, "");
    assert!(finished.output == bulk, "the echo of {} bytes differs", bulk.len());
    assert_eq!(finished.status.code(), Some(0));
}
