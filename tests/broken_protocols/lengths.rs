//! Messages after their lengths.

use ropewalk::testing::{Events, Law, ProtocolCheck};
use ropewalk::{Protocol, Result, Transport};

use crate::catalogue::{Entry, Twin};

pub const ENTRIES: &[Entry] = &[
    Entry {
        bug: "a length of two bytes is read although only its first has come",
        modelled_on: "dnsproxy, the prefix read without looking at the count (AdguardTeam/dnsproxy#523)",
        law: Law::Chunking,
        check: |twin| {
            let make = move |events| HalfALength { twin, events, buffer: Vec::new() };
            ProtocolCheck::new(make).try_run(b"\0\x03abc\0\x02de")
        },
    },
    Entry {
        bug: "a length of several bytes that is cut is an error",
        modelled_on: "mqtt-packet 6.6.0, a length split across writes (mqttjs/mqtt-packet#95)",
        law: Law::Chunking,
        check: |twin| {
            let make = move |events| CutLength { twin, events, buffer: Vec::new() };
            ProtocolCheck::new(make).try_run(b"\x82\0ab\x01c")
        },
    },
    Entry {
        bug: "the end of a message is computed in the length's own type, which the longest message overflows",
        modelled_on: "tungstenite, an overflow in Frame::parse (snapview/tungstenite-rs#33)",
        law: Law::Panic,
        check: |twin| {
            let make = move |events| EndOverflows { twin, events, buffer: Vec::new() };
            ProtocolCheck::new(make).try_run(b"\x02ok\xffnever ends")
        },
    },
    Entry {
        bug: "a length that counts its own header is smaller than that",
        modelled_on: "smoldot, a Noise frame that says it is too short (paritytech/smoldot#2321)",
        law: Law::Panic,
        check: |twin| {
            let make = move |events| ShorterThanItsHeader { twin, events, buffer: Vec::new() };
            ProtocolCheck::new(make).try_run(b"\x04abc\0\x02d")
        },
    },
    Entry {
        bug: "the first byte of a message is looked at though the message is empty",
        modelled_on: "cothority, a panic on an empty message (dedis/cothority#1934)",
        law: Law::Panic,
        check: |twin| {
            let make = move |events| EmptyMessage { twin, events, buffer: Vec::new() };
            ProtocolCheck::new(make).try_run(b"\x02hi\0\x01x")
        },
    },
    Entry {
        bug: "the first byte of a body is looked at when its header has come",
        modelled_on: "goquic, the first byte of a packet always accessed (devsisters/goquic#61)",
        law: Law::Panic,
        check: |twin| {
            let make = move |events| BodyNotYetThere { twin, events, buffer: Vec::new() };
            ProtocolCheck::new(make).try_run(b"\x02hi\x01x")
        },
    },
    Entry {
        bug: "bytes of the body that came in one read with its header are not counted",
        modelled_on: "cpp-netlib, a body of which a part was read already (cpp-netlib/cpp-netlib#132)",
        law: Law::Chunking,
        check: |twin| {
            let make = move |events| BodyWithItsHeader { twin, events, body: None };
            ProtocolCheck::new(make).try_run("3abc2de")
        },
    },
];

/// Takes the message of `length` bytes after a header out of a buffer, if it has come.
fn take(buffer: &mut Vec<u8>, header: usize, length: usize) -> Option<Vec<u8>> {
    (buffer.len() >= header + length).then(|| buffer.drain(..header + length).skip(header).collect())
}

/// Lengths of two bytes.
struct HalfALength {
    twin: Twin,
    events: Events,
    buffer: Vec<u8>,
}

impl Protocol for HalfALength {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        self.buffer.extend(data);
        while !self.buffer.is_empty() {
            if self.buffer.len() < 2 {
                if !self.twin.is_broken() {
                    break;
                }
                self.buffer.resize(2, 0);
            }
            let length = u16::from_be_bytes([self.buffer[0], self.buffer[1]]);
            let Some(message) = take(&mut self.buffer, 2, length.into()) else { break };
            self.events.record_bytes("message", &message);
        }
        Ok(())
    }
}

