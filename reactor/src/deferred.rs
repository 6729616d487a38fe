//! One-shot results that come later.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use crate::ReactorHandle;

/// A value that will come later: the result of [`connect`](ReactorHandle::connect), of
/// [`run_in_thread`](ReactorHandle::run_in_thread), of stopping a port.
///
/// [`then`](Self::then) says what to do with it. Dropping a `Deferred` drops only the interest in the value, not the
/// operation; [`cancel`](Self::cancel) gives the operation up.
///
/// ```
/// # use ropewalk_reactor::{Deferred, Reactor};
/// # let mut reactor = Reactor::new()?;
/// let (deferred, resolver) = Deferred::new(&reactor);
/// let handle = (*reactor).clone();
/// deferred.then(move |answer: u32| {
///     assert_eq!(answer, 42);
///     handle.stop();
/// });
/// resolver.resolve(42);
/// reactor.run()?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "without `then` nobody hears the result"]
pub struct Deferred<T> {
    shared: Rc<Shared<T>>,
}

/// The other end of a [`Deferred`]: gives it its value, once.
///
/// Dropped without a value, it leaves the `Deferred` waiting for ever, and what was to be done with it is dropped.
pub struct Resolver<T> {
    shared: Rc<Shared<T>>,
}

struct Shared<T> {
    reactor: ReactorHandle,
    state: RefCell<State<T>>,
    canceller: RefCell<Option<Box<dyn FnOnce()>>>,
}

enum State<T> {
    /// Neither the value nor what to do with it is known.
    Waiting,
    /// What to do is known.
    Wanted(Box<dyn FnOnce(T)>),
    /// The value is known.
    Resolved(T),
    /// Both have met, or one of them is gone.
    Done,
}

impl<T: 'static> Deferred<T> {
    /// A deferred without a value and the resolver that will give it one.
    pub fn new(reactor: &ReactorHandle) -> (Self, Resolver<T>) {
        let shared = Rc::new(Shared {
            reactor: reactor.clone(),
            state: RefCell::new(State::Waiting),
            canceller: RefCell::new(None),
        });
        (Self { shared: Rc::clone(&shared) }, Resolver { shared })
    }

    /// A deferred that has its value already.
    pub fn resolved(reactor: &ReactorHandle, value: T) -> Self {
        let (deferred, resolver) = Self::new(reactor);
        resolver.resolve(value);
        deferred
    }

    /// Calls `callback` with the value when it comes: from the loop, never from within this call.
    pub fn then(self, callback: impl FnOnce(T) + 'static) {
        let state = self.shared.state.replace(State::Done);
        match state {
            State::Resolved(value) => self.shared.reactor.core().call(Box::new(move |_| callback(value))),
            State::Waiting => {
                self.shared.state.replace(State::Wanted(Box::new(callback)));
            }
            State::Wanted(_) | State::Done => {}
        }
    }

    /// A deferred whose value is made from this one's. Cancelling it cancels this one.
    pub fn map<U: 'static>(self, change: impl FnOnce(T) -> U + 'static) -> Deferred<U> {
        let (mapped, resolver) = Deferred::new(&self.shared.reactor);
        // The operation holds the source; were it held from here too, an operation that never ends would leak both.
        let source = Rc::downgrade(&self.shared);
        mapped.on_cancel(move || {
            if let Some(source) = source.upgrade() {
                source.cancel();
            }
        });
        self.then(move |value| resolver.resolve(change(value)));
        mapped
    }

    /// Gives the operation up, if it still goes on and can be given up. The value still comes: whatever says that the
    /// operation was cancelled.
    pub fn cancel(&self) {
        self.shared.cancel();
    }
}

impl<T> Deferred<T> {
    /// Sets what [`cancel`](Self::cancel) does: record the wish to give up; it must call no user code.
    pub(crate) fn on_cancel(&self, canceller: impl FnOnce() + 'static) {
        self.shared.canceller.replace(Some(Box::new(canceller)));
    }
}

impl<T> Shared<T> {
    fn cancel(&self) {
        let canceller = self.canceller.borrow_mut().take();
        if let Some(cancel) = canceller {
            cancel();
        }
    }
}

impl<T: 'static> Resolver<T> {
    /// Gives the deferred its value. If nobody waits for it any more, the value is dropped.
    pub fn resolve(self, value: T) {
        drop(self.shared.canceller.take());
        let state = self.shared.state.replace(State::Done);
        match state {
            State::Wanted(callback) => self.shared.reactor.core().call(Box::new(move |_| callback(value))),
            State::Waiting if self.is_awaited() => {
                self.shared.state.replace(State::Resolved(value));
            }
            State::Waiting | State::Resolved(_) | State::Done => {}
        }
    }

    /// Whether anybody will hear the value.
    pub fn is_awaited(&self) -> bool {
        matches!(*self.shared.state.borrow(), State::Wanted(_)) || Rc::strong_count(&self.shared) > 1
    }
}

impl<T> fmt::Debug for Deferred<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Deferred")
    }
}

impl<T> fmt::Debug for Resolver<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Resolver")
    }
}
