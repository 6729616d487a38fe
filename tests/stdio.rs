//! Standard input and output as a connection, in processes of their own: this test, called again.
//!
//! Every child exits as soon as `run` has returned, so whatever is in its output by then was there in time.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod support;

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::rc::Rc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use ropewalk::{
    Address, Factory, Limits, ListeningPort, Protocol, Reactor, ServerEndpoint, StdioEndpoint, Transport,
    connect_stream, factory_fn,
};
use support::{Log, PATIENCE, Probe, pattern, run_until};

/// Says in the environment what the child is to do.
const CHILD: &str = "ROPEWALK_TEST_STDIO";

/// Comes before everything that the connection writes, after what the test harness has to say.
const MARKER: &[u8] = b"--- here begins the connection ---";

/// A child that serves `role`.
fn child(role: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "serve_as_child", "--nocapture", "--test-threads=1"]).env(CHILD, role);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What a child that ends by itself has written, and what it said on the side.
#[track_caller]
fn finish(mut child: Child) -> (Vec<u8>, String) {
    let (mut stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let (mut output, mut errors) = (Vec::new(), String::new());
        stdout.read_to_end(&mut output).unwrap();
        stderr.read_to_string(&mut errors).unwrap();
        let _ = sender.send((output, errors));
    });
    let said = receiver.recv_timeout(PATIENCE);
    if said.is_err() {
        child.kill().unwrap();
    }
    let status = child.wait().unwrap();
    let (output, errors) = said.expect("the child does not end");
    assert!(status.success(), "{status}: {errors}");
    (after_marker(&output).to_vec(), errors)
}

#[track_caller]
fn after_marker(output: &[u8]) -> &[u8] {
    let found = output.windows(MARKER.len()).position(|window| window == MARKER);
    &output[found.expect("the child has not begun") + MARKER.len()..]
}

/// Reads on until the words have come.
fn read_until(stdout: &mut ChildStdout, words: &[u8]) {
    let mut said = Vec::new();
    while !said.ends_with(words) {
        let mut byte = [0];
        stdout.read_exact(&mut byte).unwrap();
        said.push(byte[0]);
    }
}

/// Writes from a thread, and closes then.
fn feed(mut stdin: ChildStdin, bytes: Vec<u8>) {
    thread::spawn(move || stdin.write_all(&bytes));
}

/// Not a test of its own: what children do.
#[test]
fn serve_as_child() {
    let Ok(role) = std::env::var(CHILD) else {
        return;
    };
    io::stdout().write_all(MARKER).unwrap();
    io::stdout().flush().unwrap();
    match role.as_str() {
        "echo" => serve(Probe::echo),
        "answer at the end" => serve(|log| {
            Probe::new(log).on_end_of_input(|transport| {
                transport.write(pattern(1_000_000));
                transport.lose_connection();
            })
        }),
        "close at once" => serve(|log| {
            Probe::new(log).on_made(|transport| {
                transport.write("bye");
                transport.lose_connection();
            })
        }),
        "stop at once" => serve(|log| {
            Probe::new(log).on_made(|transport| {
                transport.write(pattern(3_000_000));
                transport.reactor().stop();
            })
        }),
        "impatient" => serve(|log| {
            Probe::new(log).on_made(|transport| {
                let mut limits = Limits::default();
                limits.close_timeout = Duration::from_millis(200);
                transport.set_limits(limits);
                transport.write(pattern(3_000_000));
                transport.lose_connection();
            })
        }),
        "write on" => {
            serve(|log| Probe::new(log).on_made(|t| t.write(vec![b'y'; 1_000_000])).on_data(|_, _| Ok(())))
        }
        "finish first" => serve(|log| {
            Probe::new(log).on_made(|transport| {
                transport.write("I have said it all");
                transport.lose_write_connection();
            })
        }),
        "pause" => pause(),
        "port" => port_ends(),
        "twice" => listen_twice(),
        "connect" => connect(),
        "rest" => rest(),
        _ => panic!("no such role"),
    }
    std::process::exit(0);
}

/// Runs until the connection is lost, and says why it was.
fn serve(probe: impl FnOnce(&Log) -> Probe) {
    let log = Log::default();
    let probe = probe(&log).on_lost(|transport| transport.reactor().stop());
    let mut reactor = Reactor::new().unwrap();
    StdioEndpoint::new().listen(&reactor, probe.factory()).unwrap();
    reactor.run().unwrap();
    eprintln!(
        "heard {:?}, {}",
        String::from_utf8_lossy(&log.data()[..log.received().min(99)]),
        log.lost().unwrap()
    );
}

