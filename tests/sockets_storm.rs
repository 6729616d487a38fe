//! Both ends do anything at any time, from a seed: whatever happens, the guarantees hold.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod support;

use std::cell::{Cell, RefCell};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::rc::Rc;
use std::time::Duration;

use ropewalk::{Limits, Producer, ProducerKind, Protocol, Reactor, Reason, Result, Transport, for_protocol};
use support::{dial, listen, reset, run_until, settle};

/// Numbers from a seed (SplitMix64).
#[derive(Clone)]
struct Dice(Rc<Cell<u64>>);

impl Dice {
    /// A number below `sides`.
    fn roll(&self, sides: u64) -> u64 {
        self.0.set(self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15));
        let mixed = self.0.get();
        let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }
}

/// What a storm's server connections share.
#[derive(Clone)]
struct Storm {
    dice: Dice,
    transports: Rc<RefCell<Vec<Transport>>>,
    made: Rc<Cell<usize>>,
    lost: Rc<Cell<usize>>,
    /// Callbacks that should not have come. A panic would only end the connection.
    violations: Rc<RefCell<Vec<String>>>,
}

/// A connection that acts by the dice, and minds that it is called in order.
struct Sailor {
    storm: Storm,
    state: SailorState,
}

#[derive(PartialEq, Eq, Debug)]
enum SailorState {
    New,
    Open,
    InputEnded,
    Lost,
}

impl Sailor {
    fn new(storm: Storm) -> Self {
        Self { storm, state: SailorState::New }
    }

    /// Does something to a connection that may be this one or any other, lost ones too.
    fn act(&self, own: &Transport) -> Result {
        let dice = &self.storm.dice;
        let transports = self.storm.transports.borrow();
        let any = &transports[usize::try_from(dice.roll(transports.len() as u64)).unwrap()];
        let transport = if dice.roll(4) == 0 { any } else { own };
        match dice.roll(40) {
            0 => transport.lose_connection(),
            1 => transport.lose_write_connection(),
            2 => transport.abort_connection(),
            3 => transport.fail("by the dice"),
            4 => return Err("an error by the dice".into()),
            5 => panic!("a panic by the dice"),
            6..=9 => transport.pause_reading(),
            10..=14 => transport.resume_reading(),
            15 => drop(transport.register_producer(Diced(dice.clone()), ProducerKind::Pull)),
            16 => drop(transport.register_producer(any.clone(), ProducerKind::Push)),
            17..=19 => transport.unregister_producer(),
            20 => transport.write(vec![0; 300_000]),
            21 => drop(transport.set_timer(Duration::from_millis(dice.roll(5)))),
            22 => transport.post(()),
            23 => transport.switch_protocol(Self::new(self.storm.clone()), "left over"),
            _ => transport.write(vec![0; usize::try_from(dice.roll(5000)).unwrap()]),
        }
        Ok(())
    }

    /// Notes a callback that comes in a state in which it must not.
    fn expect(&self, callback: &str, states: &[SailorState]) {
        if !states.contains(&self.state) {
            self.storm.violations.borrow_mut().push(format!("{callback} when {:?}", self.state));
        }
    }

    fn inform(&self, callback: &str, transport: &Transport) {
        self.expect(callback, &[SailorState::Open, SailorState::InputEnded]);
        if let Err(error) = self.act(transport) {
            transport.fail(error);
        }
    }
}

impl Protocol for Sailor {
    fn connection_made(&mut self, transport: &Transport) {
        self.expect("connection_made", &[SailorState::New]);
        self.state = SailorState::Open;
        let first = !self.storm.transports.borrow().iter().any(|known| known.id() == transport.id());
        if first {
            self.storm.transports.borrow_mut().push(transport.clone());
            self.storm.made.set(self.storm.made.get() + 1);
        }
        self.inform("connection_made", transport);
    }

    fn data_received(&mut self, transport: &Transport, _: &[u8]) -> Result {
        self.expect("data_received", &[SailorState::Open]);
        if !transport.delivers_input() {
            self.storm.violations.borrow_mut().push("data_received when none is wanted".into());
        }
        self.act(transport)
    }

    fn eof_received(&mut self, transport: &Transport) -> Result {
        self.expect("eof_received", &[SailorState::Open]);
        self.state = SailorState::InputEnded;
        if self.storm.dice.roll(2) == 0 {
            transport.lose_connection();
        }
        self.act(transport)
    }

    fn writing_paused(&mut self, transport: &Transport) {
        self.inform("writing_paused", transport);
    }

    fn writing_resumed(&mut self, transport: &Transport) {
        self.inform("writing_resumed", transport);
    }

