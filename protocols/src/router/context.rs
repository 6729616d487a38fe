//! What a handler acts on.

use std::fmt;
use std::ops::Deref;
use std::time::Duration;

use ropewalk_reactor::{Bytes, ConnectionId, Result, Transport};

use super::jobs::{JobError, Jobs};
use crate::group::membership::Membership;

/// The connection that a handler of a [`Router`](super::Router) serves. It dereferences to [`Transport`]; clone that one to
/// keep it.
pub struct RouterContext<'a, S> {
    transport: &'a Transport,
    /// The state of this connection.
    pub state: &'a mut S,
    jobs: &'a mut Jobs<S>,
    membership: Option<&'a Membership<ConnectionId>>,
}

impl<'a, S: 'static> RouterContext<'a, S> {
    pub(super) fn new(
        transport: &'a Transport,
        state: &'a mut S,
        jobs: &'a mut Jobs<S>,
        membership: Option<&'a Membership<ConnectionId>>,
    ) -> Self {
        Self { transport, state, jobs, membership }
    }

    /// Sends `message` to all members of the router's [group](super::Router::in_group) but this connection. An empty one is
    /// none. A connection that is in no group tells nobody, which is logged at the level `warn`.
    pub fn tell_others(&self, message: impl Into<Bytes>) {
        match self.membership {
            Some(membership) => membership.tell_others(message),
            None => log::warn!("connection {}: it is in no group, so nobody is told", self.id()),
        }
    }

    /// Does `work` in another thread, then calls `then` with its result, on this connection and in this thread. For what
    /// blocks: files, databases, long computations.
    ///
    /// Until then the connection's reading is paused, so that whatever its peer has asked next is answered next; other
    /// connections go on. Work that one connection has begun while other work of its is under way waits for that, `then`
    /// included. Reading goes on after the last.
    ///
    /// A panic in the work comes as an error. An error that `then` returns ends the connection, as those of handlers do. When
    /// the connection is lost meanwhile, `then` is dropped, and so is work that has not begun. The threads are those of
    /// [`ReactorHandle::run_in_thread`](ropewalk_reactor::ReactorHandle::run_in_thread).
    ///
    /// ```
    /// use ropewalk_protocols::Router;
    ///
    /// let router = Router::new().prefix("hash ", |context, data| {
    ///     let data = data[5..].to_vec();
    ///     let work = move || data.iter().fold(0_u64, |sum, byte| sum.wrapping_mul(31) + u64::from(*byte));
    ///     context.run_in_thread(work, |context, sum| {
    ///         context.write(format!("{:x}\n", sum?));
    ///         Ok(())
    ///     });
    ///     Ok(())
    /// });
    /// ```
    pub fn run_in_thread<T: Send + 'static>(
        &mut self,
        work: impl FnOnce() -> T + Send + 'static,
        then: impl FnOnce(&mut RouterContext<'_, S>, Result<T, JobError>) -> Result + 'static,
    ) {
        self.jobs.add(self.transport, None, work, then);
    }

    /// Does the same, but calls `then` with [`JobError::TimedOut`] if there is no result within `time` of beginning, which
    /// includes waiting for a free thread. The work itself cannot be stopped; its result is dropped.
    pub fn run_in_thread_within<T: Send + 'static>(
        &mut self,
        time: Duration,
        work: impl FnOnce() -> T + Send + 'static,
        then: impl FnOnce(&mut RouterContext<'_, S>, Result<T, JobError>) -> Result + 'static,
    ) {
        self.jobs.add(self.transport, Some(time), work, then);
    }
}

impl<S> Deref for RouterContext<'_, S> {
    type Target = Transport;

    fn deref(&self) -> &Transport {
        self.transport
    }
}

impl<S: fmt::Debug> fmt::Debug for RouterContext<'_, S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { transport, state, .. } = self;
        formatter
            .debug_struct("RouterContext")
            .field("transport", transport)
            .field("state", state)
            .finish_non_exhaustive()
    }
}
