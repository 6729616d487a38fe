//! Port forwarding through three hosts, with anything happening between them.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use ropewalk::simulation::{Faults, Host, Link, Simulation, simulate};
use ropewalk::{PortForward, TcpClientEndpoint};

use crate::people::{PORT, idle};
use crate::witness::{MILLISECOND, Manner, SECOND, Witness, at, chance, connect, exact, roll, serve};

/// A client, a relay that forwards its port, and a backend.
struct Chain {
    client: Host,
    relay: Host,
    backend: Host,
    heard: Witness,
    served: Witness,
}

impl Chain {
    /// The backend treats its connections in this manner.
    fn new(simulation: &mut Simulation, manner: Manner) -> Self {
        let (heard, served) = (Witness::default(), Witness::default());
        let backend = serve(simulation, "backend", &served, move |served, _| Rc::new(served.factory(manner)));
        let address = SocketAddr::new(backend.address(), PORT);
        let relay = serve(simulation, "relay", &Witness::default(), move |_, _| {
            Rc::new(PortForward::new(TcpClientEndpoint::from(address)))
        });
        let client = simulation.host("client", idle);
        Self { client, relay, backend, heard, served }
    }

    fn connect(&self, simulation: &mut Simulation, manner: Manner) {
        connect(simulation, &self.client, &self.relay, self.heard.factory(manner));
    }

    /// Nothing is left of any connection.
    fn assert_over(&self, simulation: &Simulation) {
        let stats = simulation.reactor_stats(&self.relay);
        assert_eq!((stats.connections, stats.output_buffered, stats.timers), (0, 0, 0), "{stats:?}");
        assert_eq!(simulation.descriptors(&self.relay), 1);
        assert_eq!((self.heard.open(), self.served.open()), (0, 0));
    }
}

fn pattern(length: usize, number: usize) -> Vec<u8> {
    (0..length).map(|place| (place % 251 + number) as u8).collect()
}

/// A simulation in which everything takes a millisecond.
fn exact_simulation(seed: u64) -> Simulation {
    let mut simulation = Simulation::new(seed);
    simulation.set_default_link(exact(MILLISECOND));
    simulation
}

#[test]
fn an_answer_comes_through_the_relay_and_so_does_the_end() {
    let mut simulation = exact_simulation(1);
    let chain = Chain::new(&mut simulation, Manner::Echoes);
    chain.connect(&mut simulation, Manner::StaysOpen);
    simulation.run_for(SECOND);
    chain.heard.transports()[0].write("hello");
    chain.heard.transports()[0].lose_write_connection();
    let asked = simulation.now();
    simulation.reactor(&chain.client);
    simulation.run_for(SECOND);
    let (near, far) = (chain.heard.only(), chain.served.only());
    assert_eq!((near.data.as_slice(), near.heard), (&b"hello"[..], Some(asked + 4 * MILLISECOND)));
    assert_eq!((far.finished, near.finished), (Some(asked + 2 * MILLISECOND), near.heard));
    assert!(far.was_clean());
    chain.heard.transports()[0].lose_connection();
    simulation.reactor(&chain.client);
    simulation.run_for(SECOND);
    chain.assert_over(&simulation);
}

#[test]
fn a_backend_that_refuses_ends_the_client_at_once() {
    let mut simulation = exact_simulation(2);
    let chain = Chain::new(&mut simulation, Manner::Echoes);
    simulation.kill(&chain.backend);
    chain.connect(&mut simulation, Manner::Quiet);
    simulation.run_for(SECOND);
    // Accepted after one, refused after three, told after four.
    assert_eq!(chain.heard.only().finished, Some(at(4 * MILLISECOND)));
    chain.assert_over(&simulation);
}

#[test]
fn a_backend_that_is_cut_off_ends_the_client_after_the_timeout() {
    let mut simulation = exact_simulation(3);
    let chain = Chain::new(&mut simulation, Manner::Echoes);
    simulation.partition(&[&chain.relay], &[&chain.backend]);
    chain.connect(&mut simulation, Manner::Quiet);
    simulation.run_for(SECOND);
    chain.heard.transports()[0].write(vec![b'x'; 1_000_000]);
    simulation.reactor(&chain.client);
    simulation.run_for(20 * SECOND);
    let buffered = simulation.reactor_stats(&chain.relay).bytes_in;
    assert!(buffered <= 16 * 1024 + 65 * 1024, "{buffered} bytes for a backend that is not there");
    simulation.run_for(20 * SECOND);
    let accepted = at(MILLISECOND);
    assert_eq!(chain.heard.only().finished, Some(accepted + 30 * SECOND + MILLISECOND));
    simulation.run_for(60 * SECOND);
    chain.assert_over(&simulation);
}

/// Whenever the client leaves, nothing stays behind.
#[test]
fn a_client_that_leaves_takes_its_backend_along() {
    for step in 0..60 {
        for aborts in [false, true] {
            let mut simulation = exact_simulation(4);
            let chain = Chain::new(&mut simulation, Manner::Echoes);
            chain.connect(&mut simulation, Manner::Quiet);
            simulation.run_for(2 * MILLISECOND + Duration::from_micros(step * 100));
            let transport = chain.heard.transports()[0].clone();
            transport.write("I have to go");
            if aborts {
                transport.abort_connection();
            } else {
                transport.lose_connection();
            }
            simulation.reactor(&chain.client);
            simulation.run_for(5 * SECOND);
            chain.assert_over(&simulation);
            assert!(aborts || chain.served.bytes() == 12, "after {step}: what was said arrives");
        }
    }
}

