//! Closing, and the end of input.

use std::any::Any;
use std::time::Duration;

use ropewalk::testing::{Events, Law, ProtocolCheck};
use ropewalk::{Producer, ProducerKind, Protocol, Result, TimerKey, Transport};

use crate::catalogue::{Entry, Twin};

pub const ENTRIES: &[Entry] = &[
    Entry {
        bug: "commands behind the one that closes are carried out if they came in the same read",
        modelled_on: "Twisted, lines accepted after an overlong one has closed the connection (twisted/twisted#4880)",
        law: Law::Chunking,
        check: |twin| {
            let make = move |events| CommandsAfterQuit { twin, events, line: Vec::new() };
            ProtocolCheck::new(make).try_run("one\nquit\ntwo\n")
        },
    },
    Entry {
        bug: "an answer is written later, and the connection is closed meanwhile",
        modelled_on: "node-diameter, closing right after a response (node-diameter/node-diameter#59)",
        law: Law::Chunking,
        check: |twin| {
            let make = move |_| AnswersLater { twin, waiting: 0, closing: false };
            ProtocolCheck::new(make).try_run("??.")
        },
    },
    Entry {
        bug: "the end of input closes although an answer is still to come",
        modelled_on: "ioxide, a half-close taken for the end of the connection (MDA2AV/ioxide#164)",
        law: Law::EndOfInput,
        check: |twin| {
            let make = move |_| AnswersOwed { twin, waiting: 0, ended: false };
            ProtocolCheck::new(make).try_run("?a?b")
        },
    },
    Entry {
        bug: "a goodbye is written after the connection was closed",
        modelled_on: "node-minecraft-protocol, packets after the end (PrismarineJS/node-minecraft-protocol#110)",
        law: Law::Closing,
        check: |twin| ProtocolCheck::new(move |_| GoodbyeAfterClosing(twin)).try_run("quit\n"),
    },
    Entry {
        bug: "the answer to all of the input is written after the end of input has closed the connection",
        modelled_on: "vanilla, a response dropped when the client half-closes (enghitalo/vanilla#103)",
        law: Law::Closing,
        check: |twin| ProtocolCheck::new(move |_| AnswerAfterEnd { twin, bytes: 0 }).try_run("abc"),
    },
    Entry {
        bug: "the end of input is ignored, so the connection stays for ever",
        modelled_on: "ws, connections in CLOSE_WAIT (websockets/ws#540)",
        law: Law::Closing,
        check: |twin| ProtocolCheck::new(move |events| EndIgnored { twin, events }).try_run("abc"),
    },
    Entry {
        bug: "a producer stays registered, and closing waits for it",
        modelled_on: "twisted.web, timeouts that unregister no producer (twisted/twisted#8992)",
        law: Law::Closing,
        check: |twin| ProtocolCheck::new(move |_| ProducerStays(twin)).try_run("get\n"),
    },
    Entry {
        bug: "the timer that is to close after the end of input starts itself anew",
        modelled_on: "lightway, a keepalive that resets its own timeout (expressvpn/lightway#276)",
        law: Law::Closing,
        check: |twin| ProtocolCheck::new(move |_| ClosesTomorrow(twin)).try_run("abc"),
    },
    Entry {
        bug: "after the end of input the rest of it is asked for again and again",
        modelled_on: "goftp, an endless loop when the client closes (goftp/server#7)",
        law: Law::Rest,
        check: |twin| ProtocolCheck::new(move |_| AsksAgain(twin)).try_run("abc"),
    },
];

/// A line each; `quit` closes.
struct CommandsAfterQuit {
    twin: Twin,
    events: Events,
    line: Vec<u8>,
}

impl Protocol for CommandsAfterQuit {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        for byte in data {
            if *byte != b'\n' {
                self.line.push(*byte);
                continue;
            }
            let line = std::mem::take(&mut self.line);
            self.events.record_bytes("command", &line);
            if line == b"quit" {
                transport.lose_connection();
                if !self.twin.is_broken() {
                    break;
                }
            }
        }
        Ok(())
    }
}

/// The answer to a question mark, when it is ready.
struct Answer;

/// Answers question marks in an event, and closes at a full stop.
struct AnswersLater {
    twin: Twin,
    waiting: usize,
    closing: bool,
}

