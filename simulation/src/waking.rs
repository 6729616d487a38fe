//! How reactors are woken, from the simulation's own thread or from others.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ropewalk_reactor::driver::Wake;

use crate::world::HostIndex;

/// The hosts that were woken since the simulation last looked.
#[derive(Default)]
pub(crate) struct Woken {
    /// So that looking costs next to nothing.
    any: AtomicBool,
    hosts: Mutex<Vec<(HostIndex, u64)>>,
}

/// Wakes the reactor of one boot of a host.
pub(crate) struct HostWaker {
    pub(crate) woken: Arc<Woken>,
    pub(crate) host: HostIndex,
    pub(crate) boot: u64,
}

impl Woken {
    /// Takes the hosts, with the boots that were meant.
    pub(crate) fn take(&self) -> Vec<(HostIndex, u64)> {
        if !self.any.swap(false, Ordering::AcqRel) {
            return Vec::new();
        }
        std::mem::take(&mut self.hosts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Wake for HostWaker {
    fn wake(&self) {
        self.woken.hosts.lock().unwrap_or_else(PoisonError::into_inner).push((self.host, self.boot));
        self.woken.any.store(true, Ordering::Release);
    }
}
