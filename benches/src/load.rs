//! The load: many connections, each with a window of messages in flight.

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

/// What to send.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    pub(crate) connections: usize,
    /// Bytes of one message.
    pub(crate) message: usize,
    /// Messages in flight on each connection.
    pub(crate) window: usize,
}

/// What came back.
pub(crate) struct LoadResult {
    pub(crate) messages: u64,
    /// Half of the round trips took no longer.
    pub(crate) median: Duration,
    /// All but one in a hundred took no longer.
    pub(crate) slowest_percent: Duration,
}

struct Client {
    stream: TcpStream,
    /// Bytes of the current window that have not come back.
    missing: usize,
    sent_at: Instant,
}

impl Load {
    /// Runs for `time`: each connection sends a window of messages, waits until all have come back, and sends the next.
    pub(crate) fn run(self, address: SocketAddr, time: Duration) -> Result<LoadResult, Box<dyn Error>> {
        let mut poll = Poll::new()?;
        let mut clients = Vec::new();
        for number in 0..self.connections {
            let stream = std::net::TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            poll.registry().register(&mut stream, Token(number), Interest::READABLE)?;
            clients.push(Client { stream, missing: 0, sent_at: Instant::now() });
        }
        let window = vec![b'x'; self.message * self.window];
        let mut round_trips = Vec::new();
        for client in &mut clients {
            client.send(&window)?;
        }
        let mut events = Events::with_capacity(1024);
        let mut buffer = vec![0; 64 * 1024];
        let end = Instant::now() + time;
        while Instant::now() < end {
            poll.poll(&mut events, Some(Duration::from_millis(100)))?;
            for event in &events {
                let client = &mut clients[event.token().0];
                if client.receive(&mut buffer)? {
                    round_trips.push(client.sent_at.elapsed());
                    client.send(&window)?;
                }
            }
        }
        Ok(self.summary(round_trips))
    }

    fn summary(self, mut round_trips: Vec<Duration>) -> LoadResult {
        round_trips.sort();
        let at =
            |percent: usize| round_trips.get(round_trips.len() * percent / 100).copied().unwrap_or_default();
        LoadResult {
            messages: (round_trips.len() * self.window) as u64,
            median: at(50),
            slowest_percent: at(99),
        }
    }
}

impl Client {
    fn send(&mut self, window: &[u8]) -> io::Result<()> {
        self.sent_at = Instant::now();
        self.missing = window.len();
        // Windows are far smaller than a socket's buffer, which is empty by now.
        self.stream.write_all(window)
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
