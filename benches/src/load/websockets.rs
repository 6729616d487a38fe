//! Frames of WebSockets, made by hand.

use std::io::{self, ErrorKind, Read, Write};

use mio::net::TcpStream;

use super::windows::Window;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/// Messages of at least this length are binary.
const BINARY_MIN: usize = 1024;

/// So many messages of that length, each masked with a key of its own.
pub(super) fn window(length: usize, messages: usize) -> Window {
    let mut bytes = Vec::new();
    for number in 0..messages {
        let key = (number as u32 + 1).wrapping_mul(0x9e37_79b9).to_be_bytes();
        bytes.extend(header(length, 0x80));
        bytes.extend(key);
        bytes.extend(key.iter().cycle().take(length).map(|key| key ^ b'x'));
    }
    Window { bytes, answer: messages * (header(length, 0).len() + length), messages }
}

/// The header of a frame (RFC 6455, section 5.2), without the mask.
fn header(length: usize, masked: u8) -> Vec<u8> {
    let opcode = if length < BINARY_MIN { 0x81 } else { 0x82 };
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(length), _) if length < 126 => vec![opcode, masked | length],
        (_, Ok(length)) => [&[opcode, masked | 126], &length.to_be_bytes()[..]].concat(),
        _ => [&[opcode, masked | 127], &(length as u64).to_be_bytes()[..]].concat(),
    }
}

/// Asks for a WebSocket and waits until the server agrees.
pub(super) fn upgrade(mut stream: TcpStream) -> io::Result<TcpStream> {
    stream.write_all(REQUEST)?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        match stream.read(&mut byte) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(_) => answer.extend(byte),
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::yield_now(),
            Err(error) => return Err(error),
        }
    }
    Ok(stream)
}
