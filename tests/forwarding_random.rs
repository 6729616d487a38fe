//! Forwarded connections on which both peers do anything at any time, from a seed: what arrives is in order, an orderly end
//! loses nothing, what waits is bounded, and everything is freed.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod seeds;
mod world;

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;

use ropewalk::testing::Peer;
use ropewalk::{PortForward, TcpClientEndpoint};
use seeds::{Dice, for_all_seeds};
use world::{MILLISECOND, SECOND, World};

const SEEDS: u64 = 1_000;
const STEPS: u64 = 30;

impl Dice {
    fn size(&self) -> usize {
        let bound = [4, 1000, 400_000][usize::try_from(self.roll(3)).unwrap()];
        usize::try_from(1 + self.roll(bound)).unwrap()
    }
}

/// One of the two who talk through the forwarder.
struct Side {
    peer: Peer,
    said: usize,
    heard: Vec<u8>,
    has_finished: bool,
}

/// Every byte tells its place.
fn numbered(from: usize, count: usize) -> Vec<u8> {
    (from..from + count).map(|place| b'A' + u8::try_from(place % 25).unwrap()).collect()
}

impl Side {
    const fn new(peer: Peer) -> Self {
        Self { peer, said: 0, heard: Vec::new(), has_finished: false }
    }

    fn say(&mut self, count: usize) {
        if !self.has_finished {
            self.peer.send(numbered(self.said, count));
            self.said += count;
        }
    }

    fn finish(&mut self) {
        if !std::mem::replace(&mut self.has_finished, true) {
            self.peer.finish();
        }
    }

    fn hear(&mut self) {
        self.heard.extend(self.peer.received());
    }
}

fn run(seed: u64, steps: &Rc<RefCell<Vec<String>>>) {
    let (dice, mut world) = (Dice::new(seed), World::new());
    let backend_address = SocketAddr::from(([10, 0, 0, 1], 80));
    let backend = world.memory.expect_connect(backend_address);
    let endpoint: TcpClientEndpoint = backend_address.to_string().parse().unwrap();
    let (_port, address) = world.listen(PortForward::new(endpoint));
    let mut sides = [Side::new(world.memory.connect(address).unwrap()), Side::new(backend)];
    let (mut is_rough, mut is_accepted) = (false, false);
    for _ in 0..dice.roll(STEPS) {
        let (who, count) = (usize::try_from(dice.roll(2)).unwrap(), dice.size());
        let (step, may_speak) = (dice.roll(12), who == 0 || is_accepted);
        steps.borrow_mut().push(format!("{step} of {who}, {count}"));
        match step {
            0..=3 if may_speak => sides[who].say(count),
            4 if may_speak => sides[who].finish(),
            5 if dice.roll(6) == 0 && may_speak => {
                sides[who].peer.reset();
                is_rough = true;
            }
            6 => sides[who].peer.set_window((dice.roll(2) == 0).then_some(count)),
            7 | 8 => sides[who].hear(),
            9 if !std::mem::replace(&mut is_accepted, true) => sides[1].peer.accept(),
            _ => world.run_for(MILLISECOND),
        }
        if dice.roll(2) == 0 {
            world.settle()
        } else {
            world.turn()
        }
        let waiting = world.reactor.stats().output_buffered;
        assert!(waiting <= 2 * (128 + 64) * 1024, "{waiting} bytes wait");
    }
    if !is_accepted {
        sides[1].peer.accept();
        world.settle();
    }
    for side in &mut sides {
        side.peer.set_window(None);
        side.finish();
    }
    world.run_for(600 * SECOND);
    sides.iter_mut().for_each(Side::hear);
    for (from, to) in [(0, 1), (1, 0)] {
        let said = numbered(0, sides[from].said);
        assert!(said.starts_with(&sides[to].heard), "what {from} said was changed");
        assert!(is_rough || said.len() == sides[to].heard.len(), "of what {from} said something is missing");
    }
    world.settle();
    let stats = world.reactor.stats();
    assert_eq!((stats.connections, stats.output_buffered, stats.timers, stats.panics), (0, 0, 0, 0));
}

#[test]
fn whatever_both_peers_do_the_forwarder_is_true() {
    for_all_seeds(SEEDS, run);
}
