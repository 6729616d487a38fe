//! Compressed messages that are sent.

use ropewalk_protocols::{DeflateOptions, EncodedMessage, MessageKind};
use ropewalk_reactor::testing::Probe;

use super::{forgetful_server, negotiated, server};
use crate::world::{Listens, act, plain};

const HELLO: &[u8] = b"\xf2\x48\xcd\xc9\xc9\x07\x00";

#[test]
fn messages_are_those_of_the_standard() {
    let (mut probe, _) = server(Listens::new);
    act(&mut probe, |socket| {
        socket.send("Hello");
        socket.send("Hello");
        socket.send("");
        socket.ping("Hello").unwrap();
    });
    let frames = [(0xc1, HELLO), (0xc1, b"\xf2\x00\x11\x00\x00"), (0xc1, b"\x00"), (0x89, b"Hello")];
    assert_eq!(probe.written(), frames.map(|(first, payload)| plain(first, payload)).concat());
}

#[test]
fn without_context_takeover_what_would_not_shrink_is_sent_as_it_is() {
    let (mut probe, _) = forgetful_server(Listens::new);
    act(&mut probe, |socket| {
        socket.send("Hello");
        socket.send("Hello, Hello, Hello!");
        socket.send("Hello, Hello, Hello!");
        socket.send_encoded(&EncodedMessage::new("Hello"));
    });
    let written = probe.written();
    let plain_hello = plain(0x81, "Hello");
    let middle = written.strip_prefix(&plain_hello[..]).unwrap().strip_suffix(&plain_hello[..]).unwrap();
    let (one, other) = middle.split_at(middle.len() / 2);
    assert_eq!(one, other);
    assert!(one[0] == 0xc1 && one.len() < 20, "{one:?}");
}

#[test]
fn fragments_are_compressed_and_each_can_be_read_at_once() {
    let (mut probe, _) = server(Listens::new);
    act(&mut probe, |socket| {
        let mut message = socket.begin(MessageKind::Text).unwrap();
        message.send("Hello");
        message.send("");
        message.finish("");
        let mut message = socket.begin(MessageKind::Binary).unwrap();
        message.send("");
        message.finish("Hello");
    });
    let flushed = [HELLO, b"\x00\x00\xff\xff"].concat();
    let first = [plain(0x41, flushed), plain(0x00, ""), plain(0x80, b"\x00")].concat();
    let written = probe.written();
    let second = written.strip_prefix(&first[..]).unwrap_or_else(|| panic!("{written:02x?}"));
    assert_eq!(second, [plain(0x42, ""), plain(0x80, b"\xf2\x00\x11\x00\x00")].concat());
}

/// A server's end whose threshold is ten bytes.
fn with_threshold() -> Probe {
    negotiated(DeflateOptions::new().threshold(10), "permessage-deflate", Listens::new).0
}

#[test]
fn short_messages_are_sent_as_they_are() {
    let mut probe = with_threshold();
    act(&mut probe, |socket| {
        socket.send("aaaaaaaaa");
        socket.send_encoded(&EncodedMessage::new("aaaaaaaaa"));
        let mut message = socket.begin(MessageKind::Text).unwrap();
        message.send("short");
        message.finish("aaaaaaaaaaaaaaaa");
    });
    let plain_frames = [
        plain(0x81, "aaaaaaaaa"),
        plain(0x81, "aaaaaaaaa"),
        plain(0x01, "short"),
        plain(0x80, "aaaaaaaaaaaaaaaa"),
    ];
    assert_eq!(probe.written(), plain_frames.concat());
    act(&mut probe, |socket| socket.send("aaaaaaaaaa"));
    assert_eq!(probe.written()[0], 0xc1);
}

#[test]
fn what_is_sent_refers_no_farther_back_than_the_client_can() {
    let noise: Vec<u8> =
        (0..3_000_u32).map(|place| (place.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let twice = noise.repeat(2);
    let length = |offer: &str| {
        let options = DeflateOptions::new().context_takeover(true).threshold(0);
        let (mut probe, _, _) = negotiated(options, offer, Listens::new);
        let (one, twice) = (noise.clone(), twice.clone());
        act(&mut probe, move |socket| {
            socket.send(&one);
            socket.send_encoded(&EncodedMessage::new(&twice));
            socket.begin(MessageKind::Binary).unwrap().finish(&one);
        });
        probe.written().len()
    };
    assert!(length("permessage-deflate") < noise.len() * 3);
    assert!(length("permessage-deflate; server_max_window_bits=9") > noise.len() * 4);
}

#[test]
fn a_window_of_256_bytes_is_too_small_to_compress_with() {
    let options = DeflateOptions::new().threshold(0);
    let (mut probe, _, _) = negotiated(options, "permessage-deflate; server_max_window_bits=8", Listens::new);
    act(&mut probe, |socket| {
        socket.send("aaaaaaaaaa");
        socket.send_encoded(&EncodedMessage::new("aaaaaaaaaa"));
        socket.begin(MessageKind::Text).unwrap().finish("aaaaaaaaaa");
    });
    assert_eq!(probe.written(), plain(0x81, "aaaaaaaaaa").repeat(3));
}
