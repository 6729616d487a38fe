//! The simulation: hosts, and the hand that moves them.

use std::cell::RefCell;
use std::error::Error;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::rc::Rc;
use std::time::Duration;

use ropewalk_reactor::driver::Signal;
use ropewalk_reactor::testing::{Dice, Operation};
use ropewalk_reactor::{Instant, Reactor, ReactorHandle, Stats as ReactorStats, Status};

use crate::driver::SimulatedDriver;
use crate::trace::What;
use crate::world::{Happening, HostIndex, HostState, Shared, World};
use crate::{Faults, Host, Stats};

/// How many turns without the clock moving count as never coming to rest.
const TURNS_MAX: u64 = 10_000_000;

/// What a host runs when it starts.
type Program = Rc<dyn Fn(&ReactorHandle) -> Result<(), Box<dyn Error>>>;

/// Hosts on a network, each with a reactor of its own, in a time of their own. Everything that happens follows from the seed:
/// the same program with the same seed does the same, to the last byte.
///
/// ```
/// use ropewalk_reactor::{ConnectOptions, ListenOptions, Protocol, Result, Transport, for_protocol};
/// use ropewalk_simulation::Simulation;
/// use std::time::Duration;
///
/// struct Echo;
///
/// impl Protocol for Echo {
///     fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
///         Ok(transport.write(data))
///     }
/// }
///
/// let mut simulation = Simulation::new(1);
/// let server = simulation.host("server", |reactor| {
///     reactor.listen(([0, 0, 0, 0], 7), ListenOptions::default(), for_protocol(|| Echo))?;
///     Ok(())
/// });
/// let client = simulation.host("client", |_| Ok(()));
/// let connected = simulation
///     .reactor(&client)
///     .connect((server.address(), 7), &ConnectOptions::default(), for_protocol(|| Echo));
/// simulation.run_for(Duration::from_secs(1));
/// assert_eq!(simulation.stats().connections, 1);
/// ```
///
/// # What a program must do
///
/// Use what its reactor gives: its clock, names, threads, sockets and random numbers. What asks the operating system by
/// itself, or starts threads by itself, is not simulated. A program does not call [`Reactor::run`]; the simulation does it.
///
/// # When a test fails
///
/// A simulation that is dropped while its thread panics prints the latest part of its trace, the seed, and how to run this
/// seed again.
pub struct Simulation {
    pub(crate) seed: u64,
    pub(crate) world: Shared,
    programs: Vec<Program>,
    /// Those of hosts that run.
    reactors: Vec<Option<Reactor>>,
    /// Turns since the clock moved last.
    turns: u64,
}

impl Simulation {
    /// A network without hosts. Its clock begins at zero, which is the first second of 2026 in UTC.
    pub fn new(seed: u64) -> Self {
        Self::with_dice(seed, Dice::new(seed))
    }

    /// A network in which everything that is random follows from these bytes, by [`Dice::from_bytes`]: so a fuzzer decides
    /// about every delay, order, loss and failure.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self::with_dice(0, Dice::from_bytes(bytes))
    }

    fn with_dice(seed: u64, dice: Dice) -> Self {
        let world = Rc::new(RefCell::new(World::new(dice)));
        Self { seed, world, programs: Vec::new(), reactors: Vec::new(), turns: 0 }
    }

    /// Adds a host with an address of each family and starts it: `program` is called at once, and again at each
    /// [`restart`](Self::restart). The name stands for both addresses, the one of IPv6 first.
    ///
    /// # Panics
    /// If there is a host of this name, or if `program` fails.
    pub fn host<F>(&mut self, name: &str, program: F) -> Host
    where
        F: Fn(&ReactorHandle) -> Result<(), Box<dyn Error>> + 'static,
    {
        let index = HostIndex(self.programs.len());
        let number = u16::try_from(index.0 + 1).expect("there are fewer than 65,536 hosts");
        let [high, low] = number.to_be_bytes();
        let v4 = IpAddr::from(Ipv4Addr::new(10, 0, high, low));
        let v6 = IpAddr::from(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, number));
        {
            let mut world = self.world.borrow_mut();
            assert!(
                world.hosts.iter().all(|host| *host.name != *name),
                "there is a host called {name} already"
            );
            world.hosts.push(HostState::new(name));
            world.add_address(index, v4);
            world.add_address(index, v6);
            world.names.set(name, vec![v6, v4]);
        }
        self.programs.push(Rc::new(program));
        self.reactors.push(None);
        self.start(index);
        Host::new(index, name, v4, v6)
    }

    /// The reactor of a host, to act on it from outside.
    ///
    /// # Panics
    /// If the host is down, or its reactor has stopped.
    #[track_caller]
    pub fn reactor(&mut self, host: &Host) -> &ReactorHandle {
        // Whatever is asked of it has to be done.
        self.world.borrow_mut().make_runnable(host.index());
        match &self.reactors[host.index().0] {
            Some(reactor) => reactor,
            None => panic!("{} does not run", host.name()),
        }
    }

    /// Whether a host runs: it has power and its reactor has not stopped.
    pub fn is_running(&self, host: &Host) -> bool {
        self.reactors[host.index().0].is_some()
    }

    /// The seed from which everything follows; zero if that are bytes.
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// The time since the simulation began.
    pub fn now(&self) -> Instant {
        self.world.borrow().now
    }

    /// The dice from which all that is random here comes, for tests that want to be random too.
    pub fn dice(&self) -> Rc<Dice> {
        Rc::clone(&self.world.borrow().dice)
    }

    /// What has happened so far, in numbers.
    pub fn stats(&self) -> Stats {
        let world = self.world.borrow();
        Stats { time: world.now - Instant::ZERO, ..world.stats }
    }

    /// What the reactor of a host counts; all zero if it does not run.
    pub fn reactor_stats(&self, host: &Host) -> ReactorStats {
        self.reactors[host.index().0].as_ref().map(|reactor| reactor.stats()).unwrap_or_default()
    }
}

