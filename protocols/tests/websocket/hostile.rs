//! Peers that break the protocol.

use allocation_counter::measure;
use ropewalk_protocols::{Delivery, WebSocketReceiver};
use ropewalk_reactor::testing::{Dice, Events, Probe};

use crate::world::{Listens, REQUEST, close, forgetful, masked, plain, server};

/// Whatever comes, the peer is told, the connection ends, and nothing that follows is heard.
#[track_caller]
fn check_refused(frames: &[Vec<u8>], code: u16, error: &str) {
    let (mut probe, log) = server(Listens::new);
    probe.deliver(frames.concat());
    probe.deliver(masked(0x81, "more"));
    assert_eq!(probe.written(), plain(0x88, close(code, error)), "{frames:?}");
    assert!(probe.is_closing());
    probe.deliver_eof();
    assert_eq!(log.take(), [format!("lost the connection was closed because of an error: {error}")]);
}

#[test]
fn frames_that_break_the_protocol_are_refused() {
    for bit in [0x40, 0x20, 0x10] {
        check_refused(&[masked(0x81 | bit, "x")], 1002, "a frame with a reserved bit");
    }
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        let error = format!("a frame with the opcode {opcode}");
        check_refused(&[masked(0x80 | opcode, "")], 1002, &error);
    }
    for opcode in [8, 9, 10] {
        check_refused(&[masked(opcode, "")], 1002, "a control frame in fragments");
        let long = masked(0x80 | opcode, [0; 126]);
        check_refused(&[long], 1002, "a control frame with more than 125 bytes");
    }
    check_refused(&[plain(0x81, "x")], 1002, "a client's frame that is not masked");
    check_refused(&[masked(0x80, "x")], 1002, "a continuation of no message");
    check_refused(&[masked(0x01, "x"), masked(0x81, "y")], 1002, "a new message within another");
    let length = "a frame's length, 5, that is too big or not in its shortest form";
    check_refused(&[b"\x82\xfe\x00\x05".to_vec()], 1002, length);
}

#[test]
fn text_that_is_not_utf8_is_refused_as_soon_as_it_is_seen() {
    let error = "text that is not UTF-8";
    for bad in [b"\xff".as_slice(), b"ok\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82"] {
        check_refused(&[masked(0x81, bad)], 1007, error);
    }
    check_refused(&[masked(0x01, "\u{20ac}".as_bytes()), masked(0x00, b"\xff")], 1007, error);
    check_refused(&[masked(0x01, b"\xe2\x82"), masked(0x80, "")], 1007, error);
    check_refused(&[masked(0x01, b"\xe2"), masked(0x00, b"x")], 1007, error);
    // The frame is not complete, but what has come of it is no text.
    let mut frame = masked(0x81, [b"ok\xff".as_slice(), &[b'x'; 100]].concat());
    frame.truncate(10);
    let (mut probe, _) = server(Listens::new);
    probe.deliver(frame);
    assert_eq!(probe.written(), plain(0x88, close(1007, error)));
}

#[test]
fn pieces_before_what_is_no_text_are_heard() {
    let (mut probe, log) = server(Listens::in_pieces);
    probe.deliver(masked(0x81, b"good\xff"));
    assert_eq!(log.take(), ["text good"]);
    assert_eq!(probe.written(), plain(0x88, close(1007, "text that is not UTF-8")));
}

#[test]
fn an_announced_length_takes_no_memory() {
    let (mut probe, log) = server(Listens::in_pieces);
    probe.deliver(b"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0abc");
    assert_eq!(log.take(), ["binary abc"]);
    let (mut probe, _) = crate::world::opened(Listens::new, |receiver| receiver.max_message(usize::MAX));
    probe.deliver(b"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0abc");
    assert!(!probe.is_closing());
}

#[test]
fn a_flood_of_pings_is_answered_no_faster_than_it_is_read() {
    let (mut probe, _) = server(Listens::new);
    probe.set_window(Some(0));
    probe.deliver(masked(0x89, [1; 125]).repeat(10_000));
    assert!(probe.transport().buffered() < 200_000, "{}", probe.transport().buffered());
}

#[test]
fn bytes_of_any_kind_panic_nowhere() {
    for seed in 0..300 {
        let dice = Dice::new(seed);
        let mut input = if seed % 3 == 0 { Vec::new() } else { REQUEST.as_bytes().to_vec() };
        for _ in 0..dice.roll(20) {
            input.extend(match dice.roll(4) {
                0 => dice.bytes(30),
                1 => masked(dice.roll(256) as u8, dice.bytes(200)),
                2 => masked(0x81, "text"),
                _ => masked(*dice.pick(&[0x01, 0x02, 0x00, 0x80]), "fragment"),
            });
        }
        let mut probe = Probe::new(WebSocketReceiver::server(Listens::echo(&Events::new())));
        while !input.is_empty() {
            let part: Vec<u8> = input.drain(..(1 + dice.roll(300) as usize).min(input.len())).collect();
            probe.deliver(part);
        }
        probe.deliver_eof();
        assert!(probe.is_closed(), "seed {seed}");
        assert_eq!(probe.transport().reactor().stats().panics, 0, "seed {seed}");
    }
}

#[test]
fn who_stays_after_it_was_refused_is_not_waited_for() {
    let (mut probe, _) = server(Listens::new);
    probe.deliver(masked(0x83, ""));
    assert!(probe.is_closing() && !probe.is_closed());
    probe.advance(probe.transport().limits().linger_timeout);
    assert!(probe.is_closed());
}

/// Buffers of large messages are used again, but not for those who have said little and wait.
#[test]
fn slow_senders_hold_little_more_than_they_have_sent() {
    let large = masked(0x82, vec![7; 100_000]);
    for delivery in [Delivery::Whole, Delivery::Pieces] {
        let mut quick = forgetful(Delivery::Whole);
        let mut slow: Vec<_> = (0..10).map(|_| forgetful(delivery)).collect();
        quick.deliver(&large);
        let mut all_say = |what: &[u8]| {
            for probe in &mut slow {
                quick.deliver(&large);
                probe.deliver(what);
            }
        };
        let begun = measure(|| all_say(&masked(0x02, "begun"))).bytes_current;
        assert!(begun < 10 * 2_000, "{begun} bytes");
        // A frame whose header, and one whose payload has not all come.
        let announced = measure(|| all_say(&masked(0x00, vec![7; 50_000])[..20])).bytes_current;
        assert!(announced < 10 * 2_000, "{announced} bytes");
    }
}

#[test]
fn who_pauses_in_a_message_that_is_delivered_in_pieces_holds_nothing_of_it() {
    let cost_of = |frame: &[u8]| {
        let mut probes: Vec<_> = (0..20).map(|_| forgetful(Delivery::Pieces)).collect();
        measure(|| probes.iter_mut().for_each(|probe| probe.deliver(frame))).bytes_current
    };
    let [ended, begun] = [0x82, 0x02].map(|first| cost_of(&masked(first, vec![7; 60_000])));
    assert!(begun < ended + 20 * 1_000, "{begun} instead of {ended} bytes");
}
