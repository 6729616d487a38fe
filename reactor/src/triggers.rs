//! Code that runs when the reactor starts and stops.

use std::collections::VecDeque;

use crate::core::Phase;
use crate::{Deferred, ReactorHandle};

/// When a trigger fires.
///
/// Starting: `BeforeStartup`, the reactor counts as running, `DuringStartup`, `AfterStartup`, then the calls of
/// [`call_when_running`](ReactorHandle::call_when_running).
///
/// Stopping: `BeforeShutdown` while everything still works; the reactor waits for the deferreds that these triggers
/// return. Then it counts as not running: ports close, open connections hear
/// [`Reason::Shutdown`](crate::Reason::Shutdown), `DuringShutdown` fires, then `AfterShutdown`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum When {
    /// Before the reactor counts as running.
    BeforeStartup,
    /// When it has just begun to run.
    DuringStartup,
    /// After all `DuringStartup` triggers.
    AfterStartup,
    /// When `stop` was called, while everything still works.
    BeforeShutdown,
    /// After every connection has heard of the shutdown.
    DuringShutdown,
    /// Last of all.
    AfterShutdown,
}

/// Names a trigger, for removing it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TriggerId(u64);

/// Whether something is done, or will be when a [`Deferred`] has its value. Made from `()` or from a deferred.
#[derive(Debug)]
pub enum Completion {
    /// It is done.
    Done,
    /// It will be done.
    Later(Deferred<()>),
}

impl From<()> for Completion {
    fn from((): ()) -> Self {
        Self::Done
    }
}

impl<T: 'static> From<Deferred<T>> for Completion {
    fn from(deferred: Deferred<T>) -> Self {
        Self::Later(deferred.map(drop))
    }
}

type Action = Box<dyn FnOnce(&ReactorHandle) -> Completion>;

/// The triggers that have not fired, in the order of their registration.
#[derive(Default)]
pub(crate) struct Triggers {
    next: u64,
    waiting: VecDeque<(TriggerId, When, Action)>,
}

impl Triggers {
    /// The name of the trigger registered last.
    pub(crate) fn last(&self) -> TriggerId {
        TriggerId(self.next)
    }

    /// Takes the first trigger for `when`, if it was registered no later than `last`.
    pub(crate) fn take(&mut self, when: When, last: TriggerId) -> Option<Action> {
        let place = self.waiting.iter().position(|(id, whose, _)| *whose == when && *id <= last)?;
        self.waiting.remove(place).map(|(_, _, action)| action)
    }
}

impl ReactorHandle {
    /// Calls `action` once, `when` the reactor next starts or stops, in the order of registration. A panic in it is
    /// logged and keeps nothing else from happening. A trigger that is added while those for the same `when` fire waits
    /// for the next time; so one that is to fire every time adds itself again.
    ///
    /// A trigger for [`When::BeforeShutdown`] may return a [`Deferred`]; the shutdown waits for it, while the loop goes
    /// on. Calling [`stop`](ReactorHandle::stop) again ends the waiting.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use ropewalk_reactor::{Reactor, When};
    /// let mut reactor = Reactor::new()?;
    /// reactor.add_trigger(When::AfterStartup, |reactor| reactor.stop());
    /// reactor.add_trigger(When::BeforeShutdown, |reactor| reactor.drain(Duration::from_secs(5)));
    /// reactor.run()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn add_trigger<C: Into<Completion>>(
        &self,
        when: When,
        action: impl FnOnce(&Self) -> C + 'static,
    ) -> TriggerId {
        let action: Action = Box::new(move |reactor| action(reactor).into());
        let mut triggers = self.core().triggers.borrow_mut();
        triggers.next += 1;
        let id = TriggerId(triggers.next);
        if self.core().phase.get() != Phase::Gone {
            triggers.waiting.push_back((id, when, action));
        }
        id
    }

    /// Takes a trigger back; false if it has fired or was removed before.
    pub fn remove_trigger(&self, id: TriggerId) -> bool {
        let removed = {
            let mut triggers = self.core().triggers.borrow_mut();
            let place = triggers.waiting.iter().position(|(whose, _, _)| *whose == id);
            place.and_then(|place| triggers.waiting.remove(place))
        };
        removed.is_some()
    }
}
