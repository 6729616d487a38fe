//! Random input against a model that sees all of it at once.

mod common;

use common::{Random, random_parts, resume_fully};
use ropewalk_protocols::{Delimiter, LineProtocol, LineReceiver, LineTransport};
use ropewalk_reactor::Result;
use ropewalk_reactor::testing::{Events, Probe};

/// Tolerates lines that are too long, and pauses now and then.
struct Recorder {
    log: Events,
    random: Random,
}

impl LineProtocol for Recorder {
    fn line_received(&mut self, transport: &mut LineTransport<'_>, line: &[u8]) -> Result {
        self.log.record_bytes("line", line);
        if self.random.below(3) == 0 {
            transport.pause_reading();
        }
        Ok(())
    }

    fn line_too_long(&mut self, transport: &mut LineTransport<'_>, start: &[u8], _: usize) -> Result {
        self.log.record_bytes("too long", start);
        if self.random.below(3) == 0 {
            transport.pause_reading();
        }
        Ok(())
    }
}

fn find(input: &[u8], part: &[u8]) -> Option<usize> {
    input.windows(part.len()).position(|window| window == part)
}

/// What a correct receiver makes of all of `input`.
fn model(mut input: &[u8], sought: &[u8], optional_return: bool, limit: usize) -> Vec<String> {
    let mut events = Vec::new();
    let longest_delimiter = sought.len() + usize::from(optional_return);
    loop {
        let end = find(input, sought);
        let mut line = &input[..end.unwrap_or(input.len())];
        if end.is_some() && optional_return {
            line = line.strip_suffix(b"\r").unwrap_or(line);
        }
        let ended = end.is_some() && line.len() <= limit;
        if ended {
            events.push(format!("line {}", line.escape_ascii()));
        } else if end.is_some() || line.len() >= limit + longest_delimiter {
            events.push(format!("too long {}", line[..=limit].escape_ascii()));
        }
        match end {
            Some(end) => input = &input[end + sought.len()..],
            None => return events,
        }
    }
}

fn agree(delimiter: &Delimiter, sought: &[u8], alphabet: &[u8]) {
    let mut random = Random(alphabet.len() as u64);
    for round in 0..1_500 {
        let limit = random.below(6);
        let length = random.below(60);
        let input: Vec<u8> = (0..length).map(|_| alphabet[random.below(alphabet.len())]).collect();
        let log = Events::new();
        let recorder = Recorder { log: log.clone(), random: Random(round) };
        let receiver = LineReceiver::new(recorder).delimiter(delimiter.clone()).max_length(limit);
        let mut probe = Probe::new(receiver);
        for part in random_parts(&input, &mut random) {
            probe.deliver(part);
            if random.below(2) == 0 {
                resume_fully(&mut probe);
            }
        }
        resume_fully(&mut probe);
        let optional_return = matches!(delimiter, Delimiter::LfOrCrLf);
        let expected = model(&input, sought, optional_return, limit);
        assert_eq!(log.take(), expected, "limit {limit}, {delimiter:?}, input {}", input.escape_ascii());
    }
}

#[test]
fn cr_lf() {
    agree(&Delimiter::CrLf, b"\r\n", b"ab\r\n\r\n");
}

#[test]
fn lf() {
    agree(&Delimiter::Lf, b"\n", b"ab\r\n");
}

#[test]
fn lf_or_cr_lf() {
    agree(&Delimiter::LfOrCrLf, b"\n", b"a\r\r\n");
}

#[test]
fn custom_delimiters_that_overlap_themselves() {
    for (delimiter, alphabet) in [("aa", "ab"), ("aab", "aab"), ("abab", "aabb"), ("aaaaaa", "aaaaaaaaab")] {
        agree(&Delimiter::custom(delimiter).unwrap(), delimiter.as_bytes(), alphabet.as_bytes());
    }
}
