//! Files: our example with itself, and with a client on the Python package.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use ropewalk_interop::{Finished, PATIENCE, Running, Socket, example_path};
use tempfile::TempDir;

use crate::package::{VERSIONS, run};

const CLIENT: &str = include_str!("tpft.py");

/// A running server, and its directory, which lies in another one.
struct Server {
    _running: Running,
    address: String,
    outside: TempDir,
}

impl Server {
    fn start(options: &[&str]) -> Self {
        let outside = tempfile::tempdir().unwrap();
        let directory = outside.path().join("shared");
        fs::create_dir(&directory).unwrap();
        let mut command = Command::new(example_path("tpft"));
        command.arg("serve").args(options).arg(&directory).arg("127.0.0.1:0");
        let mut running = Running::start(&mut command);
        let address = running.line().replace("listening on ", "");
        Self { _running: running, address, outside }
    }

    fn outside(&self, name: &str) -> PathBuf {
        self.outside.path().join(name)
    }

    fn inside(&self, name: &str) -> PathBuf {
        self.outside("shared").join(name)
    }

    fn get(&self, path: &str, local: &Path) -> Finished {
        tpft(&["get", &self.address, path, local.to_str().unwrap()])
    }

    fn put(&self, local: &Path, path: &str) -> Finished {
        tpft(&["put", &self.address, local.to_str().unwrap(), path])
    }
}

fn tpft(arguments: &[&str]) -> Finished {
    // Warnings of slow turns, as a busy machine has them, would be among the complaints.
    let mut command = Command::new(example_path("tpft"));
    Running::start(command.env("RUST_LOG", "error").args(arguments)).finish()
}

#[track_caller]
fn fails(finished: &Finished, complaint: &str) {
    assert_eq!(finished.status.code(), Some(1), "{finished:?}");
    assert!(finished.errors.contains(complaint), "{finished:?}");
    assert_eq!(finished.errors.lines().count(), 1, "{finished:?}");
}

#[test]
fn files_of_any_size_go_both_ways() {
    let server = Server::start(&["--uploads"]);
    for size in [0, 1, 4 * 1024 * 1024, 9_000_000] {
        let (original, copy) = (server.outside("original"), server.outside("copy"));
        let content: Vec<u8> = (0..=250).cycle().take(size).collect();
        fs::write(&original, &content).unwrap();
        let path = format!("/of {size}");
        let put = server.put(&original, &path);
        assert_eq!((put.output, put.errors), (format!("{size} bytes\n"), String::new()));
        let got = server.get(&path, &copy);
        assert_eq!((got.output, got.errors), (format!("{size} bytes\n"), String::new()));
        assert!(fs::read(&copy).unwrap() == content, "of {size}");
        fs::remove_file(copy).unwrap();
    }
}

#[test]
fn nobody_gets_out_of_the_directory() {
    let server = Server::start(&["--uploads"]);
    let (secret, copy, new) = (server.outside("secret"), server.outside("copy"), server.outside("new"));
    fs::write(&secret, "secret").unwrap();
    fs::write(&new, "new").unwrap();
    symlink(&secret, server.inside("link")).unwrap();
    symlink(server.outside.path(), server.inside("up")).unwrap();
    symlink(server.outside("nowhere"), server.inside("dangling")).unwrap();
    let absolute = secret.to_str().unwrap();
    for path in ["../secret", "/../secret", "shared/../../secret", "link", "up/secret", "."] {
        fails(&server.get(path, &copy), "the other side refuses: that is not allowed");
        assert!(!copy.exists(), "{path}");
    }
    fails(&server.get(absolute, &copy), "there is no such file or directory");
    for path in ["../taken", "up/taken", "/", ".."] {
        fails(&server.put(&new, path), "the other side refuses: that is not allowed");
    }
    for path in ["link", "dangling"] {
        fails(&server.put(&new, path), "there is such a file already");
    }
    assert!(!server.outside("taken").exists() && !server.outside("nowhere").exists());
    assert_eq!(fs::read(&secret).unwrap(), b"secret");
}

#[test]
fn a_server_takes_files_only_if_it_is_told_to() {
    let server = Server::start(&[]);
    let new = server.outside("new");
    fs::write(&new, "new").unwrap();
    fails(&server.put(&new, "/new"), "the other side refuses: that is not allowed");
    fs::write(server.inside("there"), "there").unwrap();
    assert!(server.get("/there", &server.outside("copy")).status.success());
    fails(&server.get("/there", &new), "exists");
    assert_eq!(fs::read(new).unwrap(), b"new", "what was here is not overwritten");
}

#[test]
fn what_breaks_off_leaves_no_file_behind() {
    let server = Server::start(&["--uploads"]);
    let request = br#"{"type":"upload-request","letter":{"file_size":10,"destination_path":"/part"}}"#;
    let mut socket = Socket::connect(server.address.parse().unwrap());
    socket.send([&b"\xff\0\0\0"[..], &[request.len() as u8], request].concat());
    assert_eq!(socket.take(6), b"\xff\xff\0\0\0\x20");
    socket.send(b"\xff");
    socket.expect(r#"{"type":"confirmed","letter":{}}"#);
    socket.send(b"\0\0\0\x04some");
    assert_eq!(socket.take(1), b"\xff");
    assert!(server.inside("part").exists());
    drop(socket);
    let begin = Instant::now();
    while server.inside("part").exists() {
        assert!(begin.elapsed() < PATIENCE, "a part of a file is left behind");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn clients_on_the_package_send_and_fetch() {
    for version in VERSIONS {
        let server = Server::start(&["--uploads"]);
        fs::write(server.outside("secret"), "secret").unwrap();
        let port = server.address.rsplit(':').next().unwrap();
        let finished = Running::start(run(version, CLIENT).arg(port)).finish();
        let expected = "confirmed\nconfirmed\n\
            {'type': 'rejected', 'letter': {'reason': 'that is not allowed'}}\n\
            [4194304, 4194304, 611392] True\n";
        assert_eq!(finished.output, expected, "{version}: {}", finished.errors);
        assert_eq!(fs::metadata(server.inside("uploaded")).unwrap().len(), 9_000_000);
    }
}
