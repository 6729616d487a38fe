//! The load's side of TLS.

use std::error::Error;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::{ClientConfig, ClientConnection};

use crate::tls::{NAME, client_config};

/// TLS over a stream that blocks or does not. What is written goes out as the stream takes it, at the latest when it is
/// read.
pub(super) struct TlsStream<S> {
    stream: S,
    session: ClientConnection,
}

/// Makes sessions, all by one configuration.
pub(super) struct Sessions {
    config: Arc<ClientConfig>,
}

impl Sessions {
    /// Each shakes hands in full.
    pub(super) fn full() -> Result<Self, Box<dyn Error>> {
        Ok(Self { config: client_config(Resumption::disabled())? })
    }

    /// Each resumes an earlier one, if it can.
    pub(super) fn resumed() -> Result<Self, Box<dyn Error>> {
        Ok(Self { config: client_config(Resumption::in_memory_sessions(1))? })
    }

    pub(super) fn over<S>(&self, stream: S) -> io::Result<TlsStream<S>> {
        let name = NAME.try_into().map_err(io::Error::other)?;
        let mut session = ClientConnection::new(Arc::clone(&self.config), name).map_err(io::Error::other)?;
        session.set_buffer_limit(None);
        Ok(TlsStream { stream, session })
    }
}

impl<S: Read + Write> Read for TlsStream<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            self.flush()?;
            match self.session.reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                result => return result,
            }
            self.session.read_tls(&mut self.stream)?;
            self.session.process_new_packets().map_err(io::Error::other)?;
        }
    }
}

impl<S: Write> Write for TlsStream<S> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let count = self.session.writer().write(data)?;
        self.flush()?;
        Ok(count)
    }

    /// What the stream does not take now stays for later.
    fn flush(&mut self) -> io::Result<()> {
        while self.session.wants_write() {
            match self.session.write_tls(&mut self.stream) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
