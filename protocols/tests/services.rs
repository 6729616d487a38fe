//! The small services.
#![expect(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

use std::time::Duration;

use ropewalk_protocols::{Chargen, Daytime, Discard, Echo, Qotd, Time};
use ropewalk_reactor::testing::{Memory, Peer, Probe, ProtocolCheck, check_protocol};
use ropewalk_reactor::{Factory, ListenOptions, Reactor, for_protocol};

/// What a peer gets that connects to a service `after` the beginning of 1970 and sends nothing, and whether the service
/// closes.
fn greeting(factory: impl Factory + 'static, after: Duration) -> (Vec<u8>, bool) {
    let memory = Memory::new();
    memory.advance(after);
    let mut reactor = memory.reactor();
    let address = "127.0.0.1:1025".parse().unwrap();
    reactor.listen(address, ListenOptions::default(), factory).unwrap();
    memory.settle(&mut reactor);
    let peer = memory.connect(address).unwrap();
    memory.settle(&mut reactor);
    (peer.received(), peer.has_finished())
}

#[test]
fn echo_sends_back_everything_and_closes_after_the_peer() {
    let mut probe = Probe::new(Echo);
    probe.deliver("hello");
    probe.deliver([0, 255]);
    probe.deliver_eof();
    assert_eq!(probe.written(), b"hello\0\xff");
    assert!(probe.is_closed());
}

#[test]
fn echo_holds_back_a_peer_that_does_not_read() {
    let mut probe = Probe::new(Echo);
    probe.set_window(Some(0));
    for _ in 0..100 {
        probe.deliver(vec![b'x'; 65_536]);
        assert!(probe.transport().buffered() <= 3 * 65_536);
    }
    probe.set_window(None);
    assert_eq!(probe.written().len(), 100 * 65_536);
}

#[test]
fn discard_answers_nothing() {
    let mut probe = Probe::new(Discard);
    probe.deliver("hello");
    assert_eq!(probe.written(), b"");
    probe.deliver_eof();
    assert!(probe.is_closed());
}

/// A peer of chargen that accepts no more than this at first; one that accepted everything would never see an end.
fn chargen(memory: &Memory, reactor: &mut Reactor, window: usize) -> Peer {
    let address = "127.0.0.1:1025".parse().unwrap();
    reactor.listen(address, ListenOptions::default(), for_protocol(|| Chargen)).unwrap();
    memory.settle(reactor);
    let peer = memory.connect(address).unwrap();
    peer.set_window(Some(window));
    memory.settle(reactor);
    peer
}

#[test]
fn chargen_sends_the_sliding_pattern() {
    let memory = Memory::new();
    let mut reactor = memory.reactor();
    let peer = chargen(&memory, &mut reactor, 999);
    let mut received = Vec::new();
    while received.len() < 200 * 74 {
        received.extend(peer.received());
        memory.settle(&mut reactor);
    }
    let characters: Vec<u8> = (b' '..=b'~').collect();
    for (number, line) in received.chunks(74).take(200).enumerate() {
        let expected: Vec<u8> = (0..72).map(|column| characters[(number + column) % 95]).collect();
        assert_eq!(line, [&expected[..], b"\r\n"].concat(), "line {number}");
    }
}

#[test]
fn chargen_waits_for_a_peer_that_does_not_read_and_ends_with_it() {
    let memory = Memory::new();
    let mut reactor = memory.reactor();
    let peer = chargen(&memory, &mut reactor, 100);
    for _ in 0..10 {
        peer.send(vec![b'x'; 100_000]);
        memory.settle(&mut reactor);
        let waiting = reactor.stats().output_buffered;
        assert!(0 < waiting && waiting <= 95 * 74, "{waiting} bytes were waiting");
    }
    peer.finish();
    memory.settle(&mut reactor);
    assert!(!peer.is_closed(), "what was written is still to be sent");
    peer.set_window(None);
    memory.settle(&mut reactor);
    assert!(peer.is_closed());
}

#[test]
fn daytime_sends_a_line_and_closes() {
    let (text, closed) = greeting(for_protocol(|| Daytime), Duration::from_secs(383_247_463));
    assert_eq!(text, b"Monday, February 22, 1982 17:37:43-UTC\r\n");
    assert!(closed);
}

#[test]
fn time_counts_from_1900_and_wraps_in_2036() {
    let time = |seconds| greeting(for_protocol(|| Time), Duration::from_secs(seconds));
    // The RFC's own example: 00:00 GMT on the first of January 1980.
    assert_eq!(time(315_532_800), (2_524_521_600_u32.to_be_bytes().to_vec(), true));
    let wraps = (1 << 32) - 2_208_988_800;
    assert_eq!(time(wraps - 1).0, [255; 4]);
    assert_eq!(time(wraps).0, [0; 4]);
}

#[test]
fn qotd_sends_the_quote_and_closes() {
    let qotd = Qotd::new("An apple a day keeps the doctor away");
    let (quote, closed) = greeting(for_protocol(move || qotd.clone()), Duration::ZERO);
    assert_eq!(quote, b"An apple a day keeps the doctor away\r\n");
    assert!(closed);
}

#[test]
fn a_long_quote_is_cut_off_between_characters() {
    let qotd = Qotd::new(&"ä".repeat(600));
    let (quote, _) = greeting(for_protocol(move || qotd.clone()), Duration::ZERO);
    assert_eq!(String::from_utf8(quote).unwrap(), "ä".repeat(512) + "\r\n");
}

#[test]
fn the_services_break_no_law() {
    let input = "what they are sent\r\n";
    assert_eq!(check_protocol(|_| Echo, input).written, input.as_bytes());
    assert_eq!(check_protocol(|_| Echo, [b'x'; 20_000]).written, [b'x'; 20_000]);
    assert_eq!(check_protocol(|_| Discard, input).written, b"");
    assert_eq!(check_protocol(|_| Daytime, input).written, b"Thursday, January 1, 1970 00:00:00-UTC\r\n");
    assert_eq!(check_protocol(|_| Time, input).written, 2_208_988_800_u32.to_be_bytes());
    let chargen = ProtocolCheck::new(|_| Chargen).peer_reads(20_000).run(input).written;
    assert_eq!(chargen[..8], *b" !\"#$%&'");
    assert_eq!(chargen.len(), 20_000);
    let qotd = Qotd::new("An apple a day keeps the doctor away");
    assert_eq!(check_protocol(|_| qotd.clone(), input).written, b"An apple a day keeps the doctor away\r\n");
}
