//! TCP connections.

use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::ops::RangeInclusive;
use std::rc::Rc;
use std::time::Duration;

use mio::Interest;
use mio::net::TcpStream;
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};

use super::own_address::{cannot_bind, wrong_family};
use super::shared::Shared;
use super::uninterrupted;
use crate::Address;
use crate::driver::{ConnectOptions, Stream, Token};

/// What the operating system is to report. Of urgent data only these systems tell.
#[cfg(any(target_os = "linux", target_os = "android"))]
const INTEREST: Interest = Interest::READABLE.add(Interest::WRITABLE).add(Interest::PRIORITY);
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const INTEREST: Interest = Interest::READABLE.add(Interest::WRITABLE);

/// The idle times that keepalive can be set to: whole seconds, in the range that Linux takes.
const KEEPALIVE_TIMES: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(32_767);

/// A connection, or an attempt at one. There may be very many, so it holds no more than it must.
///
/// Dropping it does not deregister it, unless it is adopted: closing its only descriptor removes it from epoll and kqueue,
/// which saves a system call per connection. An event that was fetched before may still name its token; the loop
/// knows by the generation in the token that it is stale.
pub(super) struct MioStream {
    pub(super) socket: TcpStream,
    /// Others may have the socket too.
    is_adopted: bool,
    shared: Rc<Shared>,
}

impl MioStream {
    /// A stream of an accepted `socket`.
    pub(super) fn new(socket: TcpStream, shared: &Rc<Shared>) -> Self {
        Self { socket, is_adopted: false, shared: Rc::clone(shared) }
    }

    /// A stream of a connected `socket` that somebody else has made, and its peer.
    #[cfg(unix)]
    pub(super) fn adopt(shared: &Rc<Shared>, socket: Socket) -> io::Result<(Self, SocketAddr)> {
        socket.set_tcp_nodelay(true)?;
        socket.set_out_of_band_inline(true)?;
        let socket = TcpStream::from_std(socket.into());
        let peer = canonical(socket.peer_addr()?);
        let mut stream = Self::new(socket, shared);
        stream.is_adopted = true;
        Ok((stream, peer))
    }

    /// Begins to connect to `address`.
    pub(super) fn connect(
        shared: &Rc<Shared>,
        address: SocketAddr,
        options: &ConnectOptions,
    ) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        // Before connecting: Windows allows no options while an attempt goes on.
        socket.set_tcp_nodelay(true)?;
        socket.set_out_of_band_inline(true)?;
        if let Some(bind) = options.bind {
            if bind.is_ipv4() != address.is_ipv4() {
                return Err(wrong_family(bind, address));
            }
            socket.bind(&bind.into()).map_err(|error| cannot_bind(bind, &error))?;
        }
        match socket.connect(&address.into()) {
            Ok(()) => {}
            Err(error) if goes_on(&error) => {}
            Err(error) => return Err(error),
        }
        Ok(Self::new(TcpStream::from_std(socket.into()), shared))
    }
}

impl Stream for MioStream {
    fn register(&mut self, token: Token) -> io::Result<()> {
        self.shared.register(&mut self.socket, token, INTEREST)
    }

    fn finish_connect(&mut self) -> io::Result<bool> {
        if let Some(error) = self.socket.take_error()? {
            return Err(error);
        }
        match self.socket.peer_addr() {
            // Where nothing listens on a port of the range for outgoing connections, Linux may give an
            // attempt that very port to come from; it then meets itself, and TCP takes that for a connection.
            Ok(peer) if peer == self.socket.local_addr()? => {
                Err(io::Error::new(io::ErrorKind::ConnectionRefused, "the connection attempt met itself"))
            }
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotConnected || goes_on(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = uninterrupted(|| self.socket.read(buffer))?;
        // On Windows mio reports no more until it has seen `WouldBlock`, which nobody waits for after a read
        // that did not fill the buffer.
        #[cfg(windows)]
        if count < buffer.len() {
            let _ = self.socket.try_io(|| Err::<(), _>(io::ErrorKind::WouldBlock.into()));
        }
        Ok(count)
    }

    fn write(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        match buffers {
            [buffer] => uninterrupted(|| self.socket.write(buffer)),
            buffers => uninterrupted(|| self.socket.write_vectored(buffers)),
        }
    }

    fn shutdown_write(&mut self) -> io::Result<()> {
        uninterrupted(|| self.socket.shutdown(Shutdown::Write))
    }

    fn reset_on_drop(&mut self) {
        if let Err(error) = SockRef::from(&self.socket).set_linger(Some(Duration::ZERO)) {
            log::debug!("a connection will be closed instead of reset: {error}");
        }
    }

    fn local_address(&self) -> io::Result<Address> {
        Ok(canonical(self.socket.local_addr()?).into())
    }

    fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.socket.set_nodelay(nodelay)
    }

    fn set_keepalive(&self, after: Option<Duration>) -> io::Result<()> {
        let socket = SockRef::from(&self.socket);
        let Some(after) = after else { return socket.set_keepalive(false) };
        let time = after.clamp(*KEEPALIVE_TIMES.start(), *KEEPALIVE_TIMES.end());
        socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(time))
    }
}

impl Drop for MioStream {
    fn drop(&mut self) {
        if self.is_adopted {
            self.shared.deregister(&mut self.socket);
        }
    }
}

/// The address as its user knows it: an IPv4 connection of an IPv6 socket has an IPv4 address.
pub(super) fn canonical(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V6(v6) => {
            v6.ip().to_ipv4_mapped().map_or(address, |ip| SocketAddr::new(ip.into(), v6.port()))
        }
        SocketAddr::V4(_) => address,
    }
}

/// Whether `error` says that a connection attempt is under way. An interrupted attempt is: calling again
/// would be an error.
fn goes_on(error: &io::Error) -> bool {
    // The kind that std gives to EINPROGRESS is not stable yet.
    #[cfg(unix)]
    if error.raw_os_error() == Some(libc::EINPROGRESS) {
        return true;
    }
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
