//! Connecting to names: RFC 8305, to the millisecond.

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use ropewalk::simulation::{Host, Simulation, simulate};
use ropewalk::{
    ClientEndpoint, ConnectError, ConnectOptions, Deferred, Instant, IpFamily, ListenOptions,
    TcpClientEndpoint,
};

use crate::people::{PORT, idle};
use crate::witness::{MILLISECOND, Manner, SECOND, Witness, at, attempts, chance, exact, roll};

/// A shop with a client that knows it by name.
struct Setting {
    simulation: Simulation,
    shop: Host,
    client: Host,
    served: Witness,
    heard: Witness,
    outcome: Outcome,
}

/// When the attempt came to its end, and which.
type Outcome = Rc<RefCell<Option<(Instant, Result<IpAddr, ConnectError>)>>>;

fn shop(simulation: &mut Simulation, name: &str, served: &Witness) -> Host {
    let served = served.clone();
    simulation.host(name, move |reactor| {
        let any = ([0_u16; 8], PORT);
        reactor.listen(any, ListenOptions::default(), served.factory(Manner::Quiet))?;
        Ok(())
    })
}

impl Setting {
    fn new(seed: u64) -> Self {
        let mut simulation = Simulation::new(seed);
        let (served, heard) = (Witness::default(), Witness::default());
        let shop = shop(&mut simulation, "shop", &served);
        let client = simulation.host("client", idle);
        simulation.set_default_link(exact(MILLISECOND));
        Self { simulation, shop, client, served, heard, outcome: Outcome::default() }
    }

    /// Another IPv4 address of the shop that packets to vanish.
    fn add_silent_address(&mut self, last: u8) -> IpAddr {
        let address = IpAddr::from([192, 0, 2, last]);
        self.simulation.add_address(&self.shop, address);
        self.simulation.set_reachable(address, false);
        address
    }

    fn connect(&mut self, endpoint: TcpClientEndpoint) -> Deferred<()> {
        connect(&mut self.simulation, &self.client, &endpoint, &self.heard, &self.outcome)
    }

    fn endpoint(timeout: Duration) -> TcpClientEndpoint {
        let mut options = ConnectOptions::default();
        options.timeout = timeout;
        format!("shop:{PORT}").parse::<TcpClientEndpoint>().unwrap().with_options(options)
    }

    /// The end of the attempt, which must have come.
    #[track_caller]
    fn outcome(&self) -> (Instant, Result<IpAddr, ConnectError>) {
        self.outcome.take().expect("the attempt has ended")
    }

    /// When connections were begun.
    fn begun(&self) -> Vec<Duration> {
        attempts(&self.simulation, &self.client).into_iter().map(|(time, _)| time).collect()
    }

    #[track_caller]
    fn assert_nothing_is_left(&self) {
        let stats = self.simulation.reactor_stats(&self.client);
        assert_eq!((stats.connections, stats.timers), (0, 0), "{stats:?}");
        assert_eq!(self.simulation.descriptors(&self.client), 0);
    }
}

fn connect(
    simulation: &mut Simulation,
    client: &Host,
    endpoint: &TcpClientEndpoint,
    heard: &Witness,
    outcome: &Outcome,
) -> Deferred<()> {
    let outcome = Rc::clone(outcome);
    let reactor = simulation.reactor(client);
    let clock = reactor.clone();
    endpoint.connect(reactor, heard.factory(Manner::Quiet)).map(move |result| {
        let result = result.map(|transport| transport.peer().ip().unwrap());
        assert!(outcome.replace(Some((clock.now(), result))).is_none(), "an attempt ends once");
    })
}

fn milliseconds(times: &[u64]) -> Vec<Duration> {
    times.iter().map(|time| Duration::from_millis(*time)).collect()
}

#[test]
fn ipv6_is_first_and_when_it_answers_the_only_one() {
    let mut setting = Setting::new(1);
    drop(setting.connect(Setting::endpoint(SECOND)));
    setting.simulation.run_for(SECOND);
    let (time, result) = setting.outcome();
    assert_eq!((time, result.unwrap()), (at(3 * MILLISECOND), setting.shop.address_v6()));
    assert_eq!(setting.begun(), milliseconds(&[1]));
    assert_eq!(setting.served.count(), 1);
}

