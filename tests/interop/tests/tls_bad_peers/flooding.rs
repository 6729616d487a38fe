//! Peers that go through the handshake and then flood the server with what costs them little.

use std::io::{Read, Write};

use rustls::ContentType;
use rustls::version::{TLS12, TLS13};

use crate::forging::Forger;
use crate::world::{VERSIONS, World, read_to_end, send_while_taken};

/// Much more than any server has to bear.
const FLOOD: usize = 10_000;

/// Sends the same again and again, and returns why the connection was lost.
#[track_caller]
fn flooded(world: &World, mut forger: Forger, kind: ContentType, content: &[u8]) -> String {
    world.server.made();
    let records: Vec<_> = (0..FLOOD).map(|_| forger.record(kind, content)).collect();
    send_while_taken(&forger.stream, records.iter().map(Vec::as_slice));
    // The server may have reset the connection already.
    let _ = forger.stream.read_to_end(&mut Vec::new());
    drop(forger);
    let lost = world.server.lost();
    world.assert_serves();
    lost
}

#[test]
fn warnings_come_to_an_end() {
    let world = World::new();
    const WARNING_USER_CANCELED: [u8; 2] = [1, 90];
    for version in VERSIONS {
        let forger = Forger::new(world.client(version), world.connect());
        let lost = flooded(&world, forger, ContentType::Alert, &WARNING_USER_CANCELED);
        assert_eq!(lost, "the peer broke the rules of TLS: too many warning alerts received");
    }
}

#[test]
fn requests_to_renegotiate_come_to_an_end() {
    let world = World::new();
    let forger = Forger::new(world.client(&TLS12), world.connect());
    let mut hello = Vec::new();
    world.client(&TLS12).write_tls(&mut hello).unwrap();
    let lost = flooded(&world, forger, ContentType::Handshake, &hello[5..]);
    assert_eq!(lost, "the peer broke the rules of TLS: too many renegotiation requests");
}

#[test]
fn a_handshake_after_the_handshake_is_refused() {
    let world = World::new();
    let forger = Forger::new(world.client(&TLS13), world.connect());
    let mut hello = Vec::new();
    world.client(&TLS13).write_tls(&mut hello).unwrap();
    let lost = flooded(&world, forger, ContentType::Handshake, &hello[5..]);
    let reason = "the peer broke the rules of TLS: received unexpected handshake message: got ClientHello when expecting KeyUpdate";
    assert_eq!(lost, reason);
}

#[test]
fn new_keys_without_end_are_refused() {
    let world = World::new();
    let mut client = world.client(&TLS13);
    let mut stream = world.connect();
    while client.is_handshaking() || client.wants_write() {
        client.complete_io(&mut stream).unwrap();
    }
    world.server.made();
    for _ in 0..1_000 {
        client.refresh_traffic_keys().unwrap();
        if client.write_tls(&mut stream).is_err() {
            break;
        }
    }
    let _ = stream.read_to_end(&mut Vec::new());
    drop(stream);
    let lost = world.server.lost();
    assert_eq!(lost, "the peer broke the rules of TLS: too many key update requests");
    world.assert_serves();
}

/// A few may hide how much is said (RFC 8446, section 5.1).
#[test]
fn empty_records_of_data_come_to_an_end() {
    let world = World::new();
    for version in VERSIONS {
        let mut forger = Forger::new(world.client(version), world.connect());
        world.server.made();
        for _ in 0..20 {
            let record = forger.record(ContentType::ApplicationData, b"");
            forger.stream.write_all(&record).unwrap();
        }
        let word = forger.record(ContentType::ApplicationData, b"quit\n");
        forger.stream.write_all(&word).unwrap();
        assert!(!read_to_end(&forger.stream).is_empty());
        drop(forger);
        assert_eq!(world.server.lost(), "the connection was closed cleanly");

        let forger = Forger::new(world.client(version), world.connect());
        let lost = flooded(&world, forger, ContentType::ApplicationData, b"");
        assert_eq!(lost, "the peer broke the rules of TLS: too many empty fragments");
    }
}

#[test]
fn empty_messages_of_other_kinds_are_refused() {
    let world = World::new();
    let cases = [
        (ContentType::Handshake, ["too many empty fragments", "too many empty fragments"]),
        (
            ContentType::Alert,
            ["a message is too short (alert level)", "a message is too short (alert level)"],
        ),
        (
            ContentType::ChangeCipherSpec,
            ["invalid change of the cipher spec", "illegal middlebox change cipher spec"],
        ),
    ];
    for (kind, rules) in cases {
        for (version, rule) in VERSIONS.into_iter().zip(rules) {
            let forger = Forger::new(world.client(version), world.connect());
            let lost = flooded(&world, forger, kind, b"");
            assert_eq!(lost, format!("the peer broke the rules of TLS: {rule}"));
        }
    }
}
