//! Connections to which anything happens in any order, from seeds: the guarantees hold all the same (G1–G4, G6, G10).

mod world;

use std::cell::{Cell, RefCell};
use std::io::ErrorKind;
use std::rc::Rc;

use ropewalk::driver::Readiness;
use ropewalk::testing::{Operation, Peer};
use ropewalk::{Producer, ProducerKind, Protocol, Reason, Result, TimerKey, Transport};
use world::{Echo, SECOND, World, limits};

/// SplitMix64, shared by everybody in one world.
#[derive(Clone)]
struct Dice(Rc<Cell<u64>>);

impl Dice {
    fn roll(&self, sides: usize) -> usize {
        self.0.set(self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15));
        let mut mixed = self.0.get();
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % sides as u64) as usize
    }
}

/// What one connection's protocol has heard.
#[derive(Default)]
struct Record {
    made: Cell<usize>,
    lost: Cell<usize>,
    busy: Cell<bool>,
    told_paused: Cell<bool>,
}

struct Chaos {
    dice: Dice,
    everybody: Rc<RefCell<Vec<Transport>>>,
    record: Rc<Record>,
}

struct Feeder(Dice);

impl Producer for Feeder {
    fn resume_producing(&mut self, transport: &Transport) {
        match self.0.roll(4) {
            0 => transport.unregister_producer(),
            _ => transport.write(vec![0; self.0.roll(50_000)]),
        }
    }
}

impl Chaos {
    /// Does anything to anybody. Asserts what must hold in every callback.
    fn act(&self) -> Result {
        assert!(!self.record.busy.replace(true), "a callback within a callback");
        assert_eq!((self.record.made.get(), self.record.lost.get()), (1, 0));
        for _ in 0..self.dice.roll(4) {
            let everybody = self.everybody.borrow();
            if let Some(transport) = everybody.get(self.dice.roll(everybody.len().max(1))) {
                deed(&self.dice, transport);
            }
        }
        self.record.busy.set(false);
        if self.dice.roll(600) == 0 { Err("by chance".into()) } else { Ok(()) }
    }
}

fn deed(dice: &Dice, transport: &Transport) {
    match dice.roll(40) {
        0..=9 => transport.write(vec![0; dice.roll(30_000)]),
        10..=13 => transport.pause_reading(),
        14..=18 => transport.resume_reading(),
        // Ends are rare, so that lives are long.
        19 => match dice.roll(20) {
            0 => transport.lose_connection(),
            1 => transport.abort_connection(),
            2 => transport.lose_write_connection(),
            3 => transport.fail("by choice"),
            _ => {}
        },
        22..=24 => drop(transport.set_timer(SECOND * dice.roll(3) as u32)),
        25..=27 => transport.post("event"),
        29 | 30 => {
            let kind = [ProducerKind::Push, ProducerKind::Pull][dice.roll(2)];
            // Refused if there is one already.
            drop(transport.register_producer(Feeder(dice.clone()), kind));
        }
        31 | 32 => transport.unregister_producer(),
        33 => drop(transport.set_idle_timeout(Some(SECOND * (1 + dice.roll(20) as u32)))),
        34 => transport.set_limits(limits(|limits| {
            limits.high_water = dice.roll(100_000);
            limits.low_water = dice.roll(100_000);
            limits.output = 200_000 + dice.roll(1_000_000);
        })),
        _ => {}
    }
}

impl Protocol for Chaos {
    fn connection_made(&mut self, transport: &Transport) {
        self.record.made.set(self.record.made.get() + 1);
        self.everybody.borrow_mut().push(transport.clone());
        let _ = self.act();
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        assert!(transport.delivers_input());
        transport.write(data);
        self.act()
    }

    fn eof_received(&mut self, transport: &Transport) -> Result {
        if self.dice.roll(2) == 0 {
            transport.lose_connection();
        }
        self.act()
    }

    fn writing_paused(&mut self, _: &Transport) {
        assert!(!self.record.told_paused.replace(true));
        let _ = self.act();
    }