/// Letting time pass.
impl Simulation {
    /// Has one host make one turn; or, if none has anything to do, moves the clock to what happens next and makes that
    /// happen. False if nothing will ever happen. What was asked of handles since the last turn is not noticed before
    /// something else happens at their host, or [`run_for`](Self::run_for) or the like is called.
    ///
    /// # Panics
    /// If the hosts go on for 10 million turns while the clock stands still.
    pub fn step(&mut self) -> bool {
        self.step_until(Instant::NEVER)
    }

    /// Lets time pass.
    ///
    /// # Panics
    /// As [`step`](Self::step).
    pub fn run_for(&mut self, time: Duration) {
        self.have_all_look();
        let end = self.now() + time;
        while self.step_until(end) {}
        self.move_clock(end);
    }

    /// Lets time pass until `done`, which is asked after every step, but no longer than `within`. False if it did not come
    /// to that.
    ///
    /// # Panics
    /// As [`step`](Self::step).
    #[must_use = "it may not have come to what was waited for"]
    pub fn run_until(&mut self, within: Duration, mut done: impl FnMut(&mut Self) -> bool) -> bool {
        self.have_all_look();
        let end = self.now() + within;
        loop {
            if done(self) {
                return true;
            }
            if !self.step_until(end) {
                self.move_clock(end);
                return done(self);
            }
        }
    }

    /// Calls `call` at this time, between turns; at once if it has passed.
    pub fn at(&mut self, time: Instant, call: impl FnOnce(&mut Self) + 'static) {
        self.world.borrow_mut().schedule.add(time, Happening::Calls(Box::new(call)));
    }

    /// Calls `call` when this time has passed.
    pub fn after(&mut self, time: Duration, call: impl FnOnce(&mut Self) + 'static) {
        let at = self.now() + time;
        self.at(at, call);
    }

    /// Makes a step that is due at `end` or before.
    fn step_until(&mut self, end: Instant) -> bool {
        self.take_woken();
        let runnable = self.world.borrow_mut().choose_runnable();
        if let Some(host) = runnable {
            self.make_turn(host);
            return true;
        }
        let next = self.world.borrow().schedule.next_time();
        match next.filter(|next| *next <= end && *next < Instant::NEVER) {
            Some(next) => {
                self.move_clock(next);
                self.make_happen();
                true
            }
            None => false,
        }
    }

    /// Has every host make a turn that has something to do: the test may have used handles of any, of which a reactor that
    /// waits does not hear.
    fn have_all_look(&self) {
        for (host, reactor) in self.reactors.iter().enumerate() {
            if let Some(reactor) = reactor {
                let until = reactor.next_poll();
                self.world.borrow_mut().look_again(HostIndex(host), until);
            }
        }
    }

    fn take_woken(&self) {
        let woken = self.world.borrow().woken.take();
        for (host, boot) in woken {
            let mut world = self.world.borrow_mut();
            if world.host(host).boot == boot {
                world.host(host).is_woken = true;
                world.make_runnable(host);
            }
        }
    }

    fn move_clock(&mut self, to: Instant) {
        let mut world = self.world.borrow_mut();
        if to > world.now {
            world.now = to;
            self.turns = 0;
        }
    }

    /// Makes happen what is due now.
    fn make_happen(&mut self) {
        loop {
            let happening = self.world.borrow_mut().next_happening();
            match happening {
                Some(Happening::Calls(call)) => {
                    call(self);
                    self.have_all_look();
                }
                Some(Happening::IsLookedUp(lookup)) => {
                    let result = self.world.borrow().names.addresses(lookup.name());
                    lookup.finish(result);
                }
                Some(Happening::Works(_, _, work)) => work(),
                Some(_) => {}
                None => return,
            }
        }
    }

