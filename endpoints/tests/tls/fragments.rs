//! Messages of the handshake that lie across records.

use ropewalk_reactor::{Layer, LayerState};

use crate::authority::{Authority, NAME, client, friends};
use crate::handshake::Random;
use crate::pair::{End, Pair};
use crate::peers::{heard, said, say, server_in_fragments, tell};

/// The largest message of a handshake, and more.
const TOO_MUCH: usize = 70_000;

#[test]
fn a_hello_in_many_records_is_understood() {
    let (client, server) = friends();
    for size in [1, 2, 3, 4, 5, 50, 100] {
        let mut random = Random(1);
        for bytewise in [false, true] {
            let mut pair = Pair::new(&client, &server);
            pair.client.wire = in_records_of(size, &pair.client.wire);
            pair.settle_cut(|waiting| if bytewise { 1 } else { random.below(waiting) + 1 });
            pair.assert_talks();
        }
    }
}

/// Divides a record of the handshake into smaller ones.
fn in_records_of(size: usize, record: &[u8]) -> Vec<u8> {
    let (header, content) = record.split_at(5);
    let mut records = Vec::new();
    for piece in content.chunks(size) {
        records.extend_from_slice(&header[..3]);
        records.extend_from_slice(&u16::try_from(piece.len()).unwrap().to_be_bytes());
        records.extend_from_slice(piece);
    }
    records
}

#[test]
fn a_server_that_cuts_its_messages_is_understood() {
    let authority = Authority::new();
    let client = client(&authority).build().unwrap();
    let identity = authority.server(&[NAME]);
    for size in [32, 40, 100] {
        for piece in [1, 7, 10_000] {
            let mut server = server_in_fragments(&identity, size);
            let mut client = End::new(client.layer(NAME).unwrap());
            for _ in 0..3 {
                tell(&mut server, &mut client);
                said(&mut server).chunks(piece).for_each(|piece| client.hear(piece));
            }
            say(&mut server, b"a word of the server");
            said(&mut server).chunks(piece).for_each(|piece| client.hear(piece));
            client.info();
            assert_eq!(client.got, b"a word of the server");
        }
    }
}

/// A ticket comes after the handshake, and between two of its records the client may well say something.
#[test]
fn something_can_be_sent_while_half_a_message_has_come() {
    let authority = Authority::new();
    let client = client(&authority).build().unwrap();
    let mut server = server_in_fragments(&authority.server(&[NAME]), 32);
    let mut client = End::new(client.layer(NAME).unwrap());
    tell(&mut server, &mut client);
    client.hear(&said(&mut server));
    tell(&mut server, &mut client);
    assert_eq!(client.layer.state(), LayerState::Open);
    let tickets = said(&mut server);
    assert!(tickets.len() > 100, "{}", tickets.len());
    for piece in tickets.chunks(11) {
        client.hear(piece);
        client.say(b"a word");
        tell(&mut server, &mut client);
        assert_eq!(heard(&mut server), b"a word");
    }
    client.close();
    tell(&mut server, &mut client);
    assert_eq!(heard(&mut server), b"");
    client.info();
}

#[test]
fn an_endless_message_is_refused() {
    let (_, server) = friends();
    // A hello of 16 MiB, in records of one byte and of many.
    for size in [1, 1_000] {
        let mut server = End::new(server.layer().unwrap());
        let mut message = vec![1, 0xff, 0xff, 0xff];
        message.resize(TOO_MUCH, 0);
        for piece in message.chunks(size) {
            let [high, low] = u16::try_from(piece.len()).unwrap().to_be_bytes();
            server.hear(&[&[22, 3, 1, high, low], piece].concat());
        }
        let error = server.error();
        assert_eq!(error, "the peer sent a TLS record or message larger than allowed");
    }
}

#[test]
fn a_long_message_that_never_ends_is_refused() {
    let (_, server) = friends();
    let mut server = End::new(server.layer().unwrap());
    // A hello of 60,000 bytes is not too large in itself, but one byte in each record is.
    server.hear(&[22, 3, 1, 0, 4, 1, 0, 0xea, 0x60]);
    for _ in 0..TOO_MUCH / 6 {
        assert!(server.error.is_none());
        server.hear(&[22, 3, 1, 0, 1, 0]);
        if server.error.is_some() {
            break;
        }
    }
    assert_eq!(server.error(), "the peer sent a TLS record or message larger than allowed");
}
