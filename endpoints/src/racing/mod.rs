//! Connecting to a name: its addresses race, RFC 8305 ("happy eyeballs").
//!
//! The operating system answers for both families at once, so the Resolution Delay of RFC 8305 §3 has nothing to wait for.

mod entrant;
mod order;
mod schedule;

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use ropewalk_reactor::{
    ConnectError, ConnectOptions, ConnectResult, Deferred, DelayedCall, Destination, Factory, Instant,
    ReactorHandle, ResolveError, Resolver,
};

use entrant::Entrant;
pub use order::IpFamily;
use schedule::{Action, Event, Schedule};

use crate::Policy;

/// The Connection Attempt Delay, and its bounds: RFC 8305 §5 and §8.
pub(crate) const DEFAULT_ATTEMPT_DELAY: Duration = Duration::from_millis(250);
const ATTEMPT_DELAY_MIN: Duration = Duration::from_millis(10);
const ATTEMPT_DELAY_MAX: Duration = Duration::from_secs(2);

/// How the addresses of a name are raced.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct RaceOptions {
    pub(crate) attempt_delay: Duration,
    pub(crate) first_family: Option<IpFamily>,
}

impl Default for RaceOptions {
    fn default() -> Self {
        Self { attempt_delay: DEFAULT_ATTEMPT_DELAY, first_family: None }
    }
}

/// Looks `name` up and connects to the first of its addresses that answers.
pub(crate) fn connect_by_name(
    reactor: &ReactorHandle,
    (name, port): (&str, u16),
    options: &ConnectOptions,
    race_options: &RaceOptions,
    factory: Rc<dyn Factory>,
) -> Deferred<ConnectResult> {
    let (deferred, resolver) = Deferred::new(reactor);
    let race = Rc::new(Race {
        reactor: reactor.clone(),
        name: name.to_owned(),
        port,
        options: options.clone(),
        race_options: race_options.clone(),
        deadline: reactor.now() + options.timeout,
        drains: reactor.stats().drains,
        factory,
        state: RefCell::new(State { resolver: Some(resolver), ..State::default() }),
    });
    let cancelled = Rc::downgrade(&race);
    deferred.on_cancel(move || {
        if let Some(race) = cancelled.upgrade() {
            race.cancel();
        }
    });
    let looked_up = Rc::clone(&race);
    let lookup = reactor.resolve_within(name, options.timeout).map(move |result| looked_up.begin(result));
    race.state.borrow_mut().lookup = Some(lookup);
    deferred
}

/// A connection to a name in the making.
struct Race {
    reactor: ReactorHandle,
    name: String,
    port: u16,
    options: ConnectOptions,
    race_options: RaceOptions,
    deadline: Instant,
    /// How many drains there were before.
    drains: u64,
    factory: Rc<dyn Factory>,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    lookup: Option<Deferred<()>>,
    /// In the order of trying. Invariant: empty until they are looked up.
    addresses: Vec<SocketAddr>,
    /// `None` until the addresses are looked up.
    schedule: Option<Schedule>,
    /// The attempts that were begun, by number.
    attempts: Vec<Deferred<()>>,
    /// What the attempts that failed have failed with, by number.
    errors: Vec<(usize, ConnectError)>,
    timer: Option<DelayedCall>,
    /// `None` once there is a result.
    resolver: Option<Resolver<ConnectResult>>,
}

impl Race {
    /// The name was looked up.
    fn begin(self: &Rc<Self>, result: Result<Vec<IpAddr>, ResolveError>) {
        if self.state.borrow().is_over() {
            // Cancelled while the result was on its way.
            return;
        }
        if self.was_drained() {
            self.give_up(self.cancelled());
            return;
        }
        match result {
            Ok(addresses) => {
                let addresses = self.in_order(addresses);
                let schedule = Schedule::new(addresses.len(), self.attempt_delay(), self.deadline);
                let mut state = self.state.borrow_mut();
                state.addresses = addresses;
                state.schedule = Some(schedule);
                drop(state);
                self.advance(Event::Time);
            }
            Err(error) => self.finish(Err(self.not_resolved(error))),
        }
    }

    fn in_order(&self, addresses: Vec<IpAddr>) -> Vec<SocketAddr> {
        let order = order::interleave(addresses, self.race_options.first_family);
        let order: Vec<_> = order.into_iter().map(|address| SocketAddr::new(address, self.port)).collect();
        // A local address is of one family. If no address is of that, the attempts say so.
        let reachable = |address: &&SocketAddr| match self.options.bind {
            Some(bind) => bind.is_ipv4() == address.is_ipv4(),
            None => true,
        };
        let reached: Vec<_> = order.iter().filter(reachable).copied().collect();
        if reached.is_empty() { order } else { reached }
    }

    fn attempt_delay(&self) -> Duration {
        self.race_options.attempt_delay.clamp(ATTEMPT_DELAY_MIN, ATTEMPT_DELAY_MAX)
    }

    /// Tells the schedule what has happened, and does what it says.
    fn advance(self: &Rc<Self>, event: Event) {
        let actions = self.state.borrow_mut().advance(event, self.reactor.now());
        for action in actions {
            match action {
                Action::Try(attempt) => self.try_address(attempt),
                Action::Cancel(attempt) => self.state.borrow().attempts[attempt].cancel(),
                Action::Fail => {
                    let error = self.state.borrow_mut().all_errors();
                    self.finish(Err(error));
                }
            }
        }
        self.set_timer();
    }

