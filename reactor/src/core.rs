//! What handles share with the loop: leaf state that calls nobody.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Duration;

use crate::commands::{Call, Command};
use crate::driver::Driver;
use crate::names::Names;
use crate::random::Random;
use crate::remote::RemoteQueue;
use crate::secrets::Secrets;
use crate::stats::Counters;
use crate::tasks::Tasks;
use crate::threads::Jobs;
use crate::timers::{Timer, Wheel};
use crate::transport::output::OutputPool;
use crate::transport::shared::SpareRares;
use crate::triggers::Triggers;
use crate::{ConnectionId, Instant, Limits};

/// The leaf state of one reactor. No borrow of any cell in here is ever held while user code runs.
pub(crate) struct Core {
    pub(crate) driver: RefCell<Box<dyn Driver>>,
    /// The time at which the running turn began, or the last one.
    pub(crate) turn_began: Cell<Instant>,
    /// The loop is in a turn, past its poll.
    pub(crate) in_turn: Cell<bool>,
    pub(crate) phase: Cell<Phase>,
    /// What the next batch of commands will do.
    commands: RefCell<Vec<Command>>,
    /// Connections and sockets for datagrams that the loop has to settle. Invariant: each at most once.
    pub(crate) attention: RefCell<Vec<ConnectionId>>,
    pub(crate) timers: RefCell<Wheel<Timer>>,
    pub(crate) outputs: OutputPool,
    pub(crate) spare_rares: SpareRares,
    pub(crate) counters: Counters,
    /// A signal has begun a drain.
    pub(crate) signalled: Cell<bool>,
    /// The limits of connections that have none of their own.
    pub(crate) limits: Cell<Limits>,
    pub(crate) slow_callback: Cell<Duration>,
    pub(crate) remote: Arc<RemoteQueue>,
    pub(crate) jobs: RefCell<Jobs>,
    pub(crate) names: RefCell<Names>,
    pub(crate) triggers: RefCell<Triggers>,
    pub(crate) tasks: Tasks,
    pub(crate) random: RefCell<Random>,
    pub(crate) secrets: RefCell<Secrets>,
    /// Memory for bytes on their way through layers. Empty between uses.
    pub(crate) scratch: Cell<Vec<u8>>,
}

/// Where the reactor is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    /// Not running: before the first turn or after a stop.
    Idle,
    Running,
    /// `stop` was called; the turn's end begins the shutdown.
    StopRequested,
    /// Triggers that come before the shutdown are being waited for.
    Stopping,
    /// The reactor was dropped; nothing is accepted any more.
    Gone,
}

impl Core {
    /// How long a callback may hold the loop before it is logged.
    pub(crate) const DEFAULT_SLOW_CALLBACK: Duration = Duration::from_millis(100);

    /// No more memory than this is kept for layers.
    const SCRATCH_MAX: usize = 256 * 1024;

    pub(crate) fn new(mut driver: Box<dyn Driver>) -> Self {
        let now = driver.now();
        let random = Random::new(driver.random_seed());
        let remote = Arc::new(RemoteQueue::new(driver.waker()));
        Self {
            driver: RefCell::new(driver),
            turn_began: Cell::new(now),
            in_turn: Cell::new(false),
            phase: Cell::new(Phase::Idle),
            commands: RefCell::default(),
            attention: RefCell::default(),
            timers: RefCell::new(Wheel::new()),
            outputs: OutputPool::default(),
            spare_rares: SpareRares::default(),
            counters: Counters::default(),
            signalled: Cell::new(false),
            limits: Cell::new(Limits::DEFAULT),
            slow_callback: Cell::new(Self::DEFAULT_SLOW_CALLBACK),
            tasks: Tasks::new(Arc::clone(&remote)),
            remote,
            jobs: RefCell::default(),
            names: RefCell::default(),
            triggers: RefCell::default(),
            random: RefCell::new(random),
            secrets: RefCell::default(),
            scratch: Cell::default(),
        }
    }

    /// The time that callbacks see: in a turn, when it began. Between turns nobody keeps it up to date, and timers set
    /// there would fire early by it, so the clock is asked.
    pub(crate) fn now(&self) -> Instant {
        if self.in_turn.get() { self.turn_began.get() } else { self.driver.borrow().now() }
    }

    /// A turn begins at `now`.
    pub(crate) fn begin_turn(&self, now: Instant) {
        self.turn_began.set(now);
        self.in_turn.set(true);
    }

    /// Queues a command for the next batch. After the reactor is gone it is dropped.
    pub(crate) fn command(&self, command: Command) {
        if self.phase.get() != Phase::Gone {
            self.commands.borrow_mut().push(command);
        }
    }

    /// Queues a call for the next batch of commands.
    pub(crate) fn call(&self, call: Call) {
        self.command(Command::Call(call));
    }

    /// Keeps memory that layers have used, unless there is more already or it is too much to keep.
    pub(crate) fn keep_scratch(&self, mut memory: Vec<u8>) {
        memory.clear();
        let kept = self.scratch.take();
        let is_better = memory.capacity() > kept.capacity() && memory.capacity() <= Self::SCRATCH_MAX;
        self.scratch.set(if is_better { memory } else { kept });
    }

    pub(crate) fn has_commands(&self) -> bool {
        !self.commands.borrow().is_empty()
    }

    /// Takes the batch of commands that has gathered; what they add is the next batch.
    pub(crate) fn take_commands(&self) -> Vec<Command> {
        self.commands.take()
    }

    /// Gives an emptied batch back, so that its memory is used again.
    pub(crate) fn recycle_commands(&self, mut batch: Vec<Command>) {
        batch.clear();
        let mut commands = self.commands.borrow_mut();
        if commands.is_empty() && batch.capacity() <= 1024 {
            *commands = batch;
        }
    }
}
