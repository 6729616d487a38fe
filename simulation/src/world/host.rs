//! What a host is to the network, and when it has something to do.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use ropewalk_reactor::Instant;
use ropewalk_reactor::driver::{Event, PollUntil, Readiness, Signal, Token};
use ropewalk_reactor::testing::Operation;

use super::{Happening, HostIndex, World};
use crate::Faults;
use crate::trace::{Kind, What};

/// The first port given to whoever asks for any.
const FIRST_PORT: u16 = 40_000;

/// How many descriptors a host has at first, as systems have by default.
const DESCRIPTORS: usize = 1_024;

pub(crate) struct HostState {
    pub(crate) name: Rc<str>,
    pub(crate) addresses: Vec<IpAddr>,
    /// Whether it has power.
    pub(crate) is_up: bool,
    /// Counts its ends. What was meant for the time before is nobody's.
    pub(crate) boot: u64,
    pub(crate) waiting: Waiting,
    /// What its reactor waits for, if it waits.
    waits_for: PollUntil,
    /// The earliest time for which `Happening::Wakes` is scheduled.
    wakes_at: Instant,
    pub(crate) suspended_until: Instant,
    /// What its reactor was not told yet. Invariant: each token at most once, in order of their numbers.
    ready: Vec<(Token, Readiness)>,
    pub(crate) is_woken: bool,
    pub(crate) signals: VecDeque<Signal>,
    pub(crate) watches_signals: bool,
    /// What its clock on the wall is ahead of the simulation's.
    pub(crate) clock_ahead: Duration,
    pub(crate) faults: Faults,
    pub(crate) descriptors: usize,
    pub(crate) descriptors_max: usize,
    next_port: u16,
    /// The calls made so far, if they are recorded.
    pub(crate) calls: Option<Vec<Operation>>,
    /// The numbers of the calls that are to fail, from zero, and how.
    pub(crate) failing_calls: BTreeMap<usize, io::ErrorKind>,
}

/// What a host's reactor is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Waiting {
    /// It is to make a turn; its place among those of which the same is true.
    Runnable(usize),
    /// It has nothing to do until then.
    Until(Instant),
    /// There is none.
    Off,
}

impl HostState {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            addresses: Vec::new(),
            is_up: true,
            boot: 0,
            waiting: Waiting::Off,
            waits_for: PollUntil::Now,
            wakes_at: Instant::NEVER,
            suspended_until: Instant::ZERO,
            ready: Vec::new(),
            is_woken: false,
            signals: VecDeque::new(),
            watches_signals: false,
            clock_ahead: Duration::ZERO,
            faults: Faults::default(),
            descriptors: 0,
            descriptors_max: DESCRIPTORS,
            next_port: FIRST_PORT,
            calls: None,
            failing_calls: BTreeMap::new(),
        }
    }

    /// Keeps readiness for the next poll.
    pub(super) fn tell(&mut self, token: Token, readiness: Readiness) {
        let place = self.place_of(token).unwrap_or_else(|place| {
            self.ready.insert(place, (token, Readiness::default()));
            place
        });
        let (_, known) = &mut self.ready[place];
        known.readable |= readiness.readable;
        known.writable |= readiness.writable;
        known.read_closed |= readiness.read_closed;
        known.error |= readiness.error;
    }

    /// Nothing more is told about a socket that is closed.
    pub(super) fn forget(&mut self, token: Option<Token>) {
        if let Some(Ok(place)) = token.map(|token| self.place_of(token)) {
            self.ready.remove(place);
        }
    }

    fn place_of(&self, token: Token) -> Result<usize, usize> {
        self.ready.binary_search_by_key(&token.0, |(other, _)| other.0)
    }

    /// A local port that was not given for long.
    pub(super) fn any_port(&mut self) -> u16 {
        let port = self.next_port;
        self.next_port = port.checked_add(1).unwrap_or(FIRST_PORT);
        port
    }

    /// Its address of the family of `other`: its loopback for loopbacks.
    pub(super) fn address_towards(&self, other: IpAddr) -> Option<IpAddr> {
        if other.is_loopback() || other.is_unspecified() {
            return Some(if other.is_ipv4() {
                IpAddr::from([127, 0, 0, 1])
            } else {
                std::net::Ipv6Addr::LOCALHOST.into()
            });
        }
        self.addresses.iter().find(|address| address.is_ipv4() == other.is_ipv4()).copied()
    }
}

