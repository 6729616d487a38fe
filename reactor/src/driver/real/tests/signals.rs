//! Signals, in processes of their own since they concern whole processes.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::sync::mpsc::channel;

use super::{CHILD, Driver, Event, PATIENCE, World, only_test};
use crate::driver::Signal;

#[test]
fn interrupts_are_events_and_kill_again_afterwards() {
    in_child(
        "signals::interrupts_are_events_and_kill_again_afterwards",
        "INT",
        libc::SIGINT,
        Signal::Interrupt,
    );
}

#[test]
fn terminations_are_events_and_kill_again_afterwards() {
    in_child(
        "signals::terminations_are_events_and_kill_again_afterwards",
        "TERM",
        libc::SIGTERM,
        Signal::Terminate,
    );
}

/// Tests the signal `name` in a child process, which is the same test called again.
fn in_child(test: &str, name: &str, number: i32, signal: Signal) {
    if std::env::var_os(CHILD).is_some() {
        watch_and_stop_watching(name, signal);
    }
    let (program, arguments) = only_test(test);
    let child = Command::new(program).args(arguments).env(CHILD, "1").output().unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert_eq!((child.status.signal(), said.contains(UNWATCHED)), (Some(number), true), "{child:?}");
}

/// What the child says when it wants to be killed by the next signal.
const UNWATCHED: &str = "nobody watches";

fn watch_and_stop_watching(name: &str, signal: Signal) -> ! {
    let expected = Event::Signal(signal);
    let mut first = World::new();
    first.driver.watch_signals().unwrap();
    first.driver.watch_signals().unwrap();
    let mut second = World::new();
    second.driver.watch_signals().unwrap();
    // As often as it arrives, and to everybody.
    for _ in 0..2 {
        send(name);
        for world in [&mut first, &mut second] {
            world.poll_until(|world| !world.others.is_empty());
            assert_eq!(std::mem::take(&mut world.others), [expected]);
        }
    }

    // One is left.
    drop(first);
    send(name);
    second.poll_until(|world| world.others == [expected]);
    drop(second);

    // Watching can begin anew.
    let mut third = World::new();
    third.driver.watch_signals().unwrap();
    send(name);
    third.poll_until(|world| world.others == [expected]);
    drop(third);

    println!("{UNWATCHED}");
    send(name);
    // Nothing ever comes but the signal.
    let (_sender, receiver) = channel::<()>();
    panic!("still alive: {:?}", receiver.recv_timeout(PATIENCE));
}

fn send(name: &str) {
    let process = std::process::id().to_string();
    assert!(Command::new("kill").args([&format!("-{name}"), &process]).status().unwrap().success());
}
