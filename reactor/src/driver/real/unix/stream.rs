//! Connections over UNIX sockets.

use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;
use std::rc::Rc;
use std::time::Duration;

use mio::Interest;
use mio::net::UnixStream;
use socket2::{Socket, Type};

use super::address::{from_system, to_system};
use super::socket_file::open;
use crate::driver::real::own_address::wrong_family;
use crate::driver::real::shared::Shared;
use crate::driver::real::uninterrupted;
use crate::driver::{ConnectOptions, Stream, Token};
use crate::{Address, UnixAddress};

/// A connection. As one of TCP, it leaves the poll by closing its descriptor, unless it is adopted.
pub(in crate::driver::real) struct MioUnixStream {
    socket: UnixStream,
    /// Others may have the socket too.
    is_adopted: bool,
    shared: Rc<Shared>,
}

impl MioUnixStream {
    /// A stream of a connected `socket`.
    pub(super) fn new(socket: UnixStream, shared: &Rc<Shared>) -> Self {
        Self { socket, is_adopted: false, shared: Rc::clone(shared) }
    }

    /// A stream of a connected `socket` that somebody else has made, and the address of its peer.
    pub(in crate::driver::real) fn adopt(shared: &Rc<Shared>, socket: Socket) -> io::Result<(Self, Address)> {
        let socket = UnixStream::from_std(socket.into());
        let peer = from_system(&socket.peer_addr()?);
        let mut stream = Self::new(socket, shared);
        stream.is_adopted = true;
        Ok((stream, peer.into()))
    }

    /// Connects to `address`, which is decided at once.
    pub(in crate::driver::real) fn connect(
        shared: &Rc<Shared>,
        address: &UnixAddress,
        options: &ConnectOptions,
    ) -> io::Result<Self> {
        if let Some(bind) = options.bind {
            return Err(wrong_family(bind, address));
        }
        let name = to_system(address)?;
        let socket = open(Type::STREAM)?;
        uninterrupted(|| socket.connect(&name)).map_err(explain)?;
        Ok(Self::new(UnixStream::from_std(socket.into()), shared))
    }
}

/// Says of a server that does not accept what the system says of everything that would have to wait.
fn explain(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => {
            io::Error::new(error.kind(), "the server accepts too slowly: its queue of connections is full")
        }
        _ => error,
    }
}

impl Stream for MioUnixStream {
    fn register(&mut self, token: Token) -> io::Result<()> {
        self.shared.register(&mut self.socket, token, Interest::READABLE.add(Interest::WRITABLE))
    }

    fn finish_connect(&mut self) -> io::Result<bool> {
        self.socket.take_error()?.map_or(Ok(true), Err)
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        uninterrupted(|| self.socket.read(buffer))
    }

    /// A read ends where the peer has passed a descriptor or marked a byte as urgent, although more may follow.
    fn empties_by_short_read(&self) -> bool {
        false
    }

    fn write(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        uninterrupted(|| self.socket.write_vectored(buffers))
    }

    fn shutdown_write(&mut self) -> io::Result<()> {
        uninterrupted(|| self.socket.shutdown(Shutdown::Write))
    }

    /// There is no reset here; what has been handed over stays readable.
    fn reset_on_drop(&mut self) {}

    fn local_address(&self) -> io::Result<Address> {
        Ok(from_system(&self.socket.local_addr()?).into())
    }

    /// Nothing is ever gathered here.
    fn set_nodelay(&self, _nodelay: bool) -> io::Result<()> {
        Ok(())
    }

    /// A peer on the same host cannot vanish unnoticed.
    fn set_keepalive(&self, _after: Option<Duration>) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for MioUnixStream {
    fn drop(&mut self) {
        if self.is_adopted {
            self.shared.deregister(&mut self.socket);
        }
    }
}