#[test]
fn after_250_milliseconds_the_other_family_is_tried() {
    let mut setting = Setting::new(2);
    setting.simulation.set_reachable(setting.shop.address_v6(), false);
    drop(setting.connect(Setting::endpoint(60 * SECOND)));
    setting.simulation.run_for(SECOND);
    let (time, result) = setting.outcome();
    assert_eq!((time, result.unwrap()), (at(253 * MILLISECOND), setting.shop.address()));
    assert_eq!(setting.begun(), milliseconds(&[1, 251]));
    assert_eq!(setting.simulation.descriptors(&setting.client), 1, "the loser is closed");
}

#[test]
fn the_delay_and_the_first_family_are_the_endpoint_s() {
    for (asked, kept) in [(10, 10), (100, 100), (1, 10), (1_900, 1_900), (5_000, 2_000)] {
        let mut setting = Setting::new(3);
        setting.simulation.set_reachable(setting.shop.address(), false);
        let endpoint = Setting::endpoint(10 * SECOND)
            .with_first_family(IpFamily::Ipv4)
            .with_attempt_delay(Duration::from_millis(asked));
        drop(setting.connect(endpoint));
        setting.simulation.run_for(10 * SECOND);
        assert_eq!(setting.begun(), milliseconds(&[1, 1 + kept]), "of {asked} ms");
        assert_eq!(setting.outcome().1.unwrap(), setting.shop.address_v6());
    }
}

#[test]
fn who_is_refused_is_followed_at_once() {
    let mut setting = Setting::new(4);
    let closed = setting.simulation.host("closed", idle);
    let addresses = [closed.address_v6(), closed.address(), setting.shop.address()];
    setting.simulation.set_name("shop", addresses);
    drop(setting.connect(Setting::endpoint(SECOND)));
    setting.simulation.run_for(SECOND);
    // The families take turns: of the two of IPv4 the second is the last.
    assert_eq!(setting.begun(), milliseconds(&[1, 3, 5]));
    assert_eq!(setting.outcome().0, at(7 * MILLISECOND));
}

#[test]
fn a_faster_address_overtakes_and_the_slow_server_keeps_nobody() {
    let mut setting = Setting::new(5);
    let far_served = Witness::default();
    let far = shop(&mut setting.simulation, "far", &far_served);
    setting.simulation.set_link(&far, &setting.client, exact(200 * MILLISECOND));
    setting.simulation.set_name("shop", [far.address(), setting.shop.address()]);
    drop(setting.connect(Setting::endpoint(SECOND)));
    setting.simulation.run_for(10 * SECOND);
    let (time, result) = setting.outcome();
    assert_eq!((time, result.unwrap()), (at(253 * MILLISECOND), setting.shop.address()));
    // The answer of the far one comes to a socket that is closed, which resets it.
    let stray = far_served.only();
    assert_eq!((stray.made, stray.lost_at()), (at(201 * MILLISECOND), at(601 * MILLISECOND)));
    assert_eq!((setting.served.open(), far_served.open(), setting.heard.count()), (1, 0, 1));
}

#[test]
fn of_two_that_answer_at_once_one_is_taken_and_the_other_closed() {
    for seed in 0..20 {
        let mut setting = Setting::new(seed);
        let far_served = Witness::default();
        let far = shop(&mut setting.simulation, "far", &far_served);
        setting.simulation.set_link(&far, &setting.client, exact(126 * MILLISECOND));
        setting.simulation.set_name("shop", [far.address(), setting.shop.address()]);
        drop(setting.connect(Setting::endpoint(SECOND)));
        setting.simulation.run_for(SECOND);
        assert_eq!(setting.outcome().0, at(253 * MILLISECOND));
        assert_eq!(setting.served.open() + far_served.open(), 1, "seed {seed}");
        assert_eq!((setting.heard.count(), setting.heard.open()), (1, 1));
        assert_eq!(setting.simulation.descriptors(&setting.client), 1);
    }
}

