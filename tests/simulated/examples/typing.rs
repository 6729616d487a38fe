//! The client at whose keyboard somebody sits, with servers that are slow, far away, or gone.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use ropewalk::simulation::{Faults, Host, Link, Simulation, simulate};
use ropewalk::{ListenOptions, TcpClientEndpoint, Transport, for_protocol};

use super::client::{Ended, Keyboard, Screen, Typed, talk};
use super::echo::Echo;
use super::{MILLISECOND, PORT, SECOND};
use crate::people::{Heard, Listener, idle};

/// A keyboard at which a test sits.
#[derive(Clone, Default)]
struct Typist {
    typed: Rc<RefCell<VecDeque<Typed>>>,
    /// Who waits for the next line.
    waiting: Rc<RefCell<Option<Transport>>>,
    /// How many lines were taken.
    taken: Rc<Cell<usize>>,
}

impl Typist {
    fn keyboard(&self) -> Keyboard {
        let typist = self.clone();
        Rc::new(move |transport| {
            assert!(
                typist.waiting.replace(Some(transport.clone())).is_none(),
                "one line is asked for at a time"
            );
            typist.give();
        })
    }

    fn types(&self, line: impl Into<Vec<u8>>) {
        self.typed.borrow_mut().push_back(Typed::Line(line.into()));
        self.give();
    }

    fn ends(&self) {
        self.typed.borrow_mut().push_back(Typed::EndOfInput);
        self.give();
    }

    fn give(&self) {
        let mut waiting = self.waiting.borrow_mut();
        if waiting.is_none() {
            return;
        }
        let Some(typed) = self.typed.borrow_mut().pop_front() else { return };
        self.taken.set(self.taken.get() + 1);
        if let Some(transport) = waiting.take() {
            transport.post(typed);
        }
    }
}

/// A client with its keyboard and its screen.
struct Desk {
    typist: Typist,
    shown: Rc<RefCell<Vec<u8>>>,
    host: Host,
    ended: Ended,
}

impl Desk {
    fn new(simulation: &mut Simulation, server: &Host) -> Self {
        let (typist, shown) = (Typist::default(), Rc::<RefCell<Vec<u8>>>::default());
        let display = Rc::clone(&shown);
        let screen: Screen = Rc::new(move |data| {
            display.borrow_mut().extend_from_slice(data);
            Ok(())
        });
        let host = simulation.host("client", idle);
        let endpoint = TcpClientEndpoint::from(std::net::SocketAddr::from((server.address(), PORT)));
        let ended = talk(simulation.reactor(&host), &endpoint, typist.keyboard(), screen);
        Self { typist, shown, host, ended }
    }

    /// Lets time pass until the program has ended, and returns how.
    fn ends_within(&self, simulation: &mut Simulation, seconds: u32) -> Result<(), String> {
        assert!(simulation.run_until(seconds * SECOND, |simulation| !simulation.is_running(&self.host)));
        self.ended.replace(Ok(())).map_err(|error| error.to_string())
    }

    fn shown(&self) -> String {
        String::from_utf8(self.shown.borrow().clone()).unwrap()
    }
}

fn echo_server(simulation: &mut Simulation) -> Host {
    simulation.host("server", |reactor| {
        reactor.listen(([0, 0, 0, 0], PORT), ListenOptions::default(), for_protocol(|| Echo))?;
        Ok(())
    })
}

/// A server that notes what it hears, and closes at the end of input.
fn listening_server(simulation: &mut Simulation) -> (Host, Heard) {
    let heard = Heard::default();
    let ears = heard.clone();
    let server = simulation.host("server", move |reactor| {
        let ears = ears.clone();
        let factory = for_protocol(move || Listener(ears.clone()));
        reactor.listen(([0, 0, 0, 0], PORT), ListenOptions::default(), factory)?;
        Ok(())
    });
    (server, heard)
}

fn rough(simulation: &mut Simulation) {
    let mut link = Link::default();
    (link.loss, link.jitter, link.buffer) = (0.1, 50 * MILLISECOND, 500);
    simulation.set_default_link(link);
}

