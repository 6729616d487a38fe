//! UNIX sockets for datagrams.

use std::io;
use std::rc::Rc;

use mio::Interest;
use mio::net::UnixDatagram;
use socket2::{SockRef, Socket, Type};

use super::super::own_address::{cannot_bind, wrong_family};
use super::super::shared::Shared;
use super::super::uninterrupted;
use super::super::unix::address::{from_system, to_system};
use super::super::unix::socket_file::{SocketFile, open, open_bound};
use crate::driver::{Datagram, Token};
use crate::{Address, DatagramOptions, DatagramSetting, UnixAddress};

/// A UNIX socket. Like a stream, it leaves the poll by closing its descriptor.
pub(in super::super) struct MioUnixDatagram {
    /// Present if the socket has one. Before the socket, so that it is dropped first.
    _file: Option<SocketFile>,
    socket: UnixDatagram,
    is_connected: bool,
    shared: Rc<Shared>,
}

impl MioUnixDatagram {
    /// A socket at `address`.
    pub(in super::super) fn bind(
        shared: &Rc<Shared>,
        address: &UnixAddress,
        options: &DatagramOptions,
    ) -> io::Result<Self> {
        let (socket, file) = open_bound(Type::DGRAM, address, options.mode)?;
        Ok(Self::new(shared, socket, file, false))
    }

    /// A socket that exchanges datagrams with `address` alone.
    pub(in super::super) fn connect(
        shared: &Rc<Shared>,
        address: &UnixAddress,
        options: &DatagramOptions,
    ) -> io::Result<Self> {
        let name = to_system(address)?;
        let (socket, file) = match &options.bind {
            None => (open(Type::DGRAM)?, None),
            Some(Address::Unix(bind)) => {
                open_bound(Type::DGRAM, bind, options.mode).map_err(|error| cannot_bind(bind, &error))?
            }
            Some(bind) => return Err(wrong_family(bind, address)),
        };
        socket.connect(&name)?;
        Ok(Self::new(shared, socket, file, true))
    }

    fn new(shared: &Rc<Shared>, socket: Socket, file: Option<SocketFile>, is_connected: bool) -> Self {
        let socket = UnixDatagram::from_std(socket.into());
        Self { _file: file, socket, is_connected, shared: Rc::clone(shared) }
    }
}

impl Datagram for MioUnixDatagram {
    fn register(&mut self, token: Token) -> io::Result<()> {
        self.shared.register(&mut self.socket, token, Interest::READABLE | Interest::WRITABLE)
    }

    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<(usize, Address)> {
        let (length, from) = uninterrupted(|| self.socket.recv_from(buffer))?;
        Ok((length, from_system(&from).into()))
    }

    fn send(&mut self, data: &[u8], to: Option<&Address>) -> io::Result<()> {
        let sent = match to {
            None => uninterrupted(|| self.socket.send(data)),
            Some(Address::Unix(to)) => {
                let to = to_system(to)?;
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
        Ok(from_system(&self.socket.local_addr()?).into())
    }

    fn set(&mut self, setting: &DatagramSetting) -> io::Result<()> {
        let message = format!("{setting} has no meaning for a UNIX socket");
        Err(io::Error::new(io::ErrorKind::Unsupported, message))
    }
}