    fn try_address(self: &Rc<Self>, attempt: usize) {
        let mut options = self.options.clone();
        options.timeout = self.deadline - self.reactor.now();
        let address = self.state.borrow().addresses[attempt];
        let race = Rc::clone(self);
        let factory = Entrant::new(self, attempt).around(Rc::clone(&self.factory));
        let attempt = self
            .reactor
            .connect(address, &options, factory)
            .map(move |result| race.attempt_ended(attempt, result));
        self.state.borrow_mut().attempts.push(attempt);
    }

    /// Has the schedule hear of the time when it wants to.
    fn set_timer(self: &Rc<Self>) {
        let wakeup = self.state.borrow().schedule.as_ref().and_then(Schedule::next_wakeup);
        let race = Rc::clone(self);
        let timer = wakeup.map(|wakeup| {
            self.reactor.call_later(wakeup - self.reactor.now(), move |_| race.advance(Event::Time))
        });
        let before = std::mem::replace(&mut self.state.borrow_mut().timer, timer);
        if let Some(before) = before {
            // Has gone off, perhaps.
            let _ = before.cancel();
        }
    }

    /// Whether the connection of `attempt` is the one: the first that asks wins, and the others are cancelled.
    fn claim(self: &Rc<Self>, attempt: usize) -> bool {
        self.advance(Event::Connected(attempt));
        self.state.borrow().winner() == Some(attempt)
    }

    fn attempt_ended(self: &Rc<Self>, attempt: usize, result: ConnectResult) {
        let winner = self.state.borrow().winner();
        match result.map_err(|error| self.in_my_name(error)) {
            // It had connected, whatever came of it then.
            result if winner == Some(attempt) => self.finish(result),
            // By the race when it was decided, or by the reactor.
            Err(error @ (ConnectError::Cancelled { .. } | ConnectError::Shutdown { .. })) => {
                self.give_up(error)
            }
            Err(_) if self.was_drained() => self.give_up(self.cancelled()),
            Err(error) => {
                log::debug!("{error}");
                self.state.borrow_mut().errors.push((attempt, error));
                self.advance(Event::Failed(attempt));
            }
            // Only the winner has a protocol to connect.
            Ok(_) => {}
        }
    }

    /// Whether the reactor was drained while this had neither a lookup nor an attempt that a drain could cancel.
    fn was_drained(&self) -> bool {
        self.reactor.stats().drains > self.drains
    }

    /// The user wants no connection any more.
    fn cancel(self: &Rc<Self>) {
        let state = self.state.borrow();
        if let Some(winner) = state.winner() {
            // Ends it as long as it has no protocol; then its result says so.
            state.attempts[winner].cancel();
            return;
        }
        drop(state);
        self.give_up(self.cancelled());
    }

    /// Ends everything, unless it is decided already.
    fn give_up(self: &Rc<Self>, error: ConnectError) {
        if self.state.borrow().is_over() {
            return;
        }
        let lookup = self.state.borrow_mut().lookup.take();
        if let Some(lookup) = lookup {
            lookup.cancel();
        }
        self.advance(Event::GivenUp);
        self.finish(Err(error));
    }

    fn finish(&self, result: ConnectResult) {
        let Some(resolver) = self.state.borrow_mut().resolver.take() else {
            return;
        };
        if let Err(error) = &result {
            if !resolver.is_awaited() && !matches!(error, ConnectError::Cancelled { .. }) {
                log::warn!("{error}");
            }
        }
        resolver.resolve(result);
    }

    fn not_resolved(&self, error: ResolveError) -> ConnectError {
        match error {
            ResolveError::Cancelled { .. } => self.cancelled(),
            ResolveError::Shutdown { .. } => self.shutdown(),
            source => ConnectError::Resolve { destination: self.destination(), source },
        }
    }

    /// What ended an attempt from this side ended the whole.
    fn in_my_name(&self, error: ConnectError) -> ConnectError {
        match error {
            ConnectError::Cancelled { .. } => self.cancelled(),
            ConnectError::Shutdown { .. } => self.shutdown(),
            error => error,
        }
    }

    fn cancelled(&self) -> ConnectError {
        ConnectError::Cancelled { destination: self.destination() }
    }

    fn shutdown(&self) -> ConnectError {
        ConnectError::Shutdown { destination: self.destination() }
    }

    fn destination(&self) -> Destination {
        Destination::Name { name: self.name.clone(), port: self.port }
    }
}

impl State {
    fn advance(&mut self, event: Event, now: Instant) -> Vec<Action> {
        self.schedule.as_mut().map(|schedule| schedule.advance(event, now)).unwrap_or_default()
    }

    fn winner(&self) -> Option<usize> {
        self.schedule.as_ref().and_then(Schedule::winner)
    }

    fn is_over(&self) -> bool {
        self.resolver.is_none() || self.schedule.as_ref().is_some_and(Schedule::is_over)
    }

    /// The errors of all attempts in the order in which these were begun; that of a single one alone.
    fn all_errors(&mut self) -> ConnectError {
        self.errors.sort_by_key(|(attempt, _)| *attempt);
        let mut attempts: Vec<_> = self.errors.drain(..).map(|(_, error)| error).collect();
        match attempts.pop() {
            Some(only) if attempts.is_empty() => only,
            last => {
                attempts.extend(last);
                ConnectError::AllFailed { attempts }
            }
        }
    }
}
