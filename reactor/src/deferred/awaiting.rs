//! Deferreds in asynchronous code.

use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::{Deferred, Shared, State};

/// A [`Deferred`] that is awaited. Dropped before the value is there, it cancels the operation.
#[must_use = "a future does nothing unless it is awaited, and dropping this one cancels the operation"]
pub struct DeferredFuture<T> {
    shared: Rc<Shared<T>>,
}

/// `deferred.await` gives the value. A task that is cancelled meanwhile, or whose patience ends with
/// [`ReactorHandle::timeout`](crate::ReactorHandle::timeout), cancels the operation; what has succeeded already is not undone.
impl<T: 'static> IntoFuture for Deferred<T> {
    type Output = T;
    type IntoFuture = DeferredFuture<T>;

    fn into_future(self) -> DeferredFuture<T> {
        DeferredFuture { shared: self.shared }
    }
}

impl<T> Future for DeferredFuture<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let state = self.shared.state.replace(State::Done);
        match state {
            State::Resolved(value) => Poll::Ready(value),
            State::Waiting | State::Awaited(_) => {
                self.shared.state.replace(State::Awaited(context.waker().clone()));
                Poll::Pending
            }
            State::Wanted(_) | State::Done => panic!("a deferred was awaited again after it had its value"),
        }
    }
}

impl<T> Drop for DeferredFuture<T> {
    fn drop(&mut self) {
        let state = self.shared.state.replace(State::Done);
        if matches!(state, State::Waiting | State::Awaited(_)) {
            self.shared.cancel();
        }
    }
}

impl<T> fmt::Debug for DeferredFuture<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("DeferredFuture")
    }
}
