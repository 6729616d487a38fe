//! Peers that connect and do not get further.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use ropewalk_interop::Socket;

use crate::world::{VERSIONS, World, read_to_end};

const TIMEOUT: Duration = Duration::from_millis(300);
const TIMED_OUT: &str = "the handshake took longer than 300ms";

/// The alert comes before the end, however much the server has left unread.
#[test]
fn what_is_not_tls_hears_so() {
    let world = World::new();
    let plain = "the peer does not speak TLS: it sent plain text";
    let request = format!("POST / HTTP/1.1\r\nContent-Length: 300000\r\n\r\n{}", "x".repeat(300_000));
    let cases: [(&[u8], &str, u8); 6] = [
        (b"GET / HTTP/1.1\r\nHost: server.example\r\n\r\n", plain, 50),
        (b"SSH-2.0-OpenSSH_9.9\r\n", plain, 50),
        (request.as_bytes(), plain, 50),
        (b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10", "the peer does not speak TLS", 50),
        (&[22, 3, 1, 0x48, 1], "the peer sent a TLS record or message larger than allowed", 50),
        (
            &[23, 3, 3, 0, 5, 1, 2, 3, 4, 5],
            "the peer broke the rules of TLS: received unexpected message: got ApplicationData when expecting Handshake",
            10,
        ),
    ];
    for (bytes, reason, alert) in cases {
        let mut stream = world.connect();
        stream.write_all(bytes).unwrap();
        assert_eq!(read_to_end(&stream), [21, 3, 3, 0, 2, 2, alert], "{reason}");
        drop(stream);
        assert_eq!(world.server.failed(), reason);
        world.assert_serves();
    }
}

#[test]
fn silence_has_its_time() {
    let world = World::with(|endpoint| endpoint.with_handshake_timeout(TIMEOUT));
    for version in VERSIONS {
        let mut hello = Vec::new();
        world.client(version).write_tls(&mut hello).unwrap();
        for said in [&[][..], &hello[..hello.len() / 2], &hello] {
            let mut stream = world.connect();
            stream.write_all(said).unwrap();
            assert_eq!(world.server.failed(), TIMED_OUT);
        }
    }
    world.assert_serves();
}

/// Where the handshake is waited for, one who says nothing is a server's end.
#[test]
fn who_says_nothing_holds_up_nobody() {
    let world = World::new();
    for version in VERSIONS {
        let mut hello = Vec::new();
        world.client(version).write_tls(&mut hello).unwrap();
        let silent = [&[][..], &hello[..hello.len() / 2], &hello].map(|said| {
            let mut stream = world.connect();
            stream.write_all(said).unwrap();
            stream
        });
        world.assert_serves();
        drop(silent);
        for _ in 0..3 {
            let failed = world.server.failed();
            assert!(!failed.contains("took longer"), "{failed}");
        }
    }
}

#[test]
fn peers_that_go_before_the_handshake_is_over_are_told_of() {
    let world = World::new();
    let mut hello = Vec::new();
    world.client(VERSIONS[1]).write_tls(&mut hello).unwrap();
    for said in [&[][..], &hello[..100], &hello] {
        let mut stream = world.connect();
        stream.write_all(said).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(world.server.failed(), "the peer closed the connection during the TLS handshake");
        let mut stream = world.connect();
        stream.write_all(said).unwrap();
        Socket::from(stream).reset();
        let failed = world.server.failed();
        assert!(failed.starts_with("the connection was lost: Connection reset by peer"), "{failed}");
    }
    world.assert_serves();
}

/// Those above the limit are turned away at once; the others hold their places until their time is up.
#[test]
fn a_crowd_that_only_connects_is_limited() {
    const PLACES: usize = 50;
    let world = World::with(|endpoint| {
        endpoint.with_max_handshakes(PLACES).with_handshake_timeout(Duration::from_secs(2))
    });
    let crowd: Vec<_> = (0..300).map(|_| world.connect()).collect();
    for turned_away in &crowd[PLACES..] {
        assert!(read_to_end(turned_away).is_empty());
    }
    for _ in 0..PLACES {
        assert_eq!(world.server.failed(), "the handshake took longer than 2s");
    }
    for waiting in &crowd[..PLACES] {
        let error = (&*waiting).read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
    world.assert_serves();
}
