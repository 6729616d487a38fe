//! Sockets for datagrams.

pub(super) mod udp;
#[cfg(unix)]
pub(super) mod unix;
