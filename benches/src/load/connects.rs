//! Connections that come and go.

use std::error::Error;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::LoadResult;

/// Connects `at_once` times, then has each send and receive one byte, then resets them all, and so on.
pub(super) fn run(address: SocketAddr, at_once: usize, time: Duration) -> Result<LoadResult, Box<dyn Error>> {
    let mut round_trips = Vec::new();
    let end = Instant::now() + time;
    while Instant::now() < end {
        let began = Instant::now();
        let mut streams = Vec::new();
        for _ in 0..at_once {
            let mut stream = TcpStream::connect(address)?;
            stream.write_all(b"x")?;
            streams.push(stream);
        }
        for mut stream in streams {
            stream.read_exact(&mut [0])?;
            // A reset leaves nothing behind; orderly ends would use up the ports.
            socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
        }
        round_trips.push(began.elapsed());
    }
    Ok(LoadResult::of(round_trips, at_once))
}
