//! Streams in memory.

use std::io::{self, IoSlice};
use std::rc::Rc;
use std::time::Duration;

use super::socket::Socket;
use crate::Address;
use crate::driver::{Stream, Token};

/// A connection as the reactor has it.
pub(super) struct MemoryStream {
    socket: Rc<Socket>,
    resets: bool,
}

impl MemoryStream {
    pub(super) fn new(socket: Rc<Socket>) -> Self {
        let descriptors = &socket.world().descriptors;
        descriptors.set(descriptors.get() + 1);
        Self { socket, resets: false }
    }
}

impl Stream for MemoryStream {
    fn register(&mut self, token: Token) -> io::Result<()> {
        self.socket.register(token)
    }

    fn finish_connect(&mut self) -> io::Result<bool> {
        self.socket.finish_connect()
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.read(buffer)
    }

    fn write(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        self.socket.write(buffers)
    }

    fn shutdown_write(&mut self) -> io::Result<()> {
        self.socket.shutdown_write()
    }

    fn reset_on_drop(&mut self) {
        self.resets = true;
    }

    fn local_address(&self) -> io::Result<Address> {
        Ok(self.socket.host().into())
    }

    fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.socket.nodelay.set(nodelay);
        Ok(())
    }

    fn set_keepalive(&self, after: Option<Duration>) -> io::Result<()> {
        self.socket.keepalive.set(after);
        Ok(())
    }
}

impl Drop for MemoryStream {
    fn drop(&mut self) {
        self.socket.close(self.resets);
        self.socket.world().forget(self.socket.token());
    }
}
