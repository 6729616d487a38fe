//! What a test stands on: a real reactor, or one on a host of a simulated network.

use std::time::Duration;

use ropewalk::simulation::{Faults, Host, Link, Simulation};
use ropewalk::{Reactor, ReactorHandle};

use crate::support::{self, Footprint, PATIENCE};

pub(crate) enum Ground {
    Real(Box<Reactor>),
    Simulated(Box<Simulation>, Host),
}

/// What is held at one moment, to be held again later.
pub(crate) enum Held {
    Real(Footprint),
    /// Descriptors, connections, timers, and bytes of output.
    Simulated([usize; 4]),
}

impl Ground {
    /// The operating system's sockets and clock.
    pub(crate) fn real() -> Self {
        Self::Real(Box::new(Reactor::new().unwrap()))
    }

    /// A simulated host. `SEED=17` asks for another seed than the first.
    pub(crate) fn simulated() -> Self {
        let seed = std::env::var("SEED").map_or(1, |seed| seed.parse().unwrap());
        let mut simulation = Box::new(Simulation::new(seed));
        let host = simulation.host("host", |_| Ok(()));
        Self::Simulated(simulation, host)
    }

    /// A simulated host whose system calls do what a program must not notice, and whose sockets have little room.
    pub(crate) fn rough() -> Self {
        let mut ground = Self::simulated();
        if let Self::Simulated(simulation, host) = &mut ground {
            let mut link = Link::default();
            (link.latency, link.buffer) = (Duration::from_micros(10), 50_000);
            simulation.set_loopback(link);
            simulation.set_faults(host, Faults::rough());
        }
        ground
    }

    /// The reactor, to do something with.
    pub(crate) fn reactor(&mut self) -> &ReactorHandle {
        match self {
            Self::Real(reactor) => reactor,
            Self::Simulated(simulation, host) => simulation.reactor(host),
        }
    }

    /// Makes turns until `done`, and fails the test if that takes too long.
    #[track_caller]
    pub(crate) fn run_until(&mut self, what: &str, mut done: impl FnMut() -> bool) {
        match self {
            Self::Real(reactor) => support::run_until(reactor, what, done),
            Self::Simulated(simulation, _) => {
                assert!(simulation.run_until(PATIENCE, |_| done()), "in vain: {what}");
            }
        }
    }

    /// Makes one turn.
    pub(crate) fn turn(&mut self) {
        match self {
            Self::Real(reactor) => drop(reactor.run_once(Some(Duration::ZERO)).unwrap()),
            Self::Simulated(simulation, host) => {
                simulation.reactor(host);
                simulation.step();
            }
        }
    }

    /// Makes the turns that follow from what has been asked, until nothing more happens at once.
    pub(crate) fn settle(&mut self) {
        match self {
            Self::Real(reactor) => support::settle(reactor),
            Self::Simulated(simulation, _) => simulation.run_for(Duration::from_millis(500)),
        }
    }

    /// Stops the reactor.
    pub(crate) fn stop(&mut self) {
        self.reactor().stop();
        match self {
            Self::Real(reactor) => reactor.run().unwrap(),
            Self::Simulated(simulation, host) => {
                assert!(simulation.run_until(PATIENCE, |simulation| !simulation.is_running(host)));
            }
        }
    }

    /// What is held once what was asked is done.
    pub(crate) fn held(&mut self) -> Held {
        self.settle();
        match self {
            Self::Real(reactor) => Held::Real(Footprint::take(reactor)),
            Self::Simulated(simulation, host) => Held::Simulated(held_by(simulation, host)),
        }
    }

    /// Fails the test if something else is held than then and that does not end.
    #[track_caller]
    pub(crate) fn assert_restored(&mut self, before: &Held) {
        match (self, before) {
            (Self::Real(reactor), Held::Real(before)) => before.assert_restored(reactor),
            (Self::Simulated(simulation, host), Held::Simulated(before)) => {
                let _ = simulation.run_until(PATIENCE, |simulation| held_by(simulation, host) == *before);
                assert_eq!(held_by(simulation, host), *before);
            }
            _ => unreachable!("what is held belongs to this ground"),
        }
    }
}

fn held_by(simulation: &Simulation, host: &Host) -> [usize; 4] {
    let stats = simulation.reactor_stats(host);
    [simulation.descriptors(host), stats.connections, stats.timers, stats.output_buffered]
}
