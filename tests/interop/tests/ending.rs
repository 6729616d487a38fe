//! Ctrl-C and its like end every example in an orderly way.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

use std::process::Command;

use nix::sys::wait::WaitStatus;
use rexpect::session::spawn_command;
use ropewalk_interop::{Example, PATIENCE, Signal, Socket, example_path};

/// The servers, with the arguments that they need besides the address.
fn servers() -> Vec<Example> {
    let mut servers: Vec<_> = ["echo", "qotd", "chat", "answer"].map(|name| Example::start(name, &[])).into();
    servers.push(Example::start("logfile", &["/dev/null"]));
    servers
}

#[track_caller]
fn ends_well_by(signal: Signal) {
    for server in servers() {
        let name = format!("{server:?}");
        let finished = server.end_by(signal);
        assert_eq!(finished.status.code(), Some(0), "{name}: {finished:?}");
        assert_eq!(finished.errors, "", "{name}");
    }
}

#[test]
fn sigint_ends_every_server_with_exit_code_0() {
    ends_well_by(Signal::SIGINT);
}

#[test]
fn sigterm_ends_every_server_with_exit_code_0() {
    ends_well_by(Signal::SIGTERM);
}

#[test]
fn control_c_in_a_terminal_ends_a_server() {
    let mut command = Command::new(example_path("chat"));
    command.arg("127.0.0.1:0");
    let patience = u64::try_from(PATIENCE.as_millis()).unwrap();
    let mut terminal = spawn_command(command, Some(patience)).unwrap();
    assert!(terminal.read_line().unwrap().starts_with("listening on 127.0.0.1:"));
    terminal.send_control('c').unwrap();
    terminal.exp_eof().unwrap();
    assert!(matches!(terminal.process().wait().unwrap(), WaitStatus::Exited(_, 0)));
}

#[test]
fn clients_hear_the_end_and_lose_nothing() {
    let chat = Example::start("chat", &[]);
    let mut alice = Socket::connect(chat.address());
    alice.expect("What's your name?\r\n");
    alice.send("alice\r\n");
    alice.expect("Welcome, alice!\r\n");
    let end = std::thread::spawn(move || chat.end_by(Signal::SIGINT));
    alice.expect_end();
    drop(alice);
    assert_eq!(end.join().unwrap().status.code(), Some(0));
}