/// Lengths of seven bits a byte, the lowest first, where the highest bit says that another byte follows.
struct CutLength {
    twin: Twin,
    events: Events,
    buffer: Vec<u8>,
}

impl Protocol for CutLength {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        self.buffer.extend(data);
        while !self.buffer.is_empty() {
            let Some(last) = self.buffer.iter().take(2).position(|byte| *byte < 0x80) else {
                let too_long = self.twin.is_broken() || self.buffer.len() >= 2;
                return if too_long { Err("the length is too long".into()) } else { Ok(()) };
            };
            let digits = self.buffer[..=last].iter().rev();
            let length = digits.fold(0, |sum, digit| sum << 7 | usize::from(digit & 0x7f));
            let Some(message) = take(&mut self.buffer, last + 1, length) else { break };
            self.events.record_bytes("message", &message);
        }
        Ok(())
    }
}

/// Lengths of one byte.
struct EndOverflows {
    twin: Twin,
    events: Events,
    buffer: Vec<u8>,
}

impl Protocol for EndOverflows {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        self.buffer.extend(data);
        while let Some(length) = self.buffer.first() {
            let end = if self.twin.is_broken() {
                // Panics or, without the checks of a debug build, wraps to 0.
                usize::from(length + 1)
            } else {
                usize::from(*length) + 1
            };
            if self.buffer.len() < end {
                break;
            }
            self.events.record_bytes("message", &self.buffer[1..end]);
            self.buffer.drain(..end);
        }
        Ok(())
    }
}

/// Lengths of one byte that count themselves.
struct ShorterThanItsHeader {
    twin: Twin,
    events: Events,
    buffer: Vec<u8>,
}

impl Protocol for ShorterThanItsHeader {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        self.buffer.extend(data);
        while let Some(length) = self.buffer.first() {
            let end = usize::from(*length);
            if self.buffer.len() < end {
                break;
            }
            if end < 1 && !self.twin.is_broken() {
                return Err("a length that does not count itself".into());
            }
            self.events.record_bytes("message", &self.buffer[1..end]);
            self.buffer.drain(..end);
        }
        Ok(())
    }
}

/// Messages after a length of one byte, whose first byte is their kind.
struct EmptyMessage {
    twin: Twin,
    events: Events,
    buffer: Vec<u8>,
}

impl Protocol for EmptyMessage {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        self.buffer.extend(data);
        while let Some(length) = self.buffer.first() {
            let length = usize::from(*length);
            let Some(message) = take(&mut self.buffer, 1, length) else { break };
            if message.is_empty() && !self.twin.is_broken() {
                return Err("a message without a kind".into());
            }
            self.events.record(format_args!("kind {}", message[0]));
        }
        Ok(())
    }
}

/// The same, and tells the kind as soon as it is known.
struct BodyNotYetThere {
    twin: Twin,
    events: Events,
    buffer: Vec<u8>,
}

impl Protocol for BodyNotYetThere {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        self.buffer.extend(data);
        while let Some(length) = self.buffer.first() {
            let length = usize::from(*length);
            if length == 0 {
                return Err("a message without a kind".into());
            }
            if self.buffer.len() == 1 && !self.twin.is_broken() {
                break;
            }
            let kind = self.buffer[1];
            if take(&mut self.buffer, 1, length).is_none() {
                break;
            }
            self.events.record(format_args!("kind {kind}"));
        }
        Ok(())
    }
}

/// A digit, and so many bytes of a body.
struct BodyWithItsHeader {
    twin: Twin,
    events: Events,
    /// What is missing of the body, if its header has come.
    body: Option<usize>,
}

impl Protocol for BodyWithItsHeader {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        let mut header_came = false;
        for byte in data {
            match &mut self.body {
                None => {
                    self.body = Some(usize::from(byte.saturating_sub(b'0')));
                    header_came = true;
                }
                Some(missing) => {
                    self.events.record_stream("body", &[*byte]);
                    if !(header_came && self.twin.is_broken()) {
                        *missing = missing.saturating_sub(1);
                    }
                }
            }
            if self.body == Some(0) {
                self.events.record("end of body");
                self.body = None;
            }
        }
        Ok(())
    }
}
