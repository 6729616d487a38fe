//! Waiting for time to pass, and for no longer than that.

use std::fmt;
use std::time::Duration;

use super::race::race;
use crate::{Deferred, ReactorHandle};

/// Something did not come within the time given to [`ReactorHandle::timeout`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimedOut {
    /// The time that was allowed.
    pub after: Duration,
}

impl ReactorHandle {
    /// Waits until `duration` from [`now`](Self::now) has passed: never shorter (G9). A duration of zero lets everybody
    /// else have a turn.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # async fn example(reactor: ropewalk_reactor::ReactorHandle) {
    /// reactor.sleep(Duration::from_secs(5)).await;
    /// # }
    /// ```
    pub fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Unpin + use<> {
        let (deferred, resolver) = Deferred::new(self);
        let call = self.call_later(duration, move |_| resolver.resolve(()));
        deferred.on_cancel(move || {
            // It has been made if the time is just over.
            let _ = call.cancel();
        });
        deferred.into_future()
    }

    /// Waits for `future`, but no longer than `within`; then it is dropped, which cancels a [`Deferred`] or a
    /// [`Task`](crate::Task). The time begins now, not at the first `await`.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use ropewalk_reactor::{ReactorHandle, TimedOut};
    /// # async fn example(reactor: ReactorHandle) {
    /// let work = reactor.run_in_thread(|| std::fs::read("/etc/hostname"));
    /// match reactor.timeout(Duration::from_secs(5), work).await {
    ///     Ok(result) => println!("{result:?}"),
    ///     Err(TimedOut { after }) => println!("nothing within {after:?}"),
    /// }
    /// # }
    /// ```
    pub fn timeout<F: IntoFuture>(
        &self,
        within: Duration,
        future: F,
    ) -> impl Future<Output = Result<F::Output, TimedOut>> + use<F> {
        let sleep = self.sleep(within);
        let in_time = async move { Ok(future.await) };
        race(in_time, async move {
            sleep.await;
            Err(TimedOut { after: within })
        })
    }
}

impl fmt::Display for TimedOut {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "no result within {:?}", self.after)
    }
}

impl std::error::Error for TimedOut {}
