//! Changes of mode and of protocol.

use ropewalk::testing::{Events, Law, ProtocolCheck};
use ropewalk::{Protocol, Result, Transport};

use crate::catalogue::{Entry, Twin};

pub const ENTRIES: &[Entry] = &[
    Entry {
        bug: "bytes that came in one read with the end of the handshake are thrown away",
        modelled_on: "WebSocket++, frames read in with the handshake (zaphoyd/websocketpp#32)",
        law: Law::Chunking,
        check: |twin| {
            let make = move |events| BytesBehindHandshake { twin, events, head: Vec::new(), raw: false };
            ProtocolCheck::new(make).try_run("hello\n\x01\x02\x03")
        },
    },
    Entry {
        bug: "the protocol that takes over is not given what its predecessor has left",
        modelled_on: "Netty, a handshake and the first message in a single read (netty/netty#2179)",
        law: Law::Chunking,
        check: |twin| {
            let make = move |events| Upgrading { twin, events, line: Vec::new() };
            ProtocolCheck::new(make).try_run("upgrade\nbinary")
        },
    },
    Entry {
        bug: "the protocol that takes over is given the whole of the read, with what was used of it",
        modelled_on: "cohttp-eio, the start of a chunk delivered once more (mirage/ocaml-cohttp#1149)",
        law: Law::Chunking,
        check: |twin| {
            let make = move |events| UpgradingTwice { twin, events, line: Vec::new() };
            ProtocolCheck::new(make).try_run("upgrade\nbinary")
        },
    },
    Entry {
        bug: "raw mode swallows all of the read in which it ends",
        modelled_on: "netius, a second request swallowed as body of the first (hivesolutions/netius#107)",
        law: Law::Chunking,
        check: |twin| {
            let make = move |events| RawModeSwallows { twin, events, line: Vec::new(), raw: 0 };
            ProtocolCheck::new(make).try_run("3\nabcone\n2\ndetwo\n")
        },
    },
    Entry {
        bug: "a command that changes the mode changes it when the read is over",
        modelled_on: "aiosmtpd, commands behind STARTTLS in one packet (aio-libs/aiosmtpd#380)",
        law: Law::Chunking,
        check: |twin| {
            let make = move |events| ChangedAfterRead { twin, events, line: Vec::new(), secure: false };
            ProtocolCheck::new(make).try_run("HELO\nSTARTTLS\nMAIL\n")
        },
    },
];

/// Hears a greeting line, then bytes.
struct BytesBehindHandshake {
    twin: Twin,
    events: Events,
    head: Vec<u8>,
    raw: bool,
}

impl Protocol for BytesBehindHandshake {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        if self.raw {
            self.events.record_stream("raw", data);
            return Ok(());
        }
        self.head.extend(data);
        if let Some(end) = self.head.iter().position(|byte| *byte == b'\n') {
            self.events.record_bytes("greeting", &self.head[..end]);
            self.raw = true;
            if !self.twin.is_broken() {
                self.events.record_stream("raw", &self.head[end + 1..]);
            }
        }
        Ok(())
    }
}

/// Records what it hears.
struct Raw(Events);

impl Protocol for Raw {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        self.0.record_stream("raw", data);
        Ok(())
    }
}

/// Hands over to [`Raw`] after one line.
struct Upgrading {
    twin: Twin,
    events: Events,
    line: Vec<u8>,
}

impl Protocol for Upgrading {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        self.line.extend(data);
        if let Some(end) = self.line.iter().position(|byte| *byte == b'\n') {
            let leftover = if self.twin.is_broken() { &[] } else { &self.line[end + 1..] };
            transport.switch_protocol(Raw(self.events.clone()), leftover);
        }
        Ok(())
    }
}

/// Hands over to [`Raw`] after one line, with the read in which that ends.
struct UpgradingTwice {
    twin: Twin,
    events: Events,
    line: Vec<u8>,
}

impl Protocol for UpgradingTwice {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        self.line.extend(data);
        if let Some(end) = self.line.iter().position(|byte| *byte == b'\n') {
            let leftover = if self.twin.is_broken() { data } else { &self.line[end + 1..] };
            transport.switch_protocol(Raw(self.events.clone()), leftover);
        }
        Ok(())
    }
}

/// A line with a number is followed by so many raw bytes.
struct RawModeSwallows {
    twin: Twin,
    events: Events,
    line: Vec<u8>,
    /// How many raw bytes are to come.
    raw: usize,
}

impl Protocol for RawModeSwallows {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        let mut rest = data;
        while let [first, after @ ..] = rest {
            if self.raw > 0 {
                let (raw, after) = rest.split_at(self.raw.min(rest.len()));
                self.events.record_stream("raw", raw);
                self.raw -= raw.len();
                rest = if self.twin.is_broken() { &[] } else { after };
                continue;
            }
            rest = after;
            if *first != b'\n' {
                self.line.push(*first);
                continue;
            }
            self.events.record_bytes("line", &self.line);
            self.raw = String::from_utf8_lossy(&self.line).parse().unwrap_or(0);
            self.line.clear();
        }
        Ok(())
    }
}

/// Says of each command whether it was protected.
struct ChangedAfterRead {
    twin: Twin,
    events: Events,
    line: Vec<u8>,
    secure: bool,
}

impl Protocol for ChangedAfterRead {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        let mut secure = self.secure;
        for byte in data {
            if *byte != b'\n' {
                self.line.push(*byte);
                continue;
            }
            self.events.record_bytes(if self.secure { "protected" } else { "open" }, &self.line);
            secure |= self.line == b"STARTTLS";
            if !self.twin.is_broken() {
                self.secure = secure;
            }
            self.line.clear();
        }
        self.secure = secure;
        Ok(())
    }
}
