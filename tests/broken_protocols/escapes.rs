//! Sequences of several bytes that a read may end in.

use ropewalk::testing::{Events, Law, ProtocolCheck};
use ropewalk::{Protocol, Result, Transport};

use crate::catalogue::{Entry, Twin};

pub const ENTRIES: &[Entry] = &[
    Entry {
        bug: "a character of several bytes that is cut becomes two replacement characters",
        modelled_on: "needle, UTF-8 across the boundaries of chunks (tomas/needle#374)",
        law: Law::Chunking,
        check: |twin| {
            let make = move |events| CutCharacter { twin, events, begun: Vec::new() };
            ProtocolCheck::new(make).try_run("na\u{ef}ve \u{20ac}5")
        },
    },
    Entry {
        bug: "an escape that ends the read is taken for data",
        modelled_on: "xania, a telnet option that straddles two reads (mattgodbolt/xania#57)",
        law: Law::Chunking,
        check: |twin| {
            let make = move |events| CutCommand { twin, events, begun: Vec::new() };
            ProtocolCheck::new(make).try_run(b"a\xff\xff\xff\xfd\x01b")
        },
    },
    Entry {
        bug: "each read begins with the first byte of the mask",
        modelled_on: "embedded-websocket, frames in several parts (ninjasource/embedded-websocket#8)",
        law: Law::Chunking,
        check: |twin| {
            let make = move |events| MaskRestarts { twin, events, place: 0 };
            ProtocolCheck::new(make).try_run(b"\x51\x71\x43\x59\x44\x2b")
        },
    },
    Entry {
        bug: "digits that are left over of a group are dropped with the read",
        modelled_on: "multiparty, base64 decoded chunk by chunk (pillarjs/multiparty#280)",
        law: Law::Chunking,
        check: |twin| {
            let make = move |events| GroupCut { twin, events, group: Vec::new() };
            ProtocolCheck::new(make).try_run("726f7065")
        },
    },
    Entry {
        bug: "a dot is at the beginning of a line if it is at the beginning of a read",
        modelled_on: "MailKit, dots doubled at the borders of buffers (jstedfast/MailKit#788)",
        law: Law::Chunking,
        check: |twin| {
            let make = move |events| DotOfARead { twin, events, last: b'\n' };
            ProtocolCheck::new(make).try_run("..a.b\n..c\n")
        },
    },
    Entry {
        bug: "the mark of the end is believed at the beginning of a read, in the middle of a line",
        modelled_on: "rai, a chunk with only the dot of a sentence (andris9/rai#6)",
        law: Law::Chunking,
        check: |twin| {
            let make = move |events| EndOfARead { twin, events, body: Vec::new() };
            ProtocolCheck::new(make).try_run("The end.\nReally.\n.\nQUIT\n")
        },
    },
];

/// Decodes UTF-8.
struct CutCharacter {
    twin: Twin,
    events: Events,
    begun: Vec<u8>,
}

impl Protocol for CutCharacter {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        self.begun.extend(data);
        let complete = match std::str::from_utf8(&self.begun) {
            Err(error) if error.error_len().is_none() && !self.twin.is_broken() => error.valid_up_to(),
            _ => self.begun.len(),
        };
        let text: Vec<_> = self.begun.drain(..complete).collect();
        self.events.record_stream("text", String::from_utf8_lossy(&text).as_bytes());
        Ok(())
    }
}

const IAC: u8 = 255;

/// Takes telnet's commands of three bytes out of its data.
struct CutCommand {
    twin: Twin,
    events: Events,
    begun: Vec<u8>,
}

impl Protocol for CutCommand {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        self.begun.extend(data);
        let begun = std::mem::take(&mut self.begun);
        let mut rest = &begun[..];
        while !rest.is_empty() {
            rest = match rest {
                [IAC, IAC, after @ ..] => {
                    self.events.record_stream("data", &[IAC]);
                    after
                }
                [IAC, 251..=254, option, after @ ..] => {
                    self.events.record(format_args!("option {option}"));
                    after
                }
                [IAC] | [IAC, 251..=254] if !self.twin.is_broken() => {
                    self.begun = rest.to_vec();
                    break;
                }
                [byte, after @ ..] => {
                    self.events.record_stream("data", &[*byte]);
                    after
                }
                [] => break,
            };
        }
        Ok(())
    }
}

const MASK: [u8; 4] = [0x23, 0x1e, 0x33, 0x3c];

/// Takes a mask off its input, as WebSocket does.
struct MaskRestarts {
    twin: Twin,
    events: Events,
    place: usize,
}

impl Protocol for MaskRestarts {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        if self.twin.is_broken() {
            self.place = 0;
        }
        for byte in data {
            self.events.record_stream("data", &[byte ^ MASK[self.place % 4]]);
            self.place = (self.place + 1) % 4;
        }
        Ok(())
    }
}

/// Decodes pairs of hexadecimal digits.
struct GroupCut {
    twin: Twin,
    events: Events,
    group: Vec<u8>,
}

impl Protocol for GroupCut {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        if self.twin.is_broken() {
            self.group.clear();
        }
        for digit in data {
            self.group.push(*digit);
            if self.group.len() == 2 {
                let byte = u8::from_str_radix(&String::from_utf8_lossy(&self.group), 16)?;
                self.events.record_stream("data", &[byte]);
                self.group.clear();
            }
        }
        Ok(())
    }
}

/// Takes away the first dot of each line that begins with one, as SMTP does.
struct DotOfARead {
    twin: Twin,
    events: Events,
    last: u8,
}

impl Protocol for DotOfARead {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        if self.twin.is_broken() {
            self.last = b'\n';
        }
        for byte in data {
            if !(*byte == b'.' && self.last == b'\n') {
                self.events.record_stream("mail", &[*byte]);
            }
            self.last = *byte;
        }
        Ok(())
    }
}

/// Reads a mail until the line that is a dot.
struct EndOfARead {
    twin: Twin,
    events: Events,
    body: Vec<u8>,
}

impl Protocol for EndOfARead {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        self.body.extend(data);
        let end = self.body.windows(3).position(|bytes| bytes == b"\n.\n").map(|end| end + 1);
        let end_of_read =
            (self.twin.is_broken() && data.starts_with(b".\n")).then(|| self.body.len() - data.len());
        if let Some(end) = end_of_read.or(end) {
            self.events.record_bytes("mail", &self.body[..end]);
            transport.lose_connection();
        }
        Ok(())
    }
}
