//! Work that would block, done in threads of the reactor's own.

use std::any::Any;
use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::{fmt, io};

use crate::event_loop::callbacks::catch;
use crate::remote::Message;
use crate::sync::AtomicBool;
use crate::{Deferred, ReactorHandle, Remote};

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
    /// Sets how many threads [`run_in_thread`](Self::run_in_thread) may have, at least one: more for work that waits for
    /// others, fewer for work that takes much memory. Default 8. Threads for work that waits start at once; those that there are
    /// beyond that number go on until they find no more work.
    ///
    /// Work for a pool of your own, or for other processes, comes back by a [`Remote`].
    pub fn set_max_threads(&self, threads: usize) {
        self.core().driver.borrow_mut().set_max_threads(threads.max(1));
    }

    /// Does `work` in another thread and gives its result back in this one. For what blocks: files, name lookups of
    /// other libraries, long computations.
    ///
    /// The pool is this reactor's own, of at most 8 threads ([`set_max_threads`](Self::set_max_threads)), which end after
    /// 10 seconds without work; work waits while all
    /// of them are busy, in a queue without bound. Cancelling drops the result, and the
    /// work too if it has not begun. Dropping the reactor drops work that has not begun and does not wait for the rest.
    ///
    /// ```
    /// # let mut reactor = ropewalk_reactor::Reactor::new()?;
    /// let handle = reactor.handle();
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
        let (deferred, job) = self.begin_job(|| Err(ThreadError::Cancelled));
        let number = job.number;
        let started = self.core().driver.borrow_mut().run_in_thread(Box::new(move || {
            if job.is_wanted() {
                job.finish(catch(work).map_err(ThreadError::Panicked));
            }
        }));
        if let Err(error) = started {
            self.finish_job::<Result<T, ThreadError>>(number, Err(ThreadError::NotStarted(error)));
        }
        deferred
    }

    /// A deferred whose value comes from another thread, or from `cancelled` if it is cancelled before.
    pub(crate) fn begin_job<T: Send + 'static>(
        &self,
        cancelled: impl FnOnce() -> T + 'static,
    ) -> (Deferred<T>, Job<T>) {
        let (deferred, resolver) = Deferred::new(self);
        let number = self.core().jobs.borrow_mut().insert(Box::new(|value| {
            if let Ok(value) = value.downcast::<T>() {
                resolver.resolve(*value);
            }
        }));
        let job = Job { number, remote: self.remote(), unwanted: Arc::default(), value: PhantomData };
        let (reactor, unwanted) = (self.clone(), Arc::clone(&job.unwanted));
        deferred.on_cancel(move || {
            unwanted.store(true, Ordering::Relaxed);
            reactor.finish_job(number, cancelled());
        });
        (deferred, job)
    }

    /// Gives the deferred of a job its value from this thread.
    pub(crate) fn finish_job<T: Send + 'static>(&self, number: u64, value: T) {
        let finish = self.core().jobs.borrow_mut().take(number);
        if let Some(finish) = finish {
            finish(Box::new(value));
        }
    }
}

/// The end of a job that its thread has.
pub(crate) struct Job<T> {
    pub(crate) number: u64,
    remote: Remote,
    unwanted: Arc<AtomicBool>,
    value: PhantomData<fn(T)>,
}

impl<T: Send + 'static> Job<T> {
    /// Whether anybody waits for the value: nobody does once the job is cancelled.
    pub(crate) fn is_wanted(&self) -> bool {
        !self.unwanted.load(Ordering::Relaxed)
    }

    /// What tells that the job is not wanted any more, also after the job was finished.
    pub(crate) fn unwanted(&self) -> &Arc<AtomicBool> {
        &self.unwanted
    }

    /// Gives the deferred its value.
    pub(crate) fn finish(self, value: T) {
        // If the reactor is gone nobody waits for the value.
        let _ = self.remote.finish(Message::Finished(self.number, Box::new(value)));
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
