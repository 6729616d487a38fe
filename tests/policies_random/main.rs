//! Policies nested in any order, around connections to which anything happens at any time, from a seed: no limit is
//! passed, no place is lost, and what is slowed down arrives all the same.
//!
//! A seed that fails is printed with its steps. `SEED=n` runs one alone.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "../layering/mod.rs"]
mod layering;
#[path = "../seeds/mod.rs"]
mod seeds;
#[path = "../world/mod.rs"]
mod world;

mod near_end;
mod nested;

use std::cell::{Cell, RefCell};
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use layering::{masked, unmask};
use near_end::{Deed, Meter, Notes, Recorder, numbered};
use nested::{Guests, Handshake, Nested};
use ropewalk::testing::Operation;
use ropewalk::{Instant, LimitConnections, LimitPerPeer, ListeningPort, TokenBucket, Transport, prepared};
use seeds::{Dice, for_all_seeds};
use world::{MILLISECOND, SECOND, World};

const SEEDS: u64 = 4_000;
const STEPS: u64 = 60;

/// One peer with its connection.
struct Guest {
    notes: Rc<Notes>,
    greeting: Vec<u8>,
    said: Vec<u8>,
}

struct Party {
    dice: Rc<Dice>,
    world: World,
    handshake: Handshake,
    port: ListeningPort,
    address: SocketAddr,
    guests: Vec<Guest>,
    by_port: Guests,
    totals: Vec<(usize, LimitConnections)>,
    per_peer: Vec<LimitPerPeer>,
    most: usize,
    shared: Option<(Rc<TokenBucket>, Rc<Meter>)>,
    /// The factory neither refuses nor panics.
    is_kind: Rc<Cell<bool>>,
    looked: Instant,
    /// How many failures were ordered.
    faults: Cell<usize>,
    steps: Rc<RefCell<Vec<String>>>,
}

impl Party {
    fn new(seed: u64, steps: &Rc<RefCell<Vec<String>>>) -> Self {
        let dice = Rc::new(Dice::new(seed));
        let kinds = [Handshake::None, Handshake::None, Handshake::Masked, Handshake::Header];
        let handshake = kinds[usize::try_from(dice.roll(4)).unwrap()];
        steps.borrow_mut().push(format!("{handshake:?}"));
        let (by_port, is_kind) = (Guests::default(), Rc::<Cell<bool>>::default());
        let factory = Nested::new(&dice, &by_port, &is_kind, handshake, steps);
        let Nested { factory, totals, per_peer, most } = factory;
        let mut world = World::new();
        let (port, address) = world.listen(factory);
        let shared = (dice.roll(2) == 0).then(|| {
            let (rate, burst) = dice.rate();
            (Rc::new(TokenBucket::with_burst(rate, burst)), Rc::new(Meter::new(rate, burst, world.now())))
        });
        let (guests, looked, steps) = (Vec::new(), world.now(), Rc::clone(steps));
        Self {
            dice,
            world,
            handshake,
            port,
            address,
            guests,
            by_port,
            totals,
            per_peer,
            most,
            shared,
            is_kind,
            looked,
            faults: Cell::new(0),
            steps,
        }
    }

    fn note(&self, step: impl Into<String>) {
        self.steps.borrow_mut().push(step.into());
    }

    /// One of the guests.
    fn one(&self) -> Option<usize> {
        let count = u64::try_from(self.guests.len()).unwrap();
        (count > 0).then(|| usize::try_from(self.dice.roll(count)).unwrap())
    }

    fn arrive(&mut self, crowd: u64) {
        for _ in 0..crowd {
            let Ok(peer) = self.world.memory.connect(self.address) else { return };
            let port = peer.address().port();
            let greeting = match self.handshake {
                Handshake::None => Vec::new(),
                Handshake::Masked => b"HI".to_vec(),
                Handshake::Header => format!("from 10.0.0.{}:{port}\n", self.dice.roll(3)).into_bytes(),
            };
            let notes = Rc::new(Notes::new(peer));
            self.by_port.borrow_mut().insert(port, Rc::clone(&notes));
            self.guests.push(Guest { notes, greeting, said: Vec::new() });
        }
    }

    /// Has a guest say something, which is its greeting at first.
    fn say(&mut self, guest: usize, count: usize) {
        let is_masked = self.handshake == Handshake::Masked;
        let guest = &mut self.guests[guest];
        if !guest.greeting.is_empty() {
            guest.notes.peer.send(std::mem::take(&mut guest.greeting));
            return;
        }
        if guest.notes.is_live() {
            let data = numbered(guest.said.len(), count);
            guest.said.extend(&data);
            guest.notes.peer.send(if is_masked { masked(data) } else { data });
        }
    }

