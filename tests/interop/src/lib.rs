//! Starts the examples, and the foreign programs that talk to them.
//!
//! Every wait here is bounded, and every process that a test starts ends with it.
#![cfg(all(unix, feature = "foreign-programs"))]
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

mod authority;
mod browser;
mod build;
mod conversation;
mod echo_server;
mod example;
mod foreign;
mod program;
mod python_package;
mod socket;

use std::time::Duration;

pub use authority::{Authority, Identity, SERVER_NAME};
pub use browser::Browser;
pub use build::example_path;
pub use conversation::{Spoken, converse};
pub use echo_server::{EchoServer, Notes};
pub use example::Example;
pub use foreign::{
    haproxy, microsocks, netcat, netcat_unix, node, npm, openssl, openssl_client, python, socat,
    socket_activate, telnet,
};
pub use nix::sys::signal::Signal;
pub use program::{Finished, Running};
pub use python_package::{python_with, python_with_package};
pub use socket::{Socket, free_port, wait_for_server};

/// Longer than anything here takes, even where others keep the processors busy; a test that waits as long has failed.
pub const PATIENCE: Duration = Duration::from_secs(60);
