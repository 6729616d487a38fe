//! Questions and answers under random windows, pauses, timers, posts and switches, from seeds: every question is answered in
//! order once the windows open, also behind the end of input, and then the loop rests (G3, G4).

mod world;

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use ropewalk::testing::Peer;
use ropewalk::{LineProtocol, LineReceiver, LineTransport, Protocol, Result, SendLine, TimerKey, Transport};
use world::{MILLISECOND, SECOND, World, limits};

/// What is written of one's own accord; it occurs in no question.
const OWN: u8 = b'#';

/// What everybody in one world shares.
#[derive(Clone, Default)]
struct Fate {
    seed: Rc<Cell<u64>>,
    /// Nothing is done any more but to answer.
    calm: Rc<Cell<bool>>,
    everybody: Rc<RefCell<Vec<Transport>>>,
}

impl Fate {
    /// SplitMix64.
    fn roll(&self, sides: usize) -> usize {
        self.seed.set(self.seed.get().wrapping_add(0x9e37_79b9_7f4a_7c15));
        let mut mixed = self.seed.get();
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % sides as u64) as usize
    }

    /// Does something to a connection that loses nothing of it.
    fn act(&self, transport: &Transport) {
        if self.calm.get() {
            return;
        }
        match self.roll(24) {
            0 => transport.pause_reading(),
            1..=4 => transport.resume_reading(),
            5 => {
                transport.pause_reading();
                transport.resume_reading();
            }
            6 | 7 => {
                transport.pause_reading();
                transport.set_timer(MILLISECOND * self.roll(3_000) as u32);
            }
            8 | 9 => {
                transport.pause_reading();
                transport.post("go on");
            }
            10 => transport.continue_reading(),
            11 | 12 => transport.write(vec![OWN; self.roll(10_000)]),
            13 | 16..=18 => transport.set_limits(limits(|limits| {
                (limits.high_water, limits.low_water) = (self.roll(15_000), self.roll(15_000));
            })),
            14 | 15 => {
                let everybody = self.everybody.borrow();
                let other = &everybody[self.roll(everybody.len())];
                other.write([OWN; 3_000]);
                other.resume_reading();
            }
            _ => {}
        }
    }
}

/// Acts after each callback of the protocol that it wraps, so that pauses end and begin behind its back.
struct Restless<P>(P, Fate);

impl<P: Protocol> Protocol for Restless<P> {
    fn connection_made(&mut self, transport: &Transport) {
        self.1.everybody.borrow_mut().push(transport.clone());
        self.0.connection_made(transport);
        self.1.act(transport);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        assert!(transport.delivers_input());
        self.0.data_received(transport, data)?;
        self.1.act(transport);
        Ok(())
    }

    fn eof_received(&mut self, transport: &Transport) -> Result {
        self.0.eof_received(transport)
    }

    fn writing_paused(&mut self, transport: &Transport) {
        self.0.writing_paused(transport);
        self.1.act(transport);
    }

    fn writing_resumed(&mut self, transport: &Transport) {
        self.0.writing_resumed(transport);
        self.1.act(transport);
    }

    fn reading_resumed(&mut self, transport: &Transport) -> Result {
        assert!(transport.delivers_input());
        self.0.reading_resumed(transport)?;
        self.1.act(transport);
        Ok(())
    }

    fn timer_expired(&mut self, transport: &Transport, timer: TimerKey) {
        self.0.timer_expired(transport, timer);
        transport.resume_reading();
        self.1.act(transport);
    }

    fn event_received(&mut self, transport: &Transport, event: Box<dyn Any>) {
        self.0.event_received(transport, event);
        transport.resume_reading();
        self.1.act(transport);
    }
}

/// Sends input back; now and then leaves the rest of it to a successor.
struct Echo(Fate);

impl Protocol for Echo {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        let answered = if self.0.roll(8) == 0 { self.0.roll(data.len()) } else { data.len() };
        transport.write(&data[..answered]);
        if answered < data.len() {
            let next = Restless(Self(self.0.clone()), self.0.clone());
            transport.switch_protocol(next, &data[answered..]);
        }
        Ok(())
    }
}

/// Answers lines; its answers may be much longer than the questions.
struct Answers(Fate);

impl LineProtocol for Answers {
    fn line_received(&mut self, transport: &mut LineTransport<'_>, line: &[u8]) -> Result {
        transport.send_line(answer(line));
        self.0.act(transport);
        Ok(())
    }

