//! What a client service waits for.

use std::rc::Rc;

use super::state::Inner;

/// An operation whose end moves the service on: an attempt, a preparation, a wait, a loss.
///
/// If it ends without a result, because user code has panicked or dropped a resolver, the service hears that too; or, if
/// the reactor is gone, lets go of all that it holds.
pub(super) struct Pending<T: 'static> {
    /// Present until the end.
    service: Option<Rc<Inner>>,
    round: u64,
    end: fn(&Rc<Inner>, Option<T>),
}

impl<T> Pending<T> {
    /// Has `end` called at the end, if the service is still in the same round then.
    pub(super) fn new(service: &Rc<Inner>, end: fn(&Rc<Inner>, Option<T>)) -> Self {
        Self { service: Some(Rc::clone(service)), round: service.round.get(), end }
    }

    pub(super) fn end(mut self, result: Option<T>) {
        if let Some(service) = self.service.take().filter(|service| service.round.get() == self.round) {
            (self.end)(&service, result);
        }
    }
}

impl<T> Drop for Pending<T> {
    fn drop(&mut self) {
        let Some(service) = self.service.take() else {
            return;
        };
        if service.reactor.is_gone() {
            service.abandon();
        } else if service.round.get() == self.round {
            let reactor = service.reactor.clone();
            let again = Self { service: Some(service), ..*self };
            reactor.call_when_running(move |_| again.end(None));
        }
    }
}
