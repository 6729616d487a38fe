//! The Python package, in each of its versions.

use std::process::Command;

use ropewalk_interop::{Running, free_port, python_with_package};

/// The versions that there are on PyPI.
pub(crate) const VERSIONS: [&str; 2] = ["2.0.1", "3.0"];

/// What runs in them.
const PEER: &str = include_str!("peer.py");

/// Starts a client that connects to a port of 127.0.0.1 and behaves as `handler` in `peer.py` says.
#[track_caller]
pub(crate) fn client(version: &str, handler: &str, port: u16, plugins: &[&str]) -> Running {
    Running::start(peer(version, "connect", handler, port).args(plugins))
}

/// Starts a server on the port that is returned, and waits until it listens.
#[track_caller]
pub(crate) fn server(version: &str, handler: &str, plugins: &[&str]) -> (Running, u16) {
    let port = free_port();
    let mut running = Running::start(peer(version, "serve", handler, port).args(plugins));
    assert_eq!(running.line(), "listening");
    (running, port)
}

fn peer(version: &str, role: &str, handler: &str, port: u16) -> Command {
    let mut command = run(version, PEER);
    command.args([role, handler, &port.to_string()]);
    command
}

/// Python with this version, to run `script`, which finds its arguments in `sys.argv[1:]`.
pub(crate) fn run(version: &str, script: &str) -> Command {
    let mut command = python_with_package(env!("CARGO_TARGET_TMPDIR"), "tinyproto", version);
    command.args(["-c", script]);
    command
}
