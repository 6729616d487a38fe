//! Sockets passed as systemd passes them, to the test itself in a process of its own.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod support;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use ropewalk::{Reactor, ServerEndpoint, SystemdServerEndpoint, factory_fn};
use support::{ANY_PORT, Log, Probe, dial, run_until};

/// Set in the child.
const CHILD: &str = "ROPEWALK_TEST_PASSED";

/// What the child says at its end, lest a test that did not run be taken for one that passed.
const DONE: &str = "done as expected";

/// Runs `test` in a process of its own, to which `listener` is passed twice as the descriptors 3 and 4 with `variables` in
/// the environment, where `$$` is the number of the process.
#[track_caller]
fn with_passed(name: &str, variables: &str, listener: TcpListener, test: impl FnOnce()) {
    if std::env::var_os(CHILD).is_some_and(|child| child == name) {
        drop(listener);
        test();
        println!("{DONE}");
        return;
    }
    // The shell can duplicate what it was given as its standard input.
    let script =
        format!("exec 3<&0 4<&0 0</dev/null && exec env {variables} \"$0\" --exact {name} --nocapture");
    let child = Command::new("sh")
        .args(["-c", &script])
        .arg(std::env::current_exe().unwrap())
        .env(CHILD, name)
        .env_remove("LISTEN_FDS")
        .stdin(Stdio::from(OwnedFd::from(listener)))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout) + String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success() && said.contains(DONE), "{said}");
}

fn listener() -> TcpListener {
    TcpListener::bind(ANY_PORT).unwrap()
}

/// Why it is impossible to listen.
#[track_caller]
fn refusal(endpoint: &SystemdServerEndpoint) -> String {
    endpoint.listen(&Reactor::new().unwrap(), factory_fn(|_| None)).unwrap_err().to_string()
}

#[test]
fn sockets_are_found_by_index_and_by_name_once() {
    let name = "sockets_are_found_by_index_and_by_name_once";
    let variables = "LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=web:admin";
    with_passed(name, variables, listener(), || {
        let mut reactor = Reactor::new().unwrap();
        let log = Log::default();
        let endpoint = SystemdServerEndpoint::index(0);
        assert_eq!(endpoint.to_string(), "systemd:0");
        let port = endpoint.listen(&reactor, Probe::echo(&log).factory()).unwrap();
        let address = support::socket_address(port.address());
        let mut stream = dial(address);
        stream.write_all(b"hello").unwrap();
        run_until(&mut reactor, "it is served", || log.data() == b"hello");
        let mut echo = [0; 5];
        stream.read_exact(&mut echo).unwrap();
        // Both are the same socket, as the test has passed it twice.
        drop(port.stop());
        let taken = "listening on systemd:web: it was listened on already";
        assert_eq!(refusal(&SystemdServerEndpoint::name("web")), taken);
        assert!(refusal(&endpoint).ends_with("it was listened on already"));
        let unknown = refusal(&SystemdServerEndpoint::name("mail"));
        assert_eq!(unknown, "listening on systemd:mail: there is no socket of this name, only web, admin");
        let beyond = refusal(&SystemdServerEndpoint::index(2));
        assert!(beyond.ends_with("there is no socket of this index: 2 were passed, of index 0 to 1"));
        let admin = SystemdServerEndpoint::name("admin").listen(&reactor, factory_fn(|_| None)).unwrap();
        assert_eq!(support::socket_address(admin.address()), address);
        assert!(std::env::var_os("LISTEN_FDS").is_none(), "another program may take the sockets for its own");
    });
}

#[test]
fn several_of_one_name_are_taken_in_turn() {
    let name = "several_of_one_name_are_taken_in_turn";
    with_passed(name, "LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=web:web", listener(), || {
        let reactor = Reactor::new().unwrap();
        let endpoint = SystemdServerEndpoint::name("web");
        let _first = endpoint.listen(&reactor, factory_fn(|_| None)).unwrap();
        let _second = endpoint.listen(&reactor, factory_fn(|_| None)).unwrap();
        assert!(refusal(&endpoint).ends_with("it was listened on already"));
    });
}

#[test]
fn sockets_without_names_have_indices() {
    let name = "sockets_without_names_have_indices";
    with_passed(name, "LISTEN_PID=$$ LISTEN_FDS=1", listener(), || {
        let text = refusal(&SystemdServerEndpoint::name("web"));
        assert!(text.ends_with("have no names: LISTEN_FDNAMES is not set"), "{text}");
        let text = refusal(&SystemdServerEndpoint::index(7));
        assert!(text.ends_with("one was passed, of index 0"), "{text}");
        SystemdServerEndpoint::index(0).listen(&Reactor::new().unwrap(), factory_fn(|_| None)).unwrap();
    });
}

#[test]
fn sockets_for_another_process_are_not_taken() {
    let name = "sockets_for_another_process_are_not_taken";
    with_passed(name, "LISTEN_PID=1 LISTEN_FDS=2", listener(), || {
        let text = refusal(&SystemdServerEndpoint::index(0));
        let me = std::process::id();
        let expected = format!(
            "listening on systemd:0: no sockets were passed to this process, which is {me}: LISTEN_PID says that \
             they are for 1"
        );
        assert_eq!(text, expected);
    });
}

#[test]
fn without_systemd_there_is_a_hint() {
    let name = "without_systemd_there_is_a_hint";
    with_passed(name, "ROPEWALK=1", listener(), || {
        let text = refusal(&SystemdServerEndpoint::index(0));
        assert!(text.contains("LISTEN_FDS is not set; is it started by a socket unit?"), "{text}");
    });
}

#[test]
fn what_listens_not_or_is_no_socket_is_an_error() {
    let name = "what_listens_not_or_is_no_socket_is_an_error";
    // The third descriptor is none that was passed.
    with_passed(name, "LISTEN_PID=$$ LISTEN_FDS=3", listener(), || {
        let text = refusal(&SystemdServerEndpoint::index(2));
        assert!(text.ends_with("it is no socket of TCP or of UNIX streams"), "{text}");
    });
}