    /// Does something to a connection: from outside, in an event, or in the callback that comes next.
    fn act(&self, guest: usize, what: &str, deed: impl FnOnce(&Transport, &Notes) + 'static) {
        let notes = &self.guests[guest].notes;
        let (transport, deed): (_, Deed) = (notes.transport.borrow().clone(), Box::new(deed));
        let how = self.dice.roll(3);
        self.note(format!("{guest}: {what} ({how})"));
        match transport {
            Some(transport) if how == 0 => deed(&transport, notes),
            Some(transport) if how == 1 => transport.post(deed),
            _ => notes.next.borrow_mut().push(deed),
        }
    }

    fn step(&mut self) {
        let (roll, count) = (self.dice.roll(27), self.dice.size());
        let guest = self.one().unwrap_or_default();
        if self.guests.is_empty() || roll < 4 {
            let crowd = 1 + self.dice.roll(5);
            self.note(format!("{crowd} arrive"));
            self.arrive(crowd);
            return self.go_on();
        }
        match roll {
            4..=9 => {
                self.note(format!("{guest} says {count}"));
                self.say(guest, count);
            }
            10 | 11 => self.act(guest, "write", move |transport, notes| notes.write(transport, count)),
            12 => self.act(guest, "pause", |transport, _| transport.pause_reading()),
            13 => self.act(guest, "resume", |transport, _| transport.resume_reading()),
            14 => {
                let window = (self.dice.roll(2) == 0).then_some(count);
                self.note(format!("{guest}: window {window:?}"));
                self.guests[guest].notes.peer.set_window(window);
            }
            15..=17 => self.let_time_pass(),
            18 => {
                self.note(format!("{guest} takes"));
                let notes = &self.guests[guest].notes;
                notes.heard.borrow_mut().extend(notes.peer.received());
            }
            19 => self.end(guest),
            20 => self.fail(guest),
            21 => (0..3).for_each(|_| self.change_rate(guest)),
            22 => self.change_port(),
            23 => self.change_timeouts(guest),
            24 => self.everybody(),
            25 => self.doze(),
            _ => self.switch(guest),
        }
        self.go_on();
    }

    fn go_on(&mut self) {
        self.world.settle();
        self.look();
    }

    fn switch(&self, guest: usize) {
        let notes = Rc::clone(&self.guests[guest].notes);
        if notes.is_live() {
            self.act(guest, "switch", move |transport, _| {
                let next = Recorder::new(&notes);
                transport.switch_protocol(prepared(Box::new(next), |_| {}), []);
            });
        }
    }

    /// All do the same at the same time.
    fn everybody(&mut self) {
        let (what, size) = (self.dice.roll(6), self.dice.size());
        self.note(format!("everybody {what}"));
        for guest in 0..self.guests.len() {
            let notes = Rc::clone(&self.guests[guest].notes);
            let Some(transport) = notes.transport.borrow().clone() else { continue };
            match (what, &self.shared) {
                (0, _) => transport.pause_reading(),
                (1, _) => transport.resume_reading(),
                (2, _) => notes.write(&transport, size),
                (3, Some((bucket, meter))) => {
                    notes.read_meter.replace(Some(Rc::clone(meter)));
                    transport.set_read_rate(Some(Rc::clone(bucket)));
                }
                _ => self.say(guest, size),
            }
        }
    }

    /// All have much to hear, and pause for a while.
    fn doze(&mut self) {
        self.note("all doze");
        (0..self.guests.len()).for_each(|guest| self.say(guest, 5000));
        self.go_on();
        let transports = self.guests.iter().filter_map(|guest| guest.notes.transport.borrow().clone());
        transports.for_each(|transport| transport.pause_reading());
        self.let_time_pass();
        let transports = self.guests.iter().filter_map(|guest| guest.notes.transport.borrow().clone());
        transports.for_each(|transport| transport.resume_reading());
    }

    fn let_time_pass(&mut self) {
        let time = [3, 100, 2_000, 20_000][usize::try_from(self.dice.roll(4)).unwrap()];
        let time = MILLISECOND * u32::try_from(1 + self.dice.roll(time)).unwrap();
        self.note(format!("{time:?}"));
        let end = self.world.now() + time;
        while self.world.now() < end {
            let left = end.saturating_since(self.world.now());
            self.world.run_for((time / 10).max(MILLISECOND).min(left));
            self.look();
        }
    }

