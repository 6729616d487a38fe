//! What the tests share: a log of what a protocol hears, and the chunking law.
#![allow(dead_code, reason = "each test file uses its part")]

use std::cell::RefCell;
use std::rc::Rc;

use ropewalk_protocols::{LineProtocol, LineTransport, StringProtocol, StringTransport};
use ropewalk_reactor::testing::Probe;
use ropewalk_reactor::{Protocol, Reason, Result, Transport};

/// What a protocol has heard, in order, as text. Clones share it.
#[derive(Clone, Default, Debug)]
pub(crate) struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    pub(crate) fn add(&self, what: &str, bytes: &[u8]) {
        self.0.borrow_mut().push(format!("{what} {}", bytes.escape_ascii()));
    }

    pub(crate) fn add_loss(&self, reason: &Reason) {
        self.0.borrow_mut().push(format!("lost {reason}"));
    }

    /// Adds bytes whose division into calls means nothing.
    pub(crate) fn add_raw(&self, bytes: &[u8]) {
        let mut events = self.0.borrow_mut();
        let text = bytes.escape_ascii().to_string();
        match events.last_mut() {
            Some(last) if last.starts_with("raw ") => last.push_str(&text),
            _ => events.push(format!("raw {text}")),
        }
    }

    /// Takes what was heard since this was last called.
    pub(crate) fn take(&self) -> Vec<String> {
        self.0.take()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.borrow().len()
    }
}

/// Hears lines, and does with each what the test wants.
pub(crate) struct Lines<F> {
    pub(crate) log: Log,
    pub(crate) react: F,
}

impl<F: FnMut(&mut LineTransport<'_>, &[u8]) -> Result> LineProtocol for Lines<F> {
    fn line_received(&mut self, transport: &mut LineTransport<'_>, line: &[u8]) -> Result {
        self.log.add("line", line);
        (self.react)(transport, line)
    }

    fn eof_received(&mut self, transport: &mut LineTransport<'_>) -> Result {
        self.log.add("eof", &transport.rest());
        transport.lose_connection();
        Ok(())
    }

    fn connection_lost(&mut self, _transport: &Transport, reason: &Reason) {
        self.log.add_loss(reason);
    }
}

/// Hears strings, and does with each what the test wants.
pub(crate) struct Strings<F> {
    pub(crate) log: Log,
    pub(crate) react: F,
}

impl<F: FnMut(&mut StringTransport<'_>, &[u8]) -> Result> StringProtocol for Strings<F> {
    fn string_received(&mut self, transport: &mut StringTransport<'_>, string: &[u8]) -> Result {
        self.log.add("string", string);
        (self.react)(transport, string)
    }

    fn eof_received(&mut self, transport: &mut StringTransport<'_>) -> Result {
        self.log.add("eof", &transport.rest());
        transport.lose_connection();
        Ok(())
    }

    fn connection_lost(&mut self, _transport: &Transport, reason: &Reason) {
        self.log.add_loss(reason);
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

/// All that can be observed of a protocol that was given some input and then the end of it.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Outcome {
    pub(crate) events: Vec<String>,
    pub(crate) written: Vec<u8>,
}

/// Gives a new protocol the parts of an input, then the end of input. A protocol that pauses is resumed as often as it does.
pub(crate) fn run<P: Protocol + 'static>(parts: &[&[u8]], make: impl Fn(Log) -> P) -> Outcome {
    let log = Log::default();
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
    Outcome { events: log.take(), written: probe.written() }
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

/// Checks that every way of cutting `input` gives the same outcome, and returns that.
pub(crate) fn check_chunking<P: Protocol + 'static>(
    input: impl AsRef<[u8]>,
    make: impl Fn(Log) -> P + Copy,
) -> Outcome {
    let input = input.as_ref();
    let whole = run(&[input], make);
    let check = |parts: &[&[u8]]| {
        assert_eq!(run(parts, make), whole, "the input was cut after {:?}", lengths(parts));
    };
    check(&input.chunks(1).collect::<Vec<_>>());
    if input.len() <= 48 {
        for first in 0..=input.len() {
            for second in first..=input.len() {
                check(&[&input[..first], &input[first..second], &input[second..]]);
            }
        }
    }
    let mut random = Random(input.len() as u64);
    for _ in 0..30 {
        check(&random_parts(input, &mut random));
    }
    whole
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

fn lengths(parts: &[&[u8]]) -> Vec<usize> {
    parts.iter().map(|part| part.len()).collect()
}
