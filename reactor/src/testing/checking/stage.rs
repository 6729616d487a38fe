//! One run of a protocol.

use std::any::Any;
use std::cell::Cell;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use super::script::{Script, Step};
use super::watch::{Breach, Watch};
use super::{Law, Outcome, Subject};
use crate::commands::Command;
use crate::testing::{Memory, Peer};
use crate::transport::shared::READING_PAUSED;
use crate::{Address, ConnectOptions, Factory, Instant, Layer, Protocol, Reactor, Transport};

/// How many turns the reactor may make before it comes to rest, besides one for each byte of input that has come.
const TURNS_MAX: usize = 5_000;

/// How often a protocol is resumed after one step, at most, besides once for each byte of input that has come.
const RESUMES_MAX: usize = 100_000;

/// How many times the clock moves to a timer in one wait, at most.
const TIMERS_MAX: usize = 100_000;

/// What was seen in a run.
pub(super) struct Played {
    /// How things stood before each event of a script that is compared, unless it is hindered then.
    pub(super) before: Vec<Option<Outcome>>,
    /// How things stood at the end.
    pub(super) outcome: Outcome,
    pub(super) breach: Option<Breach>,
    /// How many callbacks there were.
    pub(super) callbacks: usize,
    /// The timers that were pending at first and after each step, if there were any.
    pub(super) timers: Vec<Pending>,
}

/// Timers that were pending after some input.
#[derive(Clone, Copy)]
pub(super) struct Pending {
    /// How many bytes had been sent.
    pub(super) place: usize,
    /// In which time the first of them expires.
    pub(super) first: Duration,
    /// In which time the last of them does.
    pub(super) last: Duration,
}

/// Gives a new protocol what a script has for it.
pub(super) fn play(subject: &Subject<'_>, script: &Script) -> Played {
    let mut stage = Stage::new(subject, script);
    let steps = script.all_steps();
    let is_compared = script.is_comparable();
    let (mut before, mut timers) = (Vec::new(), Vec::from_iter(stage.timers()));
    for (index, step) in steps.iter().enumerate() {
        if step.is_event() && is_compared {
            before.push(stage.is_unhindered().then(|| stage.outcome()));
        }
        let settles = !matches!(steps.get(index + 1), Some(Step::And));
        stage.perform(step, settles);
        timers.extend(stage.timers());
        if stage.watch.breach().is_some() {
            break;
        }
    }
    let outcome = stage.outcome();
    let callbacks = stage.watch.callbacks.get();
    Played { before, outcome, breach: stage.close(), callbacks, timers }
}

/// A protocol with its connection, in the midst of a run.
pub(super) struct Stage {
    pub(super) memory: Memory,
    pub(super) reactor: Reactor,
    pub(super) peer: Peer,
    pub(super) transport: Transport,
    pub(super) watch: Rc<Watch>,
    written: Vec<u8>,
    /// How many bytes the peer has sent.
    sent: usize,
    /// How much the peer reads of all.
    reads_max: usize,
    /// That is not a limit that somebody has chosen.
    reads_by_default: bool,
    /// Output is blocked, or the peer reads nothing at all.
    blocked: bool,
    /// Reading is paused from outside.
    pub(super) paused: bool,
    /// The peer has finished sending.
    pub(super) finished: bool,
    /// The connection may stay open then.
    pub(super) outlives_input: bool,
    /// The step before and this one happen at once.
    unsettled: bool,
    /// The connection was reset.
    pub(super) reset: bool,
}

impl Stage {
    fn new(subject: &Subject<'_>, script: &Script) -> Self {
        let memory = Memory::new();
        let mut reactor = memory.reactor();
        if script.steps.iter().any(|step| matches!(step, Step::Block)) {
            let mut limits = crate::Limits::DEFAULT;
            (limits.high_water, limits.low_water) = (0, 0);
            reactor.set_default_limits(limits);
        }
        let watch = Rc::new(Watch::default());
        watch.output_bound.set(Some(subject.output_bound()));
        watch.break_after.set(script.break_after);
        watch.pauses_at_events.set(script.pauses_at_events);
        let reads_max = if script.unread { 0 } else { subject.reads_max() };
        let (peer, transport) = open(&memory, &mut reactor, &watch, subject, reads_max);
        let mut stage = Self {
            memory,
            reactor,
            peer,
            transport,
            watch,
            written: Vec::new(),
            sent: 0,
            reads_max,
            reads_by_default: subject.reads_max.is_none() && !script.unread,
            blocked: script.unread,
            paused: false,
            finished: false,
            outlives_input: subject.outlives_input,
            unsettled: false,
            reset: false,
        };
        stage.settle();
        stage
    }

    /// Has one step happen, and, if it `settles`, what comes of it.
    fn perform(&mut self, step: &Step, settles: bool) {
        match step {
            Step::Send(bytes) => {
                self.sent += bytes.len();
                self.peer.send(bytes);
            }
            Step::Wait(time) | Step::Idle(time) => self.wait(*time),
            Step::Post(event) => self.post(event()),
            Step::Finish => {
                self.finished = true;
                self.peer.finish();
            }
            Step::Reset => self.reset(),
            Step::HangUp => self.peer.hang_up(),
            Step::And => {}
            Step::Pause => {
                self.paused = true;
                self.transport.pause_reading();
            }
            Step::Resume => {
                self.paused = false;
                self.transport.resume_reading();
            }
            Step::Block => {
                self.blocked = true;
                self.peer.set_window(Some(0));
            }
            Step::Unblock => {
                self.blocked = false;
                self.open_window();
            }
        }
        self.unsettled = !settles || matches!(step, Step::And);
        if !self.unsettled {
            self.settle();
        }
    }

