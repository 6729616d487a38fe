//! Sockets for datagrams.

pub(crate) mod udp;
#[cfg(unix)]
pub(crate) mod unix;
