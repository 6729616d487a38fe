//! How to listen and how to connect.

use std::net::SocketAddr;
use std::time::Duration;

use crate::Address;

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
    /// An error of kind `Unsupported` where the system has no such thing. Means nothing for UNIX sockets.
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

/// How a socket for datagrams is opened, and its limits.
///
/// ```
/// # use ropewalk_reactor::DatagramOptions;
/// let mut options = DatagramOptions::default();
/// options.max_packet_size = 512;
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct DatagramOptions {
    /// The longest datagram that is delivered, in bytes. Longer ones are dropped, never cut, and reported as
    /// [`DatagramError::TooLong`](crate::DatagramError::TooLong). Default 65,535, which every UDP datagram fits into; UNIX
    /// sockets may have longer ones. Above the default, the socket has a receive buffer of its own, of this size; at most
    /// 16 MiB.
    pub max_packet_size: usize,
    /// How many bytes of datagrams may wait until the operating system takes them; each counts 256 more for its place, and
    /// one alone may always wait. Sending more is an error
    /// ([`DatagramSendError::QueueFull`](crate::DatagramSendError::QueueFull)). Default 1 MiB.
    pub output_limit: usize,
    /// Several sockets of this host may have the same address (`SO_REUSEADDR`), each of which hears what is sent to a
    /// multicast group. Default false. Who hears what is sent to one address alone is up to the system.
    pub reuse_address: bool,
    /// Several sockets may have the same address and share what is sent to it (`SO_REUSEPORT`); systems other than Linux
    /// want this for multicast. Default false. An error of kind `Unsupported` where the system has no such thing. Means
    /// nothing for UNIX sockets.
    pub reuse_port: bool,
    /// Whether an IPv6 wildcard hears and reaches IPv4 addresses too: `None`, the default, and `Some(true)` for both,
    /// `Some(false)` for IPv6 only. Has no meaning elsewhere.
    pub dual_stack: Option<bool>,
    /// Allow sending to broadcast addresses (`SO_BROADCAST`). Default false: it is an error then.
    pub broadcast: bool,
    /// The local address of a socket that connects. Default: the system chooses, and a UNIX socket has none, so that
    /// nobody can answer it. Sockets that listen have the address they listen on.
    pub bind: Option<Address>,
    /// The permissions of a UNIX socket's file, such as `0o600`: who may write to it may send. On Linux they are set before
    /// anybody can send, elsewhere right after the file was made. `None`, the default, leaves them to the process's umask.
    /// Means nothing for UDP; an error for an abstract name, to which everybody may send.
    pub mode: Option<u32>,
}

impl DatagramOptions {
    /// The default of [`DatagramOptions::max_packet_size`].
    pub const DEFAULT_MAX_PACKET_SIZE: usize = 65_535;

    /// The default of [`DatagramOptions::output_limit`].
    pub const DEFAULT_OUTPUT_LIMIT: usize = 1024 * 1024;

    /// Whether a socket at `host` exchanges datagrams with IPv4 addresses although it is of IPv6.
    pub(crate) fn is_dual_stack(&self, host: SocketAddr) -> bool {
        host.is_ipv6() && host.ip().is_unspecified() && self.dual_stack.unwrap_or(true)
    }
}

impl Default for DatagramOptions {
    fn default() -> Self {
        Self {
            max_packet_size: Self::DEFAULT_MAX_PACKET_SIZE,
            output_limit: Self::DEFAULT_OUTPUT_LIMIT,
            reuse_address: false,
            reuse_port: false,
            dual_stack: None,
            broadcast: false,
            bind: None,
            mode: None,
        }
    }
}