#[test]
fn what_comes_in_goes_out() {
    let mut child = child("echo").spawn().unwrap();
    feed(child.stdin.take().unwrap(), b"hello\nworld".to_vec());
    let (output, errors) = finish(child);
    assert_eq!(output, b"hello\nworld");
    assert!(errors.contains("the connection was closed cleanly"), "{errors}");
}

#[test]
fn megabytes_pass_through() {
    let mut child = child("echo").spawn().unwrap();
    feed(child.stdin.take().unwrap(), pattern(5 * 1024 * 1024));
    let (output, _) = finish(child);
    assert!(output == pattern(5 * 1024 * 1024), "{} bytes arrived", output.len());
}

#[test]
fn files_will_do_for_both() {
    let mut input = tempfile::tempfile().unwrap();
    input.write_all(&pattern(300_000)).unwrap();
    input.rewind().unwrap();
    let mut output = tempfile::tempfile().unwrap();
    let status = child("echo")
        .stdin(input)
        .stdout(output.try_clone().unwrap())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    let mut all = Vec::new();
    output.rewind().unwrap();
    output.read_to_end(&mut all).unwrap();
    assert!(after_marker(&all) == pattern(300_000));
}

#[test]
fn after_the_end_of_input_all_that_is_written_still_gets_out() {
    let null = File::open("/dev/null").unwrap();
    let (output, errors) = finish(child("answer at the end").stdin(null).spawn().unwrap());
    assert!(output == pattern(1_000_000), "{} bytes arrived", output.len());
    assert!(errors.contains("the connection was closed cleanly"), "{errors}");
}

#[test]
fn closing_does_not_wait_for_the_end_of_input() {
    let mut child = child("close at once").spawn().unwrap();
    let open = child.stdin.take();
    let begun = Instant::now();
    let (output, errors) = finish(child);
    assert_eq!(output, b"bye");
    assert!(errors.contains("the connection was closed cleanly"), "{errors}");
    // Not even for the two seconds for which a connection to a peer lingers.
    assert!(begun.elapsed() < Limits::default().linger_timeout, "{:?}", begun.elapsed());
    drop(open);
}

#[test]
fn a_stop_loses_nothing() {
    let mut child = child("stop at once").spawn().unwrap();
    let open = child.stdin.take();
    let (output, errors) = finish(child);
    assert!(output == pattern(3_000_000), "{} bytes arrived", output.len());
    assert!(errors.contains("the reactor stopped"), "{errors}");
    drop(open);
}

#[test]
fn a_reader_that_takes_nothing_is_given_the_close_timeout() {
    let mut child = child("impatient").spawn().unwrap();
    let mut errors = String::new();
    // Nobody reads its output until it has said this and ended.
    child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    assert!(errors.contains("closing the connection took longer than 200ms"), "{errors}");
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_reader_that_goes_away_is_noticed() {
    let mut child = child("write on").spawn().unwrap();
    let open = child.stdin.take();
    read_until(&mut child.stdout.take().unwrap(), MARKER);
    let mut errors = String::new();
    child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    assert!(errors.contains("the connection was lost: Broken pipe"), "{errors}");
    drop(open);
    assert!(child.wait().unwrap().success());
}

#[test]
fn input_goes_on_after_lose_write_connection() {
    let mut child = child("finish first").spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    // Only when that is out, so that the input comes after it.
    read_until(&mut stdout, b"said it all");
    stdin.write_all(b"but I have not").unwrap();
    drop(stdin);
    let mut errors = String::new();
    child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    assert!(errors.contains("heard \"but I have not\", the connection was closed cleanly"), "{errors}");
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_pause_holds_input_up() {
    let mut child = child("pause").spawn().unwrap();
    feed(child.stdin.take().unwrap(), pattern(1_000_000));
    let (_, errors) = finish(child);
    assert!(errors.contains("paused and resumed"), "{errors}");
}

fn pause() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let probe = Probe::new(&log).on_data(|transport, _| {
        transport.pause_reading();
        Ok(())
    });
    StdioEndpoint::new().listen(&reactor, probe.factory()).unwrap();
    let mut heard = 0;
    while log.lost().is_none() {
        run_until(&mut reactor, "more, or the end", || log.received() > heard || log.lost().is_some());
        heard = log.received();
        support::settle(&mut reactor);
        assert_eq!(log.received(), heard, "input came during the pause");
        log.transport().resume_reading();
    }
    assert!(log.data() == pattern(1_000_000), "{heard} bytes came");
    eprintln!("paused and resumed");
}

#[test]
fn the_port_ends_with_the_one_connection() {
    let mut child = child("port").spawn().unwrap();
    feed(child.stdin.take().unwrap(), b"x".to_vec());
    let (_, errors) = finish(child);
    assert!(errors.contains("the port has ended"), "{errors}");
}

/// A factory that counts its stops.
struct Stopping(Log, Cell<usize>);

impl Factory for Stopping {
    fn build_protocol(&self, peer: &Address) -> Option<Box<dyn Protocol>> {
        assert_eq!(*peer, Address::Stdio);
        Some(Box::new(Probe::new(&self.0)))
    }

    fn stop_factory(&self) {
        self.1.set(self.1.get() + 1);
    }
}

fn port_ends() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let factory = Rc::new(Stopping(log.clone(), Cell::new(0)));
    let port: ListeningPort = StdioEndpoint::new().listen(&reactor, Rc::clone(&factory)).unwrap();
    assert_eq!((port.address(), port.is_listening()), (&Address::Stdio, true));
    assert_eq!(port.address().to_string(), StdioEndpoint::new().to_string());
    run_until(&mut reactor, "the input", || log.data() == b"x");
    assert_eq!((port.is_listening(), factory.1.get()), (false, 1));
    let transport: Transport = log.transport();
    assert_eq!((transport.peer(), transport.host()), (&Address::Stdio, &Address::Stdio));
    let error = port.start().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    drop(port.stop());
    run_until(&mut reactor, "its end", || log.losses() == 1);
    eprintln!("the port has ended");
}

