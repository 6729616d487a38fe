//! Drains and stops: when exactly they end, and what each connection is told.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use ropewalk::driver::Signal;
use ropewalk::simulation::{Faults, Host, Link, Simulation, simulate};
use ropewalk::{Deferred, Drained, Instant, ReactorHandle, When};

use crate::people::idle;
use crate::witness::{Guest, MILLISECOND, Manner, SECOND, Witness, at, chance, connect, exact, roll, serve};

/// What became of drains, and when.
type Ends = Rc<RefCell<Vec<(Instant, Drained)>>>;

fn drain(reactor: &ReactorHandle, within: Duration) -> Ends {
    let (ends, clock) = (Ends::default(), reactor.clone());
    let told = Rc::clone(&ends);
    reactor.drain(within).then(move |drained| told.borrow_mut().push((clock.now(), drained)));
    ends
}

fn drained(closed: usize, aborted: usize) -> Drained {
    let mut drained = Drained::default();
    (drained.closed, drained.aborted) = (closed, aborted);
    drained
}

/// A server with clients of several sorts.
struct Setting {
    simulation: Simulation,
    server: Host,
    served: Witness,
    heard: Witness,
}

impl Setting {
    fn new(seed: u64) -> Self {
        let mut simulation = Simulation::new(seed);
        let mut link = exact(MILLISECOND);
        link.buffer = 10_000;
        simulation.set_default_link(link);
        let served = Witness::default();
        let server = serve(&mut simulation, "server", &served, |served, reactor| {
            reactor.stop_on_signals().unwrap();
            Rc::new(served.factory(Manner::Echoes))
        });
        Self { simulation, server, served, heard: Witness::default() }
    }

    /// A client of this manner, connected; its host and its place among the guests.
    fn client(&mut self, name: &str, manner: Manner, link: Option<Link>) -> (Host, usize) {
        let host = self.simulation.host(name, idle);
        if let Some(link) = link {
            self.simulation.set_link(&host, &self.server, link);
        }
        connect(&mut self.simulation, &host, &self.server, self.heard.factory(manner));
        self.simulation.run_for(SECOND);
        (host, self.heard.count() - 1)
    }

    fn drain(&mut self, within: Duration) -> Ends {
        drain(self.simulation.reactor(&self.server), within)
    }

    fn write(&mut self, number: usize, bytes: usize) {
        self.served.guests()[number].transport.write(vec![b'x'; bytes]);
        self.simulation.reactor(&self.server);
    }

    fn server_end(&self, number: usize) -> Guest {
        self.served.guests()[number].clone()
    }
}

const DRAINING: &str = "the connection was still open when draining the reactor timed out";

#[test]
fn nobody_to_wait_for_is_no_wait() {
    let mut setting = Setting::new(1);
    setting.simulation.run_for(SECOND);
    let ends = setting.drain(10 * SECOND);
    setting.simulation.run_for(SECOND);
    assert_eq!(ends.take(), [(at(SECOND), drained(0, 0))]);
    assert_eq!(setting.simulation.descriptors(&setting.server), 0);
}

#[test]
fn an_idle_connection_takes_a_round_trip() {
    let mut setting = Setting::new(2);
    setting.client("idle", Manner::Quiet, Some(exact(40 * MILLISECOND)));
    let asked = setting.simulation.now();
    let ends = setting.drain(10 * SECOND);
    setting.simulation.run_for(SECOND);
    assert_eq!(ends.take(), [(asked + 80 * MILLISECOND, drained(1, 0))]);
    assert!(setting.server_end(0).was_clean());
    assert_eq!(setting.heard.only().finished, Some(asked + 40 * MILLISECOND));
}

