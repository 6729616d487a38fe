//! What threads share state by: the standard library's, or, in the model of `driver/real/model`, what loom puts in its
//! place to try the orders in which threads can run.

#[cfg(not(all(test, loom)))]
pub(crate) use std::{
    sync::{Condvar, Mutex, MutexGuard, atomic::AtomicBool},
    thread,
};

#[cfg(all(test, loom))]
pub(crate) use condvar::Condvar;
#[cfg(all(test, loom))]
pub(crate) use loom::{
    sync::{Mutex, MutexGuard, atomic::AtomicBool},
    thread,
};

/// Loom's condition variable, whose waits never time out by themselves, with a time that passes when a model says so.
#[cfg(all(test, loom))]
mod condvar {
    use std::sync::LockResult;
    use std::sync::atomic::Ordering;
    use std::time::Duration;

    use super::{AtomicBool, MutexGuard};

    #[derive(Default)]
    pub(crate) struct Condvar {
        condvar: loom::sync::Condvar,
        time_is_up: AtomicBool,
    }

    pub(crate) struct WaitTimeoutResult(bool);

    impl Condvar {
        pub(crate) fn new() -> Self {
            Self::default()
        }

        pub(crate) fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
            self.condvar.wait(guard)
        }

        pub(crate) fn wait_timeout<'a, T>(
            &self,
            guard: MutexGuard<'a, T>,
            _: Duration,
        ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
            self.time_is_up.store(false, Ordering::SeqCst);
            // Loom poisons nothing.
            let guard = self.condvar.wait(guard).unwrap_or_else(|_| unreachable!());
            Ok((guard, WaitTimeoutResult(self.time_is_up.load(Ordering::SeqCst))))
        }

        pub(crate) fn notify_one(&self) {
            self.condvar.notify_one();
        }

        pub(crate) fn notify_all(&self) {
            self.condvar.notify_all();
        }

        /// Ends the waits that have a timeout.
        pub(crate) fn let_time_pass(&self) {
            self.time_is_up.store(true, Ordering::SeqCst);
            self.condvar.notify_all();
        }
    }

    impl WaitTimeoutResult {
        pub(crate) fn timed_out(&self) -> bool {
            self.0
        }
    }
}
