//! What lies between hosts: time, narrow places, outages, names.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use ropewalk::simulation::{Faults, Host, Link, Simulation, simulate};
use ropewalk::{Address, DatagramOptions, DatagramProtocol, DatagramTransport, Result};

use crate::people::{Heard, PORT, connect, echo_server, idle};

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// A server, a client, and a connection between them.
pub(crate) fn connected(seed: u64, link: Link) -> (Simulation, Host, Host, Heard) {
    let mut simulation = Simulation::new(seed);
    let server = simulation.host("server", echo_server);
    let client = simulation.host("client", idle);
    simulation.set_link(&server, &client, link);
    let heard = connect(&mut simulation, &client, server.address());
    assert!(simulation.run_until(10 * SECOND, |_| heard.is_made()));
    (simulation, server, client, heard)
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index % 251) as u8 ^ (index / 251 % 241) as u8).collect()
}

pub(crate) fn exact(latency: Duration) -> Link {
    let mut link = Link::default();
    (link.latency, link.jitter) = (latency, Duration::ZERO);
    link
}

#[test]
fn an_answer_takes_twice_the_latency() {
    let (mut simulation, _, _, heard) = connected(1, exact(40 * MILLISECOND));
    let asked = simulation.now();
    heard.transport().write(b"ping");
    assert!(simulation.run_until(SECOND, |_| heard.count() == 4));
    assert_eq!(simulation.now() - asked, 80 * MILLISECOND);
}

#[test]
fn jitter_is_any_time_up_to_its_bound() {
    let mut link = exact(SECOND);
    link.jitter = Duration::from_nanos(1);
    let (mut simulation, _, _, heard) = connected(5, link);
    let mut took = BTreeSet::new();
    for count in 1..=50 {
        let asked = simulation.now();
        heard.transport().write(b"x");
        assert!(simulation.run_until(3 * SECOND, |_| heard.count() == count));
        took.insert((simulation.now() - asked - 2 * SECOND).as_nanos());
    }
    assert_eq!(Vec::from_iter(took), [0, 1, 2]);
}

#[test]
fn a_narrow_link_takes_its_time() {
    let mut link = exact(MILLISECOND);
    link.bandwidth = Some(10_000);
    let (mut simulation, _, _, heard) = connected(2, link);
    let asked = simulation.now();
    heard.transport().write([b'x'; 50_000]);
    assert!(simulation.run_until(20 * SECOND, |_| heard.count() == 50_000));
    let took = simulation.now() - asked;
    assert!((5 * SECOND..6 * SECOND).contains(&took), "{took:?}: the answer begins before the question ends");
}

#[test]
fn small_buffers_hold_writers_back_and_lose_nothing() {
    let mut link = Link::default();
    link.buffer = 100;
    let (mut simulation, server, _, heard) = connected(3, link);
    heard.transport().write(pattern(20_000));
    simulation.run_for(5 * MILLISECOND);
    assert!(heard.transport().buffered() > 15_000);
    assert!(simulation.run_until(60 * SECOND, |_| heard.count() == 20_000));
    assert!(heard.data() == pattern(20_000));
    assert_eq!(simulation.reactor_stats(&server).output_buffered, 0);
}

#[test]
fn losses_and_rough_system_calls_change_nothing_but_times() {
    simulate(40, |simulation| {
        let server = simulation.host("server", echo_server);
        let client = simulation.host("client", idle);
        let mut link = Link::default();
        (link.loss, link.jitter, link.buffer) = (0.2, 50 * MILLISECOND, 3_000);
        simulation.set_default_link(link);
        simulation.set_faults(&server, Faults::rough());
        simulation.set_faults(&client, Faults::rough());
        let heard = connect(simulation, &client, server.address());
        assert!(simulation.run_until(600 * SECOND, |_| heard.is_made()));
        heard.transport().write(pattern(10_000));
        assert!(simulation.run_until(600 * SECOND, |_| heard.count() >= 10_000));
        heard.transport().lose_connection();
        assert!(simulation.run_until(600 * SECOND, |_| heard.lost().is_some()));
        assert!(heard.data() == pattern(10_000));
        assert_eq!(heard.lost().unwrap(), "the connection was closed cleanly");
    });
}

