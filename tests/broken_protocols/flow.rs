//! Pauses, and output that has to wait.

use std::any::Any;
use std::collections::VecDeque;

use ropewalk::testing::{Events, Law, ProtocolCheck};
use ropewalk::{Protocol, Result, Transport};

use crate::catalogue::{Entry, Twin};

pub const ENTRIES: &[Entry] = &[
    Entry {
        bug: "lines held back by a pause are forgotten when reading is resumed",
        modelled_on: "Haraka, a client that is paused and not properly resumed (haraka/Haraka#303)",
        law: Law::Pausing,
        check: |twin| {
            let make = move |events| Held { twin, bug: Bug::Forgotten, events, held: Vec::new() };
            ProtocolCheck::new(make).try_run("a\nb\nc\n")
        },
    },
    Entry {
        bug: "what was delivered before a pause is delivered again after it, for ever if that pauses again",
        modelled_on: "Vert.x, a buffer delivered once more when its socket is resumed (eclipse-vertx/vert.x#1601)",
        law: Law::Rest,
        check: |twin| {
            let make = move |events| Held { twin, bug: Bug::Repeated, events, held: Vec::new() };
            ProtocolCheck::new(make).try_run("a\nb\nc\n")
        },
    },
    Entry {
        bug: "held lines are gone on with in an event, which the end of input overtakes",
        modelled_on: "Node's readline, a last line that is never sent (nodejs/node-v0.x-archive#7238)",
        law: Law::Pausing,
        check: |twin| {
            let make = move |events| Held { twin, bug: Bug::Overtaken, events, held: Vec::new() };
            ProtocolCheck::new(make).try_run("a\nb\nc\n")
        },
    },
    Entry {
        bug: "pieces of a page are dropped while the peer reads slowly",
        modelled_on: "msgpack-node, messages lost on slow sockets (msgpack/msgpack-node#25692)",
        law: Law::BlockedOutput,
        check: |twin| ProtocolCheck::new(move |_| Pages::new(twin, Bug::Dropped)).try_run("ab"),
    },
    Entry {
        bug: "what was queued while the peer read slowly waits for more to come when it reads on",
        modelled_on: "le_node, no drain event for the last item of its queue (rapid7/le_node#132)",
        law: Law::BlockedOutput,
        check: |twin| ProtocolCheck::new(move |_| Pages::new(twin, Bug::Forgotten)).try_run("ab"),
    },
    Entry {
        bug: "what is answered at once overtakes what takes longer",
        modelled_on: "mummy, responses in the order of their completion (guzba/mummy#142)",
        law: Law::Chunking,
        check: |twin| {
            let make = move |_| Overtaking { twin, answers: VecDeque::new() };
            ProtocolCheck::new(make).try_run("sfsf")
        },
    },
];

/// What is wrong with the broken twin.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bug {
    Forgotten,
    Repeated,
    Overtaken,
    Dropped,
}

/// Delivers lines, except while reading is paused.
struct Held {
    twin: Twin,
    bug: Bug,
    events: Events,
    held: Vec<u8>,
}

impl Held {
    fn has(&self, bug: Bug) -> bool {
        self.twin.is_broken() && self.bug == bug
    }

    fn deliver(&mut self, transport: &Transport) {
        let mut used = 0;
        while let Some(length) = self.held[used..].iter().position(|byte| *byte == b'\n') {
            if !transport.delivers_input() {
                break;
            }
            self.events.record_bytes("line", &self.held[used..used + length]);
            used += length + 1;
        }
        if !self.has(Bug::Repeated) || transport.delivers_input() {
            self.held.drain(..used);
        }
    }
}

impl Protocol for Held {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        self.held.extend(data);
        self.deliver(transport);
        Ok(())
    }

    fn reading_resumed(&mut self, transport: &Transport) -> Result {
        if self.has(Bug::Overtaken) {
            transport.post(());
        } else if !self.has(Bug::Forgotten) {
            self.deliver(transport);
        }
        Ok(())
    }

    fn event_received(&mut self, transport: &Transport, _: Box<dyn Any>) {
        self.deliver(transport);
    }
}

/// Answers each byte by a page of four pieces, of which one is written in a turn.
struct Pages {
    twin: Twin,
    bug: Bug,
    /// How many pages are not complete.
    pages: usize,
    queue: Vec<u8>,
    paused: bool,
    ended: bool,
}

/// A piece of a page is to be written, of so many.
struct Pieces(usize);

impl Pages {
    fn new(twin: Twin, bug: Bug) -> Self {
        Self { twin, bug, pages: 0, queue: Vec::new(), paused: false, ended: false }
    }

    fn write_queue(&mut self, transport: &Transport) {
        transport.write(std::mem::take(&mut self.queue));
    }

    fn close_if_done(&self, transport: &Transport) {
        if self.ended && self.pages == 0 {
            transport.lose_connection();
        }
    }
}

impl Protocol for Pages {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        self.pages += data.len();
        data.iter().for_each(|_| transport.post(Pieces(4)));
        Ok(())
    }

    fn eof_received(&mut self, transport: &Transport) -> Result {
        self.ended = true;
        self.close_if_done(transport);
        Ok(())
    }

    fn event_received(&mut self, transport: &Transport, event: Box<dyn Any>) {
        let Ok(pieces) = event.downcast::<Pieces>() else { return };
        if !self.paused || self.bug != Bug::Dropped {
            self.queue.push(b'.');
        }
        if !self.paused {
            self.write_queue(transport);
        }
        if pieces.0 > 1 {
            transport.post(Pieces(pieces.0 - 1));
        } else {
            self.pages -= 1;
        }
        self.close_if_done(transport);
    }

    fn writing_paused(&mut self, _: &Transport) {
        // The transport keeps what it is given, too.
        self.paused = self.twin.is_broken();
    }

    fn writing_resumed(&mut self, transport: &Transport) {
        self.paused = false;
        if self.bug != Bug::Forgotten {
            self.write_queue(transport);
        }
    }
}

/// Answers `f` at once, and anything else in an event.
struct Overtaking {
    twin: Twin,
    /// What was asked and not answered, and whether its answer is ready.
    answers: VecDeque<(u8, bool)>,
}

impl Protocol for Overtaking {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        for byte in data {
            let fast = *byte == b'f';
            if fast && self.twin.is_broken() {
                transport.write([*byte]);
                continue;
            }
            self.answers.push_back((*byte, fast));
            if !fast {
                transport.post(());
            }
        }
        self.answer(transport);
        Ok(())
    }

    fn eof_received(&mut self, transport: &Transport) -> Result {
        // What is ready has been written, and the rest comes in the next turn.
        transport.post(Ended);
        Ok(())
    }

    fn event_received(&mut self, transport: &Transport, event: Box<dyn Any>) {
        if event.is::<Ended>() {
            transport.lose_connection();
            return;
        }
        if let Some((_, ready)) = self.answers.iter_mut().find(|(_, ready)| !ready) {
            *ready = true;
        }
        self.answer(transport);
    }
}

/// Input has ended.
struct Ended;

impl Overtaking {
    fn answer(&mut self, transport: &Transport) {
        while self.answers.front().is_some_and(|(_, ready)| *ready) {
            transport.write(self.answers.pop_front().map_or([b'?'], |(answer, _)| [answer]));
        }
    }
}
