//! UNIX domain sockets.

mod address;
pub(super) mod listener;
mod socket_file;
pub(super) mod stream;
