//! Protocols that do anything at any time, on a network and with system calls of which the dice decide.
//!
//! Both ends send the same pattern, so a lost, doubled or misplaced byte shows; whoever means to finish says so.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use ropewalk::simulation::{Faults, Link};
use ropewalk::testing::Dice;
use ropewalk::{
    ClientEndpoint, Producer, ProducerKind, Protocol, Result, TcpServerEndpoint, TimerKey, Transport,
    factory_fn,
};

use crate::book::Book;
use crate::stage::{MILLISECOND, SECOND, Stage};

/// The byte that says that a side means to finish. None of the pattern.
const FINISHING: u8 = 0xff;

/// How much one connection does of its own accord.
const DEEDS: u32 = 30;

/// What wild protocols share.
#[derive(Clone)]
struct Wilderness {
    dice: Rc<Dice>,
    book: Book,
    /// Everything is closed, whether it means to or not.
    is_over: Rc<Cell<bool>>,
}

/// How many bytes of the pattern a side has sent.
type Position = Rc<Cell<usize>>;

struct Wild {
    world: Wilderness,
    sent: Position,
    heard: usize,
    heard_finishing: bool,
    deeds: u32,
}

fn pattern(position: usize) -> u8 {
    ((position * 7 + position / 256) % 251) as u8
}

/// Writes the next bytes of the pattern.
fn write(transport: &Transport, sent: &Cell<usize>, count: usize) {
    // What is written after closing goes nowhere.
    if transport.accepts_output() {
        let from = sent.replace(sent.get() + count);
        transport.write((from..from + count).map(pattern).collect::<Vec<_>>());
    }
}

impl Wild {
    fn new(world: Wilderness) -> Self {
        Self { world, sent: Rc::default(), heard: 0, heard_finishing: false, deeds: DEEDS }
    }

    /// Does a thing or two, or nothing.
    fn act(&mut self, transport: &Transport) -> Result {
        for _ in 0..self.world.dice.roll(3) {
            if self.deeds == 0 {
                return Ok(());
            }
            self.deeds -= 1;
            self.do_something(transport)?;
        }
        Ok(())
    }

    fn do_something(&self, transport: &Transport) -> Result {
        let dice = &self.world.dice;
        match dice.roll(16) {
            0..=4 => write(transport, &self.sent, 1 + dice.roll(300) as usize),
            5 => write(transport, &self.sent, dice.roll(30_000) as usize),
            6 => {
                transport.pause_reading();
                // Whoever pauses means to go on.
                transport.set_timer(MILLISECOND * dice.roll(200) as u32);
            }
            7 => transport.resume_reading(),
            8 | 9 => drop(transport.set_timer(MILLISECOND * dice.roll(100) as u32)),
            10 => transport.post("an event"),
            11 => {
                let numbers = Pieces { left: 1 + dice.roll(10) as u32, sent: Rc::clone(&self.sent) };
                drop(transport.register_producer(numbers, ProducerKind::Pull));
            }
            12 => self.finish(transport, Transport::lose_write_connection),
            13 => self.finish(transport, Transport::lose_connection),
            14 if dice.chance(0.3) => transport.abort_connection(),
            15 if dice.chance(0.3) => {
                self.finish(transport, |_| ());
                return Err("something else".into());
            }
            _ => transport.set_nodelay(dice.chance(0.5)),
        }
        Ok(())
    }

    fn finish(&self, transport: &Transport, finish: impl Fn(&Transport)) {
        transport.write([FINISHING]);
        finish(transport);
    }

    fn hear(&mut self, data: &[u8]) {
        for byte in data {
            if *byte == FINISHING {
                self.heard_finishing = true;
            } else if *byte == pattern(self.heard) {
                self.heard += 1;
            } else {
                self.world.book.wrong(format!("byte {} is another than was sent: {byte}", self.heard));
            }
        }
    }
}

impl Protocol for Wild {
    fn connection_made(&mut self, transport: &Transport) {
        if let Err(error) = self.act(transport) {
            transport.fail(error);
        }
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        self.hear(data);
        self.act(transport)
    }

    fn eof_received(&mut self, transport: &Transport) -> Result {
        let is_orderly = self.heard_finishing || self.heard == 0 || self.world.is_over.get();
        if !is_orderly {
            self.world.book.wrong(format!("an end of input after {} bytes that nobody meant", self.heard));
        }
        if self.world.dice.chance(0.7) {
            self.finish(transport, Transport::lose_connection);
        }
        self.act(transport)
    }

