//! Waiting for one of two.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

/// Waits for whichever of two futures ends first, and drops the other, which cancels a [`Deferred`](crate::Deferred) or a
/// [`Task`](crate::Task). If both have ended, the first one counts. Of more than two, race one against the race of the others.
///
/// It belongs to no reactor. Nothing is spawned: both may borrow what surrounds them.
///
/// ```
/// # use std::time::Duration;
/// # use ropewalk_reactor::{ReactorHandle, race};
/// # async fn example(reactor: ReactorHandle) {
/// let slow = async { reactor.sleep(Duration::from_secs(2)).await; "slow" };
/// let fast = async { reactor.sleep(Duration::from_secs(1)).await; "fast" };
/// assert_eq!(race(slow, fast).await, "fast");
/// # }
/// ```
pub async fn race<T>(first: impl IntoFuture<Output = T>, second: impl IntoFuture<Output = T>) -> T {
    let (mut first, mut second) = (pin!(first.into_future()), pin!(second.into_future()));
    poll_fn(|context| match first.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(output),
        Poll::Pending => second.as_mut().poll(context),
    })
    .await
}
