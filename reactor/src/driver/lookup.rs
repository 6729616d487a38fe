//! One name to be looked up.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use crate::ResolveError;
use crate::sync::AtomicBool;
use crate::threads::Job;

/// A name whose addresses a [`Driver`](super::Driver) is asked for. Any thread may answer.
///
/// Dropped without an answer, it leaves those who wait to their timeouts.
pub struct Lookup {
    name: String,
    job: Job<Result<Vec<IpAddr>, ResolveError>>,
    /// Counts the lookups that drivers hold.
    _outstanding: Arc<()>,
}

impl Lookup {
    pub(crate) fn new(
        name: String,
        job: Job<Result<Vec<IpAddr>, ResolveError>>,
        outstanding: &Arc<()>,
    ) -> Self {
        Self { name, job, _outstanding: Arc::clone(outstanding) }
    }

    /// The name: valid, in small letters, neither an IP address nor `localhost`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether anybody still waits. An answer that nobody waits for is dropped.
    pub fn is_wanted(&self) -> bool {
        self.job.is_wanted()
    }

    /// Is set once nobody waits any more; lives on after the answer.
    pub(super) fn unwanted(&self) -> &Arc<AtomicBool> {
        self.job.unwanted()
    }

    /// Answers: with the addresses in the order in which they are to be tried, without ports.
    pub fn finish(self, result: Result<Vec<IpAddr>, ResolveError>) {
        self.job.finish(result);
    }
}

impl fmt::Debug for Lookup {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Lookup").field("name", &self.name).finish_non_exhaustive()
    }
}
