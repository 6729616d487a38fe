//! Two futures of which one is enough.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

/// Waits for whichever of two futures ends first, and drops the other, which cancels a [`Deferred`](crate::Deferred) or a
/// [`Task`](crate::Task). If both have ended, the output is the first one's.
///
/// Both run in the task that waits here, so they may borrow what it has.
///
/// ```
/// # use std::time::Duration;
/// # use ropewalk_reactor::{ReactorHandle, race};
/// /// Counts until somebody presses a key, and says how far it got.
/// async fn count(reactor: ReactorHandle, key: impl Future<Output = ()>) -> u32 {
///     let mut seconds = 0;
///     let counting = async {
///         loop {
///             reactor.sleep(Duration::from_secs(1)).await;
///             seconds += 1;
///         }
///     };
///     race(key, counting).await;
///     seconds
/// }
/// ```
pub async fn race<T>(first: impl IntoFuture<Output = T>, second: impl IntoFuture<Output = T>) -> T {
    let (mut first, mut second) = (pin!(first.into_future()), pin!(second.into_future()));
    poll_fn(|context| match first.as_mut().poll(context) {
        Poll::Pending => second.as_mut().poll(context),
        ready => ready,
    })
    .await
}
