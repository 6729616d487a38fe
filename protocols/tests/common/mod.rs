//! What the tests share: protocols that record what they hear, and random numbers.
#![allow(dead_code, reason = "each test file uses its part")]

use ropewalk_protocols::{LineProtocol, LineTransport, StringProtocol, StringTransport};
use ropewalk_reactor::testing::{Events, Probe};
use ropewalk_reactor::{Protocol, Reason, Result, Transport};

/// Hears lines, and does with each what the test wants.
pub(crate) struct Lines<F> {
    pub(crate) log: Events,
    pub(crate) react: F,
}

impl<F: FnMut(&mut LineTransport<'_>, &[u8]) -> Result> LineProtocol for Lines<F> {
    fn line_received(&mut self, transport: &mut LineTransport<'_>, line: &[u8]) -> Result {
        self.log.record_bytes("line", line);
        (self.react)(transport, line)
    }

    fn eof_received(&mut self, transport: &mut LineTransport<'_>) -> Result {
        self.log.record_bytes("eof", &transport.rest());
        transport.lose_connection();
        Ok(())
    }

    fn connection_lost(&mut self, _transport: &Transport, reason: &Reason) {
        self.log.record(format_args!("lost {reason}"));
    }
}

/// Hears strings, and does with each what the test wants.
pub(crate) struct Strings<F> {
    pub(crate) log: Events,
    pub(crate) react: F,
}

impl<F: FnMut(&mut StringTransport<'_>, &[u8]) -> Result> StringProtocol for Strings<F> {
    fn string_received(&mut self, transport: &mut StringTransport<'_>, string: &[u8]) -> Result {
        self.log.record_bytes("string", string);
        (self.react)(transport, string)
    }

    fn eof_received(&mut self, transport: &mut StringTransport<'_>) -> Result {
        self.log.record_bytes("eof", &transport.rest());
        transport.lose_connection();
        Ok(())
    }

    fn connection_lost(&mut self, _transport: &Transport, reason: &Reason) {
        self.log.record(format_args!("lost {reason}"));
    }
}

/// A generator of numbers that are the same in every run (SplitMix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

/// What came of a run.
pub(crate) struct Heard {
    pub(crate) events: Vec<String>,
    pub(crate) written: Vec<u8>,
}

/// Gives a new protocol the parts of an input, then the end of input. A protocol that pauses is resumed as often as it does.
pub(crate) fn run<P: Protocol + 'static>(parts: &[&[u8]], make: impl Fn(Events) -> P) -> Heard {
    let log = Events::new();
    let mut probe = Probe::new(make(log.clone()));
    for part in parts {
        probe.deliver(part);
        resume_fully(&mut probe);
    }
    probe.deliver_eof();
    resume_fully(&mut probe);
    // A panic in a callback, such as of a test's assertion, is caught by the loop.
    assert_eq!(probe.transport().reactor().stats().panics, 0);
    assert!(probe.is_closed(), "the end of input did not end the connection: {:?}", log.take());
    Heard { events: log.take(), written: probe.written() }
}

pub(crate) fn resume_fully(probe: &mut Probe) {
    let mut times = 0;
    while !probe.is_closing() && probe.transport().is_reading_paused() {
        probe.transport().resume_reading();
        probe.settle();
        times += 1;
        assert!(times < 1_000_000, "still pausing");
    }
}

/// Cuts `input` into parts of random lengths, short ones and long ones.
pub(crate) fn random_parts<'a>(mut input: &'a [u8], random: &mut Random) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    let longest = 1 << random.below(14);
    while !input.is_empty() {
        let (part, rest) = input.split_at(1 + random.below(longest.min(input.len())));
        parts.push(part);
        input = rest;
    }
    parts
}
