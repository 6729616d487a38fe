//! What differs from one connection to the next.

use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;

use ropewalk::testing::{Events, Law, ProtocolCheck};
use ropewalk::{Protocol, Result, Transport};

use crate::catalogue::{Entry, Twin};

pub const ENTRIES: &[Entry] = &[
    Entry {
        bug: "all connections have one parser, in which the beginnings of their lines meet",
        modelled_on: "CasparCG, a global parser for all clients (CasparCG/server#21)",
        law: Law::Determinism,
        check: |twin| {
            let parser = Rc::new(RefCell::new(Vec::new()));
            let make = move |events| {
                let begun = if twin.is_broken() { Rc::clone(&parser) } else { Rc::default() };
                OneParserForAll { events, begun }
            };
            ProtocolCheck::new(make).try_run("one\ntwo\nthr")
        },
    },
    Entry {
        bug: "answers come in the order of a hash map, another one for each connection",
        modelled_on: "Pushy, fields in the order of a hash map (jchambers/pushy#1037)",
        law: Law::Determinism,
        check: |twin| {
            ProtocolCheck::new(move |_| OrderOfTheMap { twin, seen: HashSet::new() }).try_run("abcdefghijkl.")
        },
    },
];

/// Lines, of which the parser has the beginning.
struct OneParserForAll {
    events: Events,
    begun: Rc<RefCell<Vec<u8>>>,
}

impl Protocol for OneParserForAll {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        let mut begun = self.begun.borrow_mut();
        for byte in data {
            if *byte == b'\n' {
                self.events.record_bytes("line", &begun);
                begun.clear();
            } else {
                begun.push(*byte);
            }
        }
        Ok(())
    }
}

/// Tells at a full stop which bytes it has seen.
struct OrderOfTheMap {
    twin: Twin,
    seen: HashSet<u8>,
}

impl Protocol for OrderOfTheMap {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        for byte in data {
            if *byte != b'.' {
                self.seen.insert(*byte);
                continue;
            }
            let mut seen: Vec<_> = self.seen.iter().copied().collect();
            if !self.twin.is_broken() {
                seen.sort_unstable();
            }
            transport.write(seen);
        }
        Ok(())
    }
}
