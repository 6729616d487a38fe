//! Peers that mean harm.

mod common;

use common::{Lines, Random, Strings, random_parts};
use ropewalk_protocols::{
    Delimiter, Int8StringReceiver, Int16StringReceiver, Int32StringReceiver, LineReceiver, LineTransport,
    NetstringReceiver, StringTransport,
};
use ropewalk_reactor::testing::{Events, Probe, check_protocol};
use ropewalk_reactor::{Protocol, Result};

fn line(_: &mut LineTransport<'_>, _: &[u8]) -> Result {
    Ok(())
}

fn string(_: &mut StringTransport<'_>, _: &[u8]) -> Result {
    Ok(())
}

/// One of each receiver.
fn receivers(log: &Events) -> Vec<Box<dyn Protocol>> {
    let custom = Delimiter::custom("\0\u{1}\0").expect("it is not empty");
    let lines = || LineReceiver::new(Lines { log: log.clone(), react: line });
    let strings = || Strings { log: log.clone(), react: string };
    vec![
        Box::new(lines()),
        Box::new(lines().delimiter(Delimiter::LfOrCrLf).max_length(3)),
        Box::new(lines().delimiter(custom).max_length(usize::MAX)),
        Box::new(NetstringReceiver::new(strings())),
        Box::new(NetstringReceiver::new(strings()).max_length(usize::MAX)),
        Box::new(Int8StringReceiver::new(strings())),
        Box::new(Int16StringReceiver::new(strings())),
        Box::new(Int32StringReceiver::new(strings()).max_length(usize::MAX)),
    ]
}

fn attack(receiver: Box<dyn Protocol>, input: &[u8], random: &mut Random) {
    let mut probe = Probe::new(receiver);
    for part in random_parts(input, random) {
        probe.deliver(part);
    }
    probe.deliver_eof();
    assert!(probe.is_closed());
    assert_eq!(probe.transport().reactor().stats().panics, 0);
}

#[test]
fn bytes_of_any_kind_panic_nowhere() {
    let mut random = Random(1);
    for _ in 0..50 {
        let input: Vec<u8> = (0..random.below(5_000)).map(|_| random.next() as u8).collect();
        for receiver in receivers(&Events::new()) {
            attack(receiver, &input, &mut random);
        }
    }
}

#[test]
fn endless_runs_of_one_byte_panic_nowhere() {
    let mut random = Random(2);
    for byte in [0, 1, b'\r', b'\n', b'0', b'9', b':', b',', 0xff] {
        for receiver in receivers(&Events::new()) {
            attack(receiver, &[byte; 20_000], &mut random);
        }
    }
}

#[test]
fn bytes_of_any_kind_break_no_law() {
    let mut random = Random(3);
    for (alphabet, count) in [(b"a1:0,\r\n\0\x01\x02\r\n".as_slice(), 5), (b"\0\x01".as_slice(), 2)] {
        for _ in 0..count {
            let input: Vec<u8> =
                (0..random.below(16)).map(|_| alphabet[random.below(alphabet.len())]).collect();
            for receiver in 0..receivers(&Events::new()).len() {
                check_protocol(|events| receivers(&events).swap_remove(receiver), &input);
            }
        }
    }
}
