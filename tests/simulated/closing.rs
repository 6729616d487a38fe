//! Races between closing and data: whoever closes, half-closes, aborts or fails, and whenever.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use ropewalk::simulation::{Faults, Host, Link, Simulation, simulate};
use ropewalk::testing::Dice;
use ropewalk::{Protocol, Reason, Result, Transport, factory_fn};

use crate::people::idle;
use crate::witness::{MILLISECOND, Manner, Pair, SECOND, chance, connect, exact, roll, serve};

/// What one end of a connection does and hears. Its output follows a pattern, so that lengths tell everything.
#[derive(Default)]
struct End {
    transport: RefCell<Option<Transport>>,
    written: Cell<usize>,
    heard: Cell<usize>,
    has_heard_end: Cell<bool>,
    lost: RefCell<Option<String>>,
    /// What went against the guarantees.
    violations: RefCell<Vec<String>>,
}

/// The byte at this place of what is written.
const fn pattern(place: usize) -> u8 {
    (place % 251) as u8 ^ (place / 251 % 241) as u8
}

impl End {
    fn act(&self, deed: u64, length: usize) {
        let Some(transport) = self.transport.borrow().clone() else { return };
        match deed {
            0 => transport.lose_connection(),
            1 => transport.lose_write_connection(),
            2 => transport.abort_connection(),
            3 => transport.fail("a failure that the test wants"),
            4 => transport.pause_reading(),
            5 | 6 => transport.resume_reading(),
            _ => {
                if transport.accepts_output() {
                    let from = self.written.get();
                    transport.write((from..from + length).map(pattern).collect::<Vec<_>>());
                    self.written.set(from + length);
                }
            }
        }
    }

    fn check(&self, holds: bool, guarantee: &str) {
        if !holds {
            self.violations.borrow_mut().push(guarantee.into());
        }
    }

    /// G1 to G3, once the connection is over at both ends.
    fn check_against(&self, other: &Self) {
        assert!(self.violations.borrow().is_empty(), "{:?}", self.violations.borrow());
        assert!(self.lost.borrow().is_some(), "G6: it ends");
        assert!(self.heard.get() <= other.written.get(), "G3: nothing comes that was not written");
        if self.has_heard_end.get() {
            assert_eq!(self.heard.get(), other.written.get(), "G3: the end comes after everything");
        }
    }
}

/// Does things at random in its callbacks too.
struct Restless {
    end: Rc<End>,
    dice: Dice,
    activity: f64,
}

impl Restless {
    fn act(&self) {
        if self.dice.chance(self.activity) {
            self.end.act(self.dice.roll(12), self.dice.roll(5_000) as usize);
        }
    }
}

impl Protocol for Restless {
    fn connection_made(&mut self, transport: &Transport) {
        let before = self.end.transport.replace(Some(transport.clone()));
        self.end.check(before.is_none(), "G1: connection_made comes once");
        self.act();
    }

    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        let end = &self.end;
        end.check(end.transport.borrow().is_some(), "G1: connection_made comes first");
        end.check(end.lost.borrow().is_none(), "G1: connection_lost comes last");
        end.check(!end.has_heard_end.get(), "no data comes after the end of input");
        let from = end.heard.get();
        let is_right = data.iter().enumerate().all(|(place, byte)| *byte == pattern(from + place));
        end.check(is_right, "G3: bytes come in order");
        end.heard.set(from + data.len());
        self.act();
        Ok(())
    }

    fn eof_received(&mut self, transport: &Transport) -> Result {
        let end = &self.end;
        end.check(end.lost.borrow().is_none(), "G1: connection_lost comes last");
        end.check(!end.has_heard_end.replace(true), "input ends once");
        self.act();
        if self.activity > 0.0 && self.dice.chance(0.5) {
            transport.lose_connection();
        }
        Ok(())
    }

    fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
        let before = self.end.lost.replace(Some(reason.to_string()));
        self.end.check(before.is_none(), "G1: connection_lost comes once");
        self.act();
    }
}

