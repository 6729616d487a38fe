//! The resolver of the operating system.

use std::net::IpAddr;
use std::sync::Arc;

use super::{NameResolver, ResolveError};
use crate::driver::Lookup;
use crate::{Deferred, ReactorHandle};

/// How many lookups a driver may hold at a time.
const LOOKUPS_MAX: usize = 1024;

/// Asks the operating system, as all its other programs do: by `getaddrinfo`, which heeds `/etc/hosts` and its like. The
/// resolver that a reactor has unless told otherwise.
///
/// The addresses come in the order that the system prefers, on most by RFC 6724. Lookups are done on at most 4 threads of
/// their own, never those of [`run_in_thread`](ReactorHandle::run_in_thread), which end after 10 seconds without work. As
/// a lookup cannot be stopped, one that is given up keeps its thread until the system answers; up to 12 further threads
/// stand in for such. At most 1024 lookups may be under way; the next fails with [`ResolveError::TooMany`].
///
/// The scope of a link-local IPv6 address is not passed on, so such addresses cannot be connected to by name.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl NameResolver for SystemResolver {
    fn resolve(&self, reactor: &ReactorHandle, name: &str) -> Deferred<Result<Vec<IpAddr>, ResolveError>> {
        let name = name.to_owned();
        let core = reactor.core();
        let outstanding = Arc::clone(&core.names.borrow().outstanding);
        // One is held here, one by the reactor.
        if Arc::strong_count(&outstanding) - 2 >= LOOKUPS_MAX {
            return Deferred::resolved(reactor, Err(ResolveError::TooMany { name, limit: LOOKUPS_MAX }));
        }
        let cancelled = ResolveError::Cancelled { name: name.clone() };
        let (deferred, job) = reactor.begin_job(|| Err(cancelled));
        let number = job.number;
        let begun = core.driver.borrow_mut().resolve(Lookup::new(name.clone(), job, &outstanding));
        if let Err(error) = begun {
            let failed: Result<Vec<IpAddr>, _> = Err(ResolveError::Failed { name, source: Arc::new(error) });
            reactor.finish_job(number, failed);
        }
        deferred
    }
}
