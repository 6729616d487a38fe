//! Peers that mean harm with compression.

use allocation_counter::measure;
use flate2::{Compress, Compression};
use ropewalk_reactor::testing::{Dice, Events, Probe};

use super::{deflated, flushed, forgetful_server, request, server};
use crate::world::{Listens, close, masked, plain};

const MIB: usize = 1024 * 1024;

/// Zeros, compressed a thousandfold, so many MiB of them.
fn bomb(size: usize) -> Vec<u8> {
    let mut stream = Compress::new(Compression::best(), false);
    let zeros = vec![0; MIB];
    let first = flushed(&mut stream, &zeros);
    // From here on, each MiB looks back on the same zeros.
    let next = flushed(&mut stream, &zeros);
    assert_eq!(next, flushed(&mut stream, &zeros));
    let mut bomb = [first, next.repeat(size - 1)].concat();
    bomb.truncate(bomb.len() - 4);
    bomb
}

#[track_caller]
fn check_refused(make: fn(&Events) -> Listens, frames: &[Vec<u8>], code: u16, error: &str) {
    for server in [server, forgetful_server] {
        let (mut probe, log) = server(make);
        probe.deliver(frames.concat());
        probe.deliver(masked(0x81, "more"));
        assert_eq!(probe.written(), plain(0x88, close(code, error)), "{frames:?}");
        probe.deliver_eof();
        let heard = log.take();
        assert_eq!(
            heard,
            [format!("lost the connection was closed because of an error: {error}")],
            "{frames:?}"
        );
    }
}

#[test]
fn a_bomb_of_a_gigabyte_goes_off_in_its_box() {
    let bomb = masked(0xc2, bomb(1_024));
    assert!(bomb.len() < 2 * MIB, "{}", bomb.len());
    let (mut probe, log) = forgetful_server(Listens::new);
    let held = measure(|| bomb.chunks(64 * 1024).for_each(|part| probe.deliver(part)));
    // A message may have 1 MiB by default, and a buffer that grows is there twice for a moment.
    assert!(held.bytes_max < 4 * MIB as u64, "{} bytes", held.bytes_max);
    let error = "a message longer than the limit of 1048576 bytes";
    assert_eq!(probe.written(), plain(0x88, close(1009, error)));
    probe.deliver_eof();
    assert_eq!(log.take(), [format!("lost the connection was closed because of an error: {error}")]);
}

/// Takes what comes in pieces, and counts it.
fn counting(log: &Events) -> Listens {
    Listens { records_pieces: false, ..Listens::in_pieces(log) }
}

#[test]
fn a_bomb_in_pieces_takes_no_memory() {
    let bomb = masked(0xc2, bomb(64));
    let (mut probe, log) = forgetful_server(counting);
    let held = measure(|| bomb.chunks(64 * 1024).for_each(|part| probe.deliver(part)));
    assert!(held.bytes_max < MIB as u64 / 2, "{} bytes", held.bytes_max);
    assert_eq!(log.take(), ["ended"]);
}

#[test]
fn streams_that_are_none_are_refused() {
    let error = "a compressed message that cannot be inflated";
    for bad in [
        // A block of a kind that there is not.
        b"\x07".as_slice(),
        // A block without compression, whose lengths do not fit.
        b"\x00\x05\x00\x00\x00hello\x00",
        // A reference to before the beginning.
        b"\xf2\x00\x11\x00\x00",
        &[0xff; 100],
    ] {
        check_refused(Listens::new, &[masked(0xc2, bad)], 1007, error);
        check_refused(Listens::new, &[masked(0x42, bad), masked(0x80, "")], 1007, error);
    }
}

#[test]
fn a_stream_that_is_cut_short_is_refused_where_each_stands_for_itself() {
    let whole = deflated("a message that is compressed, and long enough to be cut in many places");
    for length in 0..whole.len() {
        let (mut probe, log) = forgetful_server(Listens::new);
        probe.deliver(masked(0xc1, &whole[..length]));
        let error = "a compressed message that cannot be inflated";
        assert_eq!(probe.written(), plain(0x88, close(1007, error)), "cut at {length}");
        assert_eq!(log.take(), [""; 0]);
    }
}

#[test]
fn pieces_before_what_cannot_be_inflated_are_heard() {
    let (mut probe, log) = forgetful_server(Listens::in_pieces);
    let good = flushed(&mut Compress::new(Compression::best(), false), b"good");
    probe.deliver(masked(0xc2, [&good[..], b"\x07"].concat()));
    assert_eq!(log.take(), ["binary good"]);
    assert_eq!(probe.written(), plain(0x88, close(1007, "a compressed message that cannot be inflated")));
}

#[test]
fn text_is_checked_when_it_is_inflated() {
    let error = "text that is not UTF-8";
    for bad in [b"ok\xff".as_slice(), b"\xe2\x82", b"\xed\xa0\x80"] {
        check_refused(Listens::new, &[masked(0xc1, deflated(bad))], 1007, error);
    }
    // Long before its end.
    let mut stream = Compress::new(Compression::best(), false);
    let begun = flushed(&mut stream, b"\xff");
    check_refused(Listens::new, &[masked(0x41, begun)], 1007, error);
    let (mut probe, log) = server(Listens::in_pieces);
    probe.deliver(masked(0xc1, deflated(b"good\xff")));
    assert_eq!(log.take(), ["text good"]);
    assert_eq!(probe.written(), plain(0x88, close(1007, error)));
}

#[test]
fn only_the_first_frame_of_a_message_may_say_that_it_is_compressed() {
    let error = "a frame with a reserved bit";
    for first in [0xc0, 0xc8, 0xc9, 0xca, 0xa1, 0x91, 0xd1, 0xe1] {
        check_refused(Listens::new, &[masked(first, "")], 1002, error);
    }
    for frames in [[masked(0x01, "x"), masked(0xc0, "")], [masked(0x41, ""), masked(0x40, "")]] {
        check_refused(Listens::new, &frames, 1002, error);
    }
}

#[test]
fn after_an_error_nothing_is_inflated() {
    let (mut probe, log) =
        server(|log| Listens { react: std::rc::Rc::new(|_, _| Err("as asked".into())), ..Listens::new(log) });
    probe.deliver([masked(0xc1, deflated("a")), masked(0xc1, deflated("b"))].concat());
    assert_eq!(log.take(), ["text a"]);
}

#[test]
fn bytes_of_any_kind_panic_nowhere() {
    for seed in 0..300 {
        let dice = Dice::new(seed);
        let mut input = request("permessage-deflate").into_bytes();
        for _ in 0..dice.roll(20) {
            let mut stream = deflated(dice.bytes(200));
            if dice.roll(3) == 0 {
                let place = dice.roll(stream.len() as u64) as usize;
                stream[place] ^= 1 << dice.roll(8);
            }
            input.extend(masked(*dice.pick(&[0xc1, 0xc2, 0xc2, 0xc2, 0x42, 0x00, 0x80]), stream));
        }
        let options = ropewalk_protocols::DeflateOptions::new().context_takeover(seed % 2 == 0).threshold(0);
        let receiver = ropewalk_protocols::WebSocketReceiver::server(Listens::echo(&Events::new()));
        let mut probe = Probe::new(receiver.deflate(options));
        while !input.is_empty() {
            let part: Vec<u8> = input.drain(..(1 + dice.roll(300) as usize).min(input.len())).collect();
            probe.deliver(part);
        }
        probe.deliver_eof();
        assert!(probe.is_closed(), "seed {seed}");
        assert_eq!(probe.transport().reactor().stats().panics, 0, "seed {seed}");
    }
}
