//! A driver without sockets: a poll that waits for wakers, and the threads of the real driver.

use std::io;
use std::sync::{Arc, PoisonError};
use std::time::SystemTime;

use crate::driver::real::lookups::Lookups;
use crate::driver::real::workers::{IDLE_TIME, Workers};
use crate::driver::{
    ConnectOptions, Driver, Event, ListenOptions, Listener, Lookup, PollUntil, Stream, Wake,
};
use crate::sync::{Condvar, Mutex, MutexGuard};
use crate::{Address, Instant};

/// How many threads do work, so that some work has to wait.
const THREADS: usize = 1;

pub(super) struct ModelDriver {
    bell: Arc<Bell>,
    workers: Workers,
    lookups: Lookups,
}

impl ModelDriver {
    pub(super) fn new() -> Self {
        Self {
            bell: Arc::default(),
            workers: Workers::new("worker", IDLE_TIME),
            lookups: Lookups::by(|_| Ok(Vec::new())),
        }
    }
}

/// The descriptor that wakers write to and a poll reads.
#[derive(Default)]
struct Bell {
    rung: Mutex<bool>,
    changed: Condvar,
}

impl Bell {
    fn lock(&self) -> MutexGuard<'_, bool> {
        self.rung.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Bell {
    fn wake(&self) {
        *self.lock() = true;
        self.changed.notify_one();
    }
}

impl Driver for ModelDriver {
    fn now(&self) -> Instant {
        Instant::ZERO
    }

    fn system_time(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }

    /// No time passes in a model, so a deadline is never reached.
    fn poll(&mut self, until: PollUntil, events: &mut Vec<Event>) -> io::Result<()> {
        let mut rung = self.bell.lock();
        while until != PollUntil::Now && !*rung {
            rung = self.bell.changed.wait(rung).unwrap_or_else(PoisonError::into_inner);
        }
        if std::mem::take(&mut *rung) {
            events.push(Event::Woken);
        }
        Ok(())
    }

    fn listen(&mut self, _: &Address, _: &ListenOptions) -> io::Result<Box<dyn Listener>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn connect(&mut self, _: &Address, _: &ConnectOptions) -> io::Result<Box<dyn Stream>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn waker(&self) -> Arc<dyn Wake> {
        Arc::<Bell>::clone(&self.bell)
    }

    fn run_in_thread(&mut self, work: Box<dyn FnOnce() + Send>) -> io::Result<()> {
        self.workers.run(THREADS, work)
    }

    fn resolve(&mut self, lookup: Lookup) -> io::Result<()> {
        self.lookups.begin(lookup)
    }

    fn watch_signals(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn random_seed(&mut self) -> u64 {
        0
    }
}
