//! What goes on beside a protocol, and does not know what became of it.

use std::time::Duration;

use ropewalk::testing::{Events, Law, ProtocolCheck};
use ropewalk::{DelayedCall, Protocol, Reason, Result, Task, Transport};

use crate::catalogue::{Entry, Twin};

const A_WHILE: Duration = Duration::from_secs(5);

pub const ENTRIES: &[Entry] = &[
    Entry {
        bug: "a task that works for the connection is detached, and ends after the loss",
        modelled_on: "FastMCP, a session's task left behind on disconnecting (PrefectHQ/fastmcp#4011)",
        law: Law::AfterLoss,
        check: |twin| {
            let make = move |events| TaskLeftBehind { twin, events, work: None };
            ProtocolCheck::new(make).try_run("work\n")
        },
    },
    Entry {
        bug: "the timeout of a request is a delayed call that reports to a connection that is gone",
        modelled_on: "Pulsar, a timeout's timer not cancelled with its connection (apache/pulsar#3422)",
        law: Law::AfterLoss,
        check: |twin| {
            let make = move |events| CallLeftBehind { twin, events, calls: Vec::new() };
            ProtocolCheck::new(make).try_run("work\n")
        },
    },
];

/// Works for a while at each line, and reports that.
struct TaskLeftBehind {
    twin: Twin,
    events: Events,
    /// Dropping it cancels it.
    work: Option<Task<()>>,
}

impl Protocol for TaskLeftBehind {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        if data.contains(&b'\n') {
            let (reactor, events) = (transport.reactor().clone(), self.events.clone());
            let work = transport.reactor().spawn(async move {
                reactor.sleep(A_WHILE).await;
                events.record("worked");
            });
            if self.twin.is_broken() {
                work.detach();
            } else {
                self.work = Some(work);
            }
        }
        Ok(())
    }
}

/// Reports if the work at a line takes long, as it always does.
struct CallLeftBehind {
    twin: Twin,
    events: Events,
    calls: Vec<DelayedCall>,
}

impl Protocol for CallLeftBehind {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        if data.contains(&b'\n') {
            let events = self.events.clone();
            self.calls.push(transport.reactor().call_later(A_WHILE, move |_| events.record("timed out")));
        }
        Ok(())
    }

    fn connection_lost(&mut self, _: &Transport, _: &Reason) {
        if !self.twin.is_broken() {
            for call in &self.calls {
                call.cancel().ok();
            }
        }
    }
}
