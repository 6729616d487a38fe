//! Names looked up by the operating system, in threads of their own.

use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use super::workers::{IDLE_TIME, Workers};
use crate::ResolveError;
use crate::driver::Lookup;
use crate::sync::AtomicBool;

/// How many threads look names up.
pub(super) const LOOKUP_THREADS: usize = 4;

/// How many threads there may be together with those that stand in for threads whose lookups were given up.
pub(super) const LOOKUP_THREADS_MAX: usize = 16;

/// Finds the addresses of a name, and blocks meanwhile.
type LookUp = Arc<dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync>;

/// The lookups of one driver.
pub(super) struct Lookups {
    workers: Workers,
    look_up: LookUp,
    under_way: Vec<UnderWay>,
}

/// A lookup that was handed to the threads.
struct UnderWay {
    /// Whether a thread has begun it; gone once it is done.
    begun: Weak<AtomicBool>,
    /// Nobody waits for it any more.
    unwanted: Arc<AtomicBool>,
}

impl Lookups {
    pub(super) fn of_system() -> Self {
        Self::by(|name| Ok((name, 0).to_socket_addrs()?.map(|address| address.ip()).collect()))
    }

    pub(super) fn by(look_up: impl Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync + 'static) -> Self {
        Self { workers: Workers::new("names", IDLE_TIME), look_up: Arc::new(look_up), under_way: Vec::new() }
    }

    /// Has a name looked up when a thread is free, unless nobody waits for it any more by then.
    pub(super) fn begin(&mut self, lookup: Lookup) -> io::Result<()> {
        let begun = Arc::new(AtomicBool::new(false));
        self.under_way.retain(|other| other.begun.strong_count() > 0);
        self.under_way
            .push(UnderWay { begun: Arc::downgrade(&begun), unwanted: Arc::clone(lookup.unwanted()) });
        let look_up = Arc::clone(&self.look_up);
        let work = move || {
            if lookup.is_wanted() {
                begun.store(true, Ordering::Relaxed);
                let result = look_up(lookup.name()).map_err(|error| explain(lookup.name(), error));
                lookup.finish(result);
            }
        };
        self.workers.run(self.threads(), Box::new(work))
    }

    /// How many threads there may be: a lookup that nobody waits for must not keep others from being looked up.
    fn threads(&self) -> usize {
        let stuck = self.under_way.iter().filter(|lookup| lookup.is_stuck()).count();
        (LOOKUP_THREADS + stuck).min(LOOKUP_THREADS_MAX)
    }
}

impl UnderWay {
    fn is_stuck(&self) -> bool {
        let begun = self.begun.upgrade().is_some_and(|begun| begun.load(Ordering::Relaxed));
        begun && self.unwanted.load(Ordering::Relaxed)
    }
}

/// What systems say in place of a kind that the standard library would know: glibc, musl, the BSDs and macOS. Programs
/// that do not set a locale get it in English.
const NOT_FOUND: [&str; 5] = [
    "Name or service not known",
    "No address associated with hostname",
    "Name does not resolve",
    "Name has no usable address",
    "nor servname provided, or not known",
];
const TEMPORARY: [&str; 2] = ["Temporary failure in name resolution", "Try again"];

/// The numbers of Windows: WSAHOST_NOT_FOUND and WSANO_DATA, WSATRY_AGAIN.
const NOT_FOUND_ON_WINDOWS: [i32; 2] = [11001, 11004];
const TEMPORARY_ON_WINDOWS: i32 = 11002;

/// Tells "there is none" from "it cannot be told now".
pub(super) fn explain(name: &str, error: io::Error) -> ResolveError {
    let name = name.to_owned();
    let text = error.to_string();
    let number = error.raw_os_error().filter(|_| cfg!(windows));
    if NOT_FOUND.iter().any(|known| text.contains(known))
        || number.is_some_and(|number| NOT_FOUND_ON_WINDOWS.contains(&number))
    {
        ResolveError::NotFound { name }
    } else if TEMPORARY.iter().any(|known| text.contains(known)) || number == Some(TEMPORARY_ON_WINDOWS) {
        ResolveError::Temporary { name, source: Arc::new(error) }
    } else {
        ResolveError::Failed { name, source: Arc::new(error) }
    }
}
