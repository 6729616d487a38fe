//! Bytes and the ends of connections.

use std::io::{self, IoSlice};
use std::time::Duration;

use socket2::SockRef;

use super::{FAR, MioStream, NEAR, Token, World};
use crate::driver::Stream;

fn write_all(world: &mut World, stream: &mut MioStream, token: Token, bytes: &[u8]) {
    let mut sent = 0;
    while sent < bytes.len() {
        match stream.write(&[IoSlice::new(&bytes[sent..])]) {
            Ok(count) => sent += count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                world.wait(token, |ready| ready.writable);
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn what_is_accepted_can_be_echoed() {
    let mut world = World::new();
    let (mut near, mut far) = world.pair();
    let count = near.write(&[IoSlice::new(b"one "), IoSlice::new(b""), IoSlice::new(b"two")]).unwrap();
    assert_eq!(count, 7);
    let mut got = Vec::new();
    while got.len() < 7 {
        got.extend(world.read(&mut far, FAR).unwrap());
    }
    assert_eq!(got, b"one two");
    write_all(&mut world, &mut far, FAR, &got);
    assert_eq!(world.read(&mut near, NEAR).unwrap(), b"one two");
    assert_eq!(near.write(&[]).unwrap(), 0);
}

#[test]
fn an_edge_is_reported_again_after_would_block() {
    let mut world = World::new();
    let (mut near, mut far) = world.pair();
    for round in 0..3_u8 {
        near.write(&[IoSlice::new(&[round])]).unwrap();
        world.wait(FAR, |ready| ready.readable);
        let mut buffer = [0; 10];
        assert_eq!(far.read(&mut buffer).unwrap(), 1);
        assert_eq!(buffer[0], round);
        assert_eq!(far.read(&mut buffer).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }
}

/// What the contract of `read` promises: no `WouldBlock` is needed for the next edge.
#[test]
fn an_edge_is_reported_again_after_a_short_read() {
    let mut world = World::new();
    let (mut near, mut far) = world.pair();
    for round in 0..3_u8 {
        near.write(&[IoSlice::new(&[round])]).unwrap();
        world.wait(FAR, |ready| ready.readable);
        assert_eq!(far.read(&mut [0; 10]).unwrap(), 1);
    }
    near.shutdown_write().unwrap();
    world.wait(FAR, |ready| ready.read_closed);
}

#[test]
fn a_full_stream_is_writable_again_when_it_was_read() {
    let mut world = World::new();
    let (mut near, mut far) = world.pair();
    world.wait(NEAR, |ready| ready.writable);
    let block = [7; 65536];
    let mut sent = 0;
    loop {
        match near.write(&[IoSlice::new(&block), IoSlice::new(&block)]) {
            Ok(count) => sent += count,
            Err(error) => {
                assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                break;
            }
        }
    }
    let mut received = 0;
    while received < sent {
        received += world.read(&mut far, FAR).unwrap().len();
    }
    world.wait(NEAR, |ready| ready.writable);
    assert!(near.write(&[IoSlice::new(&block)]).unwrap() > 0);
}

#[test]
fn a_half_close_is_seen_as_read_closed_and_leaves_the_other_half() {
    let mut world = World::new();
    let (mut near, mut far) = world.pair();
    near.write(&[IoSlice::new(b"last words")]).unwrap();
    near.shutdown_write().unwrap();
    let ready = world.wait(FAR, |ready| ready.read_closed);
    assert!(ready.readable && !ready.error);
    assert_eq!(world.read(&mut far, FAR).unwrap(), b"last words");
    assert_eq!(world.read(&mut far, FAR).unwrap(), b"");
    write_all(&mut world, &mut far, FAR, b"answer");
    assert_eq!(world.read(&mut near, NEAR).unwrap(), b"answer");
}

#[test]
fn a_reset_is_seen_as_an_error() {
    let mut world = World::new();
    let (mut near, mut far) = world.pair();
    near.reset_on_drop();
    drop(near);
    let ready = world.wait(FAR, |ready| ready.error);
    assert!(ready.readable);
    assert_eq!(world.read(&mut far, FAR).unwrap_err().kind(), io::ErrorKind::ConnectionReset);
}

#[test]
fn a_dropped_stream_is_not_reported_any_more() {
    let mut world = World::new();
    let (near, far) = world.pair();
    drop(far);
    world.wait(NEAR, |ready| ready.read_closed);
    world.ready.clear();
    drop(near);
    world.poll_once(super::PollUntil::Now);
    assert!(world.ready.is_empty(), "{:?}", world.ready);
}

#[test]
fn options_take_any_value() {
    let mut world = World::new();
    let (near, _far) = world.pair();
    assert!(near.socket.nodelay().unwrap());
    near.set_nodelay(false).unwrap();
    assert!(!near.socket.nodelay().unwrap());
    let socket = SockRef::from(&near.socket);
    for (asked, seconds) in [
        (Duration::ZERO, 1),
        (Duration::from_millis(1500), 1),
        (Duration::from_secs(75), 75),
        (Duration::MAX, 32_767),
    ] {
        near.set_keepalive(Some(asked)).unwrap();
        assert!(socket.keepalive().unwrap());
        if cfg!(target_os = "linux") {
            assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(seconds));
        }
    }
    near.set_keepalive(None).unwrap();
    assert!(!socket.keepalive().unwrap());
}

/// There may be a million of them. (With debug assertions mio keeps more in a socket.)
#[test]
#[cfg(all(unix, target_pointer_width = "64"))]
fn a_stream_is_small() {
    assert_eq!(size_of::<MioStream>(), if cfg!(debug_assertions) { 32 } else { 16 });
}
