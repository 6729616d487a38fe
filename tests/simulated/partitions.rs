//! What partitions, and hosts that are down, leave behind.

use std::rc::Rc;
use std::time::Duration;

use ropewalk::simulation::{Link, Simulation};
use ropewalk::{Address, DatagramOptions};

use crate::network::{Counter, connected, exact};
use crate::people::{PORT, connect, echo_server, idle};
use crate::sockets::two_hosts;

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

#[test]
fn datagrams_that_are_sent_during_a_partition_never_arrive() {
    let mut simulation = Simulation::new(4);
    let (server, client) = (simulation.host("server", idle), simulation.host("client", idle));
    let arrived = Rc::default();
    let counter = Counter(Rc::clone(&arrived));
    let at = ([0, 0, 0, 0], PORT);
    simulation.reactor(&server).listen_datagrams(at, DatagramOptions::default(), counter).unwrap();
    let counter = Counter(Rc::default());
    let socket =
        simulation.reactor(&client).listen_datagrams(at, DatagramOptions::default(), counter).unwrap();
    let to = Address::Udp((server.address(), PORT).into());
    simulation.run_for(SECOND);
    simulation.partition(&[&server], &[&client]);
    socket.send_to("lost", &to).unwrap();
    simulation.run_for(SECOND);
    simulation.heal();
    simulation.run_for(60 * SECOND);
    socket.send_to("found", &to).unwrap();
    simulation.run_for(SECOND);
    assert_eq!(arrived.take(), ["found"]);
}

#[test]
fn an_attempt_during_a_partition_stands_when_it_asks_again() {
    let mut simulation = Simulation::new(4);
    let server = simulation.host("server", echo_server);
    let client = simulation.host("client", idle);
    simulation.set_link(&server, &client, exact(MILLISECOND));
    simulation.run_for(SECOND);
    simulation.partition(&[&server], &[&client]);
    let asked = simulation.now();
    let heard = connect(&mut simulation, &client, server.address());
    simulation.run_for(8 * SECOND);
    simulation.heal();
    assert!(simulation.run_until(60 * SECOND, |_| heard.is_made()));
    // It asks at 0, 1, 3, 7 and 15 seconds.
    assert_eq!(simulation.now() - asked, 15 * SECOND + 2 * MILLISECOND);
}

#[test]
fn who_gives_a_peer_up_during_a_partition_leaves_it_with_half_a_connection() {
    let (mut simulation, server, client, heard) = connected(5, Link::default());
    simulation.partition(&[&server], &[&client]);
    heard.transport().write(b"hello?");
    simulation.run_for(1_000 * SECOND);
    assert!(heard.lost().unwrap().contains("timed out"));
    simulation.heal();
    simulation.run_for(100 * SECOND);
    assert_eq!(simulation.reactor_stats(&server).connections, 1);
}

#[test]
fn what_a_host_had_still_to_send_is_lost_with_its_power() {
    let (mut simulation, server, client, heard) = connected(5, Link::default());
    simulation.partition(&[&server], &[&client]);
    heard.transport().write(b"hello?");
    simulation.run_for(SECOND);
    let before = simulation.reactor_stats(&server).bytes_in;
    simulation.crash(&client);
    simulation.heal();
    simulation.run_for(100 * SECOND);
    assert_eq!(simulation.reactor_stats(&server).bytes_in, before);
}

#[test]
fn a_host_that_starts_again_gives_no_other_that_is_down_more_time() {
    let mut simulation = Simulation::new(5);
    let servers = ["one", "other"].map(|name| simulation.host(name, echo_server));
    let client = simulation.host("client", idle);
    let heard = servers.clone().map(|server| connect(&mut simulation, &client, server.address()));
    simulation.run_for(SECOND);
    for (server, heard) in servers.iter().zip(&heard) {
        simulation.crash(server);
        heard.transport().write(b"hello?");
    }
    simulation.run_for(600 * SECOND);
    simulation.restart(&servers[0]);
    simulation.run_for(330 * SECOND);
    assert!(heard[1].lost().unwrap().contains("timed out"));
}

#[test]
fn an_answer_to_an_attempt_that_was_given_up_resets_the_connection() {
    let (mut simulation, server, client) = two_hosts(echo_server);
    simulation.clog(&server, &client);
    let heard = connect(&mut simulation, &client, server.address());
    simulation.run_for(SECOND);
    assert_eq!(simulation.reactor_stats(&server).connections, 1);
    // The client sleeps while it gives up and is answered after all.
    simulation.suspend(&client, 400 * SECOND);
    simulation.run_for(200 * SECOND);
    simulation.unclog(&server, &client);
    simulation.run_for(300 * SECOND);
    assert!(!heard.is_made() && heard.lost().unwrap().contains("timed out"), "{:?}", heard.lost());
    assert_eq!(simulation.reactor_stats(&server).connections, 0);
}
