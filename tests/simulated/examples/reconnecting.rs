//! The client that comes back whenever its server does, to the nanosecond.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use ropewalk::simulation::{Host, Simulation};
use ropewalk::{ClientEvent, ClientService, Instant, ListenOptions, TcpClientEndpoint};

use super::chat::chat;
use super::reconnecting_client::listen_in;
use super::{MILLISECOND, PORT, SECOND};
use crate::people::idle;
use crate::witness::exact;

/// What the listener tells of, and when.
#[derive(Clone, PartialEq, Debug)]
enum Told {
    Connected,
    Waiting(String, Duration),
    Shown(String),
}

type Diary = Rc<RefCell<Vec<(Instant, Told)>>>;

/// A chat and somebody who listens in on it, a millisecond apart.
struct Setting {
    simulation: Simulation,
    server: Host,
    client: Host,
    diary: Diary,
    service: ClientService,
}

impl Setting {
    fn new(seed: u64) -> Self {
        let mut simulation = Simulation::new(seed);
        simulation.set_default_link(exact(MILLISECOND));
        let server = simulation.host("server", |reactor| {
            reactor.listen(([0, 0, 0, 0], PORT), ListenOptions::default(), chat())?;
            Ok(())
        });
        let client = simulation.host("client", idle);
        let diary = Diary::default();
        let reactor = simulation.reactor(&client);
        let note = {
            let (diary, clock) = (Rc::clone(&diary), reactor.clone());
            move |told| diary.borrow_mut().push((clock.now(), told))
        };
        let (show, report) = (note.clone(), note);
        let service = listen_in(
            reactor,
            TcpClientEndpoint::from(std::net::SocketAddr::from((server.address(), PORT))),
            "Fred".to_owned(),
            move |line| {
                show(Told::Shown(String::from_utf8_lossy(line).into_owned()));
                Ok(())
            },
            move |event| match event {
                ClientEvent::Connected(_) => report(Told::Connected),
                ClientEvent::Waiting { failure, wait } => report(Told::Waiting(failure.to_string(), *wait)),
                _ => unreachable!("it never gives up"),
            },
        );
        Self { simulation, server, client, diary, service }
    }

    fn told(&self) -> Vec<(Instant, Told)> {
        self.diary.take()
    }

    fn run_for(&mut self, time: Duration) {
        self.simulation.run_for(time);
    }

    /// Lets time pass until the listener is connected again, and returns what it has told of till then.
    fn run_until_connected(&mut self) -> Vec<(Instant, Told)> {
        let diary = Rc::clone(&self.diary);
        let is_connected =
            move |_: &mut Simulation| diary.borrow().iter().any(|(_, told)| *told == Told::Connected);
        assert!(self.simulation.run_until(1_000 * SECOND, is_connected));
        self.told()
    }
}

/// The waits begin at the loss of a connection, and each attempt when its wait is over.
fn assert_exact(told: &[(Instant, Told)], lost: Instant) {
    let mut expected = lost;
    for (index, (time, told)) in told.iter().enumerate() {
        assert_eq!(*time, expected, "{index}: {told:?}");
        match told {
            Told::Waiting(failure, wait) => {
                let is_first = !failure.starts_with("connecting to ");
                assert_eq!(is_first, index == 0, "{failure}");
                assert!(is_first || failure.ends_with(": connection refused"), "{failure}");
                let bound = SECOND * 2u32.pow(index.min(6) as u32);
                assert!(*wait < bound.min(60 * SECOND), "wait {index} is {wait:?}");
                // A refusal, as a connection, takes the way there and back.
                expected = *time + *wait + 2 * MILLISECOND;
            }
            told => assert_eq!(*told, Told::Connected),
        }
    }
}

#[test]
fn it_comes_back_after_exactly_the_waits_that_it_tells() {
    for seed in 0..20 {
        let mut setting = Setting::new(seed);
        setting.run_for(20 * SECOND);
        let told: Vec<Told> = setting.told().into_iter().map(|(_, told)| told).collect();
        let greetings = ["What's your name?", "Welcome, Fred!"].map(|line| Told::Shown(line.to_owned()));
        assert_eq!(told[..3], [&[Told::Connected][..], &greetings].concat());
        setting.simulation.kill(&setting.server);
        let lost = setting.simulation.now() + MILLISECOND;
        setting.run_for(100 * SECOND);
        setting.simulation.restart(&setting.server);
        let told = setting.run_until_connected();
        assert!(told.len() > 3, "{told:?}");
        assert_exact(&told, lost);
        setting.run_for(SECOND);
        assert!(setting.told().iter().any(|(_, told)| *told == greetings[1]), "it says its name again");
    }
}

/// Nobody tells it that the server's machine has lost its power, so it has to ask.
#[test]
fn it_notices_that_the_server_has_crashed() {
    let mut setting = Setting::new(1);
    setting.run_for(20 * SECOND);
    setting.told();
    setting.simulation.crash(&setting.server);
    setting.run_for(10 * SECOND);
    setting.simulation.restart(&setting.server);
    let told = setting.run_until_connected();
    assert_exact(&told, told[0].0);
    assert!(told[0].0 <= Instant::ZERO + 120 * SECOND, "{told:?}");
}

#[test]
fn a_partition_that_heals_loses_nothing() {
    let mut setting = Setting::new(2);
    setting.run_for(20 * SECOND);
    setting.simulation.partition(&[&setting.server], &[&setting.client]);
    setting.run_for(30 * SECOND);
    setting.simulation.heal();
    setting.run_for(100 * SECOND);
    assert_eq!(setting.told().iter().filter(|(_, told)| *told == Told::Connected).count(), 1);
    assert_eq!(setting.simulation.reactor_stats(&setting.server).connections, 1);
}

#[test]
fn a_stop_ends_the_wait_at_once() {
    let mut setting = Setting::new(3);
    setting.run_for(SECOND);
    setting.simulation.kill(&setting.server);
    setting.run_for(30 * SECOND);
    let stopped = Rc::new(RefCell::new(None));
    let (noted, clock) = (Rc::clone(&stopped), setting.simulation.reactor(&setting.client).clone());
    setting.service.stop().then(move |()| *noted.borrow_mut() = Some(clock.now()));
    let now = setting.simulation.now();
    setting.run_for(100 * SECOND);
    assert_eq!(*stopped.borrow(), Some(now));
    assert_eq!(setting.simulation.reactor_stats(&setting.client).timers, 0);
}
