//! A flood of connections upon a server that has only a few descriptors.
//!
//! The server is a process of its own, for a flood from its own process would lack descriptors first. It answers on its
//! standard output whenever it gets a line on its standard input, and leaves at the end of that.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod support;

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ropewalk::{Echo, Reactor, ReactorHandle, for_protocol};
use support::{Footprint, PATIENCE, dial, listen, processor_time_of};

const NAME: &str = "g10_a_flood_upon_a_server_with_few_descriptors";

/// Makes the test the server instead.
const SERVER: &str = "ROPEWALK_TEST_SERVER";

/// How many descriptors the server may have. They last for some fifty connections.
const DESCRIPTORS: u32 = 64;

/// How many connections come at once. Those in excess are few enough to be refused together.
const FLOOD: usize = 100;

/// The server's part: an echo.
fn serve() {
    let mut reactor = Reactor::new().unwrap();
    let address = listen(&reactor, for_protocol(|| Echo));
    let before = Footprint::take(&mut reactor);
    println!("thread {}", std::fs::read_link("/proc/thread-self").unwrap().display());
    println!("address {address}");
    let (remote, asked) = (reactor.remote(), Arc::new(AtomicBool::new(true)));
    let asks = Arc::clone(&asked);
    let asking = thread::spawn(move || {
        for _ in std::io::stdin().lines() {
            remote.post(report).unwrap();
        }
        remote.post(move |_| asks.store(false, Ordering::Relaxed)).unwrap();
    });
    while asked.load(Ordering::Relaxed) {
        let _ = reactor.run_once(Some(PATIENCE)).unwrap();
    }
    asking.join().unwrap();
    before.assert_restored(&mut reactor);
    println!("restored");
}

fn report(reactor: &ReactorHandle) {
    let stats = reactor.stats();
    println!("report {} {}", stats.connections, stats.turns);
}

/// The server as the flood sees it.
struct Server {
    process: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
    thread: String,
    address: SocketAddr,
}

/// What the server has done, and holds.
#[derive(Clone, Copy, Debug)]
struct Report {
    connections: usize,
    turns: u64,
    processor_time: Duration,
}

impl Server {
    fn start() -> Self {
        let script = format!("ulimit -n {DESCRIPTORS} && exec \"$0\" --exact {NAME} --nocapture");
        let mut process = Command::new("sh")
            .args(["-c", &script])
            .arg(std::env::current_exe().unwrap())
            .env(SERVER, "")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let questions = process.stdin.take().unwrap();
        let mut answers = BufReader::new(process.stdout.take().unwrap());
        let thread = hear(&mut answers, "thread ");
        let address = hear(&mut answers, "address ").parse().unwrap();
        Self { process, questions, answers, thread, address }
    }

    fn report(&mut self) -> Report {
        writeln!(self.questions).unwrap();
        let report = hear(&mut self.answers, "report ");
        let (connections, turns) = report.split_once(' ').unwrap();
        Report {
            connections: connections.parse().unwrap(),
            turns: turns.parse().unwrap(),
            processor_time: processor_time_of(&self.thread),
        }
    }

    /// Asks until the server has so many connections.
    #[track_caller]
    fn await_connections(&mut self, count: usize) {
        let deadline = Instant::now() + PATIENCE;
        while self.report().connections != count {
            assert!(Instant::now() < deadline, "{:?}, not {count} connections", self.report());
        }
    }

    /// Has the server see that nothing is left behind.
    fn leave(self) {
        let Self { mut process, questions, mut answers, .. } = self;
        drop(questions);
        hear(&mut answers, "restored");
        assert!(process.wait().unwrap().success());
    }
}

/// The rest of the next line in which `word` comes; the test's name may come before it.
fn hear(answers: &mut impl BufRead, word: &str) -> String {
    loop {
        let mut line = String::new();
        assert!(answers.read_line(&mut line).unwrap() > 0, "the server has left before its {word:?}");
        if let Some((_, rest)) = line.split_once(word) {
            return rest.trim().to_owned();
        }
    }
}

/// Whether the server has refused this connection; waits for an answer.
fn is_refused(stream: &mut TcpStream) -> bool {
    // Whoever is refused without having been heard sees a reset.
    let _ = stream.write(b"?");
    match stream.read(&mut [0]) {
        Ok(count) => count == 0,
        Err(error) if error.kind() == ErrorKind::ConnectionReset => true,
        Err(error) => panic!("neither served nor refused: {error}"),
    }
}

#[test]
fn g10_a_flood_upon_a_server_with_few_descriptors() {
    if std::env::var_os(SERVER).is_some() {
        return serve();
    }
    let mut server = Server::start();
    let address = server.address;
    // The first are served, in the order of coming; the others are refused when waiting has not helped.
    let mut served: Vec<_> = (0..FLOOD).map(|_| dial(address)).collect();
    let first_refused = served.iter_mut().position(is_refused).unwrap();
    assert!((40..DESCRIPTORS as usize).contains(&first_refused), "{first_refused} were served");
    let mut refused = served.split_off(first_refused);
    assert!(refused.iter_mut().all(is_refused));
    assert_eq!(server.report().connections, served.len());
    // Now nobody can be served any more. The next wave wakes the loop as it comes and waits for as long as the first.
    let before = server.report();
    let mut waiting: Vec<_> = (0..DESCRIPTORS as usize).map(|_| dial(address)).collect();
    assert!(!served.iter_mut().any(is_refused), "those who are served are served on");
    assert!(waiting.iter_mut().all(is_refused));
    let after = server.report();
    let turns = after.turns - before.turns;
    let reasons = (waiting.len() + served.len()) as u64;
    assert!(turns < 2 * reasons + 20, "{turns} turns for {reasons} reasons to wake");
    let processor_time = after.processor_time - before.processor_time;
    assert!(
        processor_time < Duration::from_millis(50),
        "{processor_time:?} on the processor while exhausted"
    );
    // There are descriptors again, for as many as before.
    let count = served.len();
    drop((served, waiting));
    server.await_connections(0);
    let mut again: Vec<_> = (0..count).map(|_| dial(address)).collect();
    assert!(!again.iter_mut().any(is_refused));
    server.await_connections(count);
    drop(again);
    server.leave();
}
