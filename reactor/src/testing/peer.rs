//! The far end of a connection, as the test scripts it.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use super::faults::Operation;
use super::socket::Socket;
use crate::driver::Readiness;

/// The far end of one of the reactor's connections. Dropping it changes nothing: the connection stays as it is.
#[derive(Clone)]
pub struct Peer {
    socket: Rc<Socket>,
}

impl Peer {
    pub(super) fn new(socket: Rc<Socket>) -> Self {
        Self { socket }
    }

    /// The address of this end, as the reactor sees it, if the peer has connected to the reactor.
    pub fn address(&self) -> SocketAddr {
        self.socket.peer()
    }

    /// Accepts an attempt prepared with [`Memory::expect_connect`](super::Memory::expect_connect).
    pub fn accept(&self) {
        self.socket.accept();
    }

    /// Refuses such an attempt.
    pub fn refuse(&self, error: io::ErrorKind) {
        self.socket.refuse(error);
    }

    /// Sends bytes; they have arrived when this returns.
    pub fn send(&self, data: impl AsRef<[u8]>) {
        self.socket.send(data.as_ref());
    }

    /// Finishes sending (FIN). Receiving goes on.
    pub fn finish(&self) {
        self.socket.finish();
    }

    /// Finishes sending (FIN) and goes away: what is written from now on is answered with a reset (RST).
    pub fn hang_up(&self) {
        self.socket.hang_up();
    }

    /// Resets the connection (RST). What was sent before can still be read; then reading fails, and writing at once.
    pub fn reset(&self) {
        self.socket.reset();
    }

    /// Takes what has arrived, which opens the window by as much.
    pub fn received(&self) -> Vec<u8> {
        self.socket.receive()
    }

    /// How many bytes have arrived and were not taken.
    pub fn arrived(&self) -> usize {
        self.socket.arrived()
    }

    /// How many more bytes are accepted before the reactor's writes would block; any number if `None`, the default. A
    /// write that fits in part is taken in part.
    pub fn set_window(&self, window: Option<usize>) {
        self.socket.set_window(window);
    }

    /// Accepts that many more bytes.
    pub fn open_window(&self, by: usize) {
        self.socket.open_window(by);
    }

    /// Whether the reactor's end has finished sending, by half or by closing in an orderly way.
    pub fn has_finished(&self) -> bool {
        self.socket.output_ended.get()
    }

    /// Whether the reactor has reset the connection, on purpose or by closing it over input it had not read.
    pub fn was_reset(&self) -> bool {
        self.socket.was_reset.get()
    }

    /// Whether the reactor has closed its end.
    pub fn is_closed(&self) -> bool {
        self.socket.closed.get()
    }

    /// How many of the reactor's writes took bytes.
    pub fn writes(&self) -> usize {
        self.socket.writes.get()
    }

    /// How often the reactor has read.
    pub fn reads(&self) -> usize {
        self.socket.reads.get()
    }

    /// Whether `TCP_NODELAY` is on.
    pub fn nodelay(&self) -> bool {
        self.socket.nodelay.get()
    }

    /// What the keep-alive time was set to.
    pub fn keepalive(&self) -> Option<Duration> {
        self.socket.keepalive.get()
    }

    /// Has the reactor's next `times` calls of `operation` on this connection fail.
    pub fn fail_next(&self, operation: Operation, times: usize, error: io::ErrorKind) {
        self.socket.faults.add(operation, times, error);
    }

    /// Reports readiness that may not be there.
    pub fn spurious(&self, readiness: Readiness) {
        self.socket.spurious(readiness);
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Peer").field("closed", &self.is_closed()).finish_non_exhaustive()
    }
}
