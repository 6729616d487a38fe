//! Policies over a network that is slow, lossy and at times clogged, with many peers.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Mutex;
use std::time::Duration;

use ropewalk::simulation::{Faults, Host, Link, Simulation, simulate};
use ropewalk::{
    IdleTimeout, Instant, LimitConnections, LimitPerPeer, LimitRate, Policy, TokenBucket, TrafficLog,
};

use crate::people::idle;
use crate::witness::{MILLISECOND, Manner, Pair, SECOND, Witness, chance, connect, exact, roll, serve};

/// Clients that come and go as they like, until the time is over.
fn crowd(simulation: &mut Simulation, server: &Host, clients: &[Host], heard: &Witness, rounds: usize) {
    for _ in 0..rounds {
        let client = &clients[roll(simulation, clients.len() as u64) as usize];
        match roll(simulation, 12) {
            0 => simulation.partition(&[client], &[server]),
            1 | 2 => simulation.heal(),
            3 if simulation.is_running(client) => simulation.kill(client),
            _ if !simulation.is_running(client) => simulation.restart(client),
            4 | 5 => {
                for guest in heard.guests() {
                    if chance(simulation, 0.3) {
                        guest.transport.lose_connection();
                    }
                }
            }
            _ => {
                connect(simulation, client, server, heard.factory(Manner::Quiet));
                if let Some(guest) = heard.guests().last() {
                    guest.transport.write("hello");
                }
            }
        }
        for client in clients {
            if simulation.is_running(client) {
                simulation.reactor(client);
            }
        }
        let pause = Duration::from_millis(roll(simulation, 2_000));
        simulation.run_for(pause);
    }
}

/// A link that loses a tenth.
fn lossy() -> Link {
    let mut link = Link::default();
    (link.loss, link.jitter) = (0.1, 20 * MILLISECOND);
    link
}

#[test]
fn limits_of_connections_hold_and_every_place_comes_free() {
    simulate(30, |simulation| {
        simulation.set_default_link(lossy());
        let (served, heard) = (Witness::default(), Witness::default());
        let (total, each) = (LimitConnections::new(7), LimitPerPeer::new(2));
        let (limit, per_peer) = (total.clone(), each.clone());
        let server = serve(simulation, "server", &served, move |served, _| {
            let idle = IdleTimeout::new(60 * SECOND).around(served.factory(Manner::Echoes));
            Rc::new(limit.clone().around(per_peer.clone().around(idle)))
        });
        if chance(simulation, 0.5) {
            simulation.set_faults(&server, Faults::rough());
        }
        let clients: Vec<_> =
            (0..6).map(|number| simulation.host(&format!("client {number}"), idle)).collect();
        for _ in 0..10 {
            crowd(simulation, &server, &clients, &heard, 20);
            assert!(total.connections() <= 7 && served.open() <= total.connections());
            for client in &clients {
                assert!(each.connections(client.address()) <= 2);
            }
        }
        assert!(served.open_max() <= 7);
        simulation.heal();
        simulation.run_for(200 * SECOND);
        assert_eq!((total.connections(), served.open()), (0, 0), "idleness has ended all");
        assert!(clients.iter().all(|client| each.connections(client.address()) == 0));
        let more = heard.count();
        for client in clients.iter().cycle().take(12) {
            if !simulation.is_running(client) {
                simulation.restart(client);
            }
            connect(simulation, client, &server, heard.factory(Manner::Quiet));
            simulation.run_for(5 * SECOND);
        }
        assert_eq!(served.open(), 7, "all places can be taken again");
        assert!(heard.count() > more);
        assert_eq!(simulation.descriptors(&server), 8);
    });
}

