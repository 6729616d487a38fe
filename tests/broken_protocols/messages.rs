//! Reads taken for messages.

use ropewalk::testing::{Events, Law, ProtocolCheck};
use ropewalk::{Protocol, Result, Transport};

use crate::catalogue::{Entry, Twin};

pub const ENTRIES: &[Entry] = &[
    Entry {
        bug: "a read is taken for one message",
        modelled_on: "node-q, a message in several chunks (michaelwittig/node-q#1)",
        law: Law::Chunking,
        check: |twin| {
            let make = move |events| OneMessagePerRead { twin, events, buffer: Vec::new() };
            ProtocolCheck::new(make).try_run("[one][two]")
        },
    },
    Entry {
        bug: "answers are numbered by reads instead of requests",
        modelled_on: "node_redis, a reply counted before all its chunks have come (redis/node-redis#319)",
        law: Law::Chunking,
        check: |twin| {
            let make = move |_| NumberedByRead { twin, number: 0 };
            ProtocolCheck::new(make).try_run("????")
        },
    },
    Entry {
        bug: "the checksum is computed over the latest read only",
        modelled_on: "esphome-p1reader, wrong sums of what comes in chunks (psvanstrom/esphome-p1reader#4)",
        law: Law::Chunking,
        check: |twin| {
            let make = move |events| SumOfOneRead { twin, events, sum: 0 };
            ProtocolCheck::new(make).try_run("abc\nde\n")
        },
    },
    Entry {
        bug: "the kind of client is guessed from the first read, however short",
        modelled_on: "LavinMQ, a PROXY header misread when its segment is split (cloudamqp/lavinmq#2082)",
        law: Law::Chunking,
        check: |twin| {
            let make = move |events| GuessedFromFirstRead { twin, events, begun: Vec::new(), known: false };
            ProtocolCheck::new(make).try_run("PROXY 192.0.2.1\n")
        },
    },
    Entry {
        bug: "what comes after the messages of a batch is thrown away with their buffer",
        modelled_on: "node_redis, an offset into the buffer set wrongly (redis/node-redis#334)",
        law: Law::Chunking,
        check: |twin| {
            let make = move |events| ClearedBuffer { twin, events, buffer: Vec::new() };
            ProtocolCheck::new(make).try_run("aa;bb;cc;")
        },
    },
];

/// Messages in square brackets.
struct OneMessagePerRead {
    twin: Twin,
    events: Events,
    buffer: Vec<u8>,
}

impl Protocol for OneMessagePerRead {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        if self.twin.is_broken() {
            self.events.record_bytes("message", data);
            return Ok(());
        }
        for byte in data {
            self.buffer.push(*byte);
            if *byte == b']' {
                self.events.record_bytes("message", &std::mem::take(&mut self.buffer));
            }
        }
        Ok(())
    }
}

/// Answers each question mark by the last digit of its number.
struct NumberedByRead {
    twin: Twin,
    number: u8,
}

impl Protocol for NumberedByRead {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        if self.twin.is_broken() {
            self.number = (self.number + 1) % 10;
        }
        for _ in data.iter().filter(|byte| **byte == b'?') {
            if !self.twin.is_broken() {
                self.number = (self.number + 1) % 10;
            }
            transport.write([b'0' + self.number]);
        }
        Ok(())
    }
}

/// Reports the sum of each line's bytes.
struct SumOfOneRead {
    twin: Twin,
    events: Events,
    sum: u32,
}

impl Protocol for SumOfOneRead {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        if self.twin.is_broken() {
            self.sum = 0;
        }
        for byte in data {
            if *byte == b'\n' {
                self.events.record(format_args!("sum {}", self.sum));
                self.sum = 0;
            } else {
                self.sum += u32::from(*byte);
            }
        }
        Ok(())
    }
}

const SIGNATURE: &[u8] = b"PROXY";

/// Tells whether its client is a proxy, by the beginning of its input.
struct GuessedFromFirstRead {
    twin: Twin,
    events: Events,
    begun: Vec<u8>,
    known: bool,
}

impl Protocol for GuessedFromFirstRead {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        if self.known {
            return Ok(());
        }
        self.begun.extend(data);
        let could_be = SIGNATURE.starts_with(&self.begun);
        if self.twin.is_broken() || self.begun.len() >= SIGNATURE.len() || !could_be {
            let is_proxy = self.begun.starts_with(SIGNATURE);
            self.events.record(if is_proxy { "proxy" } else { "client" });
            self.known = true;
        }
        Ok(())
    }
}

/// Messages that end in a semicolon.
struct ClearedBuffer {
    twin: Twin,
    events: Events,
    buffer: Vec<u8>,
}

impl Protocol for ClearedBuffer {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        self.buffer.extend(data);
        let mut used = 0;
        while let Some(length) = self.buffer[used..].iter().position(|byte| *byte == b';') {
            self.events.record_bytes("message", &self.buffer[used..used + length]);
            used += length + 1;
        }
        if self.twin.is_broken() && used > 0 {
            used = self.buffer.len();
        }
        self.buffer.drain(..used);
        Ok(())
    }
}
