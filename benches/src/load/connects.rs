//! Connections that come and go.

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::LoadResult;

/// Connects `at_once` times, then has each send and receive one byte, then resets them all, and so on. `over` makes what the
/// byte goes through.
pub(super) fn run<S: Read + Write>(
    address: SocketAddr,
    at_once: usize,
    time: Duration,
    over: impl Fn(TcpStream) -> io::Result<S>,
) -> Result<LoadResult, Box<dyn Error>> {
    let mut round_trips = Vec::new();
    let end = Instant::now() + time;
    while Instant::now() < end {
        let began = Instant::now();
        let mut streams = Vec::new();
        for _ in 0..at_once {
            let stream = TcpStream::connect(address)?;
            // A reset leaves nothing behind; orderly ends would use up the ports.
            socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
            let mut stream = over(stream)?;
            stream.write_all(b"x")?;
            streams.push(stream);
        }
        for mut stream in streams {
            stream.read_exact(&mut [0])?;
        }
        round_trips.push(began.elapsed());
    }
    Ok(LoadResult::of(round_trips, at_once))
}
