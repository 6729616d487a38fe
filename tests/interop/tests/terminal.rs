//! Standard input and output at a terminal.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

use std::process::Command;

use rexpect::session::{PtySession, spawn_command};
use ropewalk_interop::{PATIENCE, example_path};

/// An example before a person.
fn start(example: &str) -> PtySession {
    // What the terminal shows is what the server says, without what was typed.
    let mut command = Command::new("sh");
    command.args(["-c", r#"stty -echo && echo ready && "$0" stdio: && echo done"#]);
    command.arg(example_path(example));
    let patience = u64::try_from(PATIENCE.as_millis()).unwrap();
    let mut session = spawn_command(command, Some(patience)).unwrap();
    session.exp_string("ready\r\n").unwrap();
    session
}

#[test]
fn a_line_is_answered_and_control_d_ends_it() {
    let mut session = start("echo");
    session.send_line("hello").unwrap();
    assert_eq!(session.read_line().unwrap().trim_end(), "hello");
    session.send_control('d').unwrap();
    session.exp_string("done").unwrap();
}

#[test]
fn closing_does_not_wait_for_a_terminal_that_never_ends() {
    let mut session = start("qotd");
    assert_eq!(session.read_line().unwrap().trim_end(), "An apple a day keeps the doctor away");
    session.exp_string("done").unwrap();
}
