//! Programs that are a future.

use std::cell::Cell;
use std::io;
use std::rc::Rc;

use super::TaskError;
use crate::Reactor;
use crate::core::Phase;

impl Reactor {
    /// Runs until `future` has ended, as a [`Task`](crate::Task) of this reactor, and stops; its output is returned once all that
    /// belongs to [stopping](crate::ReactorHandle::stop) has been done. For programs that have an errand, as clients do.
    ///
    /// In place of the output there is [`TaskError::Panicked`] if the future has panicked; and [`TaskError::Cancelled`] if the
    /// reactor was stopped first, or a signal has begun to stop it
    /// ([`stop_on_signals`](crate::ReactorHandle::stop_on_signals)): then the connections are closed, and what the future may
    /// still make of that does not count. A future that has not ended is cancelled: it is dropped when the reactor is, or
    /// when that runs again.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use ropewalk_reactor::Reactor;
    /// let mut reactor = Reactor::new()?;
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
    /// If polling fails, which no peer and no user can cause.
    pub fn block_on<F: Future + 'static>(&mut self, future: F) -> io::Result<Result<F::Output, TaskError>> {
        let result = Rc::new(Cell::new(Err(TaskError::Cancelled)));
        let (task, handle, ended) = (self.spawn(future), self.handle(), Rc::clone(&result));
        let _waiting = self.spawn(async move {
            let output = task.await;
            // Once somebody else is ending the program, what the future makes of that does not count.
            let core = handle.core();
            if core.phase.get() == Phase::Running && !core.signalled.get() {
                ended.set(output);
            }
            handle.stop();
        });
        self.run()?;
        Ok(result.replace(Err(TaskError::Cancelled)))
    }
}
