//! What system calls give, take and count.

use std::cell::RefCell;
use std::io::ErrorKind;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use ropewalk::simulation::{Faults, Host, Simulation};
use ropewalk::testing::Operation;
use ropewalk::{Address, DatagramOptions, ListenOptions, Protocol, Result, Transport, for_protocol};

use crate::people::{Echo, PORT, connect, echo_server, idle};
use crate::sockets::{Noting, two_hosts};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn what_there_is_not_in_the_simulation_is_an_error() {
    let (mut simulation, _, client) = two_hosts(idle);
    let reactor = simulation.reactor(&client);
    let mut options = [(); 2].map(|()| DatagramOptions::default());
    (options[0].reuse_port, options[1].reuse_address) = (true, true);
    for options in options {
        let opened = reactor.listen_datagrams(([0, 0, 0, 0], 53), options, Noting(Rc::default()));
        assert_eq!(opened.map(drop).unwrap_err().kind(), ErrorKind::Unsupported);
    }
}

#[test]
fn datagrams_have_at_most_65507_bytes_and_arrive_where_they_are_let_through() {
    let heard = Rc::<RefCell<Vec<String>>>::default();
    let (mut simulation, server, client) = two_hosts(idle);
    let open = |simulation: &mut Simulation, host: &Host, noting: Noting| {
        let at = ([0, 0, 0, 0], PORT);
        simulation.reactor(host).listen_datagrams(at, DatagramOptions::default(), noting).unwrap()
    };
    let _receiver = open(&mut simulation, &server, Noting(Rc::clone(&heard)));
    let sender = open(&mut simulation, &client, Noting(Rc::default()));
    let to = Address::Udp((server.address(), PORT).into());
    simulation.run_for(SECOND);
    let send = |simulation: &mut Simulation, length: usize| {
        // Too long a datagram is an error, now or later.
        let _ = sender.send_to(vec![b'x'; length], &to);
        simulation.run_for(SECOND);
        heard.take().iter().map(String::len).collect::<Vec<_>>()
    };
    assert_eq!(send(&mut simulation, 65_507), [65_507]);
    assert_eq!(send(&mut simulation, 65_508), [0; 0]);
    simulation.set_reachable(server.address(), false);
    assert_eq!(send(&mut simulation, 1), [0; 0]);
    simulation.set_reachable(server.address(), true);
    assert_eq!(send(&mut simulation, 1), [1]);
}

#[test]
fn a_host_reaches_itself_and_nobody_else_by_its_loopback() {
    let (mut simulation, server, client) = two_hosts(echo_server);
    for loopback in [IpAddr::from([127, 0, 0, 1]), IpAddr::from([0, 0, 0, 0])] {
        let heard = connect(&mut simulation, &server, loopback);
        simulation.run_for(SECOND);
        heard.transport().write(b"me");
        simulation.run_for(SECOND);
        assert_eq!(heard.data(), b"me");
        let refused = connect(&mut simulation, &client, loopback);
        simulation.run_for(SECOND);
        assert!(refused.lost().unwrap().contains("refused"), "{:?}", refused.lost());
    }
}

#[test]
fn calls_are_recorded_and_fail_as_they_are_told() {
    let (mut simulation, _, client) = two_hosts(idle);
    let listens = |simulation: &mut Simulation, port: u16| {
        let factory = for_protocol(|| Echo);
        let port =
            simulation.reactor(&client).listen(([0, 0, 0, 0], port), ListenOptions::default(), factory);
        port.map(drop).map_err(|error| error.kind())
    };
    simulation.fail_call(&client, 0, ErrorKind::PermissionDenied);
    assert_eq!(listens(&mut simulation, 1), Err(ErrorKind::PermissionDenied));
    assert_eq!(listens(&mut simulation, 1), Ok(()));
    assert_eq!(simulation.calls(&client)[..2], [Operation::Listen; 2]);
    let mut faults = Faults::default();
    faults.failures = 1.0;
    simulation.set_faults(&client, faults);
    assert!(listens(&mut simulation, 2).is_err());
}

#[test]
fn connections_and_their_bytes_are_counted_once() {
    let (mut simulation, server, client) = two_hosts(echo_server);
    for count in 1..=3 {
        let _ = connect(&mut simulation, &client, server.address());
        simulation.run_for(SECOND);
        assert_eq!(simulation.stats().connections, count);
    }
    let heard = connect(&mut simulation, &client, server.address());
    simulation.run_for(SECOND);
    for count in 1..=2 {
        heard.transport().write(b"echo");
        simulation.run_for(SECOND);
        assert_eq!(simulation.stats().bytes, count * 8);
    }
}

/// Notes how much there is in each read.
struct Reads(Rc<RefCell<Vec<usize>>>);

impl Protocol for Reads {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        self.0.borrow_mut().push(data.len());
        Ok(())
    }
}

#[test]
fn calls_that_are_always_short_move_a_part_of_what_they_could() {
    let reads = Rc::<RefCell<Vec<_>>>::default();
    let given = Rc::clone(&reads);
    let (mut simulation, server, client) = two_hosts(move |reactor| {
        let reads = Rc::clone(&given);
        let factory = for_protocol(move || Reads(Rc::clone(&reads)));
        reactor.listen(([0, 0, 0, 0], PORT), ListenOptions::default(), factory)?;
        Ok(())
    });
    let heard = connect(&mut simulation, &client, server.address());
    simulation.run_for(SECOND);
    let mut faults = Faults::default();
    (faults.short_reads, faults.short_writes) = (1.0, 1.0);
    simulation.set_faults(&server, faults);
    for _ in 0..20 {
        heard.transport().write(b"xy");
        simulation.run_for(SECOND);
        assert_eq!(reads.take(), [1, 1]);
    }
    simulation.set_faults(&server, Faults::default());
    simulation.set_faults(&client, faults);
    for _ in 0..20 {
        heard.transport().write(b"xy");
        simulation.run_for(SECOND);
        assert_eq!(reads.take().iter().sum::<usize>(), 2);
    }
}

/// Those in the queue have no descriptor yet, so none is given back for them.
#[test]
fn who_is_refused_or_reset_in_the_queue_gives_no_descriptor_back() {
    let (mut simulation, server, client) = two_hosts(idle);
    let at = ([0, 0, 0, 0], PORT);
    let port =
        simulation.reactor(&server).listen(at, ListenOptions::default(), for_protocol(|| Echo)).unwrap();
    simulation.run_for(SECOND);
    let listening = simulation.descriptors(&server);
    simulation.set_descriptors(&server, listening + 2);
    let heard = [(); 5].map(|()| connect(&mut simulation, &client, server.address()));
    simulation.run_for(10 * SECOND);
    let (refused, served): (Vec<_>, Vec<_>) = heard.iter().partition(|heard| heard.lost().is_some());
    assert_eq!((refused.len(), served.len()), (3, 2));
    assert_eq!(simulation.descriptors(&server), listening + 2);

    served.iter().for_each(|heard| heard.transport().lose_connection());
    simulation.run_for(SECOND);
    assert_eq!(simulation.descriptors(&server), listening);
    simulation.set_descriptors(&server, listening);
    let waiting = [(); 2].map(|()| connect(&mut simulation, &client, server.address()));
    simulation.run_for(SECOND / 10);
    let _ = port.stop();
    simulation.run_for(SECOND);
    assert!(waiting.iter().all(|heard| heard.is_made() && heard.lost().unwrap().contains("reset")));
    assert_eq!(simulation.descriptors(&server), listening - 1);
}
