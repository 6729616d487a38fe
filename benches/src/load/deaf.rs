//! Peers that send and never read.

use std::io::{self, ErrorKind, Write};
use std::net::{SocketAddr, TcpStream};

/// What each of them sends at the most; a server without limits keeps all of it.
const SENT_MAX: usize = 8 * 1024 * 1024;

/// Connects `count` peers, each of which sends until the network takes no more.
pub(super) fn connect(address: SocketAddr, count: usize) -> io::Result<Vec<TcpStream>> {
    (0..count).map(|_| connect_one(address)).collect()
}

fn connect_one(address: SocketAddr) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nonblocking(true)?;
    let junk = [b'x'; 64 * 1024];
    let mut sent = 0;
    while sent < SENT_MAX {
        match stream.write(&junk) {
            Ok(count) => sent += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    Ok(stream)
}