    fn writing_paused(&mut self, transport: &Transport) {
        if let Err(error) = self.act(transport) {
            transport.fail(error);
        }
    }

    fn writing_resumed(&mut self, transport: &Transport) {
        self.writing_paused(transport);
    }

    fn reading_resumed(&mut self, transport: &Transport) -> Result {
        self.act(transport)
    }

    fn timer_expired(&mut self, transport: &Transport, _: TimerKey) {
        transport.resume_reading();
        self.writing_paused(transport);
    }

    fn event_received(&mut self, transport: &Transport, _: Box<dyn std::any::Any>) {
        self.writing_paused(transport);
    }
}

/// Some more of the pattern, as fast as the peer reads.
struct Pieces {
    left: u32,
    sent: Position,
}

impl Producer for Pieces {
    fn resume_producing(&mut self, transport: &Transport) {
        write(transport, &self.sent, 5_000);
        self.left -= 1;
        if self.left == 0 {
            transport.unregister_producer();
        }
    }
}

/// Has the dice decide how bad the network and the system calls are. Returns whether calls may fail.
pub(crate) fn trouble(stage: &mut Stage) -> bool {
    let dice = stage.simulation.dice();
    let mut link = Link::default();
    link.jitter = [Duration::ZERO, MILLISECOND, 50 * MILLISECOND][dice.roll(3) as usize];
    link.buffer = [256 * 1024, 10_000, 500][dice.roll(3) as usize];
    stage.simulation.set_default_link(link);
    let failures = if dice.chance(0.5) { 0.0 } else { 0.02 };
    for host in [stage.server.clone(), stage.client.clone()] {
        let mut faults = Faults::default();
        for probability in [
            &mut faults.short_reads,
            &mut faults.short_writes,
            &mut faults.would_block,
            &mut faults.interrupted,
            &mut faults.spurious_readiness,
            &mut faults.late_readiness,
        ] {
            // Much more, and each call would bring about more than one other.
            *probability = [0.0, 0.05, 0.15][dice.roll(3) as usize];
        }
        faults.failures = failures;
        stage.simulation.set_faults(&host, faults);
    }
    failures > 0.0
}

/// Clients and a server that do anything, and in the end a drain.
pub(crate) fn wild(stage: &mut Stage) {
    let (dice, is_over) = (stage.simulation.dice(), Rc::new(Cell::new(false)));
    let world = Wilderness { dice: Rc::clone(&dice), book: stage.book.clone(), is_over: Rc::clone(&is_over) };
    let make = move || {
        let world = world.clone();
        factory_fn(move |_| Some(Box::new(Wild::new(world.clone())) as Box<dyn Protocol>))
    };
    let server = stage.server.clone();
    stage.own_output = usize::MAX;
    stage.listen(&server, &TcpServerEndpoint::from(Stage::everywhere()), make());
    for _ in 0..=dice.roll(4) {
        let (factory, endpoint) = (stage.book.watch("client", usize::MAX, make()), stage.endpoint());
        let connected = endpoint.connect_shared(stage.simulation.reactor(&stage.client), factory);
        stage.run_for(MILLISECOND * dice.roll(100) as u32);
        if dice.chance(0.1) {
            connected.cancel();
        }
        befall(stage, &dice);
    }
    stage.simulation.heal();
    stage.run_for(10 * SECOND);
    is_over.set(true);
    for host in [stage.server.clone(), stage.client.clone()] {
        drop(stage.simulation.reactor(&host).drain(SECOND));
    }
}

/// Something befalls the network or a host, at times.
fn befall(stage: &mut Stage, dice: &Dice) {
    let (server, client) = (stage.server.clone(), stage.client.clone());
    match dice.roll(8) {
        0 => stage.simulation.partition(&[&server], &[&client]),
        1 => stage.simulation.clog(&server, &client),
        2 => stage.simulation.heal(),
        3 => stage.simulation.suspend(&server, MILLISECOND * dice.roll(500) as u32),
        4 => stage.simulation.suspend(&client, MILLISECOND * dice.roll(500) as u32),
        _ => {}
    }
}
