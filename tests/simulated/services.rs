//! Clients that keep a connection: schedules to the millisecond, stops at any time, days full of trouble.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use ropewalk::simulation::{Faults, Host, Simulation, simulate};
use ropewalk::{
    Backoff, ClientEvent, ClientOptions, ClientService, ConnectOptions, Instant, ListenOptions, NoConnection,
    TcpClientEndpoint, Transport, connect_protocol,
};

use crate::people::{Listener, PORT, idle};
use crate::witness::{MILLISECOND, Manner, SECOND, Witness, at, attempts, chance, exact, roll};

/// A server that may come and go, and a client whose service wants a connection to it.
struct Setting {
    simulation: Simulation,
    server: Host,
    client: Host,
    served: Witness,
    heard: Witness,
    events: Events,
}

/// What a service has told, and when.
#[derive(Clone, Default)]
struct Events(Rc<RefCell<Vec<(Instant, Event)>>>);

#[derive(Clone, PartialEq, Debug)]
enum Event {
    Connected,
    Waiting(String, Duration),
    GaveUp,
}

impl Events {
    fn all(&self) -> Vec<(Instant, Event)> {
        self.0.borrow().clone()
    }

    /// The waits, each with when it began.
    fn waits(&self) -> Vec<(Instant, Duration)> {
        let wait = |(time, event): &(Instant, Event)| match event {
            Event::Waiting(_, wait) => Some((*time, *wait)),
            _ => None,
        };
        self.0.borrow().iter().filter_map(wait).collect()
    }
}

impl Setting {
    /// The server runs.
    fn new(seed: u64) -> Self {
        let mut simulation = Simulation::new(seed);
        simulation.set_default_link(exact(MILLISECOND));
        let served = Witness::default();
        let server = serve(&mut simulation, &served);
        let client = simulation.host("client", idle);
        Self { simulation, server, client, served, heard: Witness::default(), events: Events::default() }
    }

    /// Nobody listens at the server's host.
    fn refused(seed: u64) -> Self {
        let mut setting = Self::new(seed);
        setting.simulation.kill(&setting.server);
        setting
    }

    fn service(&mut self, options: ClientOptions) -> ClientService {
        let endpoint = TcpClientEndpoint::from(std::net::SocketAddr::new(self.server.address(), PORT));
        begin(&mut self.simulation, &self.client, endpoint, options, (&self.heard, &self.events))
    }

    /// When connections were begun.
    fn begun(&self) -> Vec<Instant> {
        attempts(&self.simulation, &self.client).into_iter().map(|(time, _)| at(time)).collect()
    }
}

fn begin(
    simulation: &mut Simulation,
    client: &Host,
    endpoint: TcpClientEndpoint,
    options: ClientOptions,
    (heard, events): (&Witness, &Events),
) -> ClientService {
    let reactor = simulation.reactor(client);
    let (events, clock) = (events.clone(), reactor.clone());
    let options = options.on_event(move |event| {
        let event = match event {
            ClientEvent::Connected(_) => Event::Connected,
            ClientEvent::Waiting { failure, wait } => Event::Waiting(failure.to_string(), *wait),
            _ => Event::GaveUp,
        };
        events.0.borrow_mut().push((clock.now(), event));
    });
    let service = ClientService::new(reactor, endpoint, heard.factory(Manner::Quiet), options);
    service.start();
    service
}

fn serve(simulation: &mut Simulation, served: &Witness) -> Host {
    let served = served.clone();
    simulation.host("server", move |reactor| {
        reactor.listen(([0_u16; 8], PORT), ListenOptions::default(), served.factory(Manner::Echoes))?;
        Ok(())
    })
}

/// After the first failure next to nothing, after the second of a row up to an hour: so a wait tells whether failures were
/// forgotten.
fn telling() -> ClientOptions {
    let mut options = ClientOptions::default();
    options.backoff.initial = Duration::from_nanos(1);
    options.backoff.factor = 1e13;
    options.backoff.max = 3_600 * SECOND;
    options
}

#[test]
fn each_attempt_comes_when_the_wait_is_over() {
    let mut setting = Setting::refused(1);
    let service = setting.service(ClientOptions::default());
    setting.simulation.run_for(600 * SECOND);
    let begun = setting.begun();
    let waits = setting.events.waits();
    assert!(begun.len() > 15, "{}", begun.len());
    assert_eq!(begun[0], Instant::ZERO);
    for (index, (since, wait)) in waits.iter().enumerate() {
        assert_eq!(*since, begun[index] + 2 * MILLISECOND, "a refusal takes a round trip");
        if let Some(next) = begun.get(index + 1) {
            assert_eq!(*next, *since + *wait);
        }
    }
    assert!(service.is_running());
}