impl World {
    /// A host gets a reactor, and has something to do: to start.
    pub(crate) fn boots(&mut self, host: HostIndex) {
        let state = self.host(host);
        state.is_up = true;
        state.ready.clear();
        (state.is_woken, state.watches_signals) = (false, false);
        state.signals.clear();
        state.wakes_at = Instant::NEVER;
        state.waiting = Waiting::Off;
        self.note(host, What::Boots);
        self.run(host);
    }

    /// A host's reactor is no more.
    pub(crate) fn stops(&mut self, host: HostIndex) {
        self.stop_running(host, Waiting::Off);
        // What was meant for it is nobody's.
        self.host(host).boot += 1;
    }

    /// Something has come up for a host's reactor, if it has one.
    pub(crate) fn make_runnable(&mut self, host: HostIndex) {
        if let Waiting::Until(_) = self.host(host).waiting {
            self.run(host);
        }
    }

    fn run(&mut self, host: HostIndex) {
        self.host(host).waiting = Waiting::Runnable(self.runnable.len());
        self.runnable.push(host);
    }

    fn stop_running(&mut self, host: HostIndex, waiting: Waiting) {
        let before = std::mem::replace(&mut self.host(host).waiting, waiting);
        let Waiting::Runnable(place) = before else { return };
        self.runnable.swap_remove(place);
        if let Some(moved) = self.runnable.get(place) {
            self.hosts[moved.0].waiting = Waiting::Runnable(place);
        }
    }

    /// Chooses one of the hosts that have something to do.
    pub(crate) fn choose_runnable(&mut self) -> Option<HostIndex> {
        while !self.runnable.is_empty() {
            let place = self.dice.roll(self.runnable.len() as u64) as usize;
            let host = self.runnable[place];
            let until = self.host(host).suspended_until;
            if until <= self.now {
                return Some(host);
            }
            self.wait(host, until);
        }
        None
    }

    /// A host's reactor has nothing to do until then.
    fn wait(&mut self, host: HostIndex, until: Instant) {
        self.stop_running(host, Waiting::Until(until));
        if until < self.host(host).wakes_at {
            self.host(host).wakes_at = until;
            self.schedule.add(until, Happening::Wakes(host));
        }
    }

    pub(super) fn wait_ended(&mut self, host: HostIndex) {
        let now = self.now;
        let state = self.host(host);
        state.wakes_at = Instant::NEVER;
        match state.waiting {
            Waiting::Until(until) if until <= now => self.make_runnable(host),
            Waiting::Until(until) => self.wait(host, until),
            Waiting::Runnable(_) | Waiting::Off => {}
        }
    }

    /// What a host's reactor polls: the events, in any order, or else it will wait.
    pub(crate) fn poll(
        &mut self,
        host: HostIndex,
        until: PollUntil,
        events: &mut Vec<Event>,
    ) -> io::Result<()> {
        self.check(host, Operation::Poll)?;
        let state = self.host(host);
        if std::mem::take(&mut state.is_woken) {
            events.push(Event::Woken);
        }
        events.extend(state.signals.drain(..).map(Event::Signal));
        events.extend(state.ready.drain(..).map(|(token, readiness)| Event::Ready(token, readiness)));
        self.dice.shuffle(events);
        if !events.is_empty() {
            return Ok(());
        }
        self.rest(host, until);
        Ok(())
    }

