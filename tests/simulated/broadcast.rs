//! Slow consumers: members who read slowly or not at all cost the others nothing.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use ropewalk::simulation::{Host, Link, Simulation, simulate};
use ropewalk::{Bytes, Instant, Limits, Protocol, Reason, Result, Transport, for_protocol};

use crate::people::idle;
use crate::witness::{MILLISECOND, SECOND, Witness, chance, connect, exact, roll, serve};

/// The length of a message, which begins with its number.
const MESSAGE: usize = 1_000;

/// How often there is one.
const EVERY: Duration = Duration::from_millis(100);

/// Hears messages, and notes for each how late it came.
struct Member {
    heard: Arrivals,
    rest: Vec<u8>,
}

/// The messages that one member has heard: their numbers, and when each was complete.
type Arrivals = Rc<RefCell<Vec<(u64, Instant)>>>;

impl Protocol for Member {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        self.rest.extend_from_slice(data);
        while self.rest.len() >= MESSAGE {
            let message: Vec<u8> = self.rest.drain(..MESSAGE).collect();
            let number = u64::from_be_bytes(message[..8].try_into()?);
            self.heard.borrow_mut().push((number, transport.reactor().now()));
        }
        Ok(())
    }
}

/// What befalls a member's link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fate {
    Fast,
    /// It carries half of what is sent.
    Narrow,
    /// Nothing gets to it any more after a while.
    Clogged,
}

/// A member of the room, as it sits in the room.
struct Seat {
    room: Room,
    place: Option<usize>,
}

type Room = Rc<RefCell<Vec<Taken>>>;

/// What the room knows of a member.
struct Taken {
    transport: Transport,
    lost: Option<(Instant, String)>,
}

impl Protocol for Seat {
    fn connection_made(&mut self, transport: &Transport) {
        let mut room = self.room.borrow_mut();
        self.place = Some(room.len());
        room.push(Taken { transport: transport.clone(), lost: None });
    }

    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result {
        Ok(())
    }

    fn connection_lost(&mut self, transport: &Transport, reason: &Reason) {
        if let Some(place) = self.place {
            let lost = (transport.reactor().now(), reason.to_string());
            self.room.borrow_mut()[place].lost = Some(lost);
        }
    }
}

/// A room with 200 members on 20 hosts.
struct Party {
    server: Host,
    room: Room,
    /// In the order of the room's seats.
    members: Vec<(Fate, Arrivals)>,
    hosts: Vec<(Host, Fate)>,
    sent: Vec<Instant>,
}

const LATENCY: Duration = MILLISECOND;

impl Party {
    fn new(simulation: &mut Simulation, limits: Limits) -> Self {
        let mut link = exact(LATENCY);
        link.buffer = 16 * 1024;
        simulation.set_default_link(link);
        let room = Room::default();
        let seats = Rc::clone(&room);
        let server = serve(simulation, "server", &Witness::default(), move |_, reactor| {
            reactor.set_default_limits(limits);
            let seats = Rc::clone(&seats);
            Rc::new(for_protocol(move || Seat { room: Rc::clone(&seats), place: None }))
        });
        let mut party = Self { server, room, members: Vec::new(), hosts: Vec::new(), sent: Vec::new() };
        for number in 0..20 {
            party.add_host(simulation, number, link);
        }
        party
    }

    fn add_host(&mut self, simulation: &mut Simulation, number: usize, mut link: Link) {
        let host = simulation.host(&format!("members {number}"), idle);
        let fate = match roll(simulation, 6) {
            0 => Fate::Narrow,
            1 => Fate::Clogged,
            _ => Fate::Fast,
        };
        if fate == Fate::Narrow {
            // For the ten of them.
            link.bandwidth = Some(10 * MESSAGE as u64 * 10 / 2);
            simulation.set_link(&host, &self.server, link);
        }
        for _ in 0..10 {
            let heard = Arrivals::default();
            self.members.push((fate, Rc::clone(&heard)));
            let factory = for_protocol(move || Member { heard: Rc::clone(&heard), rest: Vec::new() });
            connect(simulation, &host, &self.server, factory);
            simulation.run_for(50 * MILLISECOND);
        }
        self.hosts.push((host, fate));
    }

