//! Listening UNIX sockets.

use std::io;
use std::rc::Rc;

use mio::Interest;
use mio::net::UnixListener;
use socket2::{Socket, Type};

use super::address::from_system;
use super::socket_file::{SocketFile, open_bound};
use super::stream::MioUnixStream;
use crate::driver::real::shared::Shared;
use crate::driver::real::uninterrupted;
use crate::driver::{ListenOptions, Listener, Stream, Token};
use crate::{Address, UnixAddress};

/// A listening socket.
pub(in crate::driver::real) struct MioUnixListener {
    /// Present if it is for this side to remove. Before the socket, so that it is dropped first.
    _file: Option<SocketFile>,
    socket: UnixListener,
    shared: Rc<Shared>,
}

impl MioUnixListener {
    /// Binds `address` and listens. Nobody can connect before it listens, when the file has its mode on every system.
    pub(in crate::driver::real) fn listen(
        shared: &Rc<Shared>,
        address: &UnixAddress,
        options: &ListenOptions,
    ) -> io::Result<Self> {
        let (socket, file) = open_bound(Type::STREAM, address, options.mode)?;
        socket.listen(i32::try_from(options.backlog.max(1)).unwrap_or(i32::MAX))?;
        Ok(Self { _file: file, socket: UnixListener::from_std(socket.into()), shared: Rc::clone(shared) })
    }

    /// A listener of a socket that somebody else has bound, and whose file is theirs.
    pub(in crate::driver::real) fn adopt(shared: &Rc<Shared>, socket: Socket) -> Self {
        Self { _file: None, socket: UnixListener::from_std(socket.into()), shared: Rc::clone(shared) }
    }
}

impl Listener for MioUnixListener {
    fn register(&mut self, token: Token) -> io::Result<()> {
        self.shared.register(&mut self.socket, token, Interest::READABLE)
    }

    fn accept(&mut self) -> io::Result<(Box<dyn Stream>, Address)> {
        let (socket, peer) = uninterrupted(|| self.socket.accept())?;
        Ok((Box::new(MioUnixStream::new(socket, &self.shared)), from_system(&peer).into()))
    }

    fn refuse(&mut self) -> io::Result<()> {
        self.shared.without_reserve(|| uninterrupted(|| self.socket.accept()).map(drop))
    }

    fn local_address(&self) -> io::Result<Address> {
        Ok(from_system(&self.socket.local_addr()?).into())
    }
}

/// Others may have an adopted socket too.
impl Drop for MioUnixListener {
    fn drop(&mut self) {
        self.shared.deregister(&mut self.socket);
    }
}
