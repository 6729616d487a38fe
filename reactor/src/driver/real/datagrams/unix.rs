//! UNIX sockets for datagrams.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::rc::Rc;

use mio::Interest;
use mio::net::UnixDatagram;
use socket2::{Domain, SockAddr, SockRef, Socket, Type};

use super::super::shared::Shared;
use super::super::uninterrupted;
use super::unix_path::{BoundFile, remove_stale, socket_address, unix_address};
use super::wrong_bind;
use crate::driver::{Datagram, Token};
use crate::{Address, DatagramOptions, DatagramSetting, UnixAddress};

/// A UNIX socket. Like a stream, it leaves the poll by closing its descriptor.
pub(in super::super) struct MioUnixDatagram {
    socket: UnixDatagram,
    is_connected: bool,
    shared: Rc<Shared>,
    /// Removed after the socket is closed.
    _file: Option<BoundFile>,
}

impl MioUnixDatagram {
    /// A socket at `address`.
    pub(in super::super) fn bind(
        shared: &Rc<Shared>,
        address: &UnixAddress,
        options: &DatagramOptions,
    ) -> io::Result<Self> {
        let socket = open()?;
        let file = bind(&socket, address, options.mode)?;
        Ok(Self::new(shared, socket, file, false))
    }

    /// A socket that exchanges datagrams with `address` alone.
    pub(in super::super) fn connect(
        shared: &Rc<Shared>,
        address: &UnixAddress,
        options: &DatagramOptions,
    ) -> io::Result<Self> {
        let socket = open()?;
        let file = match &options.bind {
            None => None,
            Some(Address::Unix(own)) => bind(&socket, own, options.mode)?,
            Some(bind) => return Err(wrong_bind(bind, &address.clone().into())),
        };
        socket.connect(&socket_address(address)?)?;
        Ok(Self::new(shared, socket, file, true))
    }

    fn new(shared: &Rc<Shared>, socket: Socket, file: Option<BoundFile>, is_connected: bool) -> Self {
        let socket = UnixDatagram::from_std(socket.into());
        Self { socket, is_connected, shared: Rc::clone(shared), _file: file }
    }
}

fn open() -> io::Result<Socket> {
    let socket = Socket::new(Domain::UNIX, Type::DGRAM, None)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Binds `socket`, over a stale file if need be; returns the file that it has then, if its name is one.
fn bind(socket: &Socket, address: &UnixAddress, mode: Option<u32>) -> io::Result<Option<BoundFile>> {
    let native = socket_address(address)?;
    let Some(path) = address.as_path() else {
        return socket.bind(&native).map(|()| None);
    };
    if let Some(mode) = mode {
        restrict(socket, mode)?;
    }
    bind_over_stale(socket, path, &native)?;
    let file = BoundFile::at(path)?;
    if let Some(mode) = mode {
        fs::set_permissions(path, Permissions::from_mode(mode))?;
    }
    Ok(Some(file))
}

/// Where sockets have permissions before they have names, as on Linux, these are given to the name when it is made: so
/// there is no moment at which others may send.
fn restrict(socket: &Socket, mode: u32) -> io::Result<()> {
    let file = File::from(OwnedFd::from(socket.try_clone()?));
    if let Err(error) = file.set_permissions(Permissions::from_mode(mode)) {
        log::debug!("the permissions of a socket are set after binding: {error}");
    }
    Ok(())
}

fn bind_over_stale(socket: &Socket, path: &Path, native: &SockAddr) -> io::Result<()> {
    match socket.bind(native) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            remove_stale(path, native).map_err(|_| error)?;
            socket.bind(native)
        }
        result => result,
    }
}

impl Datagram for MioUnixDatagram {
    fn register(&mut self, token: Token) -> io::Result<()> {
        self.shared.register(&mut self.socket, token, Interest::READABLE | Interest::WRITABLE)
    }

    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<(usize, Address)> {
        let (length, from) = uninterrupted(|| self.socket.recv_from(buffer))?;
        Ok((length, unix_address(&from).into()))
    }

    fn send(&mut self, data: &[u8], to: Option<&Address>) -> io::Result<()> {
        let sent = match to {
            None => uninterrupted(|| self.socket.send(data)),
            Some(Address::Unix(to)) => {
                let to = socket_address(to)?;
                uninterrupted(|| SockRef::from(&self.socket).send_to(data, &to))
            }
            Some(to) => return Err(to.no_datagrams()),
        };
        match sent {
            // Only a connected socket is told when its peer has room again; another would wait for ever, and make
            // those wait whose receivers have room.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && !self.is_connected => {
                Err(io::Error::new(io::ErrorKind::ResourceBusy, "the receiver does not keep up"))
            }
            sent => sent.map(drop),
        }
    }

    fn local_address(&self) -> io::Result<Address> {
        Ok(unix_address(&self.socket.local_addr()?).into())
    }

    fn set(&mut self, setting: &DatagramSetting) -> io::Result<()> {
        let message = format!("{setting} has no meaning for a UNIX socket");
        Err(io::Error::new(io::ErrorKind::Unsupported, message))
    }
}