#[test]
fn who_is_refused_hears_the_end_at_once_and_nothing_else() {
    let limit = LimitConnections::new(1);
    let mut pair = Pair::behind(1, exact(MILLISECOND), Manner::Quiet, move |served, _| {
        Rc::new(limit.clone().around(served.factory(Manner::Echoes)))
    });
    pair.connect(Manner::Quiet);
    let asked = pair.simulation.now();
    pair.simulation.run_for(SECOND);
    let refused = pair.heard.guests()[1].clone();
    assert!(refused.data.is_empty());
    assert!(refused.lost_at() <= asked + 4 * MILLISECOND, "{:?}", refused.lost);
    assert_eq!(pair.served.count(), 1);
}

/// How much was heard by when.
type Meter = Rc<RefCell<Vec<(Instant, usize)>>>;

/// Sends without end to so many connections that share a bucket, and checks every second what has come.
fn flow(simulation: &mut Simulation, bucket: (u64, u64), connections: usize, time: Duration) -> Meter {
    let (rate, burst) = bucket;
    let (served, heard) = (Witness::default(), Witness::default());
    let server = serve(simulation, "server", &served, move |served, _| {
        let limit = LimitRate::of_all().write(TokenBucket::with_burst(rate, burst));
        Rc::new(limit.around(served.factory(Manner::Quiet)))
    });
    for number in 0..connections {
        let client = simulation.host(&format!("client {number}"), idle);
        connect(simulation, &client, &server, heard.factory(Manner::Quiet));
    }
    let is_there = simulation.run_until(600 * SECOND, |_| served.count() == connections);
    assert!(is_there);
    let meter = Meter::default();
    let (begun, before) = (simulation.now(), simulation.reactor_stats(&server).bytes_out);
    while simulation.now() < begun + time {
        for transport in served.transports() {
            if transport.buffered() < 2 * rate as usize {
                transport.write(vec![b'x'; 4 * rate as usize]);
            }
        }
        simulation.reactor(&server);
        simulation.run_for(SECOND);
        let sent = (simulation.reactor_stats(&server).bytes_out - before) as usize;
        meter.borrow_mut().push((simulation.now(), sent));
        let elapsed = (simulation.now() - begun).as_secs_f64();
        let most = burst as f64 + rate as f64 * elapsed;
        assert!(sent as f64 <= most + 1.0, "{sent} bytes in {elapsed} s, where {most} are allowed");
    }
    meter
}

/// Within any window at most a burst more than the rate brings, and all in all what it brings.
fn check_flow(meter: &Meter, (rate, burst): (u64, u64), reaches: f64) {
    let meter = meter.borrow();
    for (index, (from, before)) in meter.iter().enumerate() {
        for (to, after) in meter.iter().skip(index).take(120) {
            let most = burst as f64 + rate as f64 * (*to - *from).as_secs_f64();
            // A promise of a tenth may have been made before.
            let moved = (after - before) as f64;
            assert!(moved <= most * 1.1 + 1.0, "{moved} from {from:?} to {to:?}, where {most} are allowed");
        }
    }
    let ((begin, first), (end, last)) = (meter[0], meter[meter.len() - 1]);
    let reached = (last - first) as f64 / (rate as f64 * (end - begin).as_secs_f64());
    assert!(reached >= reaches, "only {reached} of the rate {rate} (burst {burst})");
}

#[test]
fn a_rate_is_kept_and_reached_for_an_hour() {
    for (seed, connections) in [(1, 1), (2, 3), (3, 25)] {
        let bucket = (1_000, 500);
        let mut simulation = Simulation::new(seed);
        let meter = flow(&mut simulation, bucket, connections, 3_600 * SECOND);
        check_flow(&meter, bucket, 0.999);
    }
}

#[test]
fn rates_hold_with_late_wake_ups_losses_and_small_bursts() {
    simulate(20, |simulation| {
        simulation.set_default_link(lossy());
        let bucket = (100 + roll(simulation, 10_000), 100 + roll(simulation, 5_000));
        let connections = 1 + roll(simulation, 15) as usize;
        let meter = flow(simulation, bucket, connections, 300 * SECOND);
        check_flow(&meter, bucket, 0.98);
    });
}