#[test]
fn all_that_is_typed_comes_back_in_order() {
    simulate(30, |simulation| {
        rough(simulation);
        let server = echo_server(simulation);
        let desk = Desk::new(simulation, &server);
        for host in [&server, &desk.host] {
            simulation.set_faults(host, Faults::rough());
        }
        let dice = simulation.dice();
        let mut expected = String::new();
        for number in 0..40 {
            let line = format!("{number} {}", "x".repeat(dice.roll(100) as usize));
            desk.typist.types(format!("{line}{}", ["", "\n", "\r\n"][dice.roll(3) as usize]));
            expected += &format!("{line}\r\n");
            simulation.run_for(MILLISECOND * dice.roll(50) as u32);
        }
        desk.typist.ends();
        desk.ends_within(simulation, 1_000).unwrap();
        assert_eq!(desk.shown(), expected);
    });
}

#[test]
fn the_end_of_input_comes_after_all_that_was_typed() {
    let mut simulation = Simulation::new(1);
    let mut link = Link::default();
    (link.bandwidth, link.buffer) = (Some(1_000), 1_000);
    simulation.set_default_link(link);
    let (server, heard) = listening_server(&mut simulation);
    let desk = Desk::new(&mut simulation, &server);
    let line = "y".repeat(98);
    for _ in 0..200 {
        desk.typist.types(&*line);
    }
    desk.typist.ends();
    simulation.run_for(5 * SECOND);
    assert!(heard.count() < 6_000 && !heard.end_of_input(), "20,000 bytes take twenty seconds");
    desk.ends_within(&mut simulation, 60).unwrap();
    assert!(heard.data() == format!("{line}\r\n").repeat(200).into_bytes() && heard.end_of_input());
    assert!(simulation.now() > ropewalk::Instant::ZERO + 20 * SECOND);
}

#[test]
fn no_more_lines_are_taken_than_the_server_reads() {
    let mut simulation = Simulation::new(2);
    let (server, heard) = listening_server(&mut simulation);
    let desk = Desk::new(&mut simulation, &server);
    simulation.run_for(SECOND);
    heard.transport().pause_reading();
    for _ in 0..1_000 {
        desk.typist.types("z".repeat(998));
    }
    desk.typist.ends();
    simulation.run_for(10 * SECOND);
    let (taken, buffers) = (desk.typist.taken.get(), 256 + 128 + 2);
    assert!(taken <= buffers * 1_024 / 1_000, "{taken} lines were taken for the socket and the mark");
    heard.transport().resume_reading();
    desk.ends_within(&mut simulation, 60).unwrap();
    assert_eq!(heard.count(), 1_000_000);
}

#[test]
fn a_partition_is_waited_out_and_nothing_is_lost() {
    simulate(20, |simulation| {
        let server = echo_server(simulation);
        let desk = Desk::new(simulation, &server);
        desk.typist.types("before");
        simulation.run_for(SECOND);
        assert_eq!(desk.shown(), "before\r\n");
        simulation.partition(&[&server], &[&desk.host]);
        desk.typist.types("during");
        simulation.run_for(MILLISECOND * simulation.dice().roll(100_000) as u32);
        desk.typist.types("later");
        desk.typist.ends();
        simulation.run_for(SECOND);
        assert_eq!(desk.shown(), "before\r\n");
        simulation.heal();
        desk.ends_within(simulation, 100).unwrap();
        assert_eq!(desk.shown(), "before\r\nduring\r\nlater\r\n");
    });
}

#[test]
fn a_server_that_is_gone_is_told_of() {
    let mut simulation = Simulation::new(3);
    let server = echo_server(&mut simulation);
    let desk = Desk::new(&mut simulation, &server);
    desk.typist.types("hello");
    simulation.run_for(SECOND);
    simulation.crash(&server);
    simulation.run_for(SECOND);
    simulation.restart(&server);
    // Nobody has noticed so far.
    simulation.run_for(100 * SECOND);
    assert!(simulation.is_running(&desk.host));
    desk.typist.types("are you there?");
    let error = desk.ends_within(&mut simulation, 10).unwrap_err();
    assert_eq!(error, "the connection was lost: connection reset");
    assert_eq!(desk.shown(), "hello\r\n");
}

#[test]
fn a_server_that_was_never_there_is_told_of() {
    let mut simulation = Simulation::new(4);
    let server = simulation.host("server", idle);
    let desk = Desk::new(&mut simulation, &server);
    let error = desk.ends_within(&mut simulation, 1).unwrap_err();
    assert_eq!(error, format!("connecting to {}:{PORT}: connection refused", server.address()));
    assert_eq!(desk.typist.taken.get(), 0);
}