    fn reading_resumed(&mut self, transport: &Transport) -> Result {
        self.expect("reading_resumed", &[SailorState::Open]);
        self.act(transport)
    }

    fn timer_expired(&mut self, transport: &Transport, _: ropewalk::TimerKey) {
        self.inform("timer_expired", transport);
    }

    fn event_received(&mut self, transport: &Transport, _: Box<dyn std::any::Any>) {
        self.inform("event_received", transport);
    }

    fn connection_lost(&mut self, transport: &Transport, _: &Reason) {
        self.expect("connection_lost", &[SailorState::Open, SailorState::InputEnded]);
        self.state = SailorState::Lost;
        self.storm.lost.set(self.storm.lost.get() + 1);
        let _ = self.act(transport);
    }
}

/// A pull producer that ends when the dice say so.
struct Diced(Dice);

impl Producer for Diced {
    fn resume_producing(&mut self, transport: &Transport) {
        if self.0.roll(4) == 0 {
            transport.unregister_producer();
        } else {
            transport.write([0; 2000]);
        }
    }
}

/// Does something to one of the peers' connections.
fn act_as_peer(dice: &Dice, streams: &mut Vec<TcpStream>) {
    if streams.is_empty() {
        return;
    }
    let index = usize::try_from(dice.roll(streams.len() as u64)).unwrap();
    let mut stream = &streams[index];
    // Errors are the other side's doing; the peer does not mind.
    match dice.roll(40) {
        0 => drop(streams.swap_remove(index)),
        1 => reset(streams.swap_remove(index)),
        2 => drop(stream.shutdown(Shutdown::Write)),
        3 => drop(stream.shutdown(Shutdown::Read)),
        4 => drop(socket2::SockRef::from(stream).send_out_of_band(b"!")),
        5..=19 => drop(stream.read(&mut vec![0; 100_000])),
        20 => drop(stream.write(&vec![0; 500_000])),
        _ => drop(stream.write(&vec![0; usize::try_from(dice.roll(5000)).unwrap() + 1])),
    }
}

/// However things stand, everything ends within the time that closing may take (G6).
fn end(reactor: &mut Reactor, storm: &Storm, seed: u64) {
    match seed % 3 {
        0 => {
            let transports = storm.transports.borrow().clone();
            transports.iter().for_each(Transport::lose_connection);
        }
        1 => {
            let drained = reactor.drain(Duration::from_millis(40));
            drained.then(|drained| assert!(drained.closed + drained.aborted <= 150));
        }
        _ => {
            reactor.stop();
            reactor.run().unwrap();
        }
    }
    let lost = Rc::clone(&storm.lost);
    run_until(reactor, "everything has ended", || lost.get() == 150);
    settle(reactor);
}

fn storm(seed: u64) {
    let mut reactor = Reactor::new().unwrap();
    let mut limits = Limits::default();
    limits.close_timeout = Duration::from_millis(30);
    limits.linger_timeout = Duration::from_millis(20);
    reactor.set_default_limits(limits);
    let dice = Dice(Rc::new(Cell::new(seed)));
    let storm = Storm {
        dice: dice.clone(),
        transports: Rc::default(),
        made: Rc::default(),
        lost: Rc::default(),
        violations: Rc::default(),
    };
    let sailors = storm.clone();
    let address = listen(&reactor, for_protocol(move || Sailor::new(sailors.clone())));
    let mut streams = Vec::new();
    for step in 0..3000 {
        if step % 20 == 0 {
            let stream = dial(address);
            stream.set_nonblocking(true).unwrap();
            streams.push(stream);
        }
        act_as_peer(&dice, &mut streams);
        if dice.roll(3) == 0 {
            let _ = reactor.run_once(Some(Duration::ZERO)).unwrap();
        }
        assert!(reactor.stats().connections <= 150, "{:?}", reactor.stats());
    }
    run_until(&mut reactor, "all are connected", || storm.made.get() == 150);
    end(&mut reactor, &storm, seed);
    let stats = reactor.stats();
    assert_eq!((stats.connections, stats.output_buffered, stats.timers), (0, 0, 0), "seed {seed}");
    assert_eq!(storm.lost.get(), 150);
    assert!(storm.violations.borrow().is_empty(), "seed {seed}: {:?}", storm.violations.borrow());
    drop(reactor);
    storm.transports.take();
}

#[test]
fn g1_g6_in_any_storm_every_connection_is_made_once_and_lost_once() {
    // Panics by the dice are caught by the reactor and would only be noise.
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let text = panic.payload().downcast_ref::<&str>();
        if !text.is_some_and(|text| text.ends_with("by the dice")) {
            report(panic);
        }
    }));
    for seed in 0..20 {
        storm(seed);
    }
}
