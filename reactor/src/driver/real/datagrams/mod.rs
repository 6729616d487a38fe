//! Sockets for datagrams.

pub(super) mod udp;
#[cfg(unix)]
pub(super) mod unix;

use std::io;

use crate::Address;

/// The error of an attempt to connect from an address to one of another family.
fn wrong_bind(bind: &Address, address: &Address) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        format!("cannot connect from {bind} to {address}: the families of the addresses differ"),
    )
}