#[test]
fn what_is_sent_during_a_partition_arrives_after_it() {
    let (mut simulation, server, client, heard) = connected(4, Link::default());
    simulation.partition(&[&server], &[&client]);
    heard.transport().write(b"one ");
    simulation.run_for(20 * SECOND);
    heard.transport().write(b"two");
    simulation.run_for(10 * SECOND);
    assert_eq!(heard.count(), 0);
    let healed = simulation.now();
    simulation.heal();
    assert!(simulation.run_until(60 * SECOND, |_| heard.data() == b"one two"));
    assert!(simulation.now() - healed <= 61 * SECOND);
}

#[test]
fn a_partition_that_does_not_end_breaks_who_sends() {
    let (mut simulation, server, client, heard) = connected(5, Link::default());
    simulation.partition(&[&server], &[&client]);
    heard.transport().write(b"hello?");
    simulation.run_for(900 * SECOND);
    assert!(heard.transport().is_open());
    simulation.run_for(30 * SECOND);
    assert!(heard.lost().unwrap().contains("timed out"));
    assert!(heard.data().is_empty());
}

#[test]
fn one_direction_can_be_clogged_alone() {
    let (mut simulation, server, client, heard) = connected(6, Link::default());
    simulation.clog(&server, &client);
    heard.transport().write(b"hello");
    simulation.run_for(SECOND);
    assert!(simulation.reactor_stats(&server).bytes_in >= 5, "the server has heard it");
    assert_eq!(heard.count(), 0);
    simulation.unclog(&server, &client);
    assert!(simulation.run_until(3 * SECOND, |_| heard.data() == b"hello"));
}

#[test]
fn names_stand_for_hosts_and_may_fail() {
    let mut simulation = Simulation::new(7);
    let server = simulation.host("server", echo_server);
    let client = simulation.host("client", idle);
    simulation.set_lookup_time(30 * MILLISECOND);
    let ask = |simulation: &mut Simulation, name: &str| {
        let answer = Rc::new(RefCell::new(None));
        let given = Rc::clone(&answer);
        simulation.reactor(&client).resolve(name).then(move |result| *given.borrow_mut() = Some(result));
        simulation.run_for(25 * MILLISECOND);
        assert!(answer.borrow().is_none());
        simulation.run_for(10 * MILLISECOND);
        answer.take().unwrap()
    };
    assert_eq!(ask(&mut simulation, "server").unwrap(), [server.address_v6(), server.address()]);
    assert!(ask(&mut simulation, "servant").unwrap_err().to_string().contains("no such host"));
    simulation.fail_lookups(true);
    assert!(ask(&mut simulation, "server.example").unwrap_err().to_string().contains("no name server"));
}

#[test]
fn an_address_that_is_not_reached_answers_nothing() {
    let mut simulation = Simulation::new(8);
    let server = simulation.host("server", |reactor| {
        reactor.listen(
            ([0; 8], PORT),
            ropewalk::ListenOptions::default(),
            ropewalk::for_protocol(|| crate::people::Echo),
        )?;
        Ok(())
    });
    let client = simulation.host("client", idle);
    simulation.set_reachable(server.address_v6(), false);
    let v6 = connect(&mut simulation, &client, server.address_v6());
    let v4 = connect(&mut simulation, &client, server.address());
    simulation.run_for(29 * SECOND);
    assert!(v4.is_made(), "a wildcard of IPv6 takes both");
    assert!(!v6.is_made() && v6.lost().is_none());
    simulation.run_for(2 * SECOND);
    assert!(v6.lost().unwrap().contains("30s"), "{:?}", v6.lost());
}

/// Answers each datagram with its length.
struct Lengths;

impl DatagramProtocol for Lengths {
    fn datagram_received(&mut self, transport: &DatagramTransport, data: &[u8], from: &Address) -> Result {
        Ok(transport.send_to(data.len().to_string(), from)?)
    }
}

