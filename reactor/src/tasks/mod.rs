//! Futures that run on the loop, for code that reads better in a line.

mod executor;
mod race;
mod run_until;
mod sleep;

use std::cell::RefCell;
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::ReactorHandle;
use crate::core::Phase;
pub(crate) use executor::Tasks;
use executor::{Ending, TaskId};
pub use race::race;
pub use sleep::TimedOut;

/// A future that runs on the loop; [`ReactorHandle::spawn`] makes it.
///
/// Awaiting a task gives its output, or says why there is none. Dropping the handle cancels the task;
/// [`detach`](Self::detach) lets it run on.
///
/// # Cancelling
///
/// A cancelled task's future is dropped by the loop in its next turn, never from inside its own poll; so what it was
/// doing ends at the `await` where it waits. A [`Deferred`](crate::Deferred) awaited there is cancelled with it. A task
/// that ends before keeps its output.
#[must_use = "dropping a task cancels it; `detach` lets it run on"]
pub struct Task<T> {
    reactor: ReactorHandle,
    /// `None` once nothing is to be cancelled: it was detached, or the reactor was gone when it was spawned.
    id: Option<TaskId>,
    outcome: Rc<Outcome<T>>,
}

/// Why a task has no output.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum TaskError {
    /// It panicked with this message.
    Panicked(String),
    /// It was cancelled, or its reactor was gone before it began.
    Cancelled,
}

/// What a task and its handle share.
struct Outcome<T>(RefCell<Progress<T>>);

enum Progress<T> {
    /// The task goes on; who waits for it, if anybody does.
    Running(Option<Waker>),
    Ended(Result<T, TaskError>),
    /// The result was given to the one who waited.
    Taken,
}

impl ReactorHandle {
    /// Runs `future` on the loop, beginning in the next batch of tasks. It need not be `Send`.
    ///
    /// Each turn runs the tasks that were woken before, after timers and commands and before output is sent; what they
    /// wake runs in the next turn, so tasks that wake each other for ever keep nobody waiting. A task that does not come
    /// to an `await` holds the loop as any callback does, and is warned about like one. A panic ends the task
    /// alone: it is logged, and whoever awaits the task gets [`TaskError::Panicked`].
    ///
    /// Tasks that have not ended when the reactor stops go on if it is run again, and are dropped with it. They may hold
    /// handles on it. A waker may be used from any thread.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # let mut reactor = ropewalk_reactor::Reactor::new()?;
    /// let handle = reactor.handle();
    /// let answer = reactor.spawn(async move {
    ///     handle.sleep(Duration::from_millis(1)).await;
    ///     handle.run_in_thread(|| 6 * 7).await
    /// });
    /// let handle = reactor.handle();
    /// reactor.spawn(async move {
    ///     assert_eq!(answer.await.unwrap().unwrap(), 42);
    ///     handle.stop();
    /// }).detach();
    /// reactor.run()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn spawn<F: Future + 'static>(&self, future: F) -> Task<F::Output> {
        let outcome = Rc::new(Outcome(RefCell::new(Progress::Running(None))));
        if self.core().phase.get() == Phase::Gone {
            outcome.end(Err(TaskError::Cancelled));
            return Task { reactor: self.clone(), id: None, outcome };
        }
        let ended = Rc::clone(&outcome);
        let whole = async move { ended.end(Ok(future.await)) };
        let failing = Rc::<Outcome<F::Output>>::clone(&outcome);
        let id = self.core().tasks.insert(Box::pin(whole), failing);
        Task { reactor: self.clone(), id: Some(id), outcome }
    }
}

impl<T> Task<T> {
    /// Gives the task up. Who awaits it gets [`TaskError::Cancelled`], unless it ends before the loop gets to it.
    pub fn cancel(&self) {
        if let Some(id) = self.id {
            self.reactor.core().tasks.cancel(id);
        }
    }

    /// Lets the task run on without this handle. Its output is dropped.
    pub fn detach(mut self) {
        self.id = None;
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.cancel();
    }
}

impl<T> Future for Task<T> {
    type Output = Result<T, TaskError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let progress = self.outcome.0.replace(Progress::Taken);
        match progress {
            Progress::Ended(result) => Poll::Ready(result),
            Progress::Running(_) => {
                self.outcome.0.replace(Progress::Running(Some(context.waker().clone())));
                Poll::Pending
            }
            Progress::Taken => panic!("a task was awaited again after it had given its output"),
        }
    }
}

impl<T> Outcome<T> {
    fn end(&self, result: Result<T, TaskError>) {
        if let Progress::Running(Some(waker)) = self.0.replace(Progress::Ended(result)) {
            waker.wake();
        }
    }
}

impl<T> Ending for Outcome<T> {
    fn fail(&self, error: TaskError) {
        self.end(Err(error));
    }
}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Task")
    }
}

impl fmt::Display for TaskError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked(message) => write!(formatter, "the task panicked: {message}"),
            Self::Cancelled => formatter.write_str("the task was cancelled"),
        }
    }
}

impl std::error::Error for TaskError {}
