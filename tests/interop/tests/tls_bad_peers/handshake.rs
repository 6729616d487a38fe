//! Handshakes that come in an unusual way.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use rustls::{ClientConnection, Stream};

use crate::world::{VERSIONS, World, send_while_taken};

/// A connection on which each byte goes out alone.
struct Dribbling(TcpStream);

impl Read for Dribbling {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Dribbling {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.0.write(&data[..data.len().min(1)])
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Says something, and goodbye.
#[track_caller]
fn talk(client: &mut ClientConnection, stream: &mut (impl Read + Write)) {
    let mut tls = Stream::new(client, stream);
    tls.write_all(b"hello").unwrap();
    let mut heard = [0; 5];
    tls.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"hello");
    tls.conn.send_close_notify();
    tls.conn.complete_io(tls.sock).unwrap();
}

#[test]
fn it_may_come_byte_by_byte() {
    let world = World::new();
    for version in VERSIONS {
        let mut stream = Dribbling(world.connect());
        talk(&mut world.client(version), &mut stream);
        world.server.made();
        world.server.ended();
        assert_eq!(world.server.lost(), "the connection was closed cleanly");
    }
}

/// The hello in records of one byte each.
#[test]
fn it_may_come_in_tiny_records() {
    let world = World::new();
    for version in VERSIONS {
        let mut client = world.client(version);
        let mut hello = Vec::new();
        client.write_tls(&mut hello).unwrap();
        let tiny: Vec<u8> = hello[5..].iter().flat_map(|byte| [22, 3, 1, 0, 1, *byte]).collect();
        let mut stream = world.connect();
        stream.write_all(&tiny).unwrap();
        talk(&mut client, &mut stream);
        world.server.made();
        world.server.ended();
        assert_eq!(world.server.lost(), "the connection was closed cleanly");
    }
}

/// A message that says it is large and comes in tiny records is refused before it has cost much.
#[test]
fn a_message_without_end_is_refused() {
    let world = World::new();
    let begin: &[u8] = &[22, 3, 1, 0, 4, 1, 0, 0xff, 0xf0];
    let tiny: &[u8] = &[22, 3, 1, 0, 1, 7];
    let stream = world.connect();
    send_while_taken(&stream, std::iter::once(begin).chain(std::iter::repeat_n(tiny, 70_000)));
    drop(stream);
    let reason = "the peer sent a TLS record or message larger than allowed";
    assert_eq!(world.server.failed(), reason);
    world.assert_serves();
}

#[test]
fn empty_records_are_refused() {
    let world = World::new();
    for kind in [20, 21, 22] {
        let empty: &[u8] = &[kind, 3, 1, 0, 0];
        let stream = world.connect();
        send_while_taken(&stream, std::iter::repeat_n(empty, 10_000));
        drop(stream);
        assert_eq!(world.server.failed(), "the peer broke the rules of TLS: invalid empty payload");
        world.assert_serves();
    }
}
