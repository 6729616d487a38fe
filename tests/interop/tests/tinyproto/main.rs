//! Ours and the Python package tinyproto, in both of its versions and both roles.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

mod package;
mod talking;
mod tpft;
mod ways;

use std::io::Write;
use std::net::TcpListener;
use std::process::Command;

use package::{VERSIONS, client, server};
use ropewalk_interop::{Example, Running, example_path};
use talking::ask;

const CLOSED: &str = "the connection was closed cleanly";

/// A message of 20 MB.
fn large() -> Vec<u8> {
    (0..=255).cycle().take(20_000_000).collect()
}

fn echo_of(message: &[u8]) -> Vec<u8> {
    [b"Echo back: ", message].concat()
}

#[test]
fn clients_in_python_talk_to_our_echo() {
    for version in VERSIONS {
        let echo = Example::start("tiny_echo", &[]);
        let mut client = client(version, "Asks", echo.address().port(), &[]);
        for message in [b"hello".to_vec(), b"second message".to_vec(), vec![], large()] {
            let answer = echo_of(&message);
            assert_eq!(client.line(), format!("{} {}", answer.len(), crc32(&answer)), "{version}");
        }
        let finished = client.finish();
        assert_eq!(finished.output, "over\n", "{version}: {}", finished.errors);
    }
}

#[test]
fn our_clients_talk_to_an_echo_in_python() {
    for version in VERSIONS {
        let (python, port) = server(version, "Echo", &[]);
        let messages = [b"hello".to_vec(), vec![], large(), b"last".to_vec()];
        let heard = ask(port, &[&messages[..], &[b"QUIT".to_vec()]].concat(), false);
        let expected: Vec<_> = messages.iter().map(|message| echo_of(message)).collect();
        assert!(heard.messages == expected, "{version}: {} answers", heard.messages.len());
        assert_eq!(heard.reason.as_deref(), Some(CLOSED), "{version}");
        let stopped = ask(port, &[b"SRVQUIT".to_vec()], false);
        assert!(stopped.messages.is_empty(), "{version}");
        assert_eq!(python.finish().output, "over\n", "{version}");
    }
}

#[test]
fn compressed_messages_are_understood() {
    for version in VERSIONS {
        let (_python, port) = server(version, "Echo", &["Zlib"]);
        let messages = [b"a".repeat(52), large(), vec![], b"QUIT".to_vec()];
        let heard = ask(port, &messages, true);
        let expected: Vec<_> = messages[..3].iter().map(|message| echo_of(message)).collect();
        assert!(heard.messages == expected, "{version}: {} answers", heard.messages.len());
    }
}

#[test]
fn a_collision_with_a_peer_in_python_is_reported() {
    for version in VERSIONS {
        let (_python, port) = server(version, "SpeaksFirst", &[]);
        let heard = ask(port, &[b"from the client..".to_vec()], false);
        let reason = heard.reason.unwrap();
        assert!(reason.contains("both ends announced a message at once"), "{version}: {reason}");
    }
}

#[test]
fn the_client_example_does_not_interrupt_an_echo_in_python() {
    for version in VERSIONS {
        let (_python, port) = server(version, "Echo", &[]);
        let mut command = Command::new(example_path("tiny_client"));
        command.arg(format!("127.0.0.1:{port}"));
        let finished = Running::with_input(&mut command, "one\ntwo\n\nthree\nQUIT\n").finish();
        let answers = "Echo back: one\nEcho back: two\nEcho back: \nEcho back: three\n";
        assert_eq!(finished.output, answers, "{version}: {}", finished.errors);
        assert!(finished.status.success());
    }
}

#[test]
fn the_client_example_says_why_it_could_not_begin_or_was_broken_off() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    let fails = |because: &str| {
        let mut command = Command::new(example_path("tiny_client"));
        let finished = Running::start(command.arg(address.to_string())).finish();
        assert_eq!((finished.status.code(), finished.output.as_str()), (Some(1), ""));
        let last = finished.errors.lines().last().unwrap();
        assert!(last.starts_with("error: ") && last.ends_with(because), "{}", finished.errors);
    };
    let answer = |bytes: &'static [u8]| {
        let server = server.try_clone().unwrap();
        std::thread::spawn(move || server.accept().unwrap().0.write_all(bytes).unwrap());
    };
    answer(b"\xff\0\0\0\x05he");
    fails("a message broke off after 2 of 5 bytes");
    answer(b"hello?");
    fails("the peer does not speak tinyproto: its first byte is 68");
    drop(server);
    fails("Connection refused (os error 111)");
}

#[test]
fn the_echo_listens_on_several_addresses_until_it_is_told_to_stop() {
    let mut command = Command::new(example_path("tiny_echo"));
    let mut echo = Running::start(command.args(["127.0.0.1:0", "[::1]:0"]));
    let addresses = [echo.line(), echo.line()].map(|line| line.replace("listening on ", ""));
    let say = |address: &str, text: &str| {
        let mut command = Command::new(example_path("tiny_client"));
        let finished = Running::with_input(command.arg(address), text).finish();
        assert!(finished.status.success(), "{}", finished.errors);
        finished.output
    };
    for address in &addresses {
        assert_eq!(say(address, "one\ntwo\n"), "Echo back: one\nEcho back: two\n");
        assert_eq!(say(address, "QUIT\n"), "");
    }
    let mut bystander = Running::start(Command::new(example_path("tiny_client")).arg(&addresses[0]));
    bystander.say("still here\n");
    assert_eq!(bystander.line(), "Echo back: still here");
    assert_eq!(say(&addresses[1], "SRVQUIT\n"), "");
    assert!(echo.finish().status.success());
    assert!(bystander.finish().status.success(), "all clients are let go");
}

#[test]
fn a_client_in_python_chats_with_one_of_ours() {
    for version in VERSIONS {
        let chat = Example::start("tiny_chat", &[]);
        let mut python = client(version, "Chats", chat.address().port(), &[]);
        assert_eq!(python.line(), "ready");
        let mut ours =
            Running::start(Command::new(example_path("tiny_client")).arg(chat.address().to_string()));
        assert_eq!(ours.line(), "[1] hello from Python", "{version}");
        ours.say("bye\n");
        assert_eq!(python.line(), "[2] **joined the chat");
        assert_eq!(python.line(), "[2] bye");
        ours.end_input();
        assert!(ours.finish().status.success());
    }
}

#[test]
fn a_client_in_python_hears_of_the_limit() {
    for version in VERSIONS {
        let (_reactor, port) = full_server();
        let client = client(version, "Waits", port, &[]);
        let finished = client.finish();
        assert!(finished.errors.contains(r"Initialisation error: bytearray(b'\xfe')"), "{finished:?}");
    }
}

/// A server that has no place for anybody, in a thread.
fn full_server() -> (std::thread::JoinHandle<()>, u16) {
    use ropewalk::{ListenOptions, Reactor, TinyConnectionLimit, for_protocol};
    let (sender, receiver) = std::sync::mpsc::channel();
    let serving = std::thread::spawn(move || {
        let mut reactor = Reactor::new().unwrap();
        let factory = for_protocol(|| TinyConnectionLimit);
        let port = reactor.listen(([127, 0, 0, 1], 0), ListenOptions::default(), factory).unwrap();
        sender.send(port.address().clone()).unwrap();
        reactor.run().unwrap();
    });
    let address = receiver.recv().unwrap().to_string();
    (serving, address.rsplit(':').next().unwrap().parse().unwrap())
}

/// The checksum that `zlib.crc32` gives in Python.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 },
        )
    };
    !bytes.iter().fold(!0, step)
}