    fn end(&self, guest: usize) {
        let (roll, notes) = (self.dice.roll(7), &self.guests[guest].notes);
        self.note(format!("{guest} ends {roll}"));
        notes.is_rough.set(true);
        match roll {
            0 => notes.peer.finish(),
            1 => notes.peer.reset(),
            2 => self.act(guest, "close", |transport, _| transport.lose_connection()),
            3 => self.act(guest, "abort", |transport, _| transport.abort_connection()),
            4 => self.act(guest, "fail", |transport, _| transport.fail("a test")),
            5 => self.act(guest, "half close", |transport, _| transport.lose_write_connection()),
            _ => {
                // Outside of callbacks nobody would catch it.
                self.note("panics");
                notes.next.borrow_mut().push(Box::new(|_, _| panic!("a test")));
            }
        }
    }

    fn fail(&self, guest: usize) {
        let operations = [Operation::Read, Operation::Write, Operation::Accept, Operation::Register];
        let operation = operations[usize::try_from(self.dice.roll(4)).unwrap()];
        self.note(format!("{operation:?} fails"));
        self.faults.set(self.faults.get() + 1);
        match operation {
            Operation::Read | Operation::Write => {
                self.guests[guest].notes.peer.fail_next(operation, 1, ErrorKind::Interrupted);
            }
            Operation::Accept => self.world.memory.fail_next(operation, 1, ErrorKind::ConnectionAborted),
            _ => self.world.memory.fail_next(operation, 1, ErrorKind::OutOfMemory),
        }
    }

    fn change_rate(&self, guest: usize) {
        let (reads, (rate, burst)) = (self.dice.roll(2) == 0, self.dice.rate());
        let notes = &self.guests[guest].notes;
        let Some(transport) = notes.transport.borrow().clone() else { return };
        let (bucket, meter) = match &self.shared {
            Some(shared) if reads => shared.clone(),
            _ => (
                Rc::new(TokenBucket::with_burst(rate, burst)),
                Rc::new(Meter::new(rate, burst, self.world.now())),
            ),
        };
        self.note(format!("{guest}: {bucket:?}, reads {reads}"));
        if reads {
            notes.read_meter.replace(Some(meter));
            transport.set_read_rate(Some(bucket));
        } else {
            notes.write_meter.replace(Some(meter));
            transport.set_write_rate(Some(bucket));
        }
    }

    fn change_port(&self) {
        if self.port.is_listening() {
            self.note("stop port");
            drop(self.port.stop());
        } else {
            self.note("start port");
            self.port.start().unwrap();
        }
    }

    fn change_timeouts(&self, guest: usize) {
        let (roll, period) =
            (self.dice.roll(4), MILLISECOND * u32::try_from(self.dice.roll(30_000)).unwrap());
        let notes = &self.guests[guest].notes;
        let Some(transport) = notes.transport.borrow().clone().filter(Transport::is_open) else { return };
        self.note(format!("{guest}: timeouts {roll} {period:?}"));
        let now = self.world.now();
        match roll {
            0 => {
                notes.deadline.set(Some((now + period, period)));
                transport.set_deadline(Some(period));
            }
            1 => {
                notes.deadline.set(None);
                transport.set_deadline(None);
            }
            _ => {
                notes.idle.set((roll == 2).then_some(period));
                notes.active.set((now, now));
                transport.set_idle_timeout(notes.idle.get());
            }
        }
    }

    /// Looks whether all limits hold.
    fn look(&mut self) {
        let (now, before) = (self.world.now(), self.looked);
        self.looked = now;
        let is_layered = self.handshake != Handshake::None;
        self.guests.iter().for_each(|guest| guest.notes.look(before, now, is_layered));
        for Guest { notes, .. } in &self.guests {
            assert_eq!(*notes.violations.borrow(), [""; 0]);
            // Of a record that is complete at last all is delivered at once.
            let read = notes.read_meter.borrow().clone().filter(|_| self.handshake != Handshake::Masked);
            for meter in read.iter().chain(notes.write_meter.borrow().iter()) {
                meter.look(now);
                assert!(!meter.is_over.get(), "faster than its rate");
            }
        }
        let live = self.guests.iter().filter(|guest| guest.notes.is_live() && !guest.notes.is_overflow.get());
        let (live, stats) = (live.count(), self.world.reactor.stats());
        for (most, limit) in &self.totals {
            assert!(limit.connections() <= stats.connections.min(*most), "{limit:?} {stats:?}");
            assert!(live <= *most, "{live} of {most}");
        }
        assert!(stats.timers <= 4 * stats.connections + 1, "{stats:?}");
    }

