//! A server among the examples.

use std::net::SocketAddr;
use std::process::Command;

use nix::sys::signal::Signal;

use crate::{Finished, Running, example_path};

/// A running example that listens on 127.0.0.1.
#[derive(Debug)]
pub struct Example {
    running: Running,
    address: SocketAddr,
}

impl Example {
    /// Starts an example on a port of the system's choice, with more arguments, and waits until it listens.
    #[track_caller]
    pub fn start(name: &str, arguments: &[&str]) -> Self {
        Self::start_at("127.0.0.1:0", name, arguments)
    }

    /// Starts an example on a port of the system's choice that `endpoint` describes, and waits until it listens.
    #[track_caller]
    pub fn start_at(endpoint: &str, name: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(example_path(name));
        let mut running = Running::start(command.arg(endpoint).args(arguments));
        let line = running.line();
        let address = line.strip_prefix("listening on ").and_then(|address| address.parse().ok());
        let address = address.unwrap_or_else(|| panic!("the first line of {name} is {line:?}"));
        Self { running, address }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How much of its memory is resident, in bytes.
    #[cfg(target_os = "linux")]
    pub fn resident_memory(&self) -> u64 {
        self.running.resident_memory()
    }

    /// Sends it a signal and waits until it has ended.
    #[track_caller]
    pub fn end_by(self, signal: Signal) -> Finished {
        self.running.signal(signal);
        self.running.finish()
    }
}
