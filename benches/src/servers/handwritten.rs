//! The services as one writes them by hand on mio and slab, with what a careful author does: edge-triggered events, one read
//! buffer, no read more than needed, one write for the answers to one read, unsent output kept until the socket has room.

use std::error::Error;
use std::io::{self, ErrorKind, Read, Write};

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use slab::Slab;

use super::{Service, handwritten_tls};

const LISTENER: Token = Token(usize::MAX);

struct Connection {
    stream: TcpStream,
    unsent: Vec<u8>,
    /// The beginning of a line that is not whole.
    fragment: Vec<u8>,
}

struct Server {
    service: Service,
    connections: Slab<Connection>,
    buffer: Vec<u8>,
}

pub(crate) fn serve(service: Service) -> Result<(), Box<dyn Error>> {
    if service == Service::TlsEcho {
        return handwritten_tls::serve();
    }
    let mut poll = Poll::new()?;
    let mut listener = TcpListener::bind("127.0.0.1:0".parse()?)?;
    println!("{}", listener.local_addr()?);
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut server = Server { service, connections: Slab::new(), buffer: vec![0; 64 * 1024] };
    let mut events = Events::with_capacity(1024);
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            if event.token() == LISTENER {
                server.accept(&poll, &listener)?;
                continue;
            }
            let key = event.token().0;
            let Some(connection) = server.connections.get_mut(key) else {
                continue;
            };
            let alive = (!event.is_writable() || connection.flush().is_ok())
                && (!event.is_readable() || server.read(key).is_ok());
            if !alive {
                server.connections.remove(key);
            }
        }
    }
}

impl Server {
    fn accept(&mut self, poll: &Poll, listener: &TcpListener) -> io::Result<()> {
        loop {
            match listener.accept() {
                Ok((mut stream, _)) => {
                    stream.set_nodelay(true)?;
                    let entry = self.connections.vacant_entry();
                    let interest = Interest::READABLE | Interest::WRITABLE;
                    poll.registry().register(&mut stream, Token(entry.key()), interest)?;
                    entry.insert(Connection { stream, unsent: Vec::new(), fragment: Vec::new() });
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    fn read(&mut self, key: usize) -> io::Result<()> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let result = self.read_into(key, &mut buffer);
        self.buffer = buffer;
        result
    }

    fn read_into(&mut self, key: usize, buffer: &mut [u8]) -> io::Result<()> {
        loop {
            match self.connections[key].stream.read(buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => {
                    self.received(key, &buffer[..count])?;
                    if count < buffer.len() {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    fn received(&mut self, key: usize, data: &[u8]) -> io::Result<()> {
        let connection = &mut self.connections[key];
        match self.service {
            Service::Echo => connection.send(data),
            Service::Lines => {
                let mut unsent = std::mem::take(&mut connection.unsent);
                connection.lines(data, |line| unsent.extend_from_slice(line));
                connection.unsent = unsent;
                connection.flush()
            }
            Service::TlsEcho | Service::WebSocketEcho => unreachable!("they have servers of their own"),
            Service::Chat => {
                let mut lines = Vec::new();
                connection.lines(data, |line| lines.extend_from_slice(line));
                for (_, member) in &mut self.connections {
                    // A member that cannot be written to is found when it is read.
                    let _ = member.send(&lines);
                }
                Ok(())
            }
        }
    }
}

impl Connection {
    /// Calls `whole` with each whole line and its line feed, and keeps the rest.
    fn lines(&mut self, mut data: &[u8], mut whole: impl FnMut(&[u8])) {
        while let Some(end) = memchr::memchr(b'\n', data) {
            let (line, rest) = data.split_at(end + 1);
            data = rest;
            if self.fragment.is_empty() {
                whole(line);
            } else {
                self.fragment.extend_from_slice(line);
                whole(&self.fragment);
                self.fragment.clear();
            }
        }
        self.fragment.extend_from_slice(data);
    }

    fn send(&mut self, data: &[u8]) -> io::Result<()> {
        if !self.unsent.is_empty() {
            self.unsent.extend_from_slice(data);
            return Ok(());
        }
        let sent = match self.stream.write(data) {
            Ok(sent) => sent,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(error) => return Err(error),
        };
        self.unsent.extend_from_slice(&data[sent..]);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(sent) => drop(self.unsent.drain(..sent)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