    /// Nothing holds anybody up any more but the rates: everything arrives.
    fn finish(&mut self) {
        for guest in &self.guests {
            let notes = &guest.notes;
            notes.next.take();
            notes.peer.set_window(None);
            notes.deadline.set(None);
            notes.idle.set(None);
            if let Some(transport) = notes.transport.borrow().as_ref() {
                transport.set_deadline(None);
                transport.set_idle_timeout(None);
                transport.resume_reading();
            }
        }
        let close = self.dice.roll(2) == 0;
        let moved: usize = self.guests.iter().map(|guest| guest.said.len() + guest.notes.written.get()).sum();
        // Records are longer than what they carry, and the slowest bucket brings 500 bytes a second.
        let time = Duration::from_millis(u64::try_from(moved).unwrap() * 4) + SECOND;
        if !close {
            self.world.run_for(time);
        }
        self.note(format!("closes {close}"));
        let transports = self.guests.iter().filter_map(|guest| guest.notes.transport.borrow().clone());
        let transports: Vec<Transport> = transports.collect();
        transports.iter().for_each(Transport::lose_connection);
        self.world.run_for(time);
        for (index, guest) in self.guests.iter().enumerate() {
            let notes = &guest.notes;
            let heard = self.heard(notes);
            let (received, written) = (notes.received.take(), numbered(0, notes.written.get()));
            assert!(guest.said.starts_with(&received) && written.starts_with(&heard), "changed");
            let reason = notes.lost.borrow().clone();
            let is_smooth =
                !notes.is_rough.get() && reason.as_deref().is_none_or(|reason| reason == "closed");
            if is_smooth && notes.transport.borrow().is_some() {
                assert_eq!(heard.len(), written.len(), "output of {index}");
                assert!(close || received.len() == guest.said.len(), "input of {index}");
            }
        }
        self.guests.iter().for_each(|guest| guest.notes.peer.reset());
        self.world.run_for(80 * SECOND);
    }

    fn heard(&self, notes: &Notes) -> Vec<u8> {
        let mut heard = notes.heard.borrow().clone();
        heard.extend(notes.peer.received());
        if self.handshake == Handshake::Masked {
            heard.drain(..2.min(heard.len()));
            return unmask(&mut heard);
        }
        heard
    }

    /// A stop ends all of them, whatever the rates.
    fn stop(&mut self) {
        self.note("stop");
        self.world.turn();
        self.world.reactor.stop();
        self.world.run_for(80 * SECOND);
        self.guests.iter().for_each(|guest| drop(guest.notes.next.take()));
        self.check_empty();
    }

    /// Nothing is left, and there is place for as many as there should be.
    fn check(mut self) {
        self.check_empty();
        self.is_kind.set(true);
        if !self.port.is_listening() {
            self.port.start().unwrap();
        }
        // These use up the failures that are still to come.
        for _ in 0..self.faults.get() {
            self.arrive(1);
            self.say(self.guests.len() - 1, 1);
            self.world.run_for(2 * SECOND);
            self.guests.iter().for_each(|guest| guest.notes.peer.reset());
            self.world.run_for(2 * SECOND);
        }
        let before = self.guests.len();
        self.arrive(u64::try_from(self.most).unwrap());
        self.world.settle();
        (before..self.guests.len()).for_each(|guest| self.say(guest, 1));
        self.world.settle();
        let made = self.guests[before..].iter().filter(|guest| guest.notes.transport.borrow().is_some());
        assert_eq!(made.count(), self.most, "places are missing");
        self.guests.iter().for_each(|guest| guest.notes.peer.reset());
        self.world.settle();
        self.check_empty();
    }

    fn check_empty(&self) {
        let stats = self.world.reactor.stats();
        assert_eq!((stats.connections, stats.output_buffered, stats.timers), (0, 0, 0), "{stats:?}");
        assert!(self.totals.iter().all(|(_, limit)| limit.connections() == 0), "{:?}", self.totals);
        let peers = [[127, 0, 0, 1], [10, 0, 0, 0], [10, 0, 0, 1], [10, 0, 0, 2]].map(IpAddr::from);
        for limit in &self.per_peer {
            assert!(peers.iter().all(|peer| limit.connections(*peer) == 0), "{limit:?}");
        }
        for guest in &self.guests {
            guest.notes.transport.take();
            assert_eq!(Rc::strong_count(&guest.notes.token.borrow()), 1, "something was not freed");
        }
    }
}

fn run(seed: u64, steps: &Rc<RefCell<Vec<String>>>) {
    let mut party = Party::new(seed, steps);
    for _ in 0..party.dice.roll(STEPS) {
        party.step();
    }
    if party.dice.roll(6) == 0 {
        party.stop();
    } else {
        party.finish();
        party.check();
    }
}

#[test]
fn whatever_happens_the_limits_hold() {
    for_all_seeds(SEEDS, run);
}
