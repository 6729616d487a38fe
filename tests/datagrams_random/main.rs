//! Sockets for datagrams on which anything happens at any time, from a seed: whatever it is, the guarantees hold.
//!
//! A seed that fails is printed with its steps. `SEED=n` runs one alone.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "../seeds/mod.rs"]
mod seeds;

mod socket;

use std::cell::RefCell;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use ropewalk::testing::{DatagramPeer, Memory, Operation};
use ropewalk::{DatagramOptions, DatagramTransport, Reactor};
use seeds::{Dice, for_all_seeds};
use socket::{Deed, Notes, Recorder, numbered};

const SEEDS: u64 = 1_500;
const STEPS: u64 = 50;

impl Dice {
    fn of<T: Copy>(&self, these: &[T]) -> T {
        these[usize::try_from(self.roll(u64::try_from(these.len()).unwrap())).unwrap()]
    }

    fn below(&self, bounds: &[u64]) -> usize {
        usize::try_from(self.roll(self.of(bounds))).unwrap()
    }
}

struct Socket {
    transport: DatagramTransport,
    notes: Rc<Notes>,
}

struct Voyage {
    dice: Dice,
    memory: Memory,
    reactor: Reactor,
    peers: Vec<DatagramPeer>,
    sockets: Vec<Socket>,
    /// How many datagrams the peers have sent.
    sent: usize,
    steps: Rc<RefCell<Vec<String>>>,
}

impl Voyage {
    fn new(seed: u64, steps: &Rc<RefCell<Vec<String>>>) -> Self {
        let (dice, memory) = (Dice::new(seed), Memory::new());
        let (reactor, steps) = (memory.reactor(), Rc::clone(steps));
        let peers = (0..2).map(|_| memory.open_datagrams(([127, 0, 0, 1], 0).into()).unwrap()).collect();
        Self { dice, memory, reactor, peers, sockets: Vec::new(), sent: 0, steps }
    }

    fn note(&self, step: impl Into<String>) {
        self.steps.borrow_mut().push(step.into());
    }

    fn open(&mut self) {
        let mut options = DatagramOptions::default();
        options.max_packet_size = self.dice.of(&[10, 1000, 65_535, 100_000]);
        options.output_limit = self.dice.of(&[300, 3000, 1024 * 1024]);
        let notes = Rc::new(Notes {
            index: u8::try_from(self.sockets.len()).unwrap(),
            max_packet_size: options.max_packet_size,
            output_limit: options.output_limit,
            ..Notes::default()
        });
        let protocol = Recorder { notes: Rc::clone(&notes) };
        let connects = self.dice.roll(3) == 0;
        self.note(format!("open {}, connects {connects}, {options:?}", notes.index));
        let transport = if connects {
            self.reactor.connect_datagrams(self.peers[0].address(), options, protocol)
        } else {
            self.reactor.listen_datagrams(SocketAddr::from(([127, 0, 0, 1], 0)), options, protocol)
        };
        self.sockets.push(Socket { transport: transport.unwrap(), notes });
    }

    /// Does something to a socket: from outside, in an event, or in the callback that comes next.
    fn act(&self, index: usize, what: &str, deed: impl FnOnce(&DatagramTransport, &Notes) + 'static) {
        let (how, socket) = (self.dice.roll(3), &self.sockets[index]);
        self.note(format!("{index}: {what} ({how})"));
        let deed: Deed = Box::new(move |transport, notes| {
            deed(transport, notes);
            Ok(())
        });
        match how {
            0 => deed(&socket.transport, &socket.notes).unwrap(),
            1 => socket.transport.post(deed),
            _ => socket.notes.next.borrow_mut().push(deed),
        }
    }

    fn step(&mut self) {
        if self.sockets.is_empty() || (self.sockets.len() < 4 && self.dice.roll(10) == 0) {
            self.open();
        }
        let index = usize::try_from(self.dice.roll(u64::try_from(self.sockets.len()).unwrap())).unwrap();
        match self.dice.roll(20) {
            0..=4 => self.peer_sends(index),
            5..=9 => {
                let (count, length) = (self.dice.below(&[2, 20, 100]), self.dice.below(&[10, 2000, 60_000]));
                let to = self.peers[self.dice.below(&[2])].address();
                self.act(index, &format!("send {count} of {length}"), move |transport, notes| {
                    (0..=count).for_each(|_| notes.send(transport, length, to));
                });
            }
            10 => self.act(index, "pause", |transport, _| transport.pause_reading()),
            11 | 12 => self.act(index, "resume", |transport, _| transport.resume_reading()),
            13 | 14 => self.fail_calls(),
            15 => self.act(index, "set", |transport, notes| {
                if transport.is_open() {
                    notes.settings.set(notes.settings.get() + 1);
                    transport.set_multicast_ttl(3);
                }
            }),
            16 => {
                self.note(format!("{index}: the next callback fails"));
                self.sockets[index].notes.next.borrow_mut().push(Box::new(|_, _| Err("a test".into())));
            }
            17 if self.dice.roll(4) == 0 => {
                self.note(format!("{index}: the next callback panics"));
                self.sockets[index].notes.next.borrow_mut().push(Box::new(|_, notes| {
                    notes.told_to_stop.set(true);
                    panic!("a test")
                }));
            }
            18 if self.dice.roll(4) == 0 => self.act(index, "stop", |transport, notes| {
                notes.told_to_stop.set(true);
                transport.stop();
            }),
            _ => self.memory.advance(Duration::from_millis(10)),
        }
        self.go_on();
    }

