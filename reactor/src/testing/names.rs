//! The names of a world in memory.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::driver::Lookup;
use crate::{Instant, ResolveError};

/// What names stand for, and who waits to know.
#[derive(Default)]
pub(super) struct Names {
    known: RefCell<HashMap<String, Vec<IpAddr>>>,
    pub(super) lookup_time: Cell<Duration>,
    pub(super) begun: Cell<usize>,
    /// With the time of the answer, in the order in which they began.
    waiting: RefCell<Vec<(Instant, Lookup)>>,
}

impl Names {
    pub(super) fn set(&self, name: &str, addresses: Vec<IpAddr>) {
        self.known.borrow_mut().insert(name.to_ascii_lowercase(), addresses);
    }

    pub(super) fn begin(&self, lookup: Lookup, now: Instant) {
        self.begun.set(self.begun.get() + 1);
        self.waiting.borrow_mut().push((now + self.lookup_time.get(), lookup));
    }

    /// When the next lookup is answered, if any ever is.
    pub(super) fn next_answer(&self) -> Option<Instant> {
        self.waiting.borrow().iter().map(|(time, _)| *time).filter(|time| *time < Instant::NEVER).min()
    }

    /// Answers the lookups whose time has come by `now`.
    pub(super) fn answer(&self, now: Instant) {
        let waiting = self.waiting.take();
        let (due, later): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|(time, _)| *time <= now);
        self.waiting.replace(later);
        for (_, lookup) in due {
            let result = self.addresses(lookup.name());
            lookup.finish(result);
        }
    }

    fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, ResolveError> {
        let addresses = self.known.borrow().get(name).cloned();
        addresses.ok_or_else(|| ResolveError::NotFound { name: name.to_owned() })
    }

    pub(super) fn forget_lookups(&self) {
        self.waiting.borrow_mut().clear();
    }
}
