//! Connections with layers on which anything happens at any time, from a seed: whatever it is, the guarantees hold.
//!
//! A seed that fails is printed with its steps. `SEED=n` runs one alone.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "../layering/mod.rs"]
mod layering;
#[path = "../seeds/mod.rs"]
mod seeds;
#[path = "../world/mod.rs"]
mod world;

mod far_end;
mod near_end;

use std::cell::RefCell;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::rc::Rc;

use far_end::{FarEnd, Kind, numbered};
use layering::Layered;
use near_end::{Counted, Deed, Notes, Pieces, Recorder, layer};
use ropewalk::driver::Readiness;
use ropewalk::testing::Operation;
use ropewalk::{ConnectOptions, ProducerKind, TokenBucket, Transport, factory_fn};
use seeds::{Dice, for_all_seeds};
use world::{MILLISECOND, SECOND, World, limits};

const SEEDS: u64 = 2_000;
const STEPS: u64 = 30;

impl Dice {
    fn size(&self) -> usize {
        let bound = [4, 50, 1000, 200_000][usize::try_from(self.roll(4)).unwrap()];
        usize::try_from(1 + self.roll(bound)).unwrap()
    }

    fn kind(&self) -> Kind {
        const KINDS: [Kind; 6] =
            [Kind::Masked, Kind::Header, Kind::Turned, Kind::Blocks, Kind::Beating, Kind::Gone];
        match self.roll(16) {
            0 => Kind::Faulty,
            roll => KINDS[usize::try_from(roll).unwrap() % KINDS.len()],
        }
    }
}

/// How a connection is brought to its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    /// The peer ends all layers, and finishes.
    PeerCleanly,
    /// The peer finishes without a word.
    PeerTruncates,
    PeerResets,
    Close,
    HalfClose,
    Abort,
    Fail,
    Stop,
    /// The reactor is dropped.
    Drop,
}

struct Voyage {
    dice: Dice,
    world: World,
    far: FarEnd,
    notes: Rc<Notes>,
    /// The connection, once it is made.
    transport: Rc<RefCell<Option<Transport>>>,
    steps: Rc<RefCell<Vec<String>>>,
    /// A layer fails some day.
    is_faulty: bool,
    /// Something has failed on the way, so that not all need arrive.
    is_rough: bool,
}

impl Voyage {
    fn new(seed: u64, steps: &Rc<RefCell<Vec<String>>>) -> Self {
        let dice = Dice::new(seed);
        let kinds: Vec<Kind> = (0..dice.roll(4)).map(|_| dice.kind()).collect();
        steps.borrow_mut().push(format!("layers {kinds:?}"));
        let (mut world, notes) = (World::new(), Rc::<Notes>::default());
        let transport: Rc<RefCell<Option<Transport>>> = Rc::default();
        let (made_notes, under) = (Rc::clone(&notes), kinds.clone());
        let token = Rc::clone(&notes.token.borrow());
        let layers = move || {
            let token = Rc::clone(&token);
            under.iter().map(move |kind| counted(*kind, &token)).collect()
        };
        let made = Rc::clone(&transport);
        let recorder = factory_fn(move |_| {
            let made = Rc::clone(&made);
            made_notes.next.borrow_mut().push(Box::new(move |transport, _| {
                made.replace(Some(transport.clone()));
            }));
            Some(Box::new(Recorder::new(&made_notes, true)))
        });
        let factory = Layered::new(recorder, layers);
        let peer = if dice.roll(2) == 0 {
            let (_port, address) = world.listen(factory);
            world.memory.connect(address).unwrap()
        } else {
            let address = SocketAddr::from(([10, 0, 0, 1], 1));
            let peer = world.memory.expect_connect(address);
            peer.accept();
            world.reactor.connect(address, &ConnectOptions::default(), factory).then(drop);
            peer
        };
        let far = FarEnd::new(peer, &kinds);
        let is_faulty = kinds.contains(&Kind::Faulty);
        let (steps, is_rough) = (Rc::clone(steps), is_faulty);
        let voyage = Self { dice, world, far, notes, transport, steps, is_faulty, is_rough };
        if voyage.dice.roll(2) == 0 {
            let small = limits(|limits| (limits.high_water, limits.low_water) = (2000, 500));
            voyage.world.reactor.set_default_limits(small);
        }
        voyage
    }

    fn note(&self, step: impl Into<String>) {
        self.steps.borrow_mut().push(step.into());
    }

    /// Does something to the connection: from outside, in an event, or in the callback that comes next.
    fn act(&self, what: &str, deed: impl FnOnce(&Transport, &Rc<Notes>) + 'static) {
        let Some(transport) = self.transport.borrow().clone() else { return };
        let deed: Deed = Box::new(deed);
        match self.dice.roll(3) {
            0 => {
                self.note(what);
                deed(&transport, &self.notes);
            }
            1 => {
                self.note(format!("{what} in an event"));
                transport.post(deed);
            }
            _ => {
                self.note(format!("{what} in the next callback"));
                self.notes.next.borrow_mut().push(deed);
            }
        }
    }

