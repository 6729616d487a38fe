//! Connections that stay, with messages in flight.

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use super::LoadResult;

/// What a connection sends before it waits.
pub(super) struct Window {
    pub(super) bytes: Vec<u8>,
    /// How many bytes come back.
    pub(super) answer: usize,
    pub(super) messages: usize,
}

impl Window {
    /// Messages that come back as they are.
    pub(super) fn echoed(length: usize, messages: usize) -> Self {
        let bytes = super::messages(length, messages);
        Self { answer: bytes.len(), bytes, messages }
    }
}

struct Client<S> {
    stream: S,
    /// Bytes of the current window that have not come back.
    missing: usize,
    sent_at: Instant,
}

struct Clients<S> {
    poll: Poll,
    events: Events,
    clients: Vec<Client<S>>,
    buffer: Vec<u8>,
}

/// Every connection sends `window` for itself, through what `over` makes of its stream.
pub(super) fn run<S: Read + Write>(
    address: SocketAddr,
    connections: usize,
    window: &Window,
    time: Duration,
    over: impl Fn(TcpStream) -> io::Result<S>,
) -> Result<LoadResult, Box<dyn Error>> {
    let mut clients = Clients::connect(address, connections, over)?;
    let mut round_trips = Vec::new();
    for client in &mut clients.clients {
        client.send(window)?;
    }
    let end = Instant::now() + time;
    while Instant::now() < end {
        clients.receive(|client| {
            round_trips.push(client.sent_at.elapsed());
            client.send(window)
        })?;
    }
    Ok(LoadResult::of(round_trips, window.messages))
}

/// The first connection sends for all.
pub(super) fn run_fanout(
    address: SocketAddr,
    connections: usize,
    message: &[u8],
    time: Duration,
) -> Result<LoadResult, Box<dyn Error>> {
    let mut clients = Clients::connect(address, connections, Ok)?;
    clients.await_members(message)?;
    let mut round_trips = Vec::new();
    let end = Instant::now() + time;
    while Instant::now() < end {
        let began = Instant::now();
        clients.fan_out(message)?;
        round_trips.push(began.elapsed());
    }
    Ok(LoadResult::of(round_trips, connections))
}

impl<S: Read + Write> Clients<S> {
    fn connect(
        address: SocketAddr,
        connections: usize,
        over: impl Fn(TcpStream) -> io::Result<S>,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut clients = Vec::new();
        for number in 0..connections {
            let stream = std::net::TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            let interest = Interest::READABLE | Interest::WRITABLE;
            poll.registry().register(&mut stream, Token(number), interest)?;
            clients.push(Client { stream: over(stream)?, missing: 0, sent_at: Instant::now() });
        }
        Ok(Self { poll, events: Events::with_capacity(1024), clients, buffer: vec![0; 64 * 1024] })
    }

    /// Waits a little and reads what has come; calls `complete` for each client whose window is complete.
    fn receive(&mut self, mut complete: impl FnMut(&mut Client<S>) -> io::Result<()>) -> io::Result<()> {
        self.poll.poll(&mut self.events, Some(Duration::from_millis(100)))?;
        for event in &self.events {
            let client = &mut self.clients[event.token().0];
            if client.receive(&mut self.buffer)? {
                complete(client)?;
            }
        }
        Ok(())
    }

    /// The server may not have accepted everybody yet: each connection speaks once, so that it is known to be a member,
    /// and everything that is said meanwhile is thrown away.
    fn await_members(&mut self, message: &[u8]) -> io::Result<()> {
        let everything = message.len() * self.clients.len();
        for number in 0..self.clients.len() {
            self.clients[number].missing = everything;
            self.clients[number].stream.write_all(message)?;
            // Its own message comes back to it once it is a member.
            let mut own = vec![0; message.len()];
            while self.clients[number].missing == everything {
                self.poll.poll(&mut self.events, Some(Duration::from_millis(10)))?;
                for client in &mut self.clients[..=number] {
                    while let Ok(count @ 1..) = client.stream.read(&mut own) {
                        client.missing = client.missing.wrapping_sub(count);
                    }
                }
            }
        }
        // What was said before somebody joined is not missing to him; wait until nothing more comes.
        let mut quiet = 0;
        while quiet < 3 {
            self.poll.poll(&mut self.events, Some(Duration::from_millis(20)))?;
            quiet = if self.events.is_empty() { quiet + 1 } else { 0 };
            for client in &mut self.clients {
                while let Ok(1..) = client.stream.read(&mut self.buffer) {}
            }
        }
        Ok(())
    }

    fn fan_out(&mut self, message: &[u8]) -> io::Result<()> {
        for client in &mut self.clients {
            client.missing = message.len();
        }
        self.clients[0].stream.write_all(message)?;
        let mut left = self.clients.len();
        while left > 0 {
            self.receive(|_| {
                left -= 1;
                Ok(())
            })?;
        }
        Ok(())
    }
}

impl<S: Read + Write> Client<S> {
    fn send(&mut self, window: &Window) -> io::Result<()> {
        self.sent_at = Instant::now();
        self.missing = window.answer;
        // Windows are far smaller than a socket's buffer, which is empty by now.
        self.stream.write_all(&window.bytes)
    }

    /// Reads what has come; returns whether the window is complete.
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<bool> {
        loop {
            match self.stream.read(buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => {
                    self.missing -= count;
                    if self.missing == 0 {
                        return Ok(true);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
    }
}