#[test]
fn a_host_that_sleeps_saves_up_one_burst() {
    simulate(20, |simulation| {
        let (rate, burst) = (1_000, 500);
        let connections = 1 + roll(simulation, 20) as usize;
        let (served, heard) = (Witness::default(), Witness::default());
        let server = serve(simulation, "server", &served, move |served, _| {
            let limit = LimitRate::of_all().write(TokenBucket::with_burst(rate, burst));
            Rc::new(limit.around(served.factory(Manner::Quiet)))
        });
        let client = simulation.host("client", idle);
        for _ in 0..connections {
            connect(simulation, &client, &server, heard.factory(Manner::Quiet));
        }
        simulation.run_for(SECOND);
        for guest in served.guests() {
            guest.transport.write(vec![b'x'; 100_000]);
        }
        simulation.reactor(&server);
        simulation.run_for(10 * SECOND);
        let before = simulation.reactor_stats(&server).bytes_out;
        simulation.suspend(&server, 60 * SECOND);
        simulation.run_for(60 * SECOND + MILLISECOND / 10);
        let moved = simulation.reactor_stats(&server).bytes_out - before;
        // What was promised to each before, a tenth of a burst, and what of a burst is left beside.
        let most = burst.max(burst / 10 * connections as u64);
        assert!(moved <= most, "{moved} bytes at once for {connections} connections");
    });
}

#[test]
fn each_has_its_own_rate() {
    let mut pair = Pair::behind(4, exact(MILLISECOND), Manner::Quiet, |served, _| {
        let limit = LimitRate::of_each().read(TokenBucket::with_burst(1_000, 100));
        Rc::new(limit.around(served.factory(Manner::Quiet)))
    });
    for _ in 1..5 {
        pair.connect(Manner::Quiet);
    }
    pair.simulation.run_for(SECOND);
    for guest in pair.heard.guests() {
        guest.transport.write(vec![b'x'; 60_000]);
    }
    let asked = pair.simulation.now();
    pair.simulation.reactor(&pair.client);
    pair.simulation.run_for(120 * SECOND);
    for guest in pair.served.guests() {
        assert_eq!(guest.data.len(), 60_000);
        let took = guest.heard.unwrap() - asked;
        assert!((59_900 * MILLISECOND..60_100 * MILLISECOND).contains(&took), "{took:?}");
    }
}

/// What was logged.
static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Lines;

impl log::Log for Lines {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.target() == "the traffic of a test"
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            LINES.lock().unwrap().push(record.args().to_string());
        }
    }

    fn flush(&self) {}
}

/// Every byte is logged once, however it was cut, and the end of each direction.
#[test]
fn traffic_is_logged_whole() {
    log::set_logger(&Lines).unwrap();
    log::set_max_level(log::LevelFilter::Info);
    let mut link = lossy();
    link.buffer = 100;
    let mut pair = Pair::behind(5, link, Manner::Quiet, |served, _| {
        let log = TrafficLog::new(log::Level::Info).with_target("the traffic of a test").with_length(10_000);
        Rc::new(log.around(served.factory(Manner::Echoes)))
    });
    let server = pair.server.clone();
    pair.simulation.set_faults(&server, Faults::rough());
    let letters: String = ('a'..='z').cycle().take(2_000).collect();
    pair.say(&letters);
    pair.simulation.run_for(60 * SECOND);
    pair.heard.only().transport.lose_connection();
    pair.simulation.reactor(&pair.client);
    pair.simulation.run_for(60 * SECOND);
    assert!(pair.served.only().was_clean());
    let lines = LINES.lock().unwrap();
    for word in [": received ", ": sending "] {
        let pieces = lines.iter().filter(|line| line.contains(word));
        let bytes: String = pieces.filter_map(|line| line.split('"').nth(1)).collect();
        assert_eq!(bytes, letters, "{word}");
    }
}
