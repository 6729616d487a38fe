//! The reactor's side: what is known of each connection, and a protocol that notes what it hears.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use ropewalk::testing::Peer;
use ropewalk::{Address, Factory, Instant, Layer, Policy, Protocol, Reason, Result, Transport, prepared};

use crate::world::kind;

pub(crate) type Deed = Box<dyn FnOnce(&Transport, &Notes)>;

/// Every byte tells its place.
pub(crate) fn numbered(from: usize, count: usize) -> Vec<u8> {
    (from..from + count).map(|place| b'A' + u8::try_from(place % 25).unwrap()).collect()
}

/// Minds that no more passes in any span of time than a bucket allows.
pub(crate) struct Meter {
    rate: u64,
    burst: u64,
    /// In billionths of a byte: what has passed beyond the rate.
    excess: Cell<u128>,
    at: Cell<Instant>,
    /// Moved since then, nobody knows when exactly.
    lately: Cell<usize>,
    pub(crate) is_over: Cell<bool>,
}

impl Meter {
    pub(crate) fn new(rate: u64, burst: u64, at: Instant) -> Self {
        let (excess, at) = (Cell::default(), Cell::new(at));
        Self { rate, burst, excess, at, lately: Cell::default(), is_over: Cell::default() }
    }

    /// So much has passed at this very moment.
    fn moved(&self, now: Instant, bytes: usize) {
        self.look(now);
        self.lately.set(bytes);
        self.look(now);
    }

    pub(crate) fn look(&self, now: Instant) {
        let elapsed = now.as_nanos() - self.at.replace(now).as_nanos();
        let flown = u128::from(elapsed) * u128::from(self.rate);
        let moved = self.lately.take() as u128 * 1_000_000_000;
        let excess = (self.excess.get() + moved).saturating_sub(flown);
        self.excess.set(excess);
        // Timers have a grain of a millisecond, and a quantum may be under way; a handshake is not limited.
        let allowed = self.burst + self.burst / 10 + self.rate / 500 + 30;
        self.is_over.set(self.is_over.get() || excess > u128::from(allowed) * 1_000_000_000);
    }
}

/// What is known of one connection.
pub(crate) struct Notes {
    pub(crate) peer: Peer,
    pub(crate) transport: RefCell<Option<Transport>>,
    pub(crate) received: RefCell<Vec<u8>>,
    pub(crate) written: Cell<usize>,
    pub(crate) lost: RefCell<Option<String>>,
    pub(crate) is_overflow: Cell<bool>,
    /// Somebody has ended it, or something has failed.
    pub(crate) is_rough: Cell<bool>,
    pub(crate) violations: RefCell<Vec<String>>,
    pub(crate) next: RefCell<Vec<Deed>>,
    pub(crate) read_meter: RefCell<Option<Rc<Meter>>>,
    pub(crate) write_meter: RefCell<Option<Rc<Meter>>>,
    /// How much the peer had been sent at the last look.
    pub(crate) sent: Cell<usize>,
    /// What the peer has taken.
    pub(crate) heard: RefCell<Vec<u8>>,
    pub(crate) deadline: Cell<Option<(Instant, Duration)>>,
    pub(crate) idle: Cell<Option<Duration>>,
    /// The last activity was between these.
    pub(crate) active: Cell<(Instant, Instant)>,
    /// When it was seen first that it is not open any more.
    pub(crate) closing: Cell<Option<Instant>>,
    pub(crate) token: RefCell<Rc<()>>,
}

impl Notes {
    pub(crate) fn new(peer: Peer) -> Self {
        Self {
            peer,
            transport: RefCell::default(),
            received: RefCell::default(),
            written: Cell::default(),
            lost: RefCell::default(),
            is_overflow: Cell::default(),
            is_rough: Cell::default(),
            violations: RefCell::default(),
            next: RefCell::default(),
            read_meter: RefCell::default(),
            write_meter: RefCell::default(),
            sent: Cell::default(),
            heard: RefCell::default(),
            deadline: Cell::default(),
            idle: Cell::default(),
            active: Cell::new((Instant::ZERO, Instant::ZERO)),
            closing: Cell::default(),
            token: RefCell::default(),
        }
    }

    pub(crate) fn expect(&self, condition: bool, what: impl Into<String>) {
        if !condition {
            self.violations.borrow_mut().push(what.into());
        }
    }

    pub(crate) fn write(&self, transport: &Transport, count: usize) {
        if transport.accepts_output() {
            transport.write(numbered(self.written.get(), count));
            self.written.set(self.written.get() + count);
        }
    }

