//! What is not TLS, or not good TLS.

use ropewalk_endpoints::TlsError;
use ropewalk_reactor::{Layer, LayerState};

use crate::authority::{NAME, friends};
use crate::handshake::Random;
use crate::pair::{End, Pair};

fn server() -> End {
    End::new(friends().1.layer().unwrap())
}

/// The server's alert that goes with an error, in a record of its own (RFC 8446, section 6).
#[track_caller]
fn assert_alert(end: &End, description: u8) {
    assert!(matches!(*end.wire, [21, 3, _, 0, 2, 2, code] if code == description), "{:?}", end.wire);
}

#[test]
fn plain_text_is_recognised() {
    for text in ["GET / HTTP/1.1\r\n\r\n", "SSH-2.0-OpenSSH_9.9\r\n", "220 mail.example ESMTP\r\n", "HELLO"] {
        for size in [1, 4, 100] {
            let mut server = server();
            text.as_bytes().chunks(size).for_each(|piece| server.hear(piece));
            assert_eq!(server.error(), "the peer does not speak TLS: it sent plain text");
            assert_alert(&server, 50);
        }
        let mut client = End::new(friends().0.layer(NAME).unwrap());
        client.wire.clear();
        client.hear(text.as_bytes());
        assert_eq!(client.error, Some(TlsError::PlainText));
        assert_alert(&client, 50);
    }
}

#[test]
fn garbage_is_recognised() {
    for garbage in [[0; 16], [0xff; 16], *b"\x00\x01\x02\x03\x04GET /......"] {
        let mut server = server();
        server.hear(&garbage);
        assert_eq!(server.error(), "the peer does not speak TLS");
        assert_alert(&server, 50);
    }
}

#[test]
fn random_input_never_does_harm() {
    let (client, server) = friends();
    for seed in 0..500 {
        let mut random = Random(seed);
        let mut noise = (0..300).map(|_| u8::try_from(random.below(256)).unwrap()).collect::<Vec<_>>();
        if seed % 2 == 0 {
            // As if it were a record of the handshake.
            noise[..5].copy_from_slice(&[22, 3, 3, 0, 200]);
        }
        let mut server = End::new(server.layer().unwrap());
        server.hear(&noise);
        let mut client = End::new(client.layer(NAME).unwrap());
        client.hear(&noise);
        assert_eq!((server.got, client.got), (Vec::new(), Vec::new()));
    }
}

/// Each bit of a handshake and of a record counts, or does no harm.
#[test]
fn changed_bytes_never_pass() {
    let (client, server) = friends();
    for seed in 0..200 {
        let mut random = Random(seed);
        let mut pair = Pair::shaken(&client, &server);
        pair.client.say(b"a word");
        let at = random.below(pair.client.wire.len());
        pair.client.wire[at] ^= 1 << random.below(8);
        pair.settle();
        // The version in a record's header means nothing (RFC 8446, section 5.1).
        assert!(pair.server.got.is_empty() || pair.server.got == b"a word");
    }
    let mut pair = Pair::shaken(&client, &server);
    pair.client.say(b"a word");
    *pair.client.wire.last_mut().unwrap() ^= 1;
    pair.settle();
    assert_eq!(
        pair.server.error(),
        "a TLS record of the peer could not be decrypted: it was changed on its way"
    );
    assert_eq!(pair.client.error(), "the peer could not decrypt a record: it was changed on its way");
}

#[test]
fn a_record_that_is_too_large_is_refused() {
    let mut early = server();
    early.hear(&[22, 3, 1, 0xff, 0xff]);
    assert_eq!(early.error(), "the peer sent a TLS record or message larger than allowed");

    let (client, server) = friends();
    let mut pair = Pair::shaken(&client, &server);
    pair.server.hear(&[23, 3, 3, 0x48, 0x01]);
    pair.settle();
    assert_eq!(pair.server.error, Some(TlsError::TooLarge));
    assert!(pair.client.error.is_some());
}

#[test]
fn an_old_version_is_refused() {
    // A hello of TLS 1.0 with one suite and no extensions.
    let mut hello = vec![22, 3, 1, 0, 45, 1, 0, 0, 41, 3, 1];
    hello.extend_from_slice(&[7; 32]);
    hello.extend_from_slice(&[0, 0, 2, 0, 0x2f, 1, 0]);
    let mut server = server();
    server.hear(&hello);
    assert_eq!(server.error(), "the peer speaks no version of TLS that is allowed here");
    assert_alert(&server, 70);
}

#[test]
fn suites_that_nobody_else_knows_are_refused() {
    let (client, server) = friends();
    let mut hello = End::new(client.layer(NAME).unwrap()).wire;
    // Type, version, length; type, length, version, random, session.
    let session = usize::from(hello[43]);
    let suites = 44 + session;
    let size = usize::from(u16::from_be_bytes([hello[suites], hello[suites + 1]]));
    hello[suites + 2..suites + 2 + size].fill(0x99);
    let mut server = End::new(server.layer().unwrap());
    server.hear(&hello);
    assert_eq!(server.error(), "the peer and this side have no cipher suite in common");
    assert_alert(&server, 40);
}

#[test]
fn an_alert_in_the_handshake_is_reported() {
    let mut server = server();
    server.hear(&[21, 3, 3, 0, 2, 2, 48]);
    assert_eq!(server.error(), "the peer rejected our certificate: unknown CA");
    let mut client = End::new(friends().0.layer(NAME).unwrap());
    client.hear(&[21, 3, 3, 0, 2, 2, 112]);
    assert_eq!(client.error(), "the peer has no certificate for the name that was asked for");
}

#[test]
fn malformed_messages_are_told_in_words() {
    for (record, how) in [
        (&[21, 3, 3, 0, 1, 2][..], "a message is too short (alert description)"),
        (&[21, 3, 3, 0, 3, 2, 40, 0], "a message is too long (alert message payload)"),
        (&[20, 3, 3, 0, 1, 2], "invalid change of the cipher spec"),
        (&[22, 3, 3, 0, 4, 1, 0, 0, 0], "a message is too short (protocol version)"),
    ] {
        let mut server = server();
        server.hear(record);
        assert_eq!(server.error(), format!("the peer broke the rules of TLS: {how}"));
    }
}

#[test]
fn a_handshake_that_breaks_off_is_not_over() {
    let (client, server) = friends();
    let mut pair = Pair::new(&client, &server);
    let half = pair.client.wire.len() / 2;
    pair.server.hear(&pair.client.wire[..half]);
    assert_eq!(pair.server.layer.state(), LayerState::Opening);
    pair.server.close();
    assert!(pair.server.wire.is_empty() && pair.server.error.is_none());
}

#[test]
fn floods_of_empty_records_end() {
    let (client, server) = friends();
    let mut pair = Pair::shaken(&client, &server);
    for _ in 0..100 {
        pair.server.hear(&[20, 3, 3, 0, 1, 1]);
    }
    assert!(pair.server.error.is_some());
}