    fn eof_received(&mut self, transport: &mut LineTransport<'_>) -> Result {
        assert!(transport.rest().is_empty(), "the end of input came before lines");
        transport.lose_connection();
        Ok(())
    }
}

fn answer(line: &[u8]) -> Vec<u8> {
    let times = line.first().map_or(1, |first| usize::from(first - b'a') * 3);
    line.repeat(times)
}

/// One connection: what was asked and not yet sent, and what is due and has come as answers.
struct Life {
    peer: Peer,
    asks_lines: bool,
    unsent: Vec<u8>,
    due: Vec<u8>,
    received: Vec<u8>,
}

impl Life {
    fn ask(&mut self, fate: &Fate) {
        for _ in 0..fate.roll(20) {
            let letter = b'a' + fate.roll(26) as u8;
            let line = vec![letter; fate.roll(200)];
            let question = [&line, b"\r\n".as_slice()].concat();
            self.due.extend(if self.asks_lines { answer(&line) } else { line });
            self.due.extend(b"\r\n");
            self.unsent.extend(question);
        }
    }

    /// Sends some of what was asked, cut anywhere.
    fn send(&mut self, count: usize) {
        self.peer.send(self.unsent.drain(..count).as_slice());
    }

    fn receive(&mut self) {
        self.received.extend(self.peer.received().into_iter().filter(|byte| *byte != OWN));
    }
}

fn live_a_life(seed: u64) {
    let fate = Fate { seed: Rc::new(Cell::new(seed)), ..Fate::default() };
    let mut world = World::new();
    let mut lives: Vec<Life> = (0..4)
        .map(|number| {
            let asks_lines = number % 2 == 0;
            let (peer, _) = if asks_lines {
                world.open(Restless(LineReceiver::new(Answers(fate.clone())), fate.clone()))
            } else {
                world.open(Restless(Echo(fate.clone()), fate.clone()))
            };
            Life { peer, asks_lines, unsent: Vec::new(), due: Vec::new(), received: Vec::new() }
        })
        .collect();
    for _ in 0..100 {
        let life = &mut lives[fate.roll(4)];
        match fate.roll(8) {
            0 | 1 => life.ask(&fate),
            2..=4 => life.send(fate.roll(life.unsent.len() + 1)),
            5 => life.peer.set_window(Some(fate.roll(20_000))),
            6 => life.peer.set_window(None),
            _ => life.receive(),
        }
        match fate.roll(4) {
            0 | 1 => world.turn(),
            2 => world.settle(),
            _ => world.run_for(MILLISECOND * fate.roll(2_000) as u32),
        }
    }
    end_in_calm(&mut world, &fate, &mut lives);
}

/// Everything is asked, some peers finish at once, then the windows open and the pauses end.
fn end_in_calm(world: &mut World, fate: &Fate, lives: &mut [Life]) {
    for life in &mut *lives {
        life.send(life.unsent.len());
        if fate.roll(2) == 0 {
            life.peer.finish();
        }
    }
    if fate.roll(2) == 0 {
        world.settle();
    }
    fate.calm.set(true);
    lives.iter().for_each(|life| life.peer.set_window(None));
    fate.everybody.borrow().iter().for_each(Transport::resume_reading);
    world.run_for(SECOND * 5);
    for (number, life) in lives.iter_mut().enumerate() {
        life.receive();
        let answered = life.received.len();
        assert!(life.received == life.due, "connection {number}: {answered} of {} answered", life.due.len());
    }
    assert_rests(world);
    lives.iter().for_each(|life| life.peer.finish());
    world.settle();
    assert!(lives.iter().all(|life| life.peer.is_closed() && !life.peer.was_reset()));
    let stats = world.reactor.stats();
    assert_eq!((stats.panics, stats.connections, stats.timers, stats.output_buffered), (0, 0, 0, 0));
    assert_rests(world);
}

/// With nothing to do, no turn is followed by another.
fn assert_rests(world: &mut World) {
    let before = world.memory.polls();
    world.settle();
    assert_eq!(world.memory.polls(), before + 1);
}

#[test]
fn every_question_is_answered_in_order() {
    for seed in 0..300 {
        let outcome = std::panic::catch_unwind(|| live_a_life(seed));
        assert!(outcome.is_ok(), "seed {seed}");
    }
}
