//! Threads for work that would hold up the loop.

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use crate::sync::{Condvar, Mutex, MutexGuard, thread};

/// How many threads one driver has at most for its user's work, unless the user says otherwise. That is meant to wait (for files, for other
/// libraries) more than to compute, so this does not follow the number of processors.
pub(super) const MAX_THREADS: usize = 8;

/// How long a thread waits for work before it ends, so that an idle process keeps none.
pub(super) const IDLE_TIME: Duration = Duration::from_secs(10);

/// Something to be done by a thread.
type Work = Box<dyn FnOnce() + Send>;

/// A pool of threads that start when there is work and end when there is none.
///
/// Dropping it drops the work that no thread has begun. What has begun goes on to its end; nobody waits for
/// it.
pub(super) struct Workers {
    pool: Arc<Pool>,
}

impl Workers {
    /// A pool without threads yet; each will be named after `purpose`.
    pub(super) fn new(purpose: &'static str, idle_time: Duration) -> Self {
        Self { pool: Arc::new(Pool { state: Mutex::default(), changed: Condvar::new(), purpose, idle_time }) }
    }

    /// Has `work` done as soon as a thread is free; starts one if there are fewer than `threads`. It is an error
    /// that there is no thread and none can be started.
    pub(super) fn run(&self, threads: usize, work: Work) -> io::Result<()> {
        let mut state = self.pool.lock();
        // Work in the queue is spoken for by that many idle threads, which have not woken up yet.
        if state.idle <= state.queue.len() && state.threads < threads {
            if let Err(error) = self.start_thread(&mut state) {
                state.go_on_without(error)?;
            }
        }
        state.queue.push_back(work);
        drop(state);
        self.pool.changed.notify_one();
        Ok(())
    }

    /// Starts threads for the work that waits, as far as there may be `threads` in all.
    pub(super) fn raise(&self, threads: usize) {
        let mut state = self.pool.lock();
        let lacking = state.queue.len().saturating_sub(state.idle);
        for _ in 0..lacking.min(threads.saturating_sub(state.threads)) {
            if let Err(error) = self.start_thread(&mut state) {
                // There are others: no work waits without any.
                let _ = state.go_on_without(error);
                break;
            }
        }
    }

    /// How many threads there are.
    #[cfg(test)]
    pub(super) fn threads(&self) -> usize {
        self.pool.lock().threads
    }

    /// How many of them wait for work.
    #[cfg(test)]
    pub(super) fn idle(&self) -> usize {
        let state = self.pool.lock();
        if state.queue.is_empty() { state.idle } else { 0 }
    }

    /// Lets the time of threads without work be up.
    #[cfg(all(test, loom))]
    pub(super) fn let_time_pass(&self) {
        self.pool.changed.let_time_pass();
    }

    /// Starts a thread, which will wait for the lock that the caller holds.
    fn start_thread(&self, state: &mut State) -> io::Result<()> {
        let pool = Arc::clone(&self.pool);
        let name = format!("ropewalk-{}-{}", pool.purpose, state.started + 1);
        thread::Builder::new().name(name).spawn(move || pool.serve())?;
        state.threads += 1;
        state.started += 1;
        Ok(())
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        let mut state = self.pool.lock();
        state.closed = true;
        let abandoned = mem::take(&mut state.queue);
        drop(state);
        self.pool.changed.notify_all();
        // Not under the lock: what the work owns may do anything when it is dropped.
        drop(abandoned);
    }
}

/// What the threads and their owner share.
struct Pool {
    state: Mutex<State>,
    /// There is work, or the pool was closed.
    changed: Condvar,
    /// What the threads are for.
    purpose: &'static str,
    idle_time: Duration,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Work>,
    /// How many threads there are.
    threads: usize,
    /// How many of them wait.
    idle: usize,
    /// How many threads there have ever been, for their names.
    started: usize,
    closed: bool,
}

impl State {
    /// Makes do with the threads that there are, as no more can be started, if there are any.
    fn go_on_without(&self, error: io::Error) -> io::Result<()> {
        if self.threads == 0 {
            return Err(error);
        }
        log::warn!("{} threads must do, no more can be started: {error}", self.threads);
        Ok(())
    }
}

impl Pool {
    /// The life of a thread.
    fn serve(&self) {
        let mut state = self.lock();
        while !state.closed {
            if let Some(work) = state.queue.pop_front() {
                drop(state);
                // Whoever wants to know of a panic catches it within the work; the thread has other work to
                // do.
                let _ = catch_unwind(AssertUnwindSafe(work));
                state = self.lock();
                continue;
            }
            state.idle += 1;
            let (woken, wait) =
                self.changed.wait_timeout(state, self.idle_time).unwrap_or_else(PoisonError::into_inner);
            state = woken;
            state.idle -= 1;
            // Work may have come just after the time was up, before this thread had the lock again.
            if wait.timed_out() && state.queue.is_empty() {
                break;
            }
        }
        state.threads -= 1;
    }

    /// Nothing panics while it holds the lock, so the state is whole even if the lock says otherwise.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
