//! One-shot results that come later.

mod awaiting;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::{Rc, Weak};
use std::task::Waker;

use crate::ReactorHandle;
pub use awaiting::DeferredFuture;

/// A value that will come later: the result of [`connect`](ReactorHandle::connect), of
/// [`run_in_thread`](ReactorHandle::run_in_thread), of stopping a port.
///
/// [`then`](Self::then) says what to do with it; in a [`Task`](crate::Task) it can be awaited. Dropping a `Deferred` drops
/// only the interest in the value, not the operation; [`cancel`](Self::cancel) gives the operation up, and so does whoever
/// stops awaiting it.
///
/// ```
/// # use ropewalk_reactor::{Deferred, Reactor};
/// # let mut reactor = Reactor::new()?;
/// let (deferred, resolver) = Deferred::new(&reactor);
/// let handle = reactor.handle();
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
/// Dropped without a value, it leaves the `Deferred` waiting for ever, and what was to be done with it is dropped; a
/// task that awaits it waits until it is cancelled.
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
    /// A future waits for the value.
    Awaited(Waker),
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
            State::Wanted(_) | State::Awaited(_) | State::Done => {}
        }
    }

    /// A deferred whose value is made from this one's. Cancelling it cancels this one.
    pub fn map<U: 'static>(self, change: impl FnOnce(T) -> U + 'static) -> Deferred<U> {
        let (mapped, resolver) = Deferred::new(&self.shared.reactor);
        // The operation holds the source; were it held from here too, an operation that never ends would leak both.
        let source = Rc::downgrade(&self.shared);
        mapped.on_cancel(move || cancel(&source));
        self.then(move |value| resolver.resolve(change(value)));
        mapped
    }

    /// A deferred for the value of a second operation, which `next` begins when the first one's value is there. Cancelling
    /// it cancels the one that is under way.
    pub fn and_then<U: 'static>(self, next: impl FnOnce(T) -> Deferred<U> + 'static) -> Deferred<U> {
        let (chained, resolver) = Deferred::new(&self.shared.reactor);
        let source = Rc::downgrade(&self.shared);
        let cancelled = Rc::new(Cell::new(false));
        let cancelling = Rc::clone(&cancelled);
        chained.on_cancel(move || {
            cancelling.set(true);
            cancel(&source);
        });
        self.then(move |value| {
            let second = next(value);
            if cancelled.get() {
                second.cancel();
            }
            let source = Rc::downgrade(&second.shared);
            resolver.shared.canceller.replace(Some(Box::new(move || cancel(&source))));
            second.then(move |value| resolver.resolve(value));
        });
        chained
    }

    /// Gives the operation up, if it still goes on and can be given up. The value still comes: whatever says that the
    /// operation was cancelled.
    pub fn cancel(&self) {
        self.shared.cancel();
    }
}

impl<T> Deferred<T> {
    /// Sets what [`cancel`](Self::cancel) does, in place of what was set before: give the operation up, and have the
    /// [`Resolver`] resolve to a value that says so. It is called once at the most, from within `cancel`, and never after
    /// the value has come.
    ///
    /// Hold the [`Resolver`] in it only by a [`Weak`]: each would keep the other.
    pub fn on_cancel(&self, canceller: impl FnOnce() + 'static) {
        if matches!(*self.shared.state.borrow(), State::Waiting) {
            self.shared.canceller.replace(Some(Box::new(canceller)));
        }
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
            State::Awaited(waker) => {
                self.shared.state.replace(State::Resolved(value));
                // Not necessarily a task's: it is the code of whoever polls.
                self.shared.reactor.core().run_guarded("a waker", || waker.wake());
            }
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

/// Cancels the operation behind a deferred that another was made from.
fn cancel<T>(source: &Weak<Shared<T>>) {
    if let Some(source) = source.upgrade() {
        source.cancel();
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Reactor, Status, When};

    /// Turns that are plenty for what needs a few.
    fn turn(reactor: &mut Reactor, turns: usize) -> Status {
        for _ in 0..turns {
            if reactor.run_once(Some(Duration::ZERO)).unwrap() == Status::Stopped {
                return Status::Stopped;
            }
        }
        Status::Running
    }

    fn hear<T: 'static>(deferred: Deferred<T>) -> Rc<RefCell<Option<T>>> {
        let heard = Rc::new(RefCell::new(None));
        let keep = Rc::clone(&heard);
        deferred.then(move |value| *keep.borrow_mut() = Some(value));
        heard
    }

    #[test]
    fn and_then_waits_for_both_operations() {
        let mut reactor = Reactor::new().unwrap();
        let (first, begin) = Deferred::<u32>::new(&reactor);
        let (second, finish) = Deferred::<u32>::new(&reactor);
        let heard = hear(first.and_then(move |value| second.map(move |other| value + other)));
        begin.resolve(40);
        let _ = turn(&mut reactor, 10);
        assert_eq!(*heard.borrow(), None);
        finish.resolve(2);
        let _ = turn(&mut reactor, 10);
        assert_eq!(*heard.borrow(), Some(42));
    }

    #[test]
    fn cancelling_reaches_the_operation_under_way() {
        for cancel_before_second in [true, false] {
            let mut reactor = Reactor::new().unwrap();
            let (first, begin) = Deferred::<()>::new(&reactor);
            let (second, _finish) = Deferred::<()>::new(&reactor);
            let cancelled = Rc::new(Cell::new(false));
            let seen = Rc::clone(&cancelled);
            second.on_cancel(move || seen.set(true));
            let both = first.and_then(move |()| second);
            begin.resolve(());
            if !cancel_before_second {
                let _ = turn(&mut reactor, 10);
            }
            assert!(!cancelled.get());
            both.cancel();
            let _ = turn(&mut reactor, 10);
            assert!(cancelled.get(), "cancelled before the second began: {cancel_before_second}");
        }
    }

    #[test]
    fn the_canceller_is_called_once_and_only_before_the_value() {
        let mut reactor = Reactor::new().unwrap();
        let (deferred, resolver) = Deferred::<&str>::new(&reactor);
        let resolver = Rc::new(Cell::new(Some(resolver)));
        let weak = Rc::downgrade(&resolver);
        deferred.on_cancel(move || weak.upgrade().unwrap().take().unwrap().resolve("cancelled"));
        deferred.cancel();
        deferred.cancel();
        let heard = hear(deferred);
        let _ = turn(&mut reactor, 2);
        assert_eq!(*heard.borrow(), Some("cancelled"));

        let resolved = Deferred::resolved(&reactor, ());
        resolved.on_cancel(|| panic!("too late"));
        resolved.cancel();
    }

    #[test]
    fn a_dropped_resolver_frees_what_waits_for_it() {
        let reactor = Reactor::new().unwrap();
        let kept = Rc::new(());
        let weak: Weak<()> = Rc::downgrade(&kept);
        let (deferred, resolver) = Deferred::<()>::new(&reactor);
        let handle = reactor.handle();
        let mapped = deferred.map(move |()| kept).and_then(move |kept| Deferred::resolved(&handle, kept));
        mapped.then(|_| {});
        drop(resolver);
        assert!(weak.upgrade().is_none());
    }

    #[test]
    fn a_shutdown_does_not_wait_for_a_dropped_resolver() {
        let mut reactor = Reactor::new().unwrap();
        reactor.add_trigger(When::BeforeShutdown, |reactor| Deferred::<()>::new(reactor).0);
        let _ = turn(&mut reactor, 1);
        reactor.stop();
        assert_eq!(turn(&mut reactor, 10), Status::Stopped);
    }
}