    /// Sends a message to all.
    fn broadcast(&mut self, simulation: &mut Simulation) {
        let mut message = vec![b'.'; MESSAGE];
        message[..8].copy_from_slice(&(self.sent.len() as u64).to_be_bytes());
        let message = Bytes::from(message);
        for taken in &*self.room.borrow() {
            taken.transport.write_shared(message.clone());
        }
        self.sent.push(simulation.now());
        simulation.reactor(&self.server);
    }
}

#[test]
fn g5_the_others_lose_nothing_and_do_not_wait() {
    simulate(3, |simulation| {
        let mut limits = Limits::default();
        (limits.output, limits.write_timeout) = (64 * 1024, 5 * SECOND);
        let mut party = Party::new(simulation, limits);
        let clogged_at = 50 + roll(simulation, 50) as usize;
        for number in 0..200 {
            if number == clogged_at {
                for (host, _) in party.hosts.iter().filter(|(_, fate)| *fate == Fate::Clogged) {
                    simulation.clog(&party.server, host);
                }
            }
            party.broadcast(simulation);
            simulation.run_for(EVERY);
            let buffered = simulation.reactor_stats(&party.server).output_buffered;
            let slow = party.members.iter().filter(|(fate, _)| *fate != Fate::Fast).count();
            assert!(buffered <= slow * (limits.output + MESSAGE), "{buffered} bytes for {slow}");
        }
        simulation.run_for(10 * SECOND);
        for ((fate, heard), taken) in party.members.iter().zip(&*party.room.borrow()) {
            let heard = heard.borrow();
            let in_order = heard.iter().enumerate().all(|(place, (number, _))| place as u64 == *number);
            assert!(in_order, "G3: what came is the beginning of what was sent");
            match fate {
                Fate::Fast => {
                    assert_eq!(heard.len(), party.sent.len());
                    let on_time = |(number, arrival): &(u64, Instant)| {
                        *arrival == party.sent[*number as usize] + LATENCY
                    };
                    assert!(heard.iter().all(on_time), "nobody waits for another");
                    assert!(taken.lost.is_none());
                }
                Fate::Narrow => {
                    let (_, reason) = taken.lost.as_ref().expect("the narrow ones fall behind");
                    assert!(reason.contains("more than 65536 bytes"), "{reason}");
                }
                Fate::Clogged => {
                    let (lost, reason) = taken.lost.as_ref().expect("the clogged ones are given up");
                    assert!(reason.contains("none of the waiting output for 5s"), "{reason}");
                    // The buffer takes 16 more messages and a part of the next, which waits from then on; or less by the
                    // one or two of which the server was not told that they were read.
                    let full = &party.sent[clogged_at + 14..=clogged_at + 16];
                    assert!(full.iter().any(|full| *lost == *full + limits.write_timeout), "{lost:?}");
                }
            }
        }
        let fast = party.members.iter().filter(|(fate, _)| *fate == Fate::Fast).count();
        assert_eq!(simulation.reactor_stats(&party.server).connections, fast);
        assert_eq!(simulation.reactor_stats(&party.server).output_buffered, 0);
    });
}

/// Whoever falls behind for a while, and not too far, loses nothing.
#[test]
fn who_catches_up_has_heard_everything() {
    simulate(2, |simulation| {
        let mut party = Party::new(simulation, Limits::default());
        for _ in 0..150 {
            for (host, _) in &party.hosts {
                if chance(simulation, 0.01) {
                    simulation.clog(&party.server, host);
                }
                if chance(simulation, 0.05) {
                    simulation.unclog(&party.server, host);
                }
            }
            party.broadcast(simulation);
            simulation.run_for(EVERY);
        }
        simulation.heal();
        simulation.run_for(200 * SECOND);
        for (_, heard) in &party.members {
            let heard = heard.borrow();
            assert_eq!(heard.len(), party.sent.len());
            assert!(heard.iter().enumerate().all(|(place, (number, _))| place as u64 == *number));
        }
    });
}