    /// Has a host wait that has made a turn, if there is nothing to do before then.
    pub(crate) fn rest(&mut self, host: HostIndex, until: PollUntil) {
        let state = self.host(host);
        if !state.ready.is_empty() || state.is_woken || !state.signals.is_empty() {
            return;
        }
        state.waits_for = until;
        match until {
            PollUntil::Now => {}
            PollUntil::Deadline(deadline) if deadline <= self.now => {}
            PollUntil::Deadline(deadline) => {
                let late = self.lateness(host);
                self.wait(host, deadline + late);
            }
            PollUntil::Event => self.wait(host, Instant::NEVER),
        }
    }

    /// Has a host make a turn if it waits, and no longer for what its reactor now has to wait for.
    pub(crate) fn look_again(&mut self, host: HostIndex, until: PollUntil) {
        if self.host(host).waits_for != until {
            self.make_runnable(host);
        }
    }

    /// Readiness has arisen. It may be told late.
    pub(super) fn became_ready(&mut self, host: HostIndex, token: Token, readiness: Readiness) {
        let late = self.lateness(host);
        if late.is_zero() {
            self.host(host).tell(token, readiness);
            self.make_runnable(host);
        } else {
            let boot = self.host(host).boot;
            self.schedule.add(self.now + late, Happening::IsReady(host, boot, token, readiness));
        }
    }

    fn lateness(&mut self, host: HostIndex) -> Duration {
        let faults = self.host(host).faults;
        if !self.dice.chance(faults.late_readiness) {
            return Duration::ZERO;
        }
        self.up_to(faults.lateness)
    }

    /// Any time up to this one.
    pub(crate) fn up_to(&self, longest: Duration) -> Duration {
        let longest = u64::try_from(longest.as_nanos()).unwrap_or(u64::MAX - 1);
        if longest == 0 { Duration::ZERO } else { Duration::from_nanos(self.dice.roll(longest + 1)) }
    }

    /// Notes a system call of a host, and fails if it is to fail.
    pub(crate) fn check(&mut self, host: HostIndex, operation: Operation) -> io::Result<()> {
        let state = &mut self.hosts[host.0];
        if let Some(calls) = &mut state.calls {
            let number = calls.len();
            calls.push(operation);
            if let Some(error) = state.failing_calls.remove(&number) {
                return self.fail(host, operation, error);
            }
        }
        let faults = self.host(host).faults;
        if faults.is_none() {
            return Ok(());
        }
        let interruptible = operation.errors().contains(&io::ErrorKind::Interrupted);
        if interruptible && self.dice.chance(faults.interrupted) {
            return self.fail(host, operation, io::ErrorKind::Interrupted);
        }
        let may_block = operation.errors().contains(&io::ErrorKind::WouldBlock);
        if may_block && self.dice.chance(faults.would_block) {
            return self.fail(host, operation, io::ErrorKind::WouldBlock);
        }
        if self.dice.chance(faults.failures) {
            let errors = operation.errors();
            let error = errors[self.dice.roll(errors.len() as u64) as usize];
            return self.fail(host, operation, error);
        }
        Ok(())
    }

    fn fail(&mut self, host: HostIndex, operation: Operation, error: io::ErrorKind) -> io::Result<()> {
        self.note(host, What::Fails(operation, Kind(error)));
        Err(error.into())
    }

    /// Takes a descriptor for a new socket.
    pub(super) fn take_descriptor(&mut self, host: HostIndex, operation: Operation) -> io::Result<()> {
        let state = self.host(host);
        if state.descriptors >= state.descriptors_max {
            self.note(host, What::Starves(operation));
            return Err(no_descriptor());
        }
        state.descriptors += 1;
        Ok(())
    }

    pub(super) fn give_descriptor_back(&mut self, host: HostIndex) {
        self.host(host).descriptors -= 1;
    }
}

/// As the operating system says it.
fn no_descriptor() -> io::Error {
    #[cfg(unix)]
    const CODE: i32 = 24;
    #[cfg(not(unix))]
    const CODE: i32 = 10024;
    io::Error::from_raw_os_error(CODE)
}
