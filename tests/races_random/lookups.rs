//! Lookups besides those of races, and a resolver that does as it likes.

use std::cell::{Cell, RefCell};
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use ropewalk::{Deferred, NameResolver, ReactorHandle, ResolveError, SystemResolver};

use crate::guests::Deed;
use crate::seeds::Dice;

/// Those who ask for addresses alone.
#[derive(Clone, Default)]
pub(crate) struct Askers {
    begun: Rc<Cell<usize>>,
    told: Rc<Cell<usize>>,
    waiting: Rc<RefCell<Vec<Deferred<()>>>>,
}

impl Askers {
    pub(crate) fn ask(&self, reactor: &ReactorHandle, name: &str, timeout: Duration) {
        self.begun.set(self.begun.get() + 1);
        let told = Rc::clone(&self.told);
        let asked = reactor.resolve_within(name, timeout).map(move |_| told.set(told.get() + 1));
        self.waiting.borrow_mut().push(asked);
    }

    /// Cancels the one who has asked last.
    pub(crate) fn cancel(&self) {
        if let Some(asked) = self.waiting.borrow_mut().pop() {
            asked.cancel();
        }
    }

    pub(crate) fn check(&self, dropped: bool) {
        let (begun, told) = (self.begun.get(), self.told.get());
        assert!(told == begun || dropped && told < begun, "{told} of {begun} who asked were told");
    }
}

/// Answers at once, later, never, wrongly, or by doing something else first.
pub(crate) struct Whimsical {
    pub(crate) dice: Dice,
    pub(crate) deeds: RefCell<Vec<Deed>>,
}

impl NameResolver for Whimsical {
    fn resolve(&self, reactor: &ReactorHandle, name: &str) -> Deferred<Result<Vec<IpAddr>, ResolveError>> {
        let deed = self.deeds.borrow_mut().pop();
        deed.into_iter().for_each(|deed| deed());
        match self.dice.roll(6) {
            0 => panic!("as planned"),
            1 => Deferred::resolved(reactor, Ok(Vec::new())),
            2 => Deferred::resolved(reactor, Ok(vec![IpAddr::from([10, 0, 0, 1])])),
            // Its resolver is gone at once.
            3 => Deferred::new(reactor).0,
            _ => SystemResolver.resolve(reactor, name),
        }
    }
}
