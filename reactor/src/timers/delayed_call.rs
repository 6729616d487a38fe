//! A call that will be made once.

use std::cell::Cell;
use std::fmt;
use std::time::Duration;

use super::TimerId;
use crate::{Instant, ReactorHandle};

/// A call that [`call_later`](ReactorHandle::call_later) will make. Dropping it changes nothing.
///
/// Within its own call it counts as called already.
pub struct DelayedCall {
    reactor: ReactorHandle,
    /// `None` if it was refused because the reactor was gone.
    id: Option<TimerId>,
    cancelled: Cell<bool>,
}

/// Why a delayed call could not be changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DelayedCallError {
    /// The call has been made, or is being made, or its reactor is gone.
    AlreadyCalled,
    /// The call was cancelled.
    AlreadyCancelled,
}

impl DelayedCall {
    pub(crate) fn new(reactor: ReactorHandle, id: Option<TimerId>) -> Self {
        Self { reactor, id, cancelled: Cell::new(false) }
    }

    /// Drops the call.
    ///
    /// # Errors
    /// If it was made or cancelled before; that can be ignored where it does not matter.
    pub fn cancel(&self) -> Result<(), DelayedCallError> {
        let id = self.active()?;
        // The call may own handles and be dropped here: take it out of the wheel before that.
        let call = self.reactor.core().timers.borrow_mut().remove(id);
        self.cancelled.set(true);
        drop(call);
        Ok(())
    }

    /// Makes the call come `delay` from now, be that earlier or later than it was to come.
    ///
    /// # Errors
    /// If it was made or cancelled before.
    pub fn reset(&self, delay: Duration) -> Result<(), DelayedCallError> {
        self.reschedule(|_| self.reactor.now() + delay)
    }

    /// Makes the call come `by` later than it was to come.
    ///
    /// # Errors
    /// If it was made or cancelled before.
    pub fn delay(&self, by: Duration) -> Result<(), DelayedCallError> {
        self.reschedule(|time| time + by)
    }

    /// Makes the call come `by` earlier than it was to come, at the earliest in the next turn.
    ///
    /// # Errors
    /// If it was made or cancelled before.
    pub fn hasten(&self, by: Duration) -> Result<(), DelayedCallError> {
        self.reschedule(|time| Instant::ZERO + (time - Instant::ZERO).saturating_sub(by))
    }

    /// When the call is to come, while it is.
    pub fn time(&self) -> Option<Instant> {
        let id = self.active().ok()?;
        self.reactor.core().timers.borrow().deadline(id)
    }

    /// Whether the call is still to come.
    pub fn is_active(&self) -> bool {
        self.active().is_ok()
    }

    fn active(&self) -> Result<TimerId, DelayedCallError> {
        if self.cancelled.get() {
            return Err(DelayedCallError::AlreadyCancelled);
        }
        let timers = self.reactor.core().timers.borrow();
        self.id.filter(|id| timers.deadline(*id).is_some()).ok_or(DelayedCallError::AlreadyCalled)
    }

    fn reschedule(&self, change: impl FnOnce(Instant) -> Instant) -> Result<(), DelayedCallError> {
        let id = self.active()?;
        let time = self.time().ok_or(DelayedCallError::AlreadyCalled)?;
        self.reactor.core().timers.borrow_mut().reschedule(id, change(time));
        Ok(())
    }
}

impl fmt::Debug for DelayedCall {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("DelayedCall").field("time", &self.time()).finish_non_exhaustive()
    }
}

impl fmt::Display for DelayedCallError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::AlreadyCalled => "the call was already made",
            Self::AlreadyCancelled => "the call was already cancelled",
        })
    }
}

impl std::error::Error for DelayedCallError {}
