//! What well-behaved programs do not do.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

use std::fs;

use ropewalk_interop::{Example, Signal, Socket};

#[test]
fn echo_survives_resets_in_mid_write() {
    let echo = Example::start("echo", &[]);
    let mut bystander = Socket::connect(echo.address());
    for _ in 0..3 {
        let mut rude = Socket::connect(echo.address());
        rude.clog();
        rude.reset();
        bystander.send("still there?");
        bystander.expect("still there?");
    }
    let mut late = Socket::connect(echo.address());
    late.send("and now?");
    late.expect("and now?");
}

const NO_NAME: &str =
    "A name is one word of at most 32 characters without < and >, please choose another.\r\n";

#[test]
fn chat_answers_what_is_no_text_and_goes_on() {
    let chat = Example::start("chat", &[]);
    let mut alice = Socket::connect(chat.address());
    alice.expect("What's your name?\r\n");
    alice.send(b"\xc3\x28\r\n");
    alice.expect("That was not UTF-8, please write plain text.\r\n");
    alice.send("al\x1bice\r\n");
    alice.expect("That had control characters in it, please write plain text.\r\n");
    alice.send(" \t\r\n");
    alice.expect(NO_NAME);
    alice.send(" alice \r\n");
    alice.expect("Welcome, alice!\r\n");

    let mut bob = Socket::connect(chat.address());
    bob.expect("What's your name?\r\n");
    bob.send("bob\n");
    bob.expect("Welcome, bob!\r\nalice is here.\r\n");
    alice.expect("bob has joined.\r\n");
    alice.send(b"caf\xe9\n");
    alice.expect("That was not UTF-8, please write plain text.\r\n");
    alice.send([b"x".repeat(100_000), b"\n".to_vec()].concat());
    alice.expect("That was longer than 1024 bytes, please be brief.\r\n");
    alice.send("x".repeat(1024) + "\r\n");
    bob.expect(&format!("<alice> {}\r\n", "x".repeat(1024)));
    alice.send("café\n");
    bob.expect("<alice> café\r\n");
}

/// What a line says depends on its beginning and its end, so a name must be neither.
#[test]
fn chat_takes_no_name_that_could_be_anything_else() {
    let chat = Example::start("chat", &[]);
    let mut mallory = Socket::connect(chat.address());
    mallory.expect("What's your name?\r\n");
    let too_long = "ü".repeat(33);
    let names =
        ["bob has left. mallory", "<bob>", "bob>", "a\u{2003}b", "\u{200b}", "bob\u{202e}", &too_long];
    for name in names {
        mallory.send(format!("{name}\r\n"));
        mallory.expect(NO_NAME);
    }
    for name in ["bob\r<bob>", "bob\u{85}"] {
        mallory.send(format!("{name}\r\n"));
        mallory.expect("That had control characters in it, please write plain text.\r\n");
    }
    let longest = "ü".repeat(32);
    mallory.send(format!("{longest}\r\n"));
    mallory.expect(&format!("Welcome, {longest}!\r\n"));
    let mut bob = Socket::connect(chat.address());
    bob.send("has.joined.\r\n");
    bob.expect(&format!("What's your name?\r\nWelcome, has.joined.!\r\n{longest} is here.\r\n"));
    mallory.expect("has.joined. has joined.\r\n");
    mallory.send("bob has left.\r\n");
    bob.expect(&format!("<{longest}> bob has left.\r\n"));
}

#[test]
fn a_name_is_free_after_a_reset() {
    let chat = Example::start("chat", &[]);
    for _ in 0..3 {
        let mut alice = Socket::connect(chat.address());
        alice.expect("What's your name?\r\n");
        alice.send("alice\r\n");
        alice.expect("Welcome, alice!\r\n");
        alice.reset();
    }
}

#[test]
fn logfile_appends_lines_with_their_peer() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("messages.log");
    fs::write(&path, "before\n").unwrap();
    let logfile = Example::start("logfile", &[path.to_str().unwrap()]);
    let mut socket = Socket::connect(logfile.address());
    let peer = socket.local_address();
    socket.send(b"one\r\ntwo\n\xff\x1b[2J\nunfinished");
    socket.half_close();
    socket.expect_end();
    assert!(logfile.end_by(Signal::SIGTERM).status.success());
    let expected = format!("before\n{peer} one\n{peer} two\n{peer} \u{fffd}\u{fffd}[2J\n");
    assert_eq!(fs::read_to_string(&path).unwrap(), expected);
}