#[test]
fn nobody_is_connected_to_for_a_client_that_has_left() {
    let mut simulation = exact_simulation(5);
    let chain = Chain::new(&mut simulation, Manner::Echoes);
    simulation.partition(&[&chain.relay], &[&chain.backend]);
    chain.connect(&mut simulation, Manner::Quiet);
    simulation.run_for(SECOND);
    chain.heard.transports()[0].abort_connection();
    simulation.reactor(&chain.client);
    simulation.run_for(10 * MILLISECOND);
    chain.assert_over(&simulation);
}

/// Anything between the hosts.
fn trouble(simulation: &mut Simulation, chain: &Chain) {
    let (from, to) = match roll(simulation, 4) {
        0 => (&chain.client, &chain.relay),
        1 => (&chain.relay, &chain.client),
        2 => (&chain.relay, &chain.backend),
        _ => (&chain.backend, &chain.relay),
    };
    match roll(simulation, 4) {
        0 => simulation.clog(from, to),
        1 => simulation.partition(&[from], &[to]),
        _ => simulation.heal(),
    }
}

fn random_links(simulation: &mut Simulation, chain: &Chain) {
    for (one, other) in [(&chain.client, &chain.relay), (&chain.relay, &chain.backend)] {
        let mut link = Link::default();
        link.latency = Duration::from_micros(roll(simulation, 20_000));
        link.buffer = 1 << (6 + roll(simulation, 12));
        if chance(simulation, 0.3) {
            link.loss = 0.05;
        }
        simulation.set_link(one, other, link);
    }
    for host in [&chain.client, &chain.relay, &chain.backend] {
        if chance(simulation, 0.5) {
            simulation.set_faults(host, Faults::rough());
        }
    }
}

#[test]
fn nothing_is_lost_or_doubled_through_any_outages() {
    simulate(60, |simulation| {
        let chain = Chain::new(simulation, Manner::Echoes);
        random_links(simulation, &chain);
        let mut said = Vec::new();
        for number in 0..1 + roll(simulation, 5) as usize {
            chain.connect(simulation, Manner::StaysOpen);
            let is_there = simulation.run_until(20 * SECOND, |_| chain.heard.count() == number + 1);
            assert!(is_there);
            // A backend that is out of reach for as long as an attempt may take would end the client.
            let is_joined = simulation.run_until(29 * SECOND, |_| chain.served.count() == number + 1);
            assert!(is_joined);
            let length = 1 << roll(simulation, 17);
            said.push(pattern(length, number));
            for piece in said[number].chunks(1 + length / 5) {
                chain.heard.transports()[number].write(piece);
                simulation.reactor(&chain.client);
                trouble(simulation, &chain);
                let pause = Duration::from_millis(roll(simulation, 2_000));
                simulation.run_for(pause);
            }
            chain.heard.transports()[number].lose_write_connection();
            simulation.reactor(&chain.client);
            trouble(simulation, &chain);
            let pause = Duration::from_millis(roll(simulation, 2_000));
            simulation.run_for(pause);
            simulation.heal();
            // What was held up is sent again within a while.
            simulation.run_for(15 * SECOND);
        }
        simulation.run_for(900 * SECOND);
        for (guest, said) in chain.heard.guests().iter().zip(&said) {
            assert!(
                guest.data == *said,
                "{} of {} bytes came back: {:?}",
                guest.data.len(),
                said.len(),
                guest.lost
            );
            assert!(guest.finished.is_some(), "the end comes through");
        }
        for transport in chain.heard.transports() {
            transport.lose_connection();
        }
        simulation.reactor(&chain.client);
        simulation.run_for(200 * SECOND);
        chain.assert_over(simulation);
    });
}

/// Hosts that end in the middle: what has come is a beginning, and nothing stays at the relay.
#[test]
fn whoever_is_killed_leaves_nothing_at_the_relay() {
    simulate(60, |simulation| {
        let chain = Chain::new(simulation, Manner::Echoes);
        random_links(simulation, &chain);
        for number in 0..4 {
            chain.connect(simulation, Manner::Quiet);
            let _ = simulation.run_until(30 * SECOND, |_| chain.heard.count() == number + 1);
        }
        let said = pattern(100_000, 0);
        for transport in chain.heard.transports() {
            transport.write(&said);
        }
        simulation.reactor(&chain.client);
        let pause = Duration::from_millis(roll(simulation, 300));
        simulation.run_for(pause);
        let killed = if chance(simulation, 0.5) { &chain.client } else { &chain.backend };
        simulation.kill(killed);
        simulation.run_for(900 * SECOND);
        chain.assert_over(simulation);
        for guest in chain.heard.guests().iter().chain(&chain.served.guests()) {
            assert!(said.starts_with(&guest.data));
        }
    });
}
