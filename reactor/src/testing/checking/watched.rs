//! A protocol that is watched.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use super::Law;
use super::watch::Watch;
use crate::transport::shared::SWITCHING;
use crate::{Protocol, Reason, Result, TimerKey, Transport};

/// Tells how many bytes a protocol holds, and how many it may.
pub(super) type Measure<P> = (Rc<dyn Fn(&P) -> usize>, usize);

/// Passes everything on to a protocol, and notes what comes of it. Follows it to its successors.
pub(super) struct Watched<P: Protocol> {
    /// `None` only while it is dropped.
    protocol: Option<P>,
    measure: Option<Measure<P>>,
    watch: Rc<Watch>,
}

impl<P: Protocol> Watched<P> {
    pub(super) fn new(protocol: P, measure: Option<Measure<P>>, watch: &Rc<Watch>) -> Self {
        Self { protocol: Some(protocol), measure, watch: watch.protocol_begins() }
    }

    fn protocol(&self) -> &P {
        self.protocol.as_ref().expect("it is taken out by the destructor alone")
    }

    /// Calls a callback.
    fn call<R>(
        &mut self,
        callback: &'static str,
        transport: &Transport,
        call: impl FnOnce(&mut P) -> R,
    ) -> R {
        let was_open = transport.is_open() && transport.accepts_output();
        let refused = self.refused(transport);
        let protocol = self.protocol.as_mut().expect("it is taken out by the destructor alone");
        let result = guard(&self.watch, callback, || call(protocol));
        let refused = self.refused(transport) - refused;
        // Who has only finished writing may still be asked.
        if was_open && !transport.is_open() && refused > 0 {
            let how = format!(
                "{callback} has closed or aborted the connection, and then written {refused} bytes, which go nowhere"
            );
            self.watch.broken(Law::Closing, how);
        }
        self.measure(callback);
        self.watch.returned(callback, transport);
        self.follow(transport);
        result
    }

    fn refused(&self, transport: &Transport) -> u64 {
        transport.reactor().core().counters.output_refused()
    }

    fn measure(&self, callback: &'static str) {
        let Some((measure, bound)) = &self.measure else { return };
        let held = guard(&self.watch, "the measure of what the protocol holds", || measure(self.protocol()));
        if held > *bound {
            let how = format!(
                "the protocol holds {held} bytes after {callback}, and it may hold no more than {bound}"
            );
            self.watch.broken(Law::Memory, how);
        }
    }

    /// Has the protocol that takes over be watched as well, if there is one.
    fn follow(&self, transport: &Transport) {
        let shared = transport.shared();
        if !shared.has(SWITCHING) {
            return;
        }
        shared.with_rare(|rare| {
            if let Some((next, leftover)) = rare.successor.take() {
                let next = Watched::new(next, None, &self.watch);
                rare.successor = Some((Box::new(next), leftover));
            }
        });
    }
}

/// Runs user code; a panic is noted, and goes on.
fn guard<R>(watch: &Watch, callback: &str, call: impl FnOnce() -> R) -> R {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|payload| {
        let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
        let text = text.unwrap_or_else(|| "a value that is not text".to_owned());
        watch.broken(Law::Panic, format!("{callback} panicked: {text}"));
        resume_unwind(payload)
    })
}

impl<P: Protocol> Protocol for Watched<P> {
    fn connection_made(&mut self, transport: &Transport) {
        self.watch.made(transport);
        self.call("connection_made", transport, |protocol| protocol.connection_made(transport));
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        self.call("data_received", transport, |protocol| protocol.data_received(transport, data))
    }

    fn eof_received(&mut self, transport: &Transport) -> Result {
        self.call("eof_received", transport, |protocol| protocol.eof_received(transport))
    }

    fn writing_paused(&mut self, transport: &Transport) {
        self.call("writing_paused", transport, |protocol| protocol.writing_paused(transport));
    }

    fn writing_resumed(&mut self, transport: &Transport) {
        self.call("writing_resumed", transport, |protocol| protocol.writing_resumed(transport));
    }

    fn reading_resumed(&mut self, transport: &Transport) -> Result {
        self.call("reading_resumed", transport, |protocol| protocol.reading_resumed(transport))
    }

    fn timer_expired(&mut self, transport: &Transport, timer: TimerKey) {
        self.call("timer_expired", transport, |protocol| protocol.timer_expired(transport, timer));
    }

    fn event_received(&mut self, transport: &Transport, event: Box<dyn Any>) {
        self.call("event_received", transport, |protocol| protocol.event_received(transport, event));
    }

    fn layer_inserted(&mut self, transport: &Transport) -> Result {
        self.call("layer_inserted", transport, |protocol| protocol.layer_inserted(transport))
    }

    fn layer_opened(&mut self, transport: &Transport) {
        self.call("layer_opened", transport, |protocol| protocol.layer_opened(transport));
    }

    fn connection_lost(&mut self, transport: &Transport, reason: &Reason) {
        self.watch.lost(reason);
        let refused = self.refused(transport);
        self.call("connection_lost", transport, |protocol| protocol.connection_lost(transport, reason));
        let refused = self.refused(transport) - refused;
        if refused > 0 {
            let how = format!("connection_lost has written {refused} bytes, which go nowhere");
            self.watch.broken(Law::AfterLoss, how);
        }
        self.watch.everything_heard();
    }

    fn name(&self) -> &'static str {
        self.protocol().name()
    }
}

impl<P: Protocol> Drop for Watched<P> {
    fn drop(&mut self) {
        let protocol = self.protocol.take();
        // The note comes before a panic goes on.
        self.watch.protocol_ends();
        guard(&self.watch, "the protocol's destructor", || drop(protocol));
        // What a destructor records is the protocol's last word.
        self.watch.everything_heard();
    }
}
