//! Listening TCP sockets.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use mio::Interest;
use mio::net::TcpListener;
use socket2::{Domain, Protocol, Socket, Type};

use super::shared::Shared;
use super::stream::{MioStream, canonical};
use super::uninterrupted;
use crate::Address;
use crate::driver::{ListenOptions, Listener, Stream, Token};

/// Whether accepted sockets have the listener's `TCP_NODELAY`, which saves a system call per connection.
const NODELAY_IS_INHERITED: bool = cfg!(target_os = "linux");

/// A listening socket.
pub(super) struct MioListener {
    socket: TcpListener,
    shared: Rc<Shared>,
}

impl MioListener {
    /// Binds `address` and listens.
    pub(super) fn listen(
        shared: &Rc<Shared>,
        address: SocketAddr,
        options: &ListenOptions,
    ) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        // On Windows the option would let other processes take the port over.
        #[cfg(not(windows))]
        socket.set_reuse_address(options.reuse_address)?;
        if options.reuse_port {
            share_port(&socket)?;
        }
        // Said in every case that has a meaning, because the default is up to the system's administrator.
        let any_v6 = address.is_ipv6() && address.ip().is_unspecified();
        if let Some(dual_stack) = options.dual_stack.or_else(|| any_v6.then_some(true)) {
            if address.is_ipv6() {
                socket.set_only_v6(!dual_stack)?;
            }
        }
        set_inherited_options(&socket)?;
        socket.bind(&address.into())?;
        socket.listen(i32::try_from(options.backlog.max(1)).unwrap_or(i32::MAX))?;
        Ok(Self { socket: TcpListener::from_std(socket.into()), shared: Rc::clone(shared) })
    }

    /// A listener of a socket that somebody else has bound.
    #[cfg(unix)]
    pub(super) fn adopt(shared: &Rc<Shared>, socket: Socket) -> io::Result<Self> {
        set_inherited_options(&socket)?;
        Ok(Self { socket: TcpListener::from_std(socket.into()), shared: Rc::clone(shared) })
    }

    /// The next connection and its peer.
    pub(super) fn accept_stream(&self) -> io::Result<(MioStream, SocketAddr)> {
        let (socket, peer) = uninterrupted(|| self.socket.accept())?;
        if !NODELAY_IS_INHERITED {
            if let Err(error) = socket.set_nodelay(true) {
                // Some systems say so of a connection that is broken already; reading will tell.
                log::debug!("cannot set TCP_NODELAY on a connection from {peer}: {error}");
            }
        }
        Ok((MioStream::new(socket, &self.shared), canonical(peer)))
    }
}

impl Listener for MioListener {
    fn register(&mut self, token: Token) -> io::Result<()> {
        self.shared.register(&mut self.socket, token, Interest::READABLE)
    }

    fn accept(&mut self) -> io::Result<(Box<dyn Stream>, Address)> {
        let (stream, peer) = self.accept_stream()?;
        Ok((Box::new(stream), peer.into()))
    }

    fn refuse(&mut self) -> io::Result<()> {
        self.shared.without_reserve(|| uninterrupted(|| self.socket.accept()).map(drop))
    }

    fn local_address(&self) -> io::Result<Address> {
        Ok(self.socket.local_addr()?.into())
    }
}

/// Others may have an adopted socket too.
impl Drop for MioListener {
    fn drop(&mut self) {
        self.shared.deregister(&mut self.socket);
    }
}

/// Sets what accepted sockets are to inherit.
fn set_inherited_options(socket: &Socket) -> io::Result<()> {
    if NODELAY_IS_INHERITED {
        socket.set_tcp_nodelay(true)?;
    }
    // A telnet client marks a byte of its commands as urgent, which must not be lost.
    socket.set_out_of_band_inline(true)
}

/// Lets other sockets listen on the same address.
#[cfg(all(unix, not(any(target_os = "solaris", target_os = "illumos", target_os = "cygwin"))))]
pub(super) fn share_port(socket: &Socket) -> io::Result<()> {
    socket.set_reuse_port(true)
}

/// Lets other sockets listen on the same address, where the system can do that.
#[cfg(not(all(unix, not(any(target_os = "solaris", target_os = "illumos", target_os = "cygwin")))))]
pub(super) fn share_port(_: &Socket) -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no SO_REUSEPORT"))
}