    fn post(&self, event: Box<dyn Any>) {
        self.reactor.core().command(Command::Post(self.transport.id(), event));
    }

    fn reset(&mut self) {
        self.reset = true;
        self.peer.reset();
    }

    /// Whether the peer reads whatever else is written.
    pub(super) fn reads_on(&self) -> bool {
        !self.blocked && self.peer.arrived() < self.window()
    }

    fn is_unhindered(&self) -> bool {
        !self.unsettled && !self.paused && (!self.blocked || self.reads_max == 0)
    }

    /// Whether the connection has ended and its protocol has heard of it.
    pub(super) fn is_lost(&self) -> bool {
        self.watch.end.borrow().is_some()
    }

    /// Has the reactor and the protocol do what there is to do, if that has an end.
    pub(super) fn settle(&mut self) {
        self.turn();
        if self.paused {
            return;
        }
        let resumes_max = RESUMES_MAX + self.sent;
        for _ in 0..resumes_max {
            if !self.transport.is_open() || !self.transport.shared().has(READING_PAUSED) {
                return;
            }
            self.transport.resume_reading();
            self.turn();
        }
        let how = format!("the protocol has paused reading {resumes_max} times over one step of the script");
        self.watch.broken(Law::Rest, how);
    }

    fn turn(&mut self) {
        let turns_max = TURNS_MAX + self.sent;
        if !self.memory.comes_to_rest(&mut self.reactor, turns_max) {
            let how = format!(
                "the reactor still has something to do after {turns_max} turns, and the clock stands still"
            );
            self.watch.broken(Law::Rest, how);
        }
        self.watch.check_output(&self.transport, || "when everything is done".to_owned());
        if self.reactor.stats().panics > 0 {
            self.watch.broken(Law::Panic, "a call, a task or a destructor panicked; the log says more");
        }
        if self.reads_by_default && !self.blocked && self.peer.arrived() >= self.window() {
            let how = format!(
                "more than {} bytes were written; if there is no end to that, say with `peer_reads` how much is enough",
                self.reads_max
            );
            self.watch.broken(Law::Rest, how);
        }
    }

    /// Lets time pass, from timer to timer.
    pub(super) fn wait(&mut self, time: Duration) {
        let end = self.memory.now() + time;
        for _ in 0..TIMERS_MAX {
            self.settle();
            if self.memory.now() >= end || self.watch.breach().is_some() {
                return;
            }
            self.memory.move_on(end);
        }
        self.watch.broken(Law::Rest, format!("timers have expired {TIMERS_MAX} times in {time:?}"));
    }

    /// The timers that are pending.
    pub(super) fn timers(&self) -> Option<Pending> {
        let (place, now) = (self.sent, self.memory.now());
        let timers = self.reactor.core().timers.borrow();
        let deadlines = || timers.deadlines().filter(|deadline| *deadline < Instant::NEVER);
        Some(Pending { place, first: deadlines().min()? - now, last: deadlines().max()? - now })
    }

    fn window(&self) -> usize {
        self.reads_max - self.written.len()
    }

    fn open_window(&self) {
        self.peer.set_window(Some(if self.blocked { 0 } else { self.window() - self.peer.arrived() }));
    }

    fn outcome(&mut self) -> Outcome {
        self.written.extend(self.peer.received());
        self.open_window();
        let end = self.watch.end.borrow().clone();
        let flushed = end.as_ref().is_none_or(|end| end.flushed);
        let connection = match end {
            Some(end) => end.reason,
            None if !self.transport.is_open() => "closing".into(),
            None if self.peer.has_finished() => "open, but it has finished sending".into(),
            None => "open".into(),
        };
        let written = if flushed { self.written.clone() } else { Vec::new() };
        Outcome { events: self.watch.events.so_far(), written, connection }
    }
}

/// Has one protocol, and what lies below it.
struct Single {
    protocol: Cell<Option<Box<dyn Protocol>>>,
    layers: Cell<Vec<Box<dyn Layer>>>,
}

impl Factory for Single {
    fn build_protocol(&self, _: &Address) -> Option<Box<dyn Protocol>> {
        self.protocol.take()
    }

    fn admit(&self, _: &Address, layers: &mut Vec<Box<dyn Layer>>) -> bool {
        *layers = self.layers.take();
        true
    }
}

/// Gives a protocol a connection.
fn open(
    memory: &Memory,
    reactor: &mut Reactor,
    watch: &Rc<Watch>,
    subject: &Subject<'_>,
    reads_max: usize,
) -> (Peer, Transport) {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    let peer = memory.expect_connect(address);
    // Set before the first callback. Nobody but this function sets it.
    let _ = watch.peer.set(peer.clone());
    watch.window.set(reads_max);
    let protocol = Cell::new(Some((subject.make)(watch)));
    let layers = Cell::new(subject.layers.map(|make| make()).unwrap_or_default());
    let made = Single { protocol, layers };
    // Whether it is made, the watched protocol tells, even if it is lost at once.
    reactor.connect(address, &ConnectOptions::default(), made).then(drop);
    peer.accept();
    // A protocol that never rests is noticed in the first step.
    memory.comes_to_rest(reactor, TURNS_MAX);
    let transport = watch.transport.take().expect("a connection that the peer accepts is made");
    (peer, transport)
}
