//! The errors of connecting from an address of one's own.

use std::fmt;
use std::io;

/// The address is refused, which must not pass for something that is wrong with the peer.
pub(super) fn cannot_bind(own: impl fmt::Display, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot connect from {own}: {error}"))
}

/// The peer's address is of another family.
pub(super) fn wrong_family(own: impl fmt::Display, peer: impl fmt::Display) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        format!("cannot connect from {own} to {peer}: the families of the addresses differ"),
    )
}