/// The bounds double from one second to a minute, and the whole range below them is used.
#[test]
fn waits_stay_below_their_bounds_and_use_them() {
    let (mut shares, mut least, mut most) = (Vec::new(), f64::MAX, f64::MIN);
    for seed in 0..100 {
        let mut setting = Setting::refused(seed);
        let _service = setting.service(ClientOptions::default());
        setting.simulation.run_for(400 * SECOND);
        for (index, (_, wait)) in setting.events.waits().iter().enumerate() {
            let bound = (1_u64 << index.min(10)).min(60) as f64;
            let share = wait.as_secs_f64() / bound;
            assert!((0.0..1.0).contains(&share), "wait {index} is {wait:?}");
            shares.push(share);
            (least, most) = (least.min(share), most.max(share));
        }
    }
    let mean = shares.iter().sum::<f64>() / shares.len() as f64;
    assert!((0.45..0.55).contains(&mean) && least < 0.01 && most > 0.99, "{mean} {least} {most}");
}

#[test]
fn a_backoff_of_one_s_own_is_kept_to() {
    let mut setting = Setting::refused(2);
    let mut options = ClientOptions::default();
    let mut backoff = Backoff::default();
    (backoff.initial, backoff.factor, backoff.max) = (100 * MILLISECOND, 3.0, 2 * SECOND);
    options.backoff = backoff;
    options.failures_max = Some(6);
    let service = setting.service(options);
    setting.simulation.run_for(60 * SECOND);
    let bounds = [100, 300, 900, 2_000, 2_000].map(Duration::from_millis);
    let waits = setting.events.waits();
    assert_eq!(waits.len(), bounds.len());
    assert!(waits.iter().zip(bounds).all(|((_, wait), bound)| *wait < bound), "{waits:?}");
    assert_eq!(setting.begun().len(), 6);
    assert_eq!(setting.events.all().last().unwrap().1, Event::GaveUp);
    assert!(!service.is_running());
}

#[test]
fn an_attempt_that_nobody_answers_ends_with_its_timeout() {
    let mut setting = Setting::new(3);
    setting.simulation.partition(&[&setting.server], &[&setting.client]);
    let _service = setting.service(ClientOptions::default());
    setting.simulation.run_for(300 * SECOND);
    let begun = setting.begun();
    let waits = setting.events.waits();
    assert!(waits.len() > 4);
    for (begun, (since, _)) in begun.iter().zip(&waits) {
        assert_eq!(*since, *begun + 30 * SECOND);
    }
    assert_eq!(setting.simulation.reactor_stats(&setting.client).connections, 0);
}

/// A connection of ten seconds counts as stable, one of a millisecond less as one more failure.
#[test]
fn failures_are_forgotten_after_exactly_ten_seconds() {
    for (lasts, is_stable) in [(9_999, false), (10_000, true)] {
        let mut setting = Setting::new(4);
        let _service = setting.service(telling());
        let served = setting.served.clone();
        assert!(setting.simulation.run_until(SECOND, |_| served.count() == 1));
        // Its end takes as long to the client as the news that it stands.
        setting.simulation.run_for(Duration::from_millis(lasts));
        setting.served.only().transport.lose_connection();
        setting.simulation.reactor(&setting.server);
        let events = setting.events.clone();
        assert!(setting.simulation.run_until(SECOND, |_| !events.waits().is_empty()));
        let first = setting.events.waits()[0];
        assert_eq!(first.0, setting.heard.only().made + Duration::from_millis(lasts));
        // Lost in the bud, the next: the second failure in a row, or the first.
        assert!(setting.simulation.run_until(SECOND, |_| served.count() == 2));
        setting.served.guests()[1].transport.abort_connection();
        setting.simulation.reactor(&setting.server);
        assert!(setting.simulation.run_until(SECOND, |_| events.waits().len() == 2));
        let second = setting.events.waits()[1].1;
        assert_eq!(second <= Duration::from_nanos(1), is_stable, "{lasts}: {second:?}");
    }
}

