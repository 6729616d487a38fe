//! The examples on UNIX sockets, with netcat and socat.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

use std::process::Command;

use ropewalk_interop::{Finished, Running, Signal, example_path, netcat_unix, socat};

#[test]
fn netcat_and_socat_chat_on_a_unix_socket() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("chat");
    let name = path.to_str().unwrap();
    let mut command = Command::new(example_path("chat"));
    let mut chat = Running::start(command.arg(format!("unix:{name}:mode=600")));
    assert_eq!(chat.line(), format!("listening on {name}"));
    let mut alice = Running::start(socat().args(["-", &format!("UNIX-CONNECT:{name}")]));
    assert_eq!(alice.line(), "What's your name?");
    alice.say("alice\n");
    assert_eq!(alice.line(), "Welcome, alice!");
    let Finished { status, output, errors } =
        Running::with_input(&mut netcat_unix(&path), "bob\nhi alice\n").finish();
    assert!(status.success(), "{errors}");
    assert_eq!(output, "What's your name?\r\nWelcome, bob!\r\nalice is here.\r\n");
    assert_eq!([alice.line(), alice.line()], ["bob has joined.", "<bob> hi alice"]);
    chat.signal(Signal::SIGTERM);
    assert!(chat.finish().status.success());
    assert!(!path.exists(), "the socket's file is left behind");
}

#[test]
fn the_client_and_the_forwarder_reach_a_unix_socket() {
    let directory = tempfile::tempdir().unwrap();
    let [echo, forward] =
        ["echo", "forward"].map(|name| format!("unix:{}", directory.path().join(name).to_str().unwrap()));
    let start = |name: &str, arguments: &[&str]| {
        let mut running = Running::start(Command::new(example_path(name)).args(arguments));
        running.line();
        running
    };
    let _echo = start("echo", &[&echo]);
    let _forward = start("forward", &[&forward, &echo]);
    let mut client = Command::new(example_path("client"));
    let Finished { status, output, errors } = Running::with_input(client.arg(&forward), "hello\n").finish();
    assert!(status.success(), "{errors}");
    assert_eq!(output, "hello\r\n");
}