#[test]
fn the_whole_takes_no_longer_than_the_timeout() {
    let mut setting = Setting::new(6);
    let silent: Vec<_> = (1..=6).map(|last| setting.add_silent_address(last)).collect();
    setting.simulation.set_name("shop", silent);
    drop(setting.connect(Setting::endpoint(SECOND)));
    setting.simulation.run_for(10 * SECOND);
    assert_eq!(setting.begun(), milliseconds(&[1, 251, 501, 751]));
    let (time, result) = setting.outcome();
    assert_eq!(time, at(SECOND));
    let Err(ConnectError::AllFailed { attempts }) = result else { panic!("{result:?}") };
    assert_eq!(attempts.len(), 4);
    assert!(attempts.iter().all(|error| matches!(error, ConnectError::TimedOut { .. })), "{attempts:?}");
    setting.assert_nothing_is_left();
}

#[test]
fn a_slow_name_leaves_less_time_for_the_addresses() {
    let mut setting = Setting::new(7);
    let silent: Vec<_> = (1..=6).map(|last| setting.add_silent_address(last)).collect();
    setting.simulation.set_name("shop", silent);
    setting.simulation.set_lookup_time(700 * MILLISECOND);
    drop(setting.connect(Setting::endpoint(SECOND)));
    setting.simulation.run_for(10 * SECOND);
    assert_eq!(setting.begun(), milliseconds(&[700, 950]));
    assert_eq!(setting.outcome().0, at(SECOND));
}

#[test]
fn a_name_that_is_never_answered_ends_with_the_timeout() {
    let mut setting = Setting::new(8);
    setting.simulation.set_lookup_time(Duration::MAX);
    drop(setting.connect(Setting::endpoint(7 * SECOND)));
    setting.simulation.run_for(60 * SECOND);
    let (time, result) = setting.outcome();
    assert_eq!(time, at(7 * SECOND));
    assert!(matches!(result, Err(ConnectError::Resolve { .. })), "{result:?}");
    setting.assert_nothing_is_left();
}

#[test]
fn a_name_that_fails_ends_the_attempt_at_once() {
    let mut setting = Setting::new(9);
    setting.simulation.fail_lookups(true);
    drop(setting.connect(Setting::endpoint(7 * SECOND)));
    setting.simulation.run_for(SECOND);
    let (time, result) = setting.outcome();
    assert_eq!(time, at(MILLISECOND));
    assert!(result.unwrap_err().to_string().contains("no name server"));
    setting.assert_nothing_is_left();
}

#[test]
fn the_time_to_the_next_attempt_is_not_cut_short_by_a_host_that_sleeps() {
    let mut setting = Setting::new(10);
    setting.simulation.set_reachable(setting.shop.address_v6(), false);
    drop(setting.connect(Setting::endpoint(10 * SECOND)));
    setting.simulation.run_for(100 * MILLISECOND);
    setting.simulation.suspend(&setting.client, SECOND);
    setting.simulation.run_for(5 * SECOND);
    assert_eq!(setting.begun(), milliseconds(&[1, 1_100]));
}

/// What a random race is made of: how long an address takes to answer, or `None` if it never does; and whether it refuses.
type Entry = (Option<u64>, bool);

/// When a race ends, in milliseconds from the first attempt, and which addresses answer then: worked out without a reactor.
/// No time is that of the timeout.
fn expected(entries: &[Entry], timeout: u64) -> (Option<u64>, Vec<usize>) {
    let (mut begun, mut next) = (Vec::<u64>::new(), 0);
    for now in 0..=timeout {
        let answers = begun.iter().zip(entries).enumerate();
        let answers =
            answers.filter(|(_, (begin, entry))| entry.0.is_some_and(|answer| *begin + answer == now));
        let (refused, stands): (Vec<_>, Vec<_>) =
            answers.map(|(number, (_, entry))| (number, entry.1)).partition(|answer| answer.1);
        if !stands.is_empty() {
            return (Some(now), stands.into_iter().map(|(number, _)| number).collect());
        }
        // Each failure is followed by an attempt of its own.
        for _ in 0..refused.len().max(usize::from(now == next)).min(entries.len() - begun.len()) {
            begun.push(now);
            next = now + 250;
        }
        let has_failed =
            |(begin, entry): (&u64, &Entry)| entry.1 && entry.0.is_some_and(|answer| begin + answer <= now);
        if begun.len() == entries.len() && begun.iter().zip(entries).all(has_failed) {
            return (Some(now), Vec::new());
        }
    }
    (None, Vec::new())
}

