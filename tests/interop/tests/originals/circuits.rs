//! The chats of circuits 3.2.5.

use std::net::SocketAddr;

use ropewalk_interop::{Example, Socket};

use crate::server::{Original, guest, play};

fn original(chat: &str) -> Original {
    Original::start("circuits", "3.2.5", include_str!("circuits.py"), &[chat])
}

/// Those who are there, each of whom has been heard by all others. `end` is what ends a message.
fn everybody(server: SocketAddr, end: &str) -> [Socket; 3] {
    let mut room = [(); 3].map(|()| Socket::connect(server));
    // The first who speaks is heard by those who came before, as connections are accepted in their order.
    for speaker in [2, 1, 0] {
        let text = format!("{speaker} is here");
        say(&mut room, speaker, format!("{text}\r\n"), &[&text, end]);
    }
    room
}

/// One says something, and all others hear it.
#[track_caller]
fn say(room: &mut [Socket], speaker: usize, text: impl AsRef<[u8]>, heard: &[&str]) {
    room[speaker].send(text);
    for listener in (0..room.len()).filter(|listener| *listener != speaker) {
        room[listener].expect(&heard.concat());
    }
}

fn talk_of_everybody(server: SocketAddr, end: &str) {
    let mut room = everybody(server, end);
    say(&mut room, 0, "one\r\n", &["one", end]);
    say(&mut room, 0, "two\n", &["two", end]);
    say(&mut room, 1, "  in the middle \n", &["in the middle", end]);
    let [first, second, third] = room;
    drop(second);
    let mut room = [first, third];
    say(&mut room, 1, "last\n", &["last", end]);
}

/// The original joins what one says to what was said before.
#[test]
fn everybody_hears_what_the_others_say_and_ours_keeps_it_apart() {
    talk_of_everybody(original("Everybody").address, "");
    talk_of_everybody(Example::start("circuits_chat", &[]).address(), "\n");
}

const GREETING: &str = "Welcome to the circuits Chat Server!\nPlease enter a desired nickname: ";

/// Three with nicknames.
fn named(server: SocketAddr) -> [Socket; 3] {
    let mut room = [(); 3].map(|()| guest(server, GREETING));
    for (speaker, name) in ["ann", "bob", "ann"].into_iter().enumerate() {
        say(&mut room, speaker, format!("{name}\r\n"), &["!!! ", name, " has joined !!!\n"]);
    }
    room
}

#[test]
fn guests_with_nicknames_hear_the_same() {
    play(&original("Nicknames"), "nickname_chat", |server| {
        let mut room = named(server);
        say(&mut room, 0, "hello\r\n", &["<ann> hello\n"]);
        say(&mut room, 1, "  hi  \n", &["<bob> hi\n"]);
        say(&mut room, 2, "\n", &["<ann> \n"]);
        let [ann, mut bob, mut other] = room;
        drop(ann);
        bob.expect("!!! ann has left !!!\n");
        other.expect("!!! ann has left !!!\n");
    });
}

/// For the original a message is what one read gives.
#[test]
fn lines_are_messages_in_ours_and_reads_in_the_original() {
    let scene = |server: SocketAddr, heard: &str| {
        let mut room = named(server);
        say(&mut room, 0, "one\ntwo\n", &[heard]);
    };
    scene(original("Nicknames").address, "<ann> one\ntwo\n");
    scene(Example::start("nickname_chat", &[]).address(), "<ann> one\n<ann> two\n");
}