type Ends = Rc<RefCell<Vec<Rc<End>>>>;

/// Connections between two hosts, whose ends do what they like.
struct Crowd {
    server: Host,
    client: Host,
    /// Both in the order of connecting.
    near: Ends,
    far: Ends,
}

impl Crowd {
    fn new(simulation: &mut Simulation, connections: u64, activity: f64) -> Self {
        let (near, far) = (Ends::default(), Ends::default());
        let listening = Rc::clone(&far);
        let seed = roll(simulation, u64::MAX);
        let server = serve(simulation, "server", &Default::default(), move |_, _| {
            let (ends, seed) = (Rc::clone(&listening), Cell::new(seed));
            Rc::new(factory_fn(move |_| {
                seed.set(seed.get().wrapping_add(1));
                Some(restless(&ends, seed.get(), activity))
            }))
        });
        let client = simulation.host("client", idle);
        for _ in 0..connections {
            let ends = Rc::clone(&near);
            let seed = roll(simulation, u64::MAX);
            let factory = factory_fn(move |_| Some(restless(&ends, seed, activity)));
            // In the same order at both ends.
            let both = near.borrow().len() + 1;
            connect(simulation, &client, &server, factory);
            let is_there = |ends: &Ends| ends.borrow().len() == both;
            assert!(simulation.run_until(600 * SECOND, |_| is_there(&near) && is_there(&far)));
        }
        Self { server, client, near, far }
    }

    fn all(&self) -> Vec<Rc<End>> {
        self.near.borrow().iter().chain(&*self.far.borrow()).cloned().collect()
    }

    /// Things happen for a while.
    fn storm(&self, simulation: &mut Simulation, steps: u64) {
        for _ in 0..steps {
            for end in self.all() {
                if chance(simulation, 0.3) {
                    let length = 1 << roll(simulation, 17);
                    end.act(roll(simulation, 16), length);
                }
            }
            simulation.reactor(&self.server);
            simulation.reactor(&self.client);
            match roll(simulation, 30) {
                0 => simulation.partition(&[&self.server], &[&self.client]),
                1 => simulation.clog(&self.server, &self.client),
                2..5 => simulation.heal(),
                _ => {}
            }
            let pause = Duration::from_micros(roll(simulation, 20_000));
            simulation.run_for(pause);
        }
    }

    /// All end, and are over by their deadlines.
    fn end(&self, simulation: &mut Simulation) {
        simulation.heal();
        for end in self.all() {
            end.act(5, 0);
            end.act(0, 0);
        }
        simulation.reactor(&self.server);
        simulation.reactor(&self.client);
        simulation.run_for(70 * SECOND);
        assert_eq!(self.near.borrow().len(), self.far.borrow().len());
        for (near, far) in self.near.borrow().iter().zip(&*self.far.borrow()) {
            near.check_against(far);
            far.check_against(near);
        }
        for (host, descriptors) in [(&self.server, 1), (&self.client, 0)] {
            let stats = simulation.reactor_stats(host);
            assert_eq!((stats.connections, stats.output_buffered, stats.timers), (0, 0, 0), "{stats:?}");
            assert_eq!((simulation.descriptors(host), stats.panics), (descriptors, 0));
        }
    }
}

fn restless(ends: &Ends, seed: u64, activity: f64) -> Box<dyn Protocol> {
    let end = Rc::new(End::default());
    ends.borrow_mut().push(Rc::clone(&end));
    Box::new(Restless { end, dice: Dice::new(seed), activity })
}

/// A link on which anything may happen, and hosts whose system calls are rough.
fn roughen(simulation: &mut Simulation, crowd: &Crowd) {
    for host in [&crowd.server, &crowd.client] {
        if chance(simulation, 0.7) {
            simulation.set_faults(host, Faults::rough());
        }
    }
}

fn random_link(simulation: &Simulation) -> Link {
    let mut link = Link::default();
    link.latency = Duration::from_micros(roll(simulation, 10_000));
    link.buffer = 1 << roll(simulation, 18);
    if chance(simulation, 0.3) {
        link.loss = 0.1;
    }
    link
}

