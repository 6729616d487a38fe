//! How to listen and how to connect.

use std::net::SocketAddr;
use std::time::Duration;

/// How a port listens.
///
/// ```
/// # use ropewalk_reactor::ListenOptions;
/// let mut options = ListenOptions::default();
/// options.backlog = 4096;
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct ListenOptions {
    /// How many connections the operating system may hold until they are accepted. Default 1024; the system caps
    /// it (on Linux at `net.core.somaxconn`). Zero counts as one.
    pub backlog: u32,
    /// Bind although connections of an earlier listener on the same address are still being closed
    /// (`SO_REUSEADDR`). Default true; ignored on Windows, where the option means something else.
    pub reuse_address: bool,
    /// Several sockets may listen on the same address and share its connections (`SO_REUSEPORT`). Default false.
    /// An error of kind `Unsupported` where the system has no such thing.
    pub reuse_port: bool,
    /// Whether an IPv6 wildcard takes IPv4 connections too: `Some(true)` for both, `Some(false)` for IPv6 only.
    /// `None`, the default, means both for `[::]` and has no meaning elsewhere.
    pub dual_stack: Option<bool>,
    /// The permissions of a UNIX socket's file, such as `0o660`: who may write to it may connect. They are set before
    /// anybody can connect. `None`, the default, leaves them to the process's umask. Means nothing for TCP; an error for an
    /// abstract name, to which everybody may connect.
    pub mode: Option<u32>,
}

impl ListenOptions {
    /// The default of [`ListenOptions::backlog`].
    pub const DEFAULT_BACKLOG: u32 = 1024;
}

impl Default for ListenOptions {
    fn default() -> Self {
        Self {
            backlog: Self::DEFAULT_BACKLOG,
            reuse_address: true,
            reuse_port: false,
            dual_stack: None,
            mode: None,
        }
    }
}

/// How to connect.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct ConnectOptions {
    /// Give up after this time. Default 30 seconds; zero gives up in the next turn.
    pub timeout: Duration,
    /// The local address to connect from. Default: the system chooses.
    pub bind: Option<SocketAddr>,
}

impl ConnectOptions {
    /// The default of [`ConnectOptions::timeout`].
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self { timeout: Self::DEFAULT_TIMEOUT, bind: None }
    }
}