    fn make_turn(&mut self, host: HostIndex) {
        self.turns += 1;
        assert!(
            self.turns < TURNS_MAX,
            "after {TURNS_MAX} turns the hosts still have something to do, and the clock stands still"
        );
        self.world.borrow_mut().stats.turns += 1;
        let Some(reactor) = &mut self.reactors[host.0] else { return };
        match reactor.run_once(None) {
            Ok(Status::Running) => {
                let until = reactor.next_poll();
                self.world.borrow_mut().rest(host, until);
            }
            Ok(Status::Stopped) => self.end(host, What::Exits),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => panic!("the reactor cannot go on: {error}"),
        }
    }
}

/// What befalls hosts.
impl Simulation {
    /// Takes a host's power: its reactor is dropped, nobody is told anything, and what is sent to it is lost until it
    /// [`restart`](Self::restart)s.
    pub fn crash(&mut self, host: &Host) {
        let index = host.index();
        {
            let mut world = self.world.borrow_mut();
            world.host(index).is_up = false;
            world.forget_sent_by(index);
        }
        self.end(index, What::Crashes);
    }

    /// Ends a host's program as the operating system does with `kill -9`: its reactor is dropped, and its sockets are
    /// closed.
    pub fn kill(&mut self, host: &Host) {
        self.end(host.index(), What::IsKilled);
    }

    /// Starts a host again that does not run, with its program.
    ///
    /// # Panics
    /// If it runs, or if its program fails.
    pub fn restart(&mut self, host: &Host) {
        assert!(!self.is_running(host), "{} runs", host.name());
        self.start(host.index());
        self.world.borrow_mut().resend_to(host.index());
    }

    /// Stops a host for a while, as a debugger or a virtual machine that is moved does: it makes no turns, its clock goes
    /// on.
    pub fn suspend(&mut self, host: &Host, time: Duration) {
        let mut world = self.world.borrow_mut();
        let until = world.now + time;
        let state = world.host(host.index());
        state.suspended_until = state.suspended_until.max(until);
        world.note(host.index(), What::IsSuspended);
    }

    /// Sends the program of a host a signal. False if it does not watch signals; it would have ended.
    pub fn signal(&mut self, host: &Host, signal: Signal) -> bool {
        let mut world = self.world.borrow_mut();
        let state = world.host(host.index());
        let watches = state.watches_signals;
        if watches {
            state.signals.push_back(signal);
            world.make_runnable(host.index());
        }
        watches
    }

    /// Sets a host's clock on the wall so far ahead of the simulation's; its monotonic clock does not notice.
    pub fn set_clock_ahead(&mut self, host: &Host, by: Duration) {
        self.world.borrow_mut().host(host.index()).clock_ahead = by;
    }

    /// How many descriptors a host has for its sockets, at first 1,024. Those it uses already it keeps.
    pub fn set_descriptors(&mut self, host: &Host, count: usize) {
        self.world.borrow_mut().host(host.index()).descriptors_max = count;
    }

    /// How many descriptors a host uses.
    pub fn descriptors(&self, host: &Host) -> usize {
        self.world.borrow().hosts[host.index().0].descriptors
    }

    /// What goes wrong with the system calls of a host from now on.
    pub fn set_faults(&mut self, host: &Host, faults: Faults) {
        self.world.borrow_mut().host(host.index()).faults = faults;
    }

    /// Records the system calls of a host from now on, beginning anew.
    pub fn record_calls(&mut self, host: &Host) {
        self.world.borrow_mut().host(host.index()).calls = Some(Vec::new());
    }

    /// The system calls of a host since they are recorded.
    pub fn calls(&self, host: &Host) -> Vec<Operation> {
        self.world.borrow().hosts[host.index().0].calls.clone().unwrap_or_default()
    }

    /// Records the system calls of a host from now on, beginning anew, and has the one with this number fail. The first is
    /// number zero.
    pub fn fail_call(&mut self, host: &Host, number: usize, error: io::ErrorKind) {
        self.fail_calls(host, &[(number, error)]);
    }

    /// As [`fail_call`](Self::fail_call), with any number of failing calls.
    pub fn fail_calls(&mut self, host: &Host, failures: &[(usize, io::ErrorKind)]) {
        self.record_calls(host);
        self.world.borrow_mut().host(host.index()).failing_calls = failures.iter().copied().collect();
    }

    fn start(&mut self, host: HostIndex) {
        self.world.borrow_mut().boots(host);
        let reactor = Reactor::with_driver(Box::new(SimulatedDriver::new(&self.world, host)));
        let program = Rc::clone(&self.programs[host.0]);
        if let Err(error) = program(&reactor) {
            let name = Rc::clone(&self.world.borrow_mut().host(host).name);
            panic!("the program of {name} fails: {error}");
        }
        self.reactors[host.0] = Some(reactor);
    }

    fn end(&mut self, host: HostIndex, how: What) {
        if let Some(reactor) = self.reactors[host.0].take() {
            {
                let mut world = self.world.borrow_mut();
                world.note(host, how);
                world.stops(host);
            }
            drop(reactor);
        }
    }
}
