//! A protocol whose end is observed.

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

use crate::testing::Events;
use crate::transport::shared::SWITCHING;
use crate::{Protocol, Reason, Result, TimerKey, Transport};

/// Passes everything on to a protocol, and notes why its connection ended. Follows it to its successors.
pub(super) struct Watched {
    protocol: Box<dyn Protocol>,
    end: Rc<RefCell<Option<End>>>,
    /// Where each event is to pause reading.
    pausing: Option<Events>,
}

/// How a connection has ended.
#[derive(Clone)]
pub(super) struct End {
    pub(super) reason: String,
    /// What was written was sent before.
    pub(super) flushed: bool,
}

impl Watched {
    pub(super) fn new(
        protocol: Box<dyn Protocol>,
        end: Rc<RefCell<Option<End>>>,
        pausing: Option<Events>,
    ) -> Self {
        Self { protocol, end, pausing }
    }

    /// Has the protocol that takes over be watched as well, if there is one.
    fn follow(&self, transport: &Transport) {
        let shared = transport.shared();
        if !shared.has(SWITCHING) {
            return;
        }
        shared.with_rare(|rare| {
            if let Some((next, leftover)) = rare.successor.take() {
                let next = Self::new(next, Rc::clone(&self.end), None);
                rare.successor = Some((Box::new(next), leftover));
            }
        });
    }
}

impl Protocol for Watched {
    fn connection_made(&mut self, transport: &Transport) {
        if let Some(events) = &self.pausing {
            events.pause_at_each(transport);
        }
        self.protocol.connection_made(transport);
        self.follow(transport);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        let result = self.protocol.data_received(transport, data);
        self.follow(transport);
        result
    }

    fn eof_received(&mut self, transport: &Transport) -> Result {
        let result = self.protocol.eof_received(transport);
        self.follow(transport);
        result
    }

    fn writing_paused(&mut self, transport: &Transport) {
        self.protocol.writing_paused(transport);
        self.follow(transport);
    }

    fn writing_resumed(&mut self, transport: &Transport) {
        self.protocol.writing_resumed(transport);
        self.follow(transport);
    }

    fn reading_resumed(&mut self, transport: &Transport) -> Result {
        let result = self.protocol.reading_resumed(transport);
        self.follow(transport);
        result
    }

    fn timer_expired(&mut self, transport: &Transport, timer: TimerKey) {
        self.protocol.timer_expired(transport, timer);
        self.follow(transport);
    }

    fn event_received(&mut self, transport: &Transport, event: Box<dyn Any>) {
        self.protocol.event_received(transport, event);
        self.follow(transport);
    }

    fn layer_inserted(&mut self, transport: &Transport) -> Result {
        let result = self.protocol.layer_inserted(transport);
        self.follow(transport);
        result
    }

    fn layer_opened(&mut self, transport: &Transport) {
        self.protocol.layer_opened(transport);
        self.follow(transport);
    }

    fn connection_lost(&mut self, transport: &Transport, reason: &Reason) {
        let flushed = matches!(reason, Reason::Closed | Reason::Error(_));
        self.end.replace(Some(End { reason: reason.to_string(), flushed }));
        self.protocol.connection_lost(transport, reason);
    }

    fn name(&self) -> &'static str {
        self.protocol.name()
    }
}
