//! Listening UNIX sockets.

use std::io;
use std::rc::Rc;

use mio::Interest;
use mio::net::UnixListener;
use socket2::{Domain, SockAddr, Socket, Type};

use super::address::{from_system, to_system};
use super::socket_file::SocketFile;
use super::stream::MioUnixStream;
use crate::driver::real::shared::Shared;
use crate::driver::real::uninterrupted;
use crate::driver::{ListenOptions, Listener, Stream, Token};
use crate::{Address, UnixAddress};

/// A listening socket. Like a stream, it leaves the poll by closing its descriptor.
pub(in crate::driver::real) struct MioUnixListener {
    /// Present if it is for this side to remove. Before the socket, so that it is dropped first.
    _file: Option<SocketFile>,
    socket: UnixListener,
    shared: Rc<Shared>,
}

impl MioUnixListener {
    /// Binds `address` and listens.
    pub(in crate::driver::real) fn listen(
        shared: &Rc<Shared>,
        address: &UnixAddress,
        options: &ListenOptions,
    ) -> io::Result<Self> {
        let name = to_system(address)?;
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        let file = match address.as_path() {
            Some(path) => Some(SocketFile::bind(&socket, path, &name, options.mode)?),
            None => {
                bind_without_file(&socket, &name, options)?;
                None
            }
        };
        socket.listen(i32::try_from(options.backlog.max(1)).unwrap_or(i32::MAX))?;
        Ok(Self { _file: file, socket: UnixListener::from_std(socket.into()), shared: Rc::clone(shared) })
    }

    /// A listener of a socket that somebody else has bound, and whose file is theirs.
    pub(in crate::driver::real) fn adopt(shared: &Rc<Shared>, socket: Socket) -> Self {
        Self { _file: None, socket: UnixListener::from_std(socket.into()), shared: Rc::clone(shared) }
    }
}

/// Everybody may connect to an abstract name, so a mode must not be passed over in silence.
fn bind_without_file(socket: &Socket, name: &SockAddr, options: &ListenOptions) -> io::Result<()> {
    if options.mode.is_some() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "an abstract name has no file, and so it can have no mode",
        ));
    }
    socket.bind(name)
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
