//! An original that runs.

use std::net::SocketAddr;

use ropewalk_interop::{Example, Running, Socket, free_port, python_with_package};

/// A server in Python. It prints a line when it listens.
pub(crate) struct Original {
    _running: Running,
    pub(crate) address: SocketAddr,
}

impl Original {
    /// Runs a script with this version of a package. Its arguments are these, and behind them a free port.
    #[track_caller]
    pub(crate) fn start(package: &str, version: &str, script: &str, arguments: &[&str]) -> Self {
        let port = free_port();
        let mut command = python_with_package(env!("CARGO_TARGET_TMPDIR"), package, version);
        command.args(["-u", "-c", script]).args(arguments).arg(port.to_string());
        let mut running = Running::start(&mut command);
        assert_eq!(running.line(), "listening");
        Self { _running: running, address: ([127, 0, 0, 1], port).into() }
    }
}

/// The same scene with an original and with an example of ours.
#[track_caller]
pub(crate) fn play(original: &Original, ours: &str, scene: impl Fn(SocketAddr)) {
    scene(original.address);
    scene(Example::start(ours, &[]).address());
}

/// A guest who is connected and has heard `greeting`.
#[track_caller]
pub(crate) fn guest(server: SocketAddr, greeting: &str) -> Socket {
    let mut guest = Socket::connect(server);
    guest.expect(greeting);
    guest
}
