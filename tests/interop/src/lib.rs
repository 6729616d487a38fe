//! Starts the examples, and the foreign programs that talk to them.
//!
//! Every wait here is bounded, and every process that a test starts ends with it.
#![cfg(all(unix, feature = "foreign-programs"))]
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

mod build;
mod example;
mod program;
mod socket;

use std::time::Duration;

pub use build::example_path;
pub use example::Example;
pub use nix::sys::signal::Signal;
pub use program::{
    Finished, Running, haproxy, microsocks, netcat, netcat_unix, openssl_client, socat, socket_activate,
    telnet,
};
pub use socket::{Socket, free_port, wait_for_server};

/// Longer than anything here takes; a test that waits as long has failed.
pub const PATIENCE: Duration = Duration::from_secs(20);
