//! Connections that do nothing.

use std::error::Error;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::LoadResult;

/// Opens `connections`, exchanges a line on each, says so, and keeps them until standard input ends.
pub(super) fn run(address: SocketAddr, connections: usize) -> Result<LoadResult, Box<dyn Error>> {
    let mut streams = Vec::new();
    for _ in 0..connections {
        let mut stream = TcpStream::connect(address)?;
        stream.write_all(b"hello\n")?;
        stream.read_exact(&mut [0; 6])?;
        streams.push(stream);
    }
    LoadResult::default().print();
    std::io::stdin().read_to_end(&mut Vec::new())?;
    // What was printed is the result; the process ends without printing another.
    drop(streams);
    std::process::exit(0);
}
