//! The factories of the races, and what the test hears of them.

use std::cell::{Cell, RefCell};
use std::net::IpAddr;
use std::rc::Rc;

use ropewalk::{
    Address, ConnectError, ConnectResult, Deferred, Factory, Instant, Layer, Protocol, Reason, ResolveError,
    Result, Transport,
};

use crate::layering::Masked;
use crate::model::{Guest, Verdict};

/// What to do in the callback of a race that comes next.
pub(crate) type Deed = Box<dyn FnOnce()>;

/// What is known of one race.
#[derive(Default)]
pub(crate) struct Notes {
    pub(crate) race: RefCell<Option<Deferred<()>>>,
    pub(crate) begun: Cell<bool>,
    pub(crate) results: RefCell<Vec<(Verdict, Instant)>>,
    pub(crate) transport: RefCell<Option<Transport>>,
    pub(crate) admitted: RefCell<Vec<Address>>,
    pub(crate) built: Cell<usize>,
    pub(crate) lost: Cell<usize>,
    pub(crate) failed: Cell<usize>,
    pub(crate) violations: RefCell<Vec<&'static str>>,
    pub(crate) next: RefCell<Vec<Deed>>,
    /// Has the peers speak some time after one of them was admitted.
    pub(crate) speech: RefCell<Option<Deed>>,
    /// They will.
    pub(crate) speaking: Cell<bool>,
    /// Held by everything that must be gone in the end.
    pub(crate) token: RefCell<Rc<()>>,
}

impl Notes {
    fn expect(&self, condition: bool, what: &'static str) {
        if !condition {
            self.violations.borrow_mut().push(what);
        }
    }

    fn act(&self) {
        let deeds = self.next.take();
        deeds.into_iter().for_each(|deed| deed());
    }

    fn is_over(&self) -> bool {
        !self.results.borrow().is_empty()
    }

    pub(crate) fn cancel(&self) {
        if let Some(race) = &*self.race.borrow() {
            race.cancel();
        }
    }

    pub(crate) fn ended(&self, result: ConnectResult, now: Instant) {
        self.act();
        self.expect(result.is_ok() == (self.built.get() == 1), "a protocol without a result, or the reverse");
        let verdict = match result {
            Ok(transport) => {
                let address = transport.peer().ip();
                self.transport.replace(Some(transport));
                Verdict::Connected(address.unwrap())
            }
            Err(error) => verdict(error),
        };
        self.results.borrow_mut().push((verdict, now));
    }
}

/// What an error of a race says.
fn verdict(error: ConnectError) -> Verdict {
    match error {
        ConnectError::Cancelled { destination } => {
            assert!(destination.to_string().contains("example"), "{destination}");
            Verdict::Cancelled
        }
        ConnectError::Shutdown { .. } => Verdict::Shutdown,
        ConnectError::NoProtocol { address } => Verdict::NoProtocol(ip(&address)),
        ConnectError::NotReady { address, .. } => Verdict::NotReady(ip(&address)),
        ConnectError::Resolve { source, .. } => match source {
            ResolveError::NotFound { .. } => Verdict::NotFound,
            ResolveError::TimedOut { .. } => Verdict::LookupTimedOut,
            _ => Verdict::LookupFailed,
        },
        ConnectError::AllFailed { attempts } => {
            assert!(attempts.len() > 1, "{attempts:?}");
            Verdict::Failed(attempts.into_iter().flat_map(attempt).collect())
        }
        error => Verdict::Failed(attempt(error).into_iter().collect()),
    }
}

fn attempt(error: ConnectError) -> Option<(IpAddr, Option<std::time::Duration>)> {
    match error {
        ConnectError::Failed { address, .. } => Some((ip(&address), None)),
        ConnectError::TimedOut { address, after } => Some((ip(&address), Some(after))),
        other => panic!("this is no end of an attempt: {other}"),
    }
}

fn ip(address: &Address) -> IpAddr {
    address.ip().unwrap()
}

pub(crate) struct Host {
    notes: Rc<Notes>,
    guest: Guest,
    _token: Rc<()>,
}

impl Host {
    pub(crate) fn new(notes: &Rc<Notes>, guest: Guest) -> Self {
        Self { notes: Rc::clone(notes), guest, _token: Rc::clone(&notes.token.borrow()) }
    }
}

impl Factory for Host {
    fn admit(&self, peer: &Address, layers: &mut Vec<Box<dyn Layer>>) -> bool {
        self.notes.expect(!self.notes.is_over(), "admitted after the result");
        self.notes.expect(self.notes.admitted.borrow().is_empty(), "admitted twice");
        self.notes.admitted.borrow_mut().push(peer.clone());
        self.notes.act();
        if matches!(self.guest, Guest::Greeted(_) | Guest::Insulted(_)) {
            layers.push(Box::new(Masked::client()));
            self.notes.speech.take().into_iter().for_each(|speech| speech());
        }
        assert_ne!(self.guest, Guest::PanicsInAdmit, "as planned");
        self.guest != Guest::NotAdmitted
    }

    fn build_protocol(&self, peer: &Address) -> Option<Box<dyn Protocol>> {
        self.notes.expect(!self.notes.is_over(), "built after the result");
        self.notes.expect(*self.notes.admitted.borrow() == [peer.clone()], "built but not admitted");
        self.notes.act();
        assert_ne!(self.guest, Guest::PanicsInBuild, "as planned");
        if self.guest == Guest::NotBuilt {
            return None;
        }
        self.notes.expect(self.notes.built.replace(self.notes.built.get() + 1) == 0, "built twice");
        Some(Box::new(Visitor { notes: Rc::clone(&self.notes), _token: Rc::clone(&self._token) }))
    }

    fn connection_failed(&self, _: &Address, _: &Reason) {
        self.notes.expect(!self.notes.is_over(), "failed after the result");
        self.notes.failed.set(self.notes.failed.get() + 1);
        self.notes.act();
    }
}

/// The protocol of a winner.
struct Visitor {
    notes: Rc<Notes>,
    _token: Rc<()>,
}

impl Protocol for Visitor {
    fn connection_made(&mut self, _: &Transport) {
        self.notes.expect(!self.notes.is_over(), "connection_made after the result");
        self.notes.act();
    }

    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result {
        Ok(())
    }

    fn connection_lost(&mut self, _: &Transport, _: &Reason) {
        self.notes.lost.set(self.notes.lost.get() + 1);
    }
}