    fn writing_resumed(&mut self, _: &Transport) {
        assert!(self.record.told_paused.replace(false));
        let _ = self.act();
    }

    fn reading_resumed(&mut self, _: &Transport) -> Result {
        self.act()
    }

    fn timer_expired(&mut self, _: &Transport, _: TimerKey) {
        let _ = self.act();
    }

    fn event_received(&mut self, _: &Transport, _: Box<dyn std::any::Any>) {
        let _ = self.act();
    }

    fn connection_lost(&mut self, transport: &Transport, _: &Reason) {
        let _ = self.act();
        self.record.lost.set(self.record.lost.get() + 1);
        assert!(!transport.is_open());
    }
}

/// Does anything that a peer or its system can do.
fn peer_deed(dice: &Dice, peer: &Peer) {
    match dice.roll(30) {
        0..=9 => peer.send(vec![0; dice.roll(100_000)]),
        10..=14 => drop(peer.received()),
        15..=17 => peer.set_window(Some(dice.roll(50_000))),
        18 => peer.set_window(None),
        19 => match dice.roll(8) {
            0 => peer.finish(),
            1 => peer.reset(),
            _ => {}
        },
        21 | 22 => peer.spurious(Readiness { readable: true, writable: true, ..Readiness::default() }),
        23 if dice.roll(4) == 0 => {
            let operation =
                [Operation::Read, Operation::Write, Operation::Shutdown, Operation::Register][dice.roll(4)];
            let errors = [ErrorKind::ConnectionReset, ErrorKind::TimedOut, ErrorKind::Interrupted];
            peer.fail_next(operation, 1, errors[dice.roll(3)]);
        }
        24 => peer.fail_next(Operation::Read, 2, ErrorKind::WouldBlock),
        25 => peer.fail_next(Operation::Write, 2, ErrorKind::WouldBlock),
        _ => {}
    }
}

fn live_a_life(seed: u64) {
    let dice = Dice(Rc::new(Cell::new(seed)));
    let everybody = Rc::default();
    let mut world = World::new();
    let mut lives = Vec::new();
    for _ in 0..6 {
        let record = Rc::new(Record::default());
        let chaos =
            Chaos { dice: dice.clone(), everybody: Rc::clone(&everybody), record: Rc::clone(&record) };
        let (peer, transport) = world.open(chaos);
        lives.push((peer, transport, record));
    }
    for _ in 0..300 {
        let (peer, transport, _) = &lives[dice.roll(lives.len())];
        peer_deed(&dice, peer);
        if dice.roll(5) == 0 {
            deed(&dice, transport);
        }
        match dice.roll(3) {
            0 => world.turn(),
            1 => world.settle(),
            _ => world.run_for(SECOND * dice.roll(5) as u32),
        }
        let buffered: usize = lives.iter().map(|(_, transport, _)| transport.buffered()).sum();
        assert!(buffered <= 6 * 17 * 1024 * 1024, "{buffered} bytes of output");
    }
    // Whatever state they are in, all of them end in time.
    for (_, transport, _) in &lives {
        transport.unregister_producer();
        transport.lose_connection();
    }
    world.run_for(SECOND * 63);
    for (number, (peer, _, record)) in lives.iter().enumerate() {
        assert_eq!((record.made.get(), record.lost.get()), (1, 1), "connection {number}");
        assert!(peer.is_closed());
    }
    let stats = world.reactor.stats();
    assert_eq!((stats.panics, stats.connections, stats.timers, stats.output_buffered), (0, 0, 0, 0));
    assert_eq!(world.memory.descriptors(), 0);
    let (fresh, _) = world.open(Echo);
    fresh.send("alive");
    world.settle();
    assert_eq!(fresh.received(), b"alive");
}

#[test]
fn the_guarantees_hold_whatever_happens() {
    for seed in 0..300 {
        let outcome = std::panic::catch_unwind(|| live_a_life(seed));
        assert!(outcome.is_ok(), "seed {seed}");
    }
}
