//! The check of protocols as users apply it: what it lets pass, what it catches, and what it says then.

mod chunking;
mod closings;
mod fuzzing;
mod idling;
mod lawful;
mod laws;
mod reports;
mod sources;

use ropewalk::testing::{Events, Failure, ProtocolCheck, Script};
use ropewalk::{Protocol, Result, Transport};

/// What the check says about a protocol that breaks a law.
fn failure<P: Protocol + 'static>(make: impl Fn(Events) -> P, script: impl Into<Script>) -> Failure {
    ProtocolCheck::new(make).try_run(script).expect_err("the protocol breaks a law")
}

/// A protocol out of one function, with a buffer.
struct Reading<F> {
    events: Events,
    buffer: Vec<u8>,
    read: F,
}

type Read = fn(&Events, &mut Vec<u8>, &Transport, &[u8]);

impl<F: FnMut(&Events, &mut Vec<u8>, &Transport, &[u8])> Protocol for Reading<F> {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        (self.read)(&self.events, &mut self.buffer, transport, data);
        Ok(())
    }
}

fn reading(read: Read) -> impl Fn(Events) -> Reading<Read> {
    move |events| Reading { events, buffer: Vec::new(), read }
}
