//! Lines, and where they end.

use ropewalk::testing::{Events, Law, ProtocolCheck};
use ropewalk::{Protocol, Result, Transport};

use crate::catalogue::{Entry, Twin};

pub const ENTRIES: &[Entry] = &[
    Entry {
        bug: "a delimiter of two bytes is looked for in the latest read only",
        modelled_on: "vegur, CR LF on the boundary of packages (heroku/vegur#82)",
        law: Law::Chunking,
        check: |twin| {
            let make = move |events| LatestReadOnly { twin, events, line: Vec::new() };
            ProtocolCheck::new(make).try_run("one\r\ntwo\r\n")
        },
    },
    Entry {
        bug: "the search goes on after all that was searched, past the first byte of a delimiter",
        modelled_on: "the remedy for Twisted's rescanning from zero, one byte too eager (twisted/twisted#3803)",
        law: Law::Chunking,
        check: |twin| {
            let make = move |events| SearchedTooFar { twin, events, buffer: Vec::new(), searched: 0 };
            ProtocolCheck::new(make).try_run("one--two-three--")
        },
    },
    Entry {
        bug: "the beginning of a line is forgotten when the read ends before the line does",
        modelled_on: "Node-RED's daemon node, lines split at random (node-red/node-red-nodes#202)",
        law: Law::Chunking,
        check: |twin| {
            let make = move |events| BeginningForgotten { twin, events, begun: Vec::new() };
            ProtocolCheck::new(make).try_run("one\ntwo\n")
        },
    },
    Entry {
        bug: "the beginning of a line is put behind what comes next",
        modelled_on: "multifeed, what was left over pushed instead of unshifted (kappa-db/multifeed#14)",
        law: Law::Chunking,
        check: |twin| {
            let make = move |events| LeftoverBehind { twin, events, begun: Vec::new() };
            ProtocolCheck::new(make).try_run("one\ntwo\n")
        },
    },
    Entry {
        bug: "of several lines in one read the first alone is taken out, until the next read",
        modelled_on: "hyperdeck-js-lib, several responses in one event (LA1TV/Hyperdeck-JS-Lib#45)",
        law: Law::Chunking,
        check: |twin| {
            let make = move |events| OneLinePerRead { twin, events, buffer: Vec::new() };
            ProtocolCheck::new(make).try_run("one\ntwo\nthree\n")
        },
    },
    Entry {
        bug: "a CR that ends the read is an error, as no LF follows it",
        modelled_on: "hackney, a chunk-size line split on its CR (benoitc/hackney#912)",
        law: Law::Chunking,
        check: |twin| {
            let make = move |events| LoneCarriageReturn { twin, events, line: Vec::new() };
            ProtocolCheck::new(make).try_run("5\r\na\r\n")
        },
    },
    Entry {
        bug: "a CR that ends the read ends the line, and the LF of the next read ends an empty one",
        modelled_on: "gen-readlines, empty lines if the CR is the chunk's last byte (neurosnap/gen-readlines#4)",
        law: Law::Chunking,
        check: |twin| {
            let make = move |events| LineFeedApart { twin, events, line: Vec::new(), after_return: false };
            ProtocolCheck::new(make).try_run("one\r\ntwo\nthree\rfour\n")
        },
    },
];

/// Looks for CR LF in each read.
struct LatestReadOnly {
    twin: Twin,
    events: Events,
    line: Vec<u8>,
}

impl Protocol for LatestReadOnly {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        let new = if self.twin.is_broken() { data.to_vec() } else { [&self.line[..], data].concat() };
        if !self.twin.is_broken() {
            self.line.clear();
        }
        let mut rest = &new[..];
        while let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") {
            self.line.extend(&rest[..end]);
            self.events.record_bytes("line", &std::mem::take(&mut self.line));
            rest = &rest[end + 2..];
        }
        self.line.extend(rest);
        Ok(())
    }
}

/// Remembers how far it has searched for `--`.
struct SearchedTooFar {
    twin: Twin,
    events: Events,
    buffer: Vec<u8>,
    searched: usize,
}

impl Protocol for SearchedTooFar {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        self.buffer.extend(data);
        while let Some(end) = self.buffer[self.searched..].windows(2).position(|pair| pair == b"--") {
            let end = self.searched + end;
            self.events.record_bytes("part", &self.buffer[..end]);
            self.buffer.drain(..end + 2);
            self.searched = 0;
        }
        let begun = if self.twin.is_broken() { 0 } else { 1 };
        self.searched = self.buffer.len().saturating_sub(begun);
        Ok(())
    }
}

/// Splits each read into lines.
struct BeginningForgotten {
    twin: Twin,
    events: Events,
    begun: Vec<u8>,
}

impl Protocol for BeginningForgotten {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        for piece in data.split_inclusive(|byte| *byte == b'\n') {
            self.begun.extend(piece);
            if let Some(line) = self.begun.strip_suffix(b"\n") {
                self.events.record_bytes("line", line);
                self.begun.clear();
            }
        }
        if self.twin.is_broken() {
            self.begun.clear();
        }
        Ok(())
    }
}

/// Keeps the beginning of a line for the next read.
struct LeftoverBehind {
    twin: Twin,
    events: Events,
    begun: Vec<u8>,
}

impl Protocol for LeftoverBehind {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        let mut rest = match self.twin {
            Twin::Broken => [data, &self.begun].concat(),
            Twin::Corrected => [&self.begun, data].concat(),
        };
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            self.events.record_bytes("line", &rest[..end]);
            rest.drain(..=end);
        }
        self.begun = rest;
        Ok(())
    }
}

/// Takes lines out of its buffer.
struct OneLinePerRead {
    twin: Twin,
    events: Events,
    buffer: Vec<u8>,
}

impl Protocol for OneLinePerRead {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        self.buffer.extend(data);
        while let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
            self.events.record_bytes("line", &self.buffer[..end]);
            self.buffer.drain(..=end);
            if self.twin.is_broken() {
                break;
            }
        }
        Ok(())
    }
}

/// Insists on CR LF: no CR may come without its LF.
struct LoneCarriageReturn {
    twin: Twin,
    events: Events,
    line: Vec<u8>,
}

impl Protocol for LoneCarriageReturn {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        for (place, byte) in data.iter().enumerate() {
            let is_alone = match data.get(place + 1) {
                None => self.twin.is_broken(),
                Some(follows) => *follows != b'\n',
            };
            match byte {
                b'\r' if is_alone => return Err("a carriage return without its line feed".into()),
                b'\n' if self.line.last() == Some(&b'\r') => {
                    self.line.pop();
                    self.events.record_bytes("line", &std::mem::take(&mut self.line));
                }
                _ if self.line.last() == Some(&b'\r') => {
                    return Err("a carriage return without its line feed".into());
                }
                byte => self.line.push(*byte),
            }
        }
        Ok(())
    }
}

/// Accepts CR, LF and CR LF as ends of lines.
struct LineFeedApart {
    twin: Twin,
    events: Events,
    line: Vec<u8>,
    after_return: bool,
}

impl Protocol for LineFeedApart {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        if self.twin.is_broken() {
            self.after_return = false;
        }
        for byte in data {
            match byte {
                b'\n' if self.after_return => {}
                b'\r' | b'\n' => self.events.record_bytes("line", &std::mem::take(&mut self.line)),
                byte => self.line.push(*byte),
            }
            self.after_return = *byte == b'\r';
        }
        Ok(())
    }
}
