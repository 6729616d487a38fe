//! Work that would block, done in threads of the reactor's own.

use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{fmt, io};

use crate::event_loop::callbacks::catch;
use crate::remote::Message;
use crate::{Deferred, ReactorHandle};

/// Why work in a thread gave no result.
#[derive(Debug)]
#[non_exhaustive]
pub enum ThreadError {
    /// The work panicked with this message.
    Panicked(String),
    /// No thread could be started for it.
    NotStarted(io::Error),
    /// It was cancelled with [`Deferred::cancel`].
    Cancelled,
}

/// What to do with the results of the work that is under way, by the number of the job.
#[derive(Default)]
pub(crate) struct Jobs {
    next: u64,
    waiting: HashMap<u64, Finish>,
}

type Finish = Box<dyn FnOnce(Box<dyn Any + Send>)>;

impl Jobs {
    pub(crate) fn take(&mut self, job: u64) -> Option<Finish> {
        self.waiting.remove(&job)
    }

    fn insert(&mut self, finish: Finish) -> u64 {
        self.next += 1;
        self.waiting.insert(self.next, finish);
        self.next
    }
}

impl ReactorHandle {
    /// Does `work` in another thread and gives its result back in this one. For what blocks: files, name lookups of
    /// other libraries, long computations.
    ///
    /// The pool is this reactor's own, of at most 8 threads, which end after 10 seconds without work; work waits while all
    /// of them are busy, in a queue without bound. Cancelling drops the result, and the
    /// work too if it has not begun. Dropping the reactor drops work that has not begun and does not wait for the rest.
    ///
    /// ```
    /// # let mut reactor = ropewalk_reactor::Reactor::new()?;
    /// let handle = (*reactor).clone();
    /// reactor.run_in_thread(|| std::fs::read_to_string("/etc/hostname")).then(move |result| {
    ///     match result {
    ///         Ok(text) => println!("{text:?}"),
    ///         Err(error) => println!("{error}"),
    ///     }
    ///     handle.stop();
    /// });
    /// reactor.run()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn run_in_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Deferred<Result<T, ThreadError>> {
        let (deferred, resolver) = Deferred::new(self);
        let cancelled = Arc::new(AtomicBool::new(false));
        let reactor = self.clone();
        let cancel = Arc::clone(&cancelled);
        let job = self.core().jobs.borrow_mut().insert(Box::new(|result| {
            if let Ok(result) = result.downcast::<Result<T, ThreadError>>() {
                resolver.resolve(*result);
            }
        }));
        deferred.on_cancel(move || {
            cancel.store(true, Ordering::Relaxed);
            reactor.finish_job::<T>(job, Err(ThreadError::Cancelled));
        });
        let remote = self.remote();
        let started = self.core().driver.borrow_mut().run_in_thread(Box::new(move || {
            if !cancelled.load(Ordering::Relaxed) {
                let result: Result<T, ThreadError> = catch(work).map_err(ThreadError::Panicked);
                // If the reactor is gone nobody waits for the result.
                let _ = remote.finish(Message::Finished(job, Box::new(result)));
            }
        }));
        if let Err(error) = started {
            self.finish_job::<T>(job, Err(ThreadError::NotStarted(error)));
        }
        deferred
    }

    fn finish_job<T: Send + 'static>(&self, job: u64, result: Result<T, ThreadError>) {
        let finish = self.core().jobs.borrow_mut().take(job);
        if let Some(finish) = finish {
            finish(Box::new(result));
        }
    }
}

impl fmt::Display for ThreadError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked(message) => write!(formatter, "the work panicked: {message}"),
            Self::NotStarted(error) => write!(formatter, "no thread could be started for the work: {error}"),
            Self::Cancelled => formatter.write_str("the work was cancelled"),
        }
    }
}

impl std::error::Error for ThreadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NotStarted(error) => Some(error),
            Self::Panicked(_) | Self::Cancelled => None,
        }
    }
}