#[test]
fn g1_to_g3_hold_however_both_ends_close() {
    simulate(150, |simulation| {
        let link = random_link(simulation);
        simulation.set_default_link(link);
        let connections = 1 + roll(simulation, 5);
        let crowd = Crowd::new(simulation, connections, 0.05);
        roughen(simulation, &crowd);
        let steps = roll(simulation, 40);
        crowd.storm(simulation, steps);
        crowd.end(simulation);
    });
}

/// Both ends write, half-close at any time, and hear the other out: everything arrives.
#[test]
fn half_closes_lose_nothing() {
    simulate(100, |simulation| {
        let mut link = random_link(simulation);
        link.buffer = link.buffer.max(1_000);
        simulation.set_default_link(link);
        let crowd = Crowd::new(simulation, 4, 0.0);
        roughen(simulation, &crowd);
        for _ in 0..20 {
            for end in crowd.all() {
                let deed = if chance(simulation, 0.05) { 1 } else { 7 };
                end.act(deed, 1 << roll(simulation, 15));
            }
            simulation.reactor(&crowd.server);
            simulation.reactor(&crowd.client);
            let pause = Duration::from_micros(roll(simulation, 5_000));
            simulation.run_for(pause);
        }
        for end in crowd.all() {
            end.act(1, 0);
        }
        simulation.reactor(&crowd.server);
        simulation.reactor(&crowd.client);
        simulation.run_for(2_000 * SECOND);
        for (near, far) in crowd.near.borrow().iter().zip(&*crowd.far.borrow()) {
            assert!(near.has_heard_end.get() && far.has_heard_end.get());
            assert_eq!((near.heard.get(), far.heard.get()), (far.written.get(), near.written.get()));
        }
        crowd.end(simulation);
        let is_clean =
            |end: &Rc<End>| end.lost.borrow().as_deref() == Some("the connection was closed cleanly");
        assert!(crowd.all().iter().all(is_clean));
    });
}

#[test]
fn both_ends_may_close_at_the_same_moment() {
    for steps in 0..30 {
        let mut pair = Pair::new(1, exact(MILLISECOND), Manner::Quiet, Manner::Quiet);
        pair.say("from the client");
        pair.answer("from the server");
        pair.simulation.run_for(Duration::from_micros(steps * 100));
        pair.heard.transports()[0].lose_connection();
        pair.served.transports()[0].lose_connection();
        pair.simulation.reactor(&pair.client);
        pair.simulation.reactor(&pair.server);
        let asked = pair.simulation.now();
        pair.simulation.run_for(5 * SECOND);
        for guest in [pair.heard.only(), pair.served.only()] {
            assert!(guest.was_clean(), "{:?}", guest.lost);
            assert!(guest.lost_at() <= asked + 2 * MILLISECOND, "nobody waits for a farewell that has come");
        }
        let heard = (pair.heard.bytes(), pair.served.bytes());
        // It arrives after a millisecond.
        assert_eq!(heard, if steps < 10 { (0, 0) } else { (15, 15) }, "after {steps}");
    }
}

#[test]
fn a_close_overtakes_nothing_that_was_written() {
    for length in [1, 1_000, 100_000, 1_000_000] {
        let mut link = exact(MILLISECOND);
        link.buffer = 7_000;
        let mut pair = Pair::new(2, link, Manner::Quiet, Manner::Quiet);
        pair.answer(vec![b'x'; length]);
        pair.served.transports()[0].lose_connection();
        // What the client says meanwhile is in nobody's way.
        for _ in 0..50 {
            pair.say([b'y'; 100]);
            pair.simulation.run_for(MILLISECOND);
        }
        pair.simulation.run_for(60 * SECOND);
        assert_eq!(pair.heard.only().data.len(), length);
        assert!(pair.heard.only().finished.is_some() && pair.served.only().was_clean());
    }
}
