//! A reactor that runs for the sake of one task.

use std::cell::Cell;
use std::io;
use std::rc::Rc;

use super::TaskError;
use crate::Reactor;

impl Reactor {
    /// Runs until `future` has ended, and returns its output: for programs that do one thing after the other and are over then.
    ///
    /// The future runs as a [task](crate::ReactorHandle::spawn). When it has ended the reactor is stopped as by
    /// [`stop`](crate::ReactorHandle::stop), so what was written is sent. It can be run again afterwards.
    ///
    /// The output is [`TaskError::Panicked`] if the future panics, and [`TaskError::Cancelled`] if somebody stops the reactor
    /// before it has ended, such as a signal: then it is cancelled.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let mut reactor = ropewalk_reactor::Reactor::new()?;
    /// let handle = reactor.handle();
    /// let answer = reactor.block_on(async move {
    ///     handle.sleep(Duration::from_millis(1)).await;
    ///     6 * 7
    /// });
    /// assert_eq!(answer?, Ok(42));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn block_on<F: Future + 'static>(&mut self, future: F) -> io::Result<Result<F::Output, TaskError>> {
        let output = Rc::new(Cell::new(Err(TaskError::Cancelled)));
        let (ended, handle, task) = (Rc::clone(&output), self.handle(), self.spawn(future));
        let waiting = self.spawn(async move {
            ended.set(task.await);
            handle.stop();
        });
        self.run()?;
        drop(waiting);
        Ok(output.replace(Err(TaskError::Cancelled)))
    }
}