#[test]
fn random_races_end_when_the_rules_say() {
    simulate(300, |simulation| {
        let served = Witness::default();
        let heard = Witness::default();
        let outcome = Outcome::default();
        let client = simulation.host("client", idle);
        let count = 1 + roll(simulation, 5);
        let (mut entries, mut addresses) = (Vec::new(), Vec::new());
        for number in 0..count {
            let latency = 1 + roll(simulation, 90) * 5 + number;
            let refuses = chance(simulation, 0.3);
            let vanishes = chance(simulation, 0.3);
            let name = format!("shop-{number}");
            let host = if refuses { simulation.host(&name, idle) } else { shop(simulation, &name, &served) };
            simulation.set_link(&host, &client, exact(Duration::from_millis(latency)));
            simulation.set_reachable(host.address(), !vanishes);
            entries.push(((!vanishes).then_some(2 * latency), refuses));
            addresses.push(host.address());
        }
        simulation.set_name("shop", addresses.clone());
        simulation.set_lookup_time(Duration::ZERO);
        // Not with any answer.
        let (timeout, allowed) = (100 + roll(simulation, 900), MILLISECOND / 2);
        let endpoint = Setting::endpoint(Duration::from_millis(timeout) + allowed);
        drop(connect(simulation, &client, &endpoint, &heard, &outcome));
        assert!(simulation.run_until(10 * SECOND, |_| outcome.borrow().is_some()));
        let descriptors = simulation.descriptors(&client);
        simulation.run_for(10 * SECOND);
        let (time, result) = outcome.take().expect("the attempt has ended");
        let (end, winners) = expected(&entries, timeout);
        let stands = usize::from(!winners.is_empty());
        let end = at(end.map_or_else(|| Duration::from_millis(timeout) + allowed, Duration::from_millis));
        let what = format!("{entries:?} within {timeout}: {result:?}");
        assert_eq!((time, result.is_ok()), (end, stands == 1), "{what}");
        if let Ok(winner) = result {
            assert!(winners.iter().any(|expected| addresses[*expected] == winner), "{what}");
        }
        assert_eq!((served.open(), heard.count(), heard.open()), (stands, stands, stands), "{what}");
        assert_eq!(
            (descriptors, simulation.descriptors(&client)),
            (stands, stands),
            "the losers are closed at once"
        );
    });
}

#[test]
fn an_attempt_cancelled_at_any_time_leaves_nothing() {
    for tenths in 0..60 {
        let mut setting = Setting::new(11);
        setting.simulation.set_reachable(setting.shop.address_v6(), false);
        let endpoint = Setting::endpoint(10 * SECOND).with_attempt_delay(Duration::ZERO);
        let attempt = Rc::new(setting.connect(endpoint));
        let cancelled = Rc::clone(&attempt);
        let client = setting.client.clone();
        setting.simulation.after(Duration::from_micros(tenths * 250), move |simulation| {
            simulation.reactor(&client);
            cancelled.cancel();
        });
        setting.simulation.run_for(10 * SECOND);
        let (_, result) = setting.outcome();
        let stands = usize::from(result.is_ok());
        assert_eq!((setting.served.open(), setting.heard.open()), (stands, stands), "after {tenths}");
        assert_eq!(setting.simulation.descriptors(&setting.client), stands);
        assert!(stands == 0 || tenths >= 52, "it stands after 13 ms: cancelled after {tenths} quarters");
    }
}