#[test]
fn a_server_that_is_killed_and_one_that_crashes_are_found_again() {
    for crashes in [false, true] {
        let mut setting = Setting::new(5);
        let service = setting.service(ClientOptions::default());
        setting.simulation.run_for(20 * SECOND);
        let connected = setting.heard.only().transport;
        connected.set_keepalive(Some(10 * SECOND));
        setting.simulation.reactor(&setting.client);
        setting.simulation.run_for(SECOND);
        let gone = setting.simulation.now();
        if crashes {
            setting.simulation.crash(&setting.server);
        } else {
            setting.simulation.kill(&setting.server);
        }
        setting.simulation.run_for(30 * SECOND);
        setting.simulation.restart(&setting.server);
        let (served, heard) = (setting.served.clone(), setting.heard.clone());
        assert!(setting.simulation.run_until(300 * SECOND, |_| heard.count() == 2), "crashes: {crashes}");
        let lost = heard.guests()[0].lost_at();
        if crashes {
            // Noticed by the first probe after the restart, which comes 75 seconds after the one before.
            assert!(lost > gone + 30 * SECOND && lost < gone + 120 * SECOND, "{lost:?}");
            assert!(heard.guests()[0].reason().contains("reset"), "{}", heard.guests()[0].reason());
        } else {
            assert_eq!(lost, gone + MILLISECOND);
        }
        setting.simulation.run_for(SECOND);
        assert_eq!((served.count(), served.open(), heard.open()), (2, 1, 1));
        assert_eq!(heard.open_max(), 1);
        drop(service);
    }
}

/// What came of waiting for a connection, for each who has waited.
type Answers = Rc<RefCell<Vec<Result<Transport, NoConnection>>>>;

fn wait(service: &ClientService, answers: &Answers) {
    let answers = Rc::clone(answers);
    service.when_connected().then(move |answer| answers.borrow_mut().push(answer));
}

/// Stops a service at this time, after which nothing of it may be left.
fn stop_after(setting: &mut Setting, time: Duration) {
    let service = setting.service(ClientOptions::default());
    let answers = Answers::default();
    wait(&service, &answers);
    setting.simulation.run_for(time);
    let had_connection = setting.heard.open() == 1;
    let (waited, stopped) = (answers.borrow().len(), Rc::new(Cell::new(0)));
    assert_eq!(waited, usize::from(had_connection));
    wait(&service, &answers);
    let told = Rc::clone(&stopped);
    setting.simulation.reactor(&setting.client);
    service.stop().then(move |()| told.set(told.get() + 1));
    wait(&service, &answers);
    let begun = setting.begun().len();
    setting.simulation.run_for(200 * SECOND);
    assert_eq!(stopped.get(), 1, "at {time:?}");
    assert_eq!(answers.borrow().len(), 3, "at {time:?}: each is answered once");
    assert_eq!(
        answers.borrow().iter().filter(|answer| answer.is_ok()).count(),
        if had_connection { 2 } else { 0 }
    );
    assert_eq!(setting.begun().len(), begun, "at {time:?}: nothing is begun after the stop");
    assert_eq!((setting.heard.open(), setting.served.open()), (0, 0), "at {time:?}");
    let stats = setting.simulation.reactor_stats(&setting.client);
    assert_eq!((stats.connections, stats.timers), (0, 0), "at {time:?}");
    assert_eq!(setting.simulation.descriptors(&setting.client), 0);
}

#[test]
fn a_stop_at_any_time_of_connecting_leaves_nothing() {
    for step in 0..30 {
        stop_after(&mut Setting::new(6), Duration::from_micros(step * 100));
    }
}

#[test]
fn a_stop_at_any_time_between_attempts_leaves_nothing() {
    for step in 0..100 {
        stop_after(&mut Setting::refused(7), Duration::from_millis(step * 70));
    }
}

#[test]
fn a_stop_during_a_partition_leaves_nothing() {
    for step in 0..20 {
        let mut setting = Setting::new(8);
        setting.simulation.clog(&setting.server, &setting.client);
        let server = setting.server.clone();
        let client = setting.client.clone();
        setting.simulation.after(60 * SECOND, move |simulation| simulation.unclog(&server, &client));
        stop_after(&mut setting, Duration::from_secs(step * 2) + MILLISECOND / 2);
    }
}

#[test]
fn a_service_stopped_and_started_at_once_has_one_connection() {
    for step in 0..30 {
        let mut setting = Setting::new(9);
        let service = setting.service(ClientOptions::default());
        setting.simulation.run_for(Duration::from_micros(step * 100));
        let answers = Answers::default();
        setting.simulation.reactor(&setting.client);
        service.stop().then(|()| {});
        service.start();
        wait(&service, &answers);
        setting.simulation.run_for(30 * SECOND);
        assert_eq!((setting.heard.open(), setting.heard.open_max()), (1, 1), "after {step}");
        assert_eq!((setting.served.open(), answers.borrow().len()), (1, 1), "after {step}");
        assert!(answers.borrow()[0].is_ok());
    }
}