/// Counts what arrives.
pub(crate) struct Counter(pub(crate) Rc<RefCell<Vec<String>>>);

impl DatagramProtocol for Counter {
    fn datagram_received(&mut self, _: &DatagramTransport, data: &[u8], _: &Address) -> Result {
        self.0.borrow_mut().push(String::from_utf8(data.to_vec()).unwrap());
        Ok(())
    }
}

#[test]
fn datagrams_are_lost_and_doubled_as_the_link_says() {
    let arrived = |link: Link| {
        let mut simulation = Simulation::new(9);
        let server = simulation.host("server", |reactor| {
            reactor.listen_datagrams(([0, 0, 0, 0], PORT), DatagramOptions::default(), Lengths)?;
            Ok(())
        });
        let client = simulation.host("client", idle);
        simulation.set_default_link(link);
        let answers = Rc::default();
        let to = Address::Udp((server.address(), PORT).into());
        let socket = simulation
            .reactor(&client)
            .listen_datagrams(([0, 0, 0, 0], 0), DatagramOptions::default(), Counter(Rc::clone(&answers)))
            .unwrap();
        for length in 0..100 {
            socket.send_to(vec![b'x'; length], &to).unwrap();
        }
        simulation.run_for(SECOND);
        answers.take()
    };
    let all = arrived(exact(MILLISECOND));
    assert_eq!(all, (0..100).map(|length| length.to_string()).collect::<Vec<_>>());
    let mut overtaking = Link::default();
    overtaking.jitter = SECOND / 4;
    let mut disordered = arrived(overtaking);
    assert_ne!(disordered, all);
    disordered.sort_by_key(|length| length.parse::<u32>().unwrap());
    assert_eq!(disordered, all);
    let mut lossy = exact(MILLISECOND);
    lossy.loss = 0.5;
    assert!((10..40).contains(&arrived(lossy).len()), "about a quarter passes twice");
    let mut doubling = exact(MILLISECOND);
    doubling.duplication = 1.0;
    assert_eq!(arrived(doubling).len(), 400);
}

#[test]
fn the_bytes_of_a_connection_never_overtake_each_other() {
    simulate(50, |simulation| {
        let server = simulation.host("server", echo_server);
        let client = simulation.host("client", idle);
        let mut link = Link::default();
        (link.loss, link.jitter) = (0.1, 200 * MILLISECOND);
        simulation.set_default_link(link);
        let heard = connect(simulation, &client, server.address());
        assert!(simulation.run_until(100 * SECOND, |_| heard.is_made()));
        let sent = pattern(1_000);
        for (number, piece) in sent.chunks(5).enumerate() {
            match number % 50 {
                // What is under way when this ends meets what was held and is sent again.
                20 => simulation.partition(&[&server], &[&client]),
                40 => simulation.heal(),
                _ => {}
            }
            heard.transport().write(piece);
            simulation.run_for(10 * MILLISECOND);
        }
        assert!(simulation.run_until(100 * SECOND, |_| heard.count() == 1_000));
        assert!(heard.data() == sent);
    });
}

#[test]
fn calls_that_are_interrupted_lose_no_datagram() {
    simulate(10, |simulation| {
        let server = simulation.host("server", |reactor| {
            reactor.listen_datagrams(([0, 0, 0, 0], PORT), DatagramOptions::default(), Lengths)?;
            Ok(())
        });
        let client = simulation.host("client", idle);
        let mut faults = Faults::default();
        faults.interrupted = 0.5;
        for host in [&server, &client] {
            simulation.set_faults(host, faults);
        }
        let answers = Rc::default();
        let to = Address::Udp((server.address(), PORT).into());
        let counter = Counter(Rc::clone(&answers));
        let reactor = simulation.reactor(&client);
        let socket =
            reactor.listen_datagrams(([0, 0, 0, 0], 0), DatagramOptions::default(), counter).unwrap();
        for length in 0..100 {
            socket.send_to(vec![b'x'; length], &to).unwrap();
        }
        simulation.run_for(SECOND);
        assert_eq!(answers.borrow().len(), 100);
    });
}