    /// Whether its protocol has heard of it, and not of its end.
    pub(crate) fn is_live(&self) -> bool {
        self.transport.borrow().is_some() && self.lost.borrow().is_none()
    }

    /// Looks at what has come of it by `now`, where it was looked at `before`.
    pub(crate) fn look(&self, before: Instant, now: Instant, is_layered: bool) {
        let sent = self.heard.borrow().len() + self.peer.arrived();
        let new = sent - self.sent.replace(sent);
        let is_open = self.transport.borrow().as_ref().is_some_and(Transport::is_open);
        // What is written at the end comes after the last activity that counts.
        if new > 0 && is_open {
            self.active.set((self.active.get().0.max(before), now));
        }
        if let Some(meter) = self.write_meter.borrow().as_ref() {
            meter.lately.set(meter.lately.get() + new);
        }
        if self.is_live() && !is_open && self.closing.get().is_none() {
            self.closing.set(Some(now));
        }
        if let Some((deadline, _)) = self.deadline.get() {
            self.expect(!is_open || now < deadline, "open after its deadline");
        }
        if let Some(idle) = self.idle.get() {
            let is_late = !is_layered && now >= self.active.get().1 + idle;
            self.expect(!is_open || !is_late, "open although idle");
        }
    }

    fn take_next(&self, transport: &Transport) {
        let deeds = self.next.take();
        deeds.into_iter().for_each(|deed| deed(transport, self));
    }

    fn check_loss(&self, reason: &str, now: Instant) {
        let since = self.closing.get().unwrap_or(now);
        if reason.starts_with("Deadline") {
            let deadline = self.deadline.get();
            self.expect(deadline.is_some_and(|(at, _)| at <= since), "ended before its deadline");
        }
        if reason.starts_with("Idle") {
            let idle = self.idle.get().unwrap_or(Duration::MAX);
            self.expect(self.active.get().0 + idle <= since, "ended although not idle");
        }
    }
}

/// The protocol.
pub(crate) struct Recorder {
    notes: Rc<Notes>,
    _token: Rc<()>,
}

impl Recorder {
    pub(crate) fn new(notes: &Rc<Notes>) -> Self {
        Self { notes: Rc::clone(notes), _token: Rc::clone(&notes.token.borrow()) }
    }
}

impl Protocol for Recorder {
    fn connection_made(&mut self, transport: &Transport) {
        self.notes.transport.replace(Some(transport.clone()));
        self.notes.take_next(transport);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        let now = transport.reactor().now();
        self.notes.active.set((self.notes.active.get().0.max(now), self.notes.active.get().1.max(now)));
        self.notes.expect(!transport.is_reading_paused(), "input during a pause");
        self.notes.received.borrow_mut().extend(data);
        if let Some(meter) = self.notes.read_meter.borrow().as_ref() {
            meter.moved(now, data.len());
        }
        self.notes.take_next(transport);
        Ok(())
    }

    fn eof_received(&mut self, transport: &Transport) -> Result {
        self.notes.take_next(transport);
        transport.lose_connection();
        Ok(())
    }

    fn event_received(&mut self, transport: &Transport, event: Box<dyn Any>) {
        let deed: Deed = *event.downcast::<Deed>().unwrap();
        deed(transport, &self.notes);
    }

    fn connection_lost(&mut self, transport: &Transport, reason: &Reason) {
        let reason = kind(reason);
        self.notes.check_loss(&reason, transport.reactor().now());
        self.notes.expect(self.notes.lost.replace(Some(reason)).is_none(), "lost twice");
        self.notes.take_next(transport);
    }
}

/// Notes that a policy applies to a connection.
pub(crate) struct Marked<F, M> {
    pub(crate) policy: Rc<dyn Policy>,
    pub(crate) find: F,
    pub(crate) mark: M,
}

impl<F, M> Policy for Marked<F, M>
where
    F: Fn(&Address) -> Rc<Notes>,
    M: Fn(&Notes, Instant) + Clone + 'static,
{
    fn build_protocol(&self, peer: &Address, factory: &dyn Factory) -> Option<Box<dyn Protocol>> {
        let protocol = self.policy.build_protocol(peer, factory)?;
        let (notes, mark) = ((self.find)(peer), self.mark.clone());
        Some(prepared(protocol, move |transport| mark(&notes, transport.reactor().now())))
    }

    fn admit(&self, peer: &Address, layers: &mut Vec<Box<dyn Layer>>) -> bool {
        self.policy.admit(peer, layers)
    }
}
