//! What the loss finds, and what it leaves.

use std::any::Any;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use ropewalk::testing::{Events, Law, ProtocolCheck};
use ropewalk::{Protocol, Reason, Result, Transport};

use crate::catalogue::{Entry, Twin};

pub const ENTRIES: &[Entry] = &[
    Entry {
        bug: "the loss of a connection that has not logged in takes leave of nobody, and panics",
        modelled_on: "Evennia, disconnecting without a location (evennia/evennia#145)",
        law: Law::Panic,
        check: |twin| {
            let make = move |events| LostBeforeLogin { twin, events, line: Vec::new(), name: None };
            ProtocolCheck::new(make).try_run("anna\n")
        },
    },
    Entry {
        bug: "messages that were read together with the end of the connection are not dealt with",
        modelled_on: "SerenityOS's LibIPC, messages lost when the connection is closed (SerenityOS/serenity#8912)",
        law: Law::EndOfInput,
        check: |twin| {
            let make =
                move |events| NotDealtWith { twin, events, line: Vec::new(), waiting: VecDeque::new() };
            ProtocolCheck::new(make).try_run("one\ntwo\n")
        },
    },
    Entry {
        bug: "what is reported of a message that a reset cuts off is its latest read alone",
        modelled_on: "OpenTelemetry for Go, the rest of a stream that ends in an error \
            (open-telemetry/opentelemetry-go-compile-instrumentation#828)",
        law: Law::Reset,
        check: |twin| {
            let make = move |events| CutOff { twin, events, line: Vec::new(), rest: Vec::new() };
            ProtocolCheck::new(make).try_run("one\ntwo\n")
        },
    },
    Entry {
        bug: "the protocol's state and its handler hold each other, and neither is ever freed",
        modelled_on: "rsocket-cpp, a connection and its keepalive timer in a cycle (rsocket/rsocket-cpp#281)",
        law: Law::AfterLoss,
        check: |twin| ProtocolCheck::new(move |events| Cycle::new(twin, events)).try_run("abc"),
    },
];

/// Takes the first line for a name, and tells who has gone.
struct LostBeforeLogin {
    twin: Twin,
    events: Events,
    line: Vec<u8>,
    name: Option<Vec<u8>>,
}

impl Protocol for LostBeforeLogin {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        for byte in data {
            if *byte == b'\n' {
                self.name.get_or_insert_with(|| std::mem::take(&mut self.line));
            } else {
                self.line.push(*byte);
            }
        }
        Ok(())
    }

    fn connection_lost(&mut self, _: &Transport, _: &Reason) {
        if self.twin.is_broken() || self.name.is_some() {
            let name = self.name.as_ref().expect("who is lost was here");
            self.events.record_bytes("gone", name);
        }
    }
}

/// Deals with one line in a turn, so as not to hold others up.
struct NotDealtWith {
    twin: Twin,
    events: Events,
    line: Vec<u8>,
    waiting: VecDeque<Vec<u8>>,
}

impl NotDealtWith {
    fn deal_with_one(&mut self) {
        if let Some(line) = self.waiting.pop_front() {
            self.events.record_bytes("line", &line);
        }
    }
}

impl Protocol for NotDealtWith {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        for byte in data {
            if *byte != b'\n' {
                self.line.push(*byte);
                continue;
            }
            if self.waiting.is_empty() {
                transport.post(());
            }
            self.waiting.push_back(std::mem::take(&mut self.line));
        }
        Ok(())
    }

    fn event_received(&mut self, transport: &Transport, _: Box<dyn Any>) {
        self.deal_with_one();
        if !self.waiting.is_empty() {
            transport.post(());
        }
    }

    fn connection_lost(&mut self, _: &Transport, _: &Reason) {
        while !self.twin.is_broken() && !self.waiting.is_empty() {
            self.deal_with_one();
        }
    }
}

/// Reports what it has of a line if the connection breaks.
struct CutOff {
    twin: Twin,
    events: Events,
    line: Vec<u8>,
    rest: Vec<u8>,
}

impl Protocol for CutOff {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        for byte in data {
            if *byte == b'\n' {
                self.events.record_bytes("line", &std::mem::take(&mut self.line));
            } else {
                self.line.push(*byte);
            }
        }
        self.rest = match self.twin {
            Twin::Broken => data.rsplit(|byte| *byte == b'\n').next().unwrap_or_default().to_vec(),
            Twin::Corrected => self.line.clone(),
        };
        Ok(())
    }

    fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
        if !reason.is_clean() {
            self.events.record_bytes("cut off", &self.rest);
        }
    }
}

type Handler = Box<dyn Fn(&[u8])>;

/// What the protocol knows, shared with its handler.
struct State {
    events: Events,
    handler: RefCell<Option<Handler>>,
}

/// Has a handler deal with its input.
struct Cycle {
    twin: Twin,
    state: Rc<State>,
}

impl Cycle {
    fn new(twin: Twin, events: Events) -> Self {
        let state = Rc::new(State { events, handler: RefCell::default() });
        let known = Rc::clone(&state);
        *state.handler.borrow_mut() = Some(Box::new(move |data| known.events.record_stream("data", data)));
        Self { twin, state }
    }
}

impl Protocol for Cycle {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        if let Some(handler) = &*self.state.handler.borrow() {
            handler(data);
        }
        Ok(())
    }

    fn connection_lost(&mut self, _: &Transport, _: &Reason) {
        if !self.twin.is_broken() {
            self.state.handler.take();
        }
    }
}
