//! The examples that speak telnet under floods of commands: their memory stays bounded, and others are served meanwhile.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use ropewalk_interop::{Example, PATIENCE, Socket};

const IAC: u8 = 255;
const DONT: u8 = 254;
const DO: u8 = 253;
const WONT: u8 = 252;
const WILL: u8 = 251;
const SB: u8 = 250;
const SE: u8 = 240;
const ARE_YOU_THERE: u8 = 246;

/// How much is sent in each flood.
const FLOOD: usize = 2 * 1024 * 1024;
/// By how much a flood may have the memory of a program grow. Far less than what is sent in all.
const GROWTH_MAX: u64 = 8 * 1024 * 1024;

/// Each verb with each option.
fn negotiations() -> Vec<u8> {
    let each = |verb| (0..=255).flat_map(move |option| [IAC, verb, option]);
    [DO, WILL, DONT, WONT].into_iter().flat_map(each).collect()
}

/// Two commands that undo each other, for each option that is known.
fn changes_of_mind() -> Vec<u8> {
    let options = [1, 3, 24, 31];
    let each = |option| [IAC, DO, option, IAC, DONT, option, IAC, WILL, option, IAC, WONT, option];
    options.into_iter().flat_map(each).collect()
}

/// Subnegotiations of all kinds, none too long.
fn subnegotiations() -> Vec<u8> {
    let short = |option| [&[IAC, WILL, option, IAC, SB, option][..], &[b'x'; 200], &[IAC, SE]].concat();
    [24, 31, 99].into_iter().flat_map(short).collect()
}

fn floods() -> Vec<Vec<u8>> {
    vec![
        negotiations(),
        changes_of_mind(),
        subnegotiations(),
        vec![IAC, ARE_YOU_THERE],
        vec![IAC, IAC],
        vec![IAC, SB, IAC, SE],
    ]
}

/// Two members of a chat who talk to each other.
struct Members(Socket, Socket);

impl Members {
    fn join(chat: &Example) -> Self {
        let join = |name: &str| {
            let mut socket = Socket::connect(chat.address());
            socket.expect("What's your name?\r\n");
            socket.send(format!("{name}\r\n"));
            socket.expect(&format!("Welcome, {name}!\r\n"));
            socket
        };
        let (mut ann, mut bob) = (join("ann"), join("bob"));
        ann.expect("bob has joined.\r\n");
        bob.expect("ann is here.\r\n");
        Self(ann, bob)
    }

    /// Each says something to the other.
    fn talk(&mut self) {
        self.0.send("hello, bob\r\n");
        self.1.expect("<ann> hello, bob\r\n");
        self.1.send("hello, ann\r\n");
        self.0.expect("<bob> hello, ann\r\n");
    }
}

/// Sends a flood and reads all that comes, until the server has closed.
fn flood(example: &Example, pattern: &[u8]) -> JoinHandle<()> {
    let mut stream = TcpStream::connect(example.address()).unwrap();
    stream.set_write_timeout(Some(3 * PATIENCE)).unwrap();
    let mut answers = stream.try_clone().unwrap();
    let reader = thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(1..) = answers.read(&mut buffer) {}
    });
    let input = pattern.repeat(FLOOD / pattern.len());
    thread::spawn(move || {
        stream.write_all(&input).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        reader.join().unwrap();
    })
}

#[test]
fn whoever_floods_and_reads_is_served_with_bounded_memory_beside_others() {
    for (name, pattern) in
        ["chat", "login"].into_iter().flat_map(|name| floods().into_iter().map(move |flood| (name, flood)))
    {
        let example = Example::start(name, &[]);
        let mut members = (name == "chat").then(|| Members::join(&example));
        let before = example.resident_memory();
        let flooding = flood(&example, &pattern);
        let (deadline, mut most) = (Instant::now() + 6 * PATIENCE, 0);
        while !flooding.is_finished() {
            assert!(Instant::now() < deadline, "{name} does not come to the end of {:?}", &pattern[..3]);
            members.iter_mut().for_each(Members::talk);
            most = most.max(example.resident_memory());
            thread::sleep(Duration::from_millis(5));
        }
        flooding.join().unwrap();
        members.iter_mut().for_each(Members::talk);
        assert!(most < before + GROWTH_MAX, "{name}, {:?}: {before} bytes became {most}", &pattern[..3]);
    }
}

#[test]
fn whoever_floods_and_reads_nothing_is_made_to_wait() {
    let chat = Example::start("chat", &[]);
    let mut members = Members::join(&chat);
    let before = chat.resident_memory();
    let mut flooders = Vec::new();
    for pattern in [negotiations(), changes_of_mind(), vec![IAC, ARE_YOU_THERE]] {
        let mut socket = Socket::connect(chat.address());
        socket.clog_with(&pattern);
        flooders.push(socket);
        members.talk();
    }
    let after = chat.resident_memory();
    assert!(after < before + GROWTH_MAX, "{before} bytes became {after}");
}

#[test]
fn a_subnegotiation_without_end_ends_the_connection() {
    for name in ["chat", "login"] {
        let example = Example::start(name, &[]);
        let mut members = (name == "chat").then(|| Members::join(&example));
        let before = example.resident_memory();
        for option in [24, 99] {
            let mut stream = TcpStream::connect(example.address()).unwrap();
            stream.set_write_timeout(Some(PATIENCE)).unwrap();
            stream.write_all(&[IAC, SB, option]).unwrap();
            let (deadline, piece) = (Instant::now() + PATIENCE, vec![b'x'; 64 * 1024]);
            // What is on the way when it closes is read and thrown away, for a while.
            while stream.write_all(&piece).is_ok() {
                assert!(Instant::now() < deadline, "{name} takes all of it");
                members.iter_mut().for_each(Members::talk);
            }
        }
        let after = example.resident_memory();
        assert!(after < before + GROWTH_MAX, "{name}: {before} bytes became {after}");
    }
}

/// Says something, and returns what comes before the answer to Are You There.
fn answers(socket: &mut Socket, said: &[u8]) -> Vec<u8> {
    const YES: &[u8] = b"[Yes]\r\n";
    socket.send([said, &[IAC, ARE_YOU_THERE]].concat());
    let mut answers = Vec::new();
    while !answers.ends_with(YES) {
        answers.extend(socket.take(1));
    }
    answers.truncate(answers.len() - YES.len());
    answers
}

#[test]
fn a_peer_that_sends_each_answer_back_comes_to_rest() {
    let login = Example::start("login", &[]);
    let mut socket = Socket::connect(login.address());
    socket.expect("Name: ");
    for option in 0..=u8::MAX {
        for verb in [DO, WILL, DONT, WONT] {
            let mut said = vec![IAC, verb, option];
            for round in 0.. {
                assert!(round < 10, "there is no end of answers to {verb} {option}");
                said = answers(&mut socket, &said);
                assert!(said.len() <= 9, "one command has {said:?} for an answer");
                if said.is_empty() {
                    break;
                }
            }
        }
    }
}
