//! What is kept, and has no bound.

use std::any::Any;

use ropewalk::testing::{Law, ProtocolCheck};
use ropewalk::{Protocol, Result, Transport};

use crate::catalogue::{Entry, Twin};

pub const ENTRIES: &[Entry] = &[
    Entry {
        bug: "a line may have any length",
        modelled_on: "pyftpdlib, extremely long lines (giampaolo/pyftpdlib#3)",
        law: Law::Memory,
        check: |twin| {
            let check = ProtocolCheck::new(move |_| AnyLength { twin, line: Vec::new() });
            check.holds_at_most(64, |protocol| protocol.line.len()).try_run("x".repeat(200))
        },
    },
    Entry {
        bug: "memory is reserved for a message as long as its length says, before the message has come",
        modelled_on: "tokio-io's length_delimited, space reserved up front (tokio-rs/tokio#333)",
        law: Law::Memory,
        check: |twin| {
            let check =
                ProtocolCheck::new(move |_| ReservedUpFront { twin, missing: 0, message: Vec::new() });
            check.holds_at_most(64, |protocol| protocol.message.capacity()).try_run(b"\x03abc\xff\xff")
        },
    },
    Entry {
        bug: "what was used stays in the buffer, and only an index moves",
        modelled_on: "Akka HTTP, an index into input that only grows (akka/akka-core#17683)",
        law: Law::Memory,
        check: |twin| {
            let make = move |_| IndexMoves { twin, buffer: Vec::new(), used: 0 };
            let check = ProtocolCheck::new(make);
            check.holds_at_most(128, |protocol| protocol.buffer.len()).try_run("line\n".repeat(40))
        },
    },
    Entry {
        bug: "a queue of the protocol's own takes all that a slow peer has not read",
        modelled_on: "TinyMUX's Hydra, buffers for slow readers without a bound (brazilofmux/tinymux#1096)",
        law: Law::Memory,
        check: |twin| {
            let make =
                move |_| QueueOfItsOwn { twin, asked: 0, queue: Vec::new(), paused: false, ended: false };
            let check = ProtocolCheck::new(make).holds_at_most(64, |protocol| protocol.queue.len());
            check.try_run("abc")
        },
    },
    Entry {
        bug: "all requests of a read are answered, however much output waits",
        modelled_on: "crossbar, events that pile up for a slow subscriber (crossbario/crossbar#583)",
        law: Law::Memory,
        check: |twin| {
            let check = ProtocolCheck::new(move |_| Amplifier { twin, held: 0 });
            check.output_at_most(256 + ANSWER.len()).try_run("?".repeat(40))
        },
    },
];

/// Counts lines, of which none is longer than 64 bytes.
struct AnyLength {
    twin: Twin,
    line: Vec<u8>,
}

impl Protocol for AnyLength {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        for byte in data {
            if *byte == b'\n' {
                self.line.clear();
                transport.write("line\n");
            } else if self.line.len() < 64 || self.twin.is_broken() {
                self.line.push(*byte);
            } else {
                return Err("the line is too long".into());
            }
        }
        Ok(())
    }
}

/// Answers messages after lengths of one byte.
struct ReservedUpFront {
    twin: Twin,
    missing: usize,
    message: Vec<u8>,
}

impl Protocol for ReservedUpFront {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        for byte in data {
            if self.missing == 0 {
                self.missing = usize::from(*byte);
                if self.twin.is_broken() {
                    self.message.reserve(self.missing);
                } else if self.missing > 32 {
                    return Err("the message is too long".into());
                }
                continue;
            }
            self.message.push(*byte);
            self.missing -= 1;
            if self.missing == 0 {
                transport.write("message\n");
                self.message = Vec::new();
            }
        }
        Ok(())
    }
}

/// Answers lines out of its buffer.
struct IndexMoves {
    twin: Twin,
    buffer: Vec<u8>,
    /// How much of the buffer is used.
    used: usize,
}

impl Protocol for IndexMoves {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        self.buffer.extend(data);
        while let Some(length) = self.buffer[self.used..].iter().position(|byte| *byte == b'\n') {
            self.used += length + 1;
            transport.write("line\n");
        }
        if !self.twin.is_broken() {
            self.buffer.drain(..self.used);
            self.used = 0;
        }
        Ok(())
    }
}

/// Answers each byte, 16 of them in a turn, and may have 64 wait for a slow peer.
struct QueueOfItsOwn {
    twin: Twin,
    /// How many bytes are not answered.
    asked: usize,
    queue: Vec<u8>,
    paused: bool,
    ended: bool,
}

impl QueueOfItsOwn {
    fn write_queue(&mut self, transport: &Transport) {
        transport.write(std::mem::take(&mut self.queue));
    }
}

impl Protocol for QueueOfItsOwn {
    fn connection_made(&mut self, transport: &Transport) {
        let mut limits = transport.limits();
        (limits.high_water, limits.low_water) = (64, 0);
        transport.set_limits(limits);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        if self.asked == 0 {
            transport.post(());
        }
        self.asked += data.len();
        Ok(())
    }

    fn eof_received(&mut self, transport: &Transport) -> Result {
        self.ended = true;
        if self.asked == 0 {
            transport.lose_connection();
        }
        Ok(())
    }

    fn event_received(&mut self, transport: &Transport, _: Box<dyn Any>) {
        let answers = self.asked.min(16);
        self.asked -= answers;
        self.queue.extend_from_slice(&[b'.'; 16][..answers]);
        if !self.paused {
            self.write_queue(transport);
        } else if !self.twin.is_broken() {
            self.asked = 0;
            self.queue.clear();
            transport.fail("the peer reads too slowly");
        }
        if self.asked > 0 {
            transport.post(());
        } else if self.ended {
            transport.lose_connection();
        }
    }

    fn writing_paused(&mut self, _: &Transport) {
        self.paused = true;
    }

    fn writing_resumed(&mut self, transport: &Transport) {
        self.paused = false;
        self.write_queue(transport);
    }
}

const ANSWER: &[u8] = &[b'.'; 64];

/// Answers a byte by 64 of them, and may have 256 wait for a slow peer.
struct Amplifier {
    twin: Twin,
    /// How many bytes wait for their answers.
    held: usize,
}

impl Amplifier {
    fn answer(&mut self, transport: &Transport) {
        while self.held > 0 && (transport.delivers_input() || self.twin.is_broken()) {
            self.held -= 1;
            transport.write(ANSWER);
        }
    }
}

impl Protocol for Amplifier {
    fn connection_made(&mut self, transport: &Transport) {
        let mut limits = transport.limits();
        (limits.high_water, limits.low_water) = (256, 0);
        transport.set_limits(limits);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        self.held += data.len();
        self.answer(transport);
        Ok(())
    }

    fn reading_resumed(&mut self, transport: &Transport) -> Result {
        self.answer(transport);
        Ok(())
    }
}
