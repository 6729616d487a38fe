//! Echo over TLS as one writes it by hand on mio and rustls, with the same care: one read buffer, one buffer for what is
//! decrypted, one write for the answers to one read.

use std::error::Error;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use rustls::{ServerConfig, ServerConnection};
use slab::Slab;

use crate::tls;

const LISTENER: Token = Token(usize::MAX);

struct Connection {
    stream: TcpStream,
    session: ServerConnection,
}

struct Buffers {
    received: Vec<u8>,
    decrypted: Vec<u8>,
}

pub(crate) fn serve() -> Result<(), Box<dyn Error>> {
    let mut poll = Poll::new()?;
    let mut listener = TcpListener::bind("127.0.0.1:0".parse()?)?;
    println!("{}", listener.local_addr()?);
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let config = tls::server_config()?;
    let mut connections = Slab::new();
    let mut buffers = Buffers { received: vec![0; 64 * 1024], decrypted: vec![0; 64 * 1024] };
    let mut events = Events::with_capacity(1024);
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            if event.token() == LISTENER {
                accept(&poll, &listener, &config, &mut connections)?;
                continue;
            }
            let key = event.token().0;
            let Some(connection) = connections.get_mut(key) else {
                continue;
            };
            let alive = (!event.is_writable() || connection.flush().is_ok())
                && (!event.is_readable() || connection.read(&mut buffers).is_ok());
            if !alive {
                connections.remove(key);
            }
        }
    }
}

fn accept(
    poll: &Poll,
    listener: &TcpListener,
    config: &Arc<ServerConfig>,
    connections: &mut Slab<Connection>,
) -> Result<(), Box<dyn Error>> {
    loop {
        match listener.accept() {
            Ok((mut stream, _)) => {
                stream.set_nodelay(true)?;
                let entry = connections.vacant_entry();
                let interest = Interest::READABLE | Interest::WRITABLE;
                poll.registry().register(&mut stream, Token(entry.key()), interest)?;
                let mut session = ServerConnection::new(Arc::clone(config))?;
                // As the other hand-written services, this one keeps whatever the peer does not take.
                session.set_buffer_limit(None);
                entry.insert(Connection { stream, session });
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

impl Connection {
    fn read(&mut self, buffers: &mut Buffers) -> Result<(), Box<dyn Error>> {
        loop {
            match self.stream.read(&mut buffers.received) {
                Ok(0) => return Err(io::Error::from(ErrorKind::UnexpectedEof).into()),
                Ok(count) => {
                    // After an error there may be an alert to send.
                    let result = self.received(&buffers.received[..count], &mut buffers.decrypted);
                    self.flush()?;
                    result?;
                    if count < buffers.received.len() {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn received(&mut self, mut data: &[u8], decrypted: &mut [u8]) -> Result<(), Box<dyn Error>> {
        while !data.is_empty() {
            self.session.read_tls(&mut data)?;
            let waiting = self.session.process_new_packets()?.plaintext_bytes_to_read();
            if waiting > 0 {
                // A record or two, which is less than the buffer holds.
                let count = self.session.reader().read(decrypted)?;
                self.session.writer().write_all(&decrypted[..count])?;
            }
        }
        Ok(())
    }

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