#[test]
fn a_process_has_it_once() {
    let mut child = child("twice").spawn().unwrap();
    feed(child.stdin.take().unwrap(), b"x".to_vec());
    let (_, errors) = finish(child);
    assert!(errors.contains("served after all"), "{errors}");
}

fn listen_twice() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let endpoint = StdioEndpoint::new();
    let port = endpoint.listen(&reactor, factory_fn(|_| None)).unwrap();
    let error = endpoint.listen(&reactor, factory_fn(|_| None)).unwrap_err();
    let text = "listening on stdio: standard input and output are taken: a process has them once";
    assert_eq!(error.to_string(), text);
    // Nobody was served, so it is free again.
    drop(port.stop());
    endpoint.listen(&reactor, Probe::new(&log).factory()).unwrap();
    run_until(&mut reactor, "the input", || log.data() == b"x");
    eprintln!("served after all");
}

#[test]
fn a_program_connects_to_it_and_awaits_its_input() {
    let mut child = child("connect").spawn().unwrap();
    feed(child.stdin.take().unwrap(), b"joe\nhello".to_vec());
    let (output, errors) = finish(child);
    assert_eq!(output, b"Name: Hello, joe!");
    assert!(errors.contains("heard the rest: hello"), "{errors}");
}

fn connect() {
    let mut reactor = Reactor::new().unwrap();
    let handle = reactor.handle();
    let talk = async move {
        let mut user = connect_stream(&handle, &StdioEndpoint::new()).await.unwrap();
        assert_eq!((user.transport().peer(), user.transport().host()), (&Address::Stdio, &Address::Stdio));
        let error = connect_stream(&handle, &StdioEndpoint::new()).await.unwrap_err();
        let text = "connecting to stdio: standard input and output are taken: a process has them once";
        assert_eq!(error.to_string(), text);
        user.write("Name: ");
        let name = user.read_line().await.unwrap().unwrap();
        user.write(format!("Hello, {}!", String::from_utf8(name).unwrap()));
        let rest = user.read_to_end(100).await.unwrap();
        eprintln!("heard the rest: {}", String::from_utf8(rest).unwrap());
        user.close().await.unwrap();
    };
    reactor.run_until(talk).unwrap().unwrap();
}

#[test]
fn while_nothing_comes_the_loop_rests() {
    let mut child = child("rest").spawn().unwrap();
    let open = child.stdin.take();
    let (output, errors) = finish(child);
    assert_eq!(output, b"waiting");
    assert!(errors.contains("rested"), "{errors}");
    drop(open);
}

fn rest() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let probe = Probe::new(&log).on_made(|transport| transport.write("waiting"));
    StdioEndpoint::new().listen(&reactor, probe.factory()).unwrap();
    run_until(&mut reactor, "it is out", || !log.transports().is_empty() && log.transport().buffered() == 0);
    support::assert_rests(&mut reactor);
    eprintln!("rested");
}
