//! The echo of tinyproto, byte by byte.

use std::net::SocketAddr;

use ropewalk_interop::{Example, Socket};

use crate::server::{Original, play};

fn original(version: &str) -> Original {
    Original::start("tinyproto", version, include_str!("tiny.py"), &[])
}

const OK: [u8; 1] = [0xff];

/// A guest who has said and heard that it speaks this protocol.
fn ready(server: SocketAddr) -> Socket {
    let mut guest = Socket::connect(server);
    guest.send(OK);
    guest.expect_bytes(OK);
    guest
}

fn size(message: &str) -> [u8; 4] {
    u32::try_from(message.len()).unwrap().to_be_bytes()
}

/// Waits for a message as it is announced, accepted and sent.
fn expect_message(guest: &mut Socket, message: &str) {
    guest.expect_bytes(size(message));
    guest.send(OK);
    guest.expect_bytes(message);
}

fn ask(guest: &mut Socket, question: &str) {
    guest.send(size(question));
    guest.expect_bytes(OK);
    guest.send(question);
    expect_message(guest, &format!("Echo back: {question}"));
}

fn conversation(server: SocketAddr) {
    let mut guest = ready(server);
    for question in ["hello", "", "second message", &"x".repeat(100_000)] {
        ask(&mut guest, question);
    }
    // All at once, and byte by byte.
    guest.send([&size("at once"), "at once".as_bytes()].concat());
    guest.expect_bytes(OK);
    expect_message(&mut guest, "Echo back: at once");
    for byte in size("slowly") {
        guest.send([byte]);
    }
    guest.expect_bytes(OK);
    for byte in "slowly".bytes() {
        guest.send([byte]);
    }
    expect_message(&mut guest, "Echo back: slowly");
    // More than there may be is refused.
    let mut greedy = ready(server);
    greedy.send([0xf1, 0, 0, 0]);
    greedy.expect_bytes([0]);
    ask(&mut guest, "QUIT?");
}

#[test]
fn the_same_bytes_are_answered_with_the_same_bytes() {
    for version in ["2.0.1", "3.0"] {
        play(&original(version), "tiny_echo", conversation);
    }
}

/// The original takes a size that was cut off for a whole one, and what never came for zeros.
#[test]
fn what_is_cut_off_is_no_message_in_ours() {
    let cut_off = |server: SocketAddr| {
        let mut guest = ready(server);
        guest.send([0, 5]);
        guest.half_close();
        guest
    };
    for version in ["2.0.1", "3.0"] {
        let original = original(version);
        let mut guest = cut_off(original.address);
        guest.expect_bytes(OK);
        guest.expect_bytes(15_u32.to_be_bytes());
    }
    cut_off(Example::start("tiny_echo", &[]).address()).expect_end();
}