    fn peer_sends(&mut self, index: usize) {
        let (count, length) = (self.dice.below(&[2, 20, 200]), self.dice.below(&[10, 2000, 60_000]));
        let (peer, socket) = (self.dice.below(&[2]), &self.sockets[index]);
        self.note(format!("peer {peer} sends {count} of {length} to {index}"));
        // One that is connected hears its peer alone.
        let is_heard = socket.transport.peer().is_none() || peer == 0;
        for _ in 0..=count {
            let data = numbered(9, self.sent, length);
            self.sent += 1;
            if is_heard {
                socket.notes.expected.borrow_mut().push_back((data.clone(), self.peers[peer].address()));
            }
            self.peers[peer].send_to(data, socket.transport.host().socket().unwrap());
        }
    }

    fn fail_calls(&self) {
        let operation = self.dice.of(&[Operation::Read, Operation::Write, Operation::Register]);
        let (times, error) = match operation {
            Operation::Register if self.dice.roll(4) > 0 => return,
            Operation::Register => (1, ErrorKind::OutOfMemory),
            _ => {
                let kinds = [
                    ErrorKind::WouldBlock,
                    ErrorKind::Interrupted,
                    ErrorKind::ConnectionRefused,
                    ErrorKind::PermissionDenied,
                ];
                (1 + self.dice.below(&[2, 100]), self.dice.of(&kinds))
            }
        };
        self.note(format!("{operation:?} fails {times} times: {error}"));
        self.memory.fail_next(operation, times, error);
    }

    fn go_on(&mut self) {
        if self.dice.roll(2) == 0 {
            self.memory.settle(&mut self.reactor);
        } else {
            let before: Vec<usize> = self.sockets.iter().map(|socket| socket.notes.delivered.get()).collect();
            let _ = self.reactor.run_once(Some(Duration::ZERO)).unwrap();
            for (socket, before) in self.sockets.iter().zip(before) {
                let delivered = socket.notes.delivered.get() - before;
                assert!(delivered <= 64, "{delivered} datagrams in a turn");
            }
        }
        for socket in &self.sockets {
            assert_eq!(*socket.notes.violations.borrow(), [""; 0]);
        }
    }

    fn finish(&mut self) {
        for socket in &self.sockets {
            socket.notes.next.take();
            socket.transport.resume_reading();
        }
        // A reading that has failed too often waits for what arrives next.
        for _ in 0..10 {
            self.memory.settle(&mut self.reactor);
            for index in 0..self.sockets.len() {
                let data = numbered(9, self.sent, 5);
                self.sent += 1;
                let socket = &self.sockets[index];
                let from = self.peers[0].address();
                socket.notes.expected.borrow_mut().push_back((data.clone(), from));
                self.peers[0].send_to(data, socket.transport.host().socket().unwrap());
            }
            self.memory.settle(&mut self.reactor);
        }
        for socket in self.sockets.iter().filter(|socket| socket.transport.is_open()) {
            assert_eq!(socket.transport.queued(), 0, "something waits for ever");
            assert_eq!(socket.notes.settings.get(), socket.notes.settings_failed.get());
        }
        let is_all_heard = |socket: &Socket| socket.notes.expected.borrow().is_empty();
        assert!(self.sockets.iter().filter(|socket| socket.transport.is_open()).all(is_all_heard));
        let end = self.dice.roll(3);
        self.note(format!("end {end}"));
        match end {
            0 => self.sockets.iter().for_each(|socket| socket.transport.stop()),
            1 => self.reactor.stop(),
            _ => drop(self.reactor.drain(Duration::from_secs(1))),
        }
        self.memory.run_for(&mut self.reactor, Duration::from_secs(10));
    }

    fn check(self) {
        let stats = self.reactor.stats();
        assert_eq!((stats.output_buffered, stats.timers, self.memory.descriptors()), (0, 0, 0), "{stats:?}");
        let mut heard = vec![Vec::new(); self.sockets.len()];
        for peer in &self.peers {
            let mut last = vec![None; self.sockets.len()];
            while let Some((data, from)) = peer.received() {
                let index = usize::from(data[0]);
                assert_eq!(Some(from), self.sockets[index].transport.host().socket());
                assert!(data[5..].iter().all(|byte| *byte == data[0]), "not whole");
                let place = u32::from_be_bytes(data[1..5].try_into().unwrap());
                assert!(last[index].replace(place).is_none_or(|last| last < place), "out of order");
                heard[index].push(place);
            }
        }
        for (socket, heard) in self.sockets.into_iter().zip(heard) {
            let Socket { transport, notes } = socket;
            assert_eq!(*notes.violations.borrow(), [""; 0]);
            assert_eq!(notes.started.get(), notes.stopped.get());
            let known = heard.len() + notes.failed.get() + transport.queued();
            let (accepted, refused) = (notes.accepted.get(), notes.refused.get());
            assert!((known..=known + refused).contains(&accepted), "{accepted} of {known} and {refused}");
            drop(transport);
            notes.next.take();
            assert_eq!(Rc::strong_count(&notes), 1, "something was not freed");
        }
    }
}

fn run(seed: u64, steps: &Rc<RefCell<Vec<String>>>) {
    let mut voyage = Voyage::new(seed, steps);
    for _ in 0..voyage.dice.roll(STEPS) {
        voyage.step();
    }
    voyage.finish();
    voyage.check();
}

#[test]
fn whatever_happens_the_guarantees_hold() {
    for_all_seeds(SEEDS, run);
}