#[test]
fn one_connection_for_one_protocol() {
    let mut setting = Setting::new(10);
    let endpoint = TcpClientEndpoint::from(std::net::SocketAddr::new(setting.server.address(), PORT));
    let protocol = Listener(crate::people::Heard::default());
    let heard = protocol.0.clone();
    connect_protocol(setting.simulation.reactor(&setting.client), &endpoint, protocol).then(|result| {
        result.unwrap().write("hello");
    });
    assert!(setting.simulation.run_until(SECOND, |_| heard.data() == b"hello"));
    assert_eq!(
        setting.simulation.now(),
        at(4 * MILLISECOND),
        "a round trip to connect, one to hear the echo"
    );
}

/// A service to which all sorts of things happen.
struct Trouble<'a> {
    simulation: &'a mut Simulation,
    server: Host,
    client: Host,
    served: Witness,
    heard: Witness,
}

/// Hours of trouble; then peace, in which the service must find its server, and its end.
fn troubled_hours(simulation: &mut Simulation, hours: u32) {
    let (served, heard, answers) = (Witness::default(), Witness::default(), Answers::default());
    let server = serve(simulation, &served);
    let client = simulation.host("client", idle);
    let mut options = ConnectOptions::default();
    options.timeout = 5 * SECOND;
    let endpoint = format!("server:{PORT}").parse::<TcpClientEndpoint>().unwrap().with_options(options);
    let service =
        begin(simulation, &client, endpoint, ClientOptions::default(), (&heard, &Events::default()));
    let mut trouble = Trouble { simulation, server, client, served, heard };
    let mut waited = 0;
    while trouble.simulation.now() < at(hours * 3_600 * SECOND) {
        trouble.strike();
        wait(&service, &answers);
        waited += 1;
        trouble.watch_for_a_while();
    }
    trouble.end(&service);
    assert_eq!(
        answers.borrow().iter().filter(|answer| answer.is_ok()).count(),
        waited,
        "each is answered once"
    );
}

impl Trouble<'_> {
    /// Something that may or may not end a connection.
    fn strike(&mut self) {
        let what = roll(self.simulation, 11);
        let Self { simulation, server, client, heard, .. } = self;
        match what {
            0 if simulation.is_running(server) => simulation.crash(server),
            1 if simulation.is_running(server) => simulation.kill(server),
            2 | 3 if !simulation.is_running(server) => simulation.restart(server),
            4 => simulation.partition(&[server], &[client]),
            5 => simulation.clog(client, server),
            6 => simulation.heal(),
            7 => {
                let fails = chance(simulation, 0.5);
                simulation.fail_lookups(fails);
            }
            8 => simulation.suspend(client, 20 * SECOND),
            9 => {
                let rough = chance(simulation, 0.5);
                simulation.set_faults(client, if rough { Faults::rough() } else { Faults::default() });
            }
            _ => {
                if let Some(guest) = heard.guests().last() {
                    guest.transport.write("are you there?");
                    simulation.reactor(client);
                }
            }
        }
    }

    fn watch_for_a_while(&mut self) {
        let pause = Duration::from_millis(roll(self.simulation, 120_000));
        let Self { simulation, client, heard, .. } = self;
        let never = simulation.run_until(pause, |simulation| {
            assert!(heard.open() <= 1, "never two connections");
            assert!(simulation.descriptors(client) <= 2, "a race has two attempts at most");
            false
        });
        assert!(!never);
    }

    fn end(&mut self, service: &ClientService) {
        let Self { simulation, server, client, served, heard } = self;
        simulation.heal();
        simulation.fail_lookups(false);
        if !simulation.is_running(server) {
            simulation.restart(server);
        }
        // What is no connection any more is found out by sending.
        for _ in 0..3 {
            if let Some(guest) = heard.guests().last() {
                guest.transport.write("still there?");
                simulation.reactor(client);
            }
            simulation.run_for(150 * SECOND);
        }
        assert_eq!((heard.open(), simulation.reactor_stats(client).connections), (1, 1), "there is peace");
        let stopped = Rc::new(Cell::new(false));
        let told = Rc::clone(&stopped);
        simulation.reactor(client);
        service.stop().then(move |()| told.set(true));
        simulation.run_for(100 * SECOND);
        let stats = simulation.reactor_stats(client);
        assert!(stopped.get());
        assert_eq!((heard.open(), stats.connections, stats.timers), (0, 0, 0));
        assert_eq!(simulation.descriptors(client), 0);
        // Whoever the server still has does not know that its peer is gone.
        for guest in served.guests() {
            guest.transport.write("anybody?");
        }
        simulation.reactor(server);
        simulation.run_for(100 * SECOND);
        assert_eq!(served.open(), 0);
    }
}

#[test]
fn whatever_befalls_a_service_finds_its_server_and_has_one_connection() {
    simulate(60, |simulation| troubled_hours(simulation, 1));
}

#[test]
fn a_day_of_trouble() {
    simulate(2, |simulation| troubled_hours(simulation, 24));
}