/// Everything at once: each is told what befell it, and the whole ends with the last.
#[test]
fn each_is_told_what_befell_it() {
    let mut setting = Setting::new(3);
    let mut slow = exact(MILLISECOND);
    (slow.bandwidth, slow.buffer) = (Some(10_000), 10_000);
    setting.client("idle", Manner::Quiet, None);
    let (_, busy) = setting.client("busy", Manner::Quiet, Some(slow));
    let (_, stuck) = setting.client("stuck", Manner::Deaf, None);
    let (cut_off, silent) = setting.client("cut off", Manner::Quiet, None);
    let (far, stranded) = setting.client("far", Manner::Quiet, None);
    let server = setting.server.clone();
    setting.simulation.partition(&[&server], &[&cut_off, &far]);
    setting.write(busy, 50_000);
    setting.write(stuck, 50_000);
    setting.write(stranded, 50_000);
    setting.simulation.run_for(100 * MILLISECOND);
    let asked = setting.simulation.now();
    let ends = setting.drain(10 * SECOND);
    setting.simulation.run_for(20 * SECOND);
    // Two could not be sent everything in time.
    assert_eq!(ends.take(), [(asked + 10 * SECOND, drained(3, 2))]);
    assert!(setting.server_end(0).was_clean());
    assert_eq!(setting.server_end(0).lost_at(), asked + 2 * MILLISECOND);
    let served = setting.server_end(busy);
    assert!(served.was_clean() && served.lost_at() > asked + 4 * SECOND, "{:?}", served.lost);
    assert_eq!(setting.heard.guests()[busy].data.len(), 50_000);
    assert_eq!(setting.server_end(stuck).lost, Some((asked + 10 * SECOND, DRAINING.into())));
    assert_eq!(setting.server_end(stranded).lost, Some((asked + 10 * SECOND, DRAINING.into())));
    // It had nothing to be sent but the end, for whose answer two seconds are enough.
    assert!(setting.server_end(silent).was_clean());
    assert_eq!(setting.server_end(silent).lost_at(), asked + 2 * SECOND);
    assert_eq!(setting.simulation.descriptors(&server), 0);
}

#[test]
fn who_lingers_at_the_deadline_was_sent_everything() {
    let mut setting = Setting::new(4);
    let (client, number) = setting.client("client", Manner::Quiet, None);
    let server = setting.server.clone();
    setting.simulation.partition(&[&server], &[&client]);
    let asked = setting.simulation.now();
    let ends = setting.drain(SECOND);
    setting.simulation.run_for(10 * SECOND);
    assert_eq!(ends.take(), [(asked + SECOND, drained(1, 0))]);
    assert!(setting.server_end(number).was_clean());
}

#[test]
fn a_second_drain_may_shorten_the_first_and_not_lengthen_it() {
    for (second, end) in [(3, 5), (30, 10)] {
        let mut setting = Setting::new(5);
        let (_, stuck) = setting.client("stuck", Manner::Deaf, None);
        setting.write(stuck, 50_000);
        setting.simulation.run_for(SECOND);
        let asked = setting.simulation.now();
        let first = setting.drain(10 * SECOND);
        setting.simulation.run_for(2 * SECOND);
        let again = setting.drain(second * SECOND);
        setting.simulation.run_for(60 * SECOND);
        assert_eq!(first.take(), [(asked + end * SECOND, drained(0, 1))]);
        assert_eq!(again.take(), [(asked + end * SECOND, drained(0, 1))]);
    }
}

#[test]
fn a_host_that_sleeps_through_the_deadline_ends_as_it_wakes_up() {
    let mut setting = Setting::new(6);
    let (_, stuck) = setting.client("stuck", Manner::Deaf, None);
    let (_, idle) = setting.client("idle", Manner::Quiet, None);
    setting.write(stuck, 50_000);
    setting.simulation.run_for(SECOND);
    let asked = setting.simulation.now();
    let ends = setting.drain(10 * SECOND);
    setting.simulation.run_for(MILLISECOND);
    let server = setting.server.clone();
    setting.simulation.suspend(&server, 30 * SECOND);
    setting.simulation.run_for(60 * SECOND);
    assert_eq!(ends.take(), [(asked + 30 * SECOND + MILLISECOND, drained(1, 1))]);
    assert!(setting.server_end(idle).was_clean(), "its answer had come in time");
}

/// When the server's program exited, if it did within a minute of the signal.
fn exit(setting: &mut Setting) -> Option<Instant> {
    let server = setting.server.clone();
    let exits = setting.simulation.run_until(60 * SECOND, |simulation| !simulation.is_running(&server));
    exits.then(|| setting.simulation.now())
}

#[test]
fn a_signal_ends_the_program_when_the_last_has_gone() {
    let mut setting = Setting::new(7);
    setting.client("near", Manner::Quiet, None);
    setting.client("far", Manner::Quiet, Some(exact(200 * MILLISECOND)));
    let asked = setting.simulation.now();
    let server = setting.server.clone();
    assert!(setting.simulation.signal(&server, Signal::Terminate));
    assert_eq!(exit(&mut setting), Some(asked + 400 * MILLISECOND));
    assert!(setting.served.guests().iter().all(Guest::was_clean));
    assert_eq!(setting.simulation.descriptors(&server), 0);
}

#[test]
fn a_signal_gives_those_who_are_stuck_ten_seconds() {
    let mut setting = Setting::new(8);
    let (_, stuck) = setting.client("stuck", Manner::Deaf, None);
    setting.write(stuck, 50_000);
    setting.simulation.run_for(SECOND);
    let asked = setting.simulation.now();
    let server = setting.server.clone();
    assert!(setting.simulation.signal(&server, Signal::Interrupt));
    assert_eq!(exit(&mut setting), Some(asked + 10 * SECOND));
    assert_eq!(setting.server_end(stuck).reason(), DRAINING);
}

