//! Netcat: bare LF, half-closed connections, bulk.

use ropewalk_interop::{Example, Finished, Running, Socket, netcat};

/// Runs `nc -N`, which half-closes at the end of its input, and returns what it printed.
#[track_caller]
fn talk(server: &Example, input: impl Into<Vec<u8>>) -> String {
    let running = Running::with_input(&mut netcat(&["-N"], server.address()), input);
    let Finished { status, output, errors } = running.finish();
    assert!(status.success(), "{status}: {errors}");
    output
}

#[test]
fn a_half_closed_connection_gets_the_whole_echo() {
    let echo = Example::start("echo", &[]);
    assert_eq!(talk(&echo, "x"), "x");
    assert_eq!(talk(&echo, ""), "");
    let bulk: String = (0..500_000).map(|number| format!("{number}\n")).collect();
    assert!(talk(&echo, bulk.clone()) == bulk, "the echo of {} bytes differs", bulk.len());
}

#[test]
fn qotd_says_its_quote() {
    let qotd = Example::start("qotd", &[]);
    assert_eq!(talk(&qotd, ""), "An apple a day keeps the doctor away\r\n");
    let other = Example::start("qotd", &["Ceci n'est pas une citation"]);
    assert_eq!(talk(&other, "ignored\n"), "Ceci n'est pas une citation\r\n");
}

#[test]
fn chat_takes_bare_line_feeds() {
    let chat = Example::start("chat", &[]);
    let mut alice = Socket::connect(chat.address());
    alice.expect("What's your name?\r\n");
    alice.send("alice\r\n");
    alice.expect("Welcome, alice!\r\n");
    let transcript = "What's your name?\r\nWelcome, bob!\r\nalice is here.\r\n";
    assert_eq!(talk(&chat, "bob\nhi alice\n"), transcript);
    alice.expect("bob has joined.\r\n<bob> hi alice\r\nbob has left.\r\n");
}

#[test]
fn answer_takes_bare_line_feeds() {
    let answer = Example::start("answer", &[]);
    assert_eq!(talk(&answer, "How are you?\nwhat?\n"), "Fine\r\nI don't know what you mean\r\n");
}
