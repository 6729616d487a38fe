//! Sockets that somebody else has opened: what they are, and taking them over.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::rc::Rc;

use socket2::{Socket, Type};

use super::listener::MioListener;
use super::shared::Shared;
use super::stream::MioStream;
use super::unix::listener::MioUnixListener;
use super::unix::stream::MioUnixStream;
use crate::Address;
use crate::driver::{Listener, Stream};

/// A stream socket of a family that is known here, ready for the loop.
struct Adopted {
    socket: Socket,
    number: RawFd,
    is_unix: bool,
}

/// Takes over a listening socket.
pub(super) fn listener(shared: &Rc<Shared>, descriptor: OwnedFd) -> io::Result<Box<dyn Listener>> {
    let Adopted { socket, number, is_unix } = Adopted::check(descriptor)?;
    if listens(&socket)? == Some(false) {
        return Err(wrong(number, "is a socket that does not listen"));
    }
    if is_unix {
        return Ok(Box::new(MioUnixListener::adopt(shared, socket)));
    }
    Ok(Box::new(MioListener::adopt(shared, socket)?))
}

/// Takes over a connected socket; returns the address of its peer as well.
pub(super) fn connection(shared: &Rc<Shared>, descriptor: OwnedFd) -> io::Result<(Box<dyn Stream>, Address)> {
    let Adopted { socket, number, is_unix } = Adopted::check(descriptor)?;
    if listens(&socket)? == Some(true) {
        return Err(wrong(number, "is a listening socket, not a connection"));
    }
    if let Err(error) = socket.peer_addr() {
        return Err(wrong(number, &format!("is not connected: {error}")));
    }
    if is_unix {
        let (stream, peer) = MioUnixStream::adopt(shared, socket)?;
        return Ok((Box::new(stream), peer));
    }
    let (stream, peer) = MioStream::adopt(shared, socket)?;
    Ok((Box::new(stream), peer.into()))
}

impl Adopted {
    fn check(descriptor: OwnedFd) -> io::Result<Self> {
        let number = descriptor.as_raw_fd();
        let socket = Socket::from(descriptor);
        match socket.r#type() {
            Ok(Type::STREAM) => {}
            Ok(Type::DGRAM) => return Err(wrong(number, "is a socket for datagrams, not for streams")),
            Ok(_) => return Err(wrong(number, "is not a stream socket")),
            Err(error) => return Err(wrong(number, &format!("is not a socket: {error}"))),
        }
        let address = socket.local_addr()?;
        let is_unix = address.is_unix();
        if !is_unix && address.as_socket().is_none() {
            return Err(wrong(number, "is a socket of an unknown family: neither TCP nor UNIX"));
        }
        socket.set_nonblocking(true)?;
        socket.set_cloexec(true)?;
        Ok(Self { socket, number, is_unix })
    }
}

fn wrong(number: RawFd, what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("the descriptor {number} {what}"))
}

/// Whether the socket listens, where the system tells.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
fn listens(socket: &Socket) -> io::Result<Option<bool>> {
    socket.is_listener().map(Some)
}

/// Whether the socket listens, where the system tells.
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
fn listens(_: &Socket) -> io::Result<Option<bool>> {
    Ok(None)
}