#[test]
fn a_second_signal_ends_the_program_at_once() {
    let mut setting = Setting::new(9);
    let (_, stuck) = setting.client("stuck", Manner::Deaf, None);
    setting.client("idle", Manner::Quiet, None);
    setting.write(stuck, 50_000);
    setting.simulation.run_for(SECOND);
    let asked = setting.simulation.now();
    let server = setting.server.clone();
    setting.simulation.signal(&server, Signal::Interrupt);
    setting.simulation.run_for(3 * SECOND);
    assert!(setting.simulation.is_running(&server));
    setting.simulation.signal(&server, Signal::Terminate);
    assert_eq!(exit(&mut setting), Some(asked + 3 * SECOND));
    assert_eq!(setting.server_end(stuck).reason(), "the reactor stopped");
    assert!(setting.server_end(1).was_clean());
    // Nothing is left in the peer's way: it hears the end of what it is sent.
    let deaf = setting.heard.guests()[stuck].transport.clone();
    deaf.resume_reading();
    setting.simulation.run_for(60 * SECOND);
    assert_eq!(setting.served.open(), 0);
}

#[test]
fn a_stop_waits_for_what_its_triggers_wait_for_and_not_for_peers() {
    let mut setting = Setting::new(10);
    let (_, stuck) = setting.client("stuck", Manner::Deaf, None);
    setting.write(stuck, 50_000);
    setting.simulation.run_for(SECOND);
    let asked = setting.simulation.now();
    let reactor = setting.simulation.reactor(&setting.server).clone();
    reactor.add_trigger(When::BeforeShutdown, |reactor| {
        let (later, resolver) = Deferred::new(reactor);
        let _ = reactor.call_later(5 * SECOND, move |_| resolver.resolve(()));
        later
    });
    reactor.stop();
    assert_eq!(exit(&mut setting), Some(asked + 5 * SECOND));
    assert_eq!(setting.server_end(stuck).lost, Some((asked + 5 * SECOND, "the reactor stopped".into())));
}

/// G6: whatever the connections are doing and whatever the network does, a drain ends by its deadline and all are told.
#[test]
fn g6_a_drain_ends_by_its_deadline_whatever_happens() {
    simulate(100, |simulation| {
        let (served, heard) = (Witness::default(), Witness::default());
        let mut link = Link::default();
        (link.loss, link.buffer) = (0.05, 1_000 + roll(simulation, 100_000) as usize);
        simulation.set_default_link(link);
        let server =
            serve(simulation, "server", &served, |served, _| Rc::new(served.factory(Manner::Echoes)));
        let is_rough = chance(simulation, 0.5);
        if is_rough {
            simulation.set_faults(&server, Faults::rough());
        }
        let mut clients = Vec::new();
        for number in 0..1 + roll(simulation, 6) {
            let client = simulation.host(&format!("client {number}"), idle);
            let manner = [Manner::Quiet, Manner::Deaf, Manner::StaysOpen][roll(simulation, 3) as usize];
            connect(simulation, &client, &server, heard.factory(manner));
            clients.push(client);
        }
        simulation.run_for(5 * SECOND);
        for guest in served.guests().iter().chain(&heard.guests()) {
            if chance(simulation, 0.7) {
                let bytes = roll(simulation, 200_000) as usize;
                guest.transport.write(vec![b'x'; bytes]);
            }
        }
        for client in &clients {
            simulation.reactor(client);
            match roll(simulation, 5) {
                0 => simulation.partition(&[&server], &[client]),
                1 => simulation.crash(client),
                _ => {}
            }
        }
        let pause = Duration::from_micros(roll(simulation, 3_000_000));
        simulation.reactor(&server);
        simulation.run_for(pause);
        let within = Duration::from_millis(roll(simulation, 5_000));
        let (asked, open) = (simulation.now(), served.open());
        let ends = drain(simulation.reactor(&server), within);
        simulation.run_for(20 * SECOND);
        let (end, drained) = ends.borrow()[0];
        let late = if is_rough { 50 * MILLISECOND } else { Duration::ZERO };
        assert!(end <= asked + within + late, "{end:?} is after {asked:?} and {within:?}");
        assert_eq!(drained.closed + drained.aborted, open);
        assert_eq!((served.open(), simulation.descriptors(&server)), (0, 0));
        let told = |reason: &str| served.guests().iter().filter(|guest| guest.reason() == reason).count();
        assert_eq!(told(DRAINING), drained.aborted);
    });
}
