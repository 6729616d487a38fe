//! systemd's own program for trying socket activation.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use ropewalk_interop::{PATIENCE, Running, Signal, example_path, socket_activate};

/// Connects once somebody listens.
#[track_caller]
fn connect(path: &Path) -> UnixStream {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match UnixStream::connect(path) {
            Ok(stream) => {
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                return stream;
            }
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn the_first_connection_starts_the_server_and_is_served() {
    let directory = tempfile::tempdir().unwrap();
    let [web, admin] = ["web", "admin"].map(|name| directory.path().join(name));
    let mut command = socket_activate();
    command.arg("--listen").arg(&web).arg("--listen").arg(&admin).arg("--fdname=web:admin");
    command.arg(example_path("echo")).arg("systemd:name=admin");
    let server = Running::start(&mut command);
    let mut stream = connect(&admin);
    stream.write_all(b"hello").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut echo = String::new();
    stream.read_to_string(&mut echo).unwrap();
    assert_eq!(echo, "hello");
    server.signal(Signal::SIGTERM);
    let finished = server.finish();
    assert!(finished.status.success(), "{finished:?}");
    // The file is systemd's, which goes on listening.
    assert!(admin.exists());
}

#[test]
fn an_unknown_name_is_named_with_those_there_are() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let mut command = socket_activate();
    command.arg("--listen").arg(&path).arg("--fdname=web");
    command.arg(example_path("echo")).arg("systemd:name=mail");
    let server = Running::start(&mut command);
    let _stream = connect(&path);
    let finished = server.finish();
    assert!(finished.errors.contains("there is no socket of this name, only web"), "{finished:?}");
}
