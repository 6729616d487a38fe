//! Attempts to connect.

use std::io;
use std::net::{Ipv6Addr, SocketAddr};

use super::{ANY_PORT, ConnectOptions, Driver, MioStream, NEAR, Stream, Token, World, tcp, unused_address};

/// The error of an attempt that must fail, at once or later.
#[track_caller]
fn failure(world: &mut World, address: SocketAddr, options: &ConnectOptions) -> io::Error {
    let mut stream = match MioStream::connect(&world.driver.shared, address, options) {
        Ok(stream) => stream,
        Err(error) => return error,
    };
    stream.register(NEAR).unwrap();
    loop {
        match stream.finish_connect() {
            Ok(true) => panic!("connected to {address}"),
            Ok(false) => drop(world.wait(NEAR, |ready| ready.writable || ready.error)),
            Err(error) => return error,
        }
    }
}

fn bound_to(address: SocketAddr) -> ConnectOptions {
    ConnectOptions { bind: Some(address), ..ConnectOptions::default() }
}

#[test]
fn nobody_listens() {
    let mut world = World::new();
    let error = failure(&mut world, unused_address(), &ConnectOptions::default());
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
}

#[test]
fn an_attempt_does_not_meet_itself() {
    let mut world = World::new();
    let address = unused_address();
    let error = failure(&mut world, address, &bound_to(address));
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
}

#[test]
fn the_local_address_can_be_chosen() {
    let mut world = World::new();
    let (listener, address) = world.listen(ANY_PORT, Token(0));
    // All of 127.0.0.0/8 is this machine on Linux only, so the port tells.
    let from = unused_address();
    let near = world.connect(address, &bound_to(from), NEAR);
    assert_eq!(tcp(&near.local_address().unwrap()), from);
    let (far, peer) = world.accept(&listener, Token(0));
    assert_eq!(peer, from);
    assert_eq!(tcp(&far.local_address().unwrap()), address);
}

#[test]
fn families_do_not_mix() {
    let mut world = World::new();
    let bind = SocketAddr::from((Ipv6Addr::LOCALHOST, 0));
    let to = SocketAddr::from(([127, 0, 0, 1], 9));
    let Err(error) = world.driver.connect(&to.into(), &bound_to(bind)) else { panic!("connected") };
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    let message = error.to_string();
    assert!(message.contains("[::1]:0") && message.contains("127.0.0.1:9"), "{message}");
}

#[test]
fn reserved_tokens_are_refused() {
    let mut world = World::new();
    let (mut near, _far) = world.pair();
    for reserved in [usize::MAX, usize::MAX - 1] {
        assert_eq!(near.register(Token(reserved)).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }
}