    fn step(&mut self) {
        match self.dice.roll(21) {
            0..=2 => {
                let count = self.dice.size();
                self.note(format!("peer says {count}"));
                self.far.say(count);
            }
            3..=6 => {
                let count = self.dice.size();
                self.note(format!("peer sends {count}"));
                self.far.send(count);
            }
            7 | 8 => {
                let count = self.dice.size();
                self.act(&format!("write {count}"), move |transport, notes| notes.write(transport, count));
            }
            9 => self.act("pause", |transport, _| transport.pause_reading()),
            10 => self.act("resume", |transport, _| transport.resume_reading()),
            11 => {
                let window = (self.dice.roll(3) > 0).then(|| self.dice.size());
                self.note(format!("window {window:?}"));
                self.far.peer.set_window(window);
            }
            12 => {
                self.note("peer takes");
                self.far.hear();
            }
            13 => {
                self.note("time");
                self.world.run_for(50 * MILLISECOND);
            }
            14 => {
                let echoes = !self.notes.echoes.get();
                self.note(format!("echo {echoes}"));
                self.notes.echoes.set(echoes);
            }
            15 => self.act("switch", |transport, notes| {
                transport.switch_protocol(Recorder::new(notes, false), []);
            }),
            16 => self.produce(),
            17 => self.limit_rate(),
            18 => self.fail_calls(),
            19 => {
                self.note("spurious");
                let (readable, read_closed) = (true, self.dice.roll(2) == 0);
                self.far.peer.spurious(Readiness {
                    readable,
                    read_closed,
                    writable: true,
                    ..Readiness::default()
                });
            }
            _ => self.insert(),
        }
        if self.dice.roll(2) == 0 { self.world.settle() } else { self.world.turn() }
    }

    fn limit_rate(&self) {
        let (reads, rate) = (self.dice.roll(2) == 0, 10 * self.dice.roll(10_000));
        self.act(&format!("rate {rate}, reads {reads}"), move |transport, _| {
            let bucket = Some(Rc::new(TokenBucket::new(rate)));
            if reads { transport.set_read_rate(bucket) } else { transport.set_write_rate(bucket) }
        });
    }

    fn fail_calls(&mut self) {
        let operation = [Operation::Read, Operation::Write][usize::try_from(self.dice.roll(2)).unwrap()];
        let breaks = self.dice.roll(4) == 0;
        self.note(format!("{operation:?} fails, breaks {breaks}"));
        self.is_rough |= breaks;
        let error = if breaks { ErrorKind::ConnectionReset } else { ErrorKind::Interrupted };
        self.far.peer.fail_next(operation, 1, error);
    }

    fn produce(&self) {
        let (left, size) = (self.dice.size() % 10, self.dice.size());
        let kind = if self.dice.roll(2) == 0 { ProducerKind::Pull } else { ProducerKind::Push };
        self.act(&format!("{kind:?} producer of {left} times {size}"), move |transport, notes| {
            let token = Rc::clone(&notes.token.borrow());
            let pieces = Pieces { notes: Rc::clone(notes), left, size, token };
            if transport.register_producer(pieces, kind).is_ok() && kind == ProducerKind::Push {
                notes.write(transport, size);
                transport.unregister_producer();
            }
        });
    }

    /// Inserts one layer or two, when all input was delivered, as the peer has to wait for that.
    fn insert(&mut self) {
        let Some(transport) = self.transport.borrow().clone() else { return };
        self.calm(&transport);
        if *self.notes.received.borrow() != self.far.said || !transport.accepts_output() {
            return;
        }
        let (first, second) = (self.dice.kind(), self.dice.kind());
        self.is_faulty |= first == Kind::Faulty || second == Kind::Faulty;
        self.is_rough |= self.is_faulty;
        let (count, nests) = (self.dice.size() % 70_000, self.dice.roll(2) == 0);
        self.note(format!("insert {first:?} before {count}, nests {nests} {second:?}"));
        if nests {
            self.notes.when_opened.replace(Some(Box::new(move |transport, notes| {
                notes.insert(transport, second);
                notes.write(transport, count);
            })));
        }
        self.notes.insert(&transport, first);
        self.notes.write(&transport, count);
        self.world.settle();
        for _ in 0..2 {
            let inserted = self.notes.inserted.take();
            inserted.into_iter().for_each(|(kind, before)| self.far.add(kind, before));
            let length = self.far.outbox.len();
            self.far.send(length);
            self.world.settle();
        }
        self.notes.when_opened.take();
    }

    /// Has everything delivered that is on its way.
    fn calm(&mut self, transport: &Transport) {
        self.notes.next.take();
        self.notes.echoes.set(false);
        transport.resume_reading();
        transport.set_read_rate(None);
        transport.set_write_rate(None);
        self.far.peer.set_window(None);
        let length = self.far.outbox.len();
        self.far.send(length);
        self.world.settle();
        self.far.hear();
        self.notes.next.take();
        transport.resume_reading();
        self.world.settle();
    }

