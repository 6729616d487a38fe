//! UNIX domain sockets.

pub(super) mod address;
pub(super) mod listener;
pub(super) mod socket_file;
pub(super) mod stream;