impl Protocol for AnswersLater {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        for byte in data {
            match byte {
                b'?' => {
                    self.waiting += 1;
                    transport.post(Answer);
                }
                _ if self.twin.is_broken() || self.waiting == 0 => {
                    transport.lose_connection();
                    break;
                }
                _ => {
                    self.closing = true;
                    break;
                }
            }
        }
        Ok(())
    }

    fn eof_received(&mut self, transport: &Transport) -> Result {
        self.closing = true;
        if self.waiting == 0 {
            transport.lose_connection();
        }
        Ok(())
    }

    fn event_received(&mut self, transport: &Transport, _: Box<dyn Any>) {
        transport.write("!");
        self.waiting -= 1;
        if self.closing && self.waiting == 0 {
            transport.lose_connection();
        }
    }
}

/// Answers question marks in an event, and may have some to answer when input ends.
struct AnswersOwed {
    twin: Twin,
    waiting: usize,
    ended: bool,
}

impl Protocol for AnswersOwed {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        for _ in data.iter().filter(|byte| **byte == b'?') {
            self.waiting += 1;
            transport.post(Answer);
        }
        Ok(())
    }

    fn eof_received(&mut self, transport: &Transport) -> Result {
        self.ended = true;
        if self.twin.is_broken() || self.waiting == 0 {
            transport.lose_connection();
        }
        Ok(())
    }

    fn event_received(&mut self, transport: &Transport, _: Box<dyn Any>) {
        transport.write("!");
        self.waiting -= 1;
        if self.ended && self.waiting == 0 {
            transport.lose_connection();
        }
    }
}

/// Says goodbye to who says `quit`, in a line of its own.
struct GoodbyeAfterClosing(Twin);

impl Protocol for GoodbyeAfterClosing {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        if data.contains(&b'\n') {
            match self.0 {
                Twin::Broken => {
                    transport.lose_connection();
                    transport.write("goodbye\n");
                }
                Twin::Corrected => {
                    transport.write("goodbye\n");
                    transport.lose_connection();
                }
            }
        }
        Ok(())
    }
}

/// Answers at the end how much has come.
struct AnswerAfterEnd {
    twin: Twin,
    bytes: usize,
}

impl Protocol for AnswerAfterEnd {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        self.bytes += data.len();
        Ok(())
    }

    fn eof_received(&mut self, transport: &Transport) -> Result {
        if self.twin.is_broken() {
            transport.lose_connection();
        }
        transport.write(self.bytes.to_string());
        transport.lose_connection();
        Ok(())
    }
}

/// Notes what it hears.
struct EndIgnored {
    twin: Twin,
    events: Events,
}

impl Protocol for EndIgnored {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        self.events.record_stream("data", data);
        Ok(())
    }

    fn eof_received(&mut self, transport: &Transport) -> Result {
        self.events.record("end");
        if !self.twin.is_broken() {
            transport.lose_connection();
        }
        Ok(())
    }
}

/// Answers a line by a page that a producer writes.
struct ProducerStays(Twin);

/// Writes a page of two pieces.
struct Page {
    twin: Twin,
    pieces: u32,
}

impl Producer for Page {
    fn resume_producing(&mut self, transport: &Transport) {
        if self.pieces > 0 {
            self.pieces -= 1;
            transport.write("piece\n");
        } else if !self.twin.is_broken() {
            transport.unregister_producer();
        }
    }
}

impl Protocol for ProducerStays {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        if data.contains(&b'\n') {
            let page = Page { twin: self.0, pieces: 2 };
            transport.register_producer(page, ProducerKind::Pull)?;
            transport.lose_connection();
        }
        Ok(())
    }
}

/// Waits a second after the end of input, to say goodbye.
struct ClosesTomorrow(Twin);

const LINGERING: Duration = Duration::from_secs(1);

impl Protocol for ClosesTomorrow {
    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result {
        Ok(())
    }

    fn eof_received(&mut self, transport: &Transport) -> Result {
        transport.set_timer(LINGERING);
        Ok(())
    }

    fn timer_expired(&mut self, transport: &Transport, _: TimerKey) {
        if self.0.is_broken() {
            transport.set_timer(LINGERING);
        } else {
            transport.write("goodbye\n");
            transport.lose_connection();
        }
    }
}

/// Looks in an event whether there is more to come.
struct AsksAgain(Twin);

impl Protocol for AsksAgain {
    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result {
        Ok(())
    }

    fn eof_received(&mut self, transport: &Transport) -> Result {
        transport.post(());
        Ok(())
    }

    fn event_received(&mut self, transport: &Transport, _: Box<dyn Any>) {
        match self.0 {
            Twin::Broken => transport.post(()),
            Twin::Corrected => transport.lose_connection(),
        }
    }
}