    fn end(&mut self) -> End {
        let ends = [
            End::PeerCleanly,
            End::PeerTruncates,
            End::PeerResets,
            End::Close,
            End::HalfClose,
            End::Abort,
            End::Fail,
            End::Stop,
            End::Drop,
        ];
        let mut end = ends[usize::try_from(self.dice.roll(9)).unwrap()];
        let needs_transport = matches!(end, End::Close | End::HalfClose | End::Abort | End::Fail);
        if self.transport.borrow().is_none() && needs_transport {
            end = End::PeerCleanly;
        }
        self.note(format!("{end:?}"));
        self.is_rough |= matches!(end, End::Stop | End::Drop);
        let on_transport = |deed: fn(&Transport)| self.act("end", move |transport, _| deed(transport));
        match end {
            End::PeerCleanly | End::HalfClose => {
                if end == End::HalfClose {
                    on_transport(Transport::lose_write_connection);
                }
            }
            End::PeerTruncates => self.far.peer.finish(),
            End::PeerResets => self.far.peer.reset(),
            End::Close => on_transport(Transport::lose_connection),
            End::Abort => on_transport(Transport::abort_connection),
            End::Fail => on_transport(|transport| transport.fail("a test")),
            End::Stop => {
                // One that does not run cannot be stopped.
                self.world.turn();
                self.world.reactor.stop();
            }
            End::Drop => self.world.reactor = self.world.memory.reactor(),
        }
        if self.dice.roll(2) == 0 {
            self.step_after_end();
        }
        end
    }

    fn step_after_end(&mut self) {
        match self.dice.roll(3) {
            0 => self.world.turn(),
            1 => self.act("write", |transport, notes| notes.write(transport, 500)),
            _ => self.world.run_for(SECOND),
        }
    }

    /// Lets everything come to its end.
    fn finish(&mut self, end: End) {
        let transport = self.transport.borrow().clone();
        match &transport {
            Some(transport) => {
                // What waits for a callback comes now.
                transport.post(Box::new(|_: &Transport, _: &Rc<Notes>| {}) as Deed);
                self.world.settle();
                transport.resume_reading();
                transport.set_read_rate(None);
                transport.set_write_rate(None);
            }
            None => self.world.settle(),
        }
        self.far.peer.set_window(None);
        if end != End::PeerTruncates && end != End::PeerResets {
            self.far.say_end();
            let length = self.far.outbox.len();
            self.far.send(length);
            self.world.settle();
            self.far.hear();
            if let Some(transport) = self.transport.borrow().as_ref() {
                transport.resume_reading();
            }
            self.world.settle();
            if end == End::PeerCleanly {
                self.transport.borrow().as_ref().into_iter().for_each(Transport::lose_connection);
            }
            self.world.settle();
            self.far.peer.finish();
        } else if let Some(transport) = self.transport.borrow().as_ref() {
            self.world.settle();
            transport.lose_connection();
        }
        self.world.run_for(600 * SECOND);
    }

    fn check(mut self, end: End) {
        assert_eq!(*self.notes.violations.borrow(), [""; 0]);
        let stats = self.world.reactor.stats();
        assert_eq!(
            (stats.connections, stats.panics, stats.output_buffered, stats.timers),
            (0, 0, 0, 0),
            "{stats:?}"
        );
        let lost = self.notes.lost.take();
        assert!(lost.is_some() == self.notes.made.get() || end == End::Drop);
        let received = self.notes.received.take();
        assert!(self.far.said.starts_with(&received), "input was changed");
        let written = numbered(0, self.notes.written.get());
        let heard = if self.is_faulty { Vec::new() } else { self.far.unwrapped().unwrap() };
        assert!(
            written.starts_with(&heard),
            "output was changed: {} of {} bytes",
            heard.len(),
            written.len()
        );
        if self.notes.ended.get() && !self.is_rough && end != End::PeerTruncates && end != End::PeerResets {
            assert_eq!(received, self.far.said, "input before its end is missing");
        }
        if matches!(end, End::PeerCleanly | End::Close | End::HalfClose) && lost.is_some() && !self.is_rough {
            assert_eq!(lost.as_deref(), Some("closed"));
            assert_eq!(heard.len(), written.len(), "output before an orderly end is missing");
            assert!(self.far.peer.has_finished() && !self.far.peer.was_reset());
        }
        self.transport.take();
        let token = Rc::downgrade(&self.notes.token.replace(Rc::default()));
        drop(self.notes.next.take());
        let World { reactor, .. } = self.world;
        drop(reactor);
        assert_eq!(token.strong_count(), 0, "something was not freed");
    }
}

fn counted(kind: Kind, token: &Rc<()>) -> Box<dyn ropewalk::Layer> {
    Box::new(Counted { layer: layer(kind), _token: Rc::clone(token) })
}

fn run(seed: u64, steps: &Rc<RefCell<Vec<String>>>) {
    let mut voyage = Voyage::new(seed, steps);
    for _ in 0..voyage.dice.roll(STEPS) {
        voyage.step();
    }
    let end = voyage.end();
    voyage.finish(end);
    voyage.check(end);
}

#[test]
fn whatever_happens_the_guarantees_hold() {
    for_all_seeds(SEEDS, run);
}
