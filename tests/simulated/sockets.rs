//! What a host's sockets do, as those of real systems.

use std::cell::RefCell;
use std::error::Error;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use ropewalk::simulation::{Host, Link, Simulation};
use ropewalk::{
    Address, ConnectOptions, DatagramError, DatagramOptions, DatagramProtocol, DatagramTransport,
    ListenOptions, Protocol, ReactorHandle, Result, Transport, for_protocol,
};

use crate::people::{Echo, Heard, Listener, PORT, connect, echo_server, idle};

const SECOND: Duration = Duration::from_secs(1);

/// A simulation with a server of `program` and a host that does nothing yet.
pub(crate) fn two_hosts(
    program: impl Fn(&ReactorHandle) -> Result<(), Box<dyn Error>> + 'static,
) -> (Simulation, Host, Host) {
    let mut simulation = Simulation::new(1);
    let server = simulation.host("server", program);
    let client = simulation.host("client", idle);
    simulation.run_for(SECOND);
    (simulation, server, client)
}

/// Aborts the connection at the first input.
struct Aborting;

impl Protocol for Aborting {
    fn data_received(&mut self, transport: &Transport, _: &[u8]) -> Result {
        transport.abort_connection();
        Ok(())
    }
}

#[test]
fn an_abort_is_a_reset_for_the_peer() {
    let (mut simulation, server, client) = two_hosts(|reactor| {
        reactor.listen(([0, 0, 0, 0], PORT), ListenOptions::default(), for_protocol(|| Aborting))?;
        Ok(())
    });
    let heard = connect(&mut simulation, &client, server.address());
    simulation.run_for(SECOND);
    heard.transport().write(b"hello");
    simulation.run_for(SECOND);
    assert!(heard.lost().unwrap().contains("reset") && !heard.end_of_input(), "{:?}", heard.lost());
}

#[test]
fn an_address_of_another_host_is_not_available() {
    let (mut simulation, server, client) = two_hosts(echo_server);
    let theirs = server.address();
    let listens = |simulation: &mut Simulation, address| {
        let factory = for_protocol(|| Echo);
        simulation.reactor(&client).listen((address, 80), ListenOptions::default(), factory).map(drop)
    };
    assert_eq!(listens(&mut simulation, theirs).unwrap_err().kind(), ErrorKind::AddrNotAvailable);
    listens(&mut simulation, client.address()).unwrap();
}

/// What became of connecting from `bind` within an hour.
fn connect_from(
    simulation: &mut Simulation,
    host: &Host,
    to: SocketAddr,
    bind: Option<SocketAddr>,
) -> String {
    let result = Rc::new(RefCell::new(String::new()));
    let told = Rc::clone(&result);
    let mut options = ConnectOptions::default();
    (options.bind, options.timeout) = (bind, 3_600 * SECOND);
    let factory = for_protocol(|| Listener(Heard::default()));
    let began = simulation.now();
    simulation.reactor(host).connect(to, &options, factory).then(move |result| {
        *told.borrow_mut() = match result {
            Ok(transport) => format!("from {}", transport.host()),
            Err(error) => error.to_string(),
        };
    });
    assert!(simulation.run_until(4_000 * SECOND, |_| !result.borrow().is_empty()));
    format!("{} after {} s", result.take(), (simulation.now() - began).as_secs())
}

#[test]
fn connections_come_from_an_address_of_their_host() {
    let (mut simulation, server, client) = two_hosts(echo_server);
    let to = SocketAddr::from((server.address(), PORT));
    let mut said = |bind: SocketAddr| connect_from(&mut simulation, &client, to, Some(bind));
    let own = SocketAddr::from((client.address(), 4000));
    assert_eq!(said(own), format!("from {own} after 0 s"));
    assert_eq!(said(([0, 0, 0, 0], 4001).into()), format!("from {}:4001 after 0 s", client.address()));
    assert!(said((server.address(), 4002).into()).to_lowercase().contains("not available"));
    assert!(said((client.address_v6(), 4003).into()).contains("of another family"));
}

/// As with Linux: seven questions, each after twice the wait, then an error.
#[test]
fn an_attempt_that_nobody_answers_times_out_after_127_seconds() {
    let (mut simulation, server, client) = two_hosts(echo_server);
    simulation.partition(&[&server], &[&client]);
    let said = connect_from(&mut simulation, &client, (server.address(), PORT).into(), None);
    assert!(said.ends_with("timed out after 127 s"), "{said}");
}

#[test]
fn a_packet_that_is_always_lost_arrives_at_the_last_time_it_is_sent() {
    let (mut simulation, server, client) = two_hosts(echo_server);
    let heard = connect(&mut simulation, &client, server.address());
    simulation.run_for(SECOND);
    let mut link = Link::default();
    (link.latency, link.jitter, link.loss) = (Duration::ZERO, Duration::ZERO, 1.0);
    simulation.set_link(&server, &client, link);
    let began = simulation.now();
    heard.transport().write(b"hello");
    assert!(simulation.run_until(3_600 * SECOND, |_| heard.count() == 5));
    // Each way 0.2 seconds, doubled nine times while that is less than a minute.
    assert_eq!(simulation.now() - began, 2 * Duration::from_millis(102_200));
}

#[test]
fn probes_give_a_peer_up_that_is_not_reached_for_eleven_minutes_and_no_other() {
    let (mut simulation, server, client) = two_hosts(echo_server);
    let heard = connect(&mut simulation, &client, server.address());
    simulation.run_for(SECOND);
    heard.transport().set_keepalive(Some(60 * SECOND));
    simulation.run_for(600 * SECOND);
    // Nobody sends anything, so only the probes can tell: one direction is enough to cut.
    simulation.clog(&server, &client);
    simulation.run_for(600 * SECOND);
    simulation.unclog(&server, &client);
    simulation.run_for(600 * SECOND);
    assert!(heard.transport().is_open(), "it has answered in between");
    simulation.clog(&server, &client);
    simulation.run_for((60 + 675) * SECOND + 75 * SECOND);
    assert!(heard.lost().unwrap().contains("timed out"), "{:?}", heard.lost());
}

/// Notes datagrams and errors.
pub(crate) struct Noting(pub(crate) Rc<RefCell<Vec<String>>>);

impl DatagramProtocol for Noting {
    fn datagram_received(&mut self, _: &DatagramTransport, data: &[u8], _: &Address) -> Result {
        self.0.borrow_mut().push(String::from_utf8_lossy(data).into_owned());
        Ok(())
    }

    fn error_received(&mut self, _: &DatagramTransport, error: &DatagramError) {
        self.0.borrow_mut().push(error.to_string());
    }
}

#[test]
fn only_a_connected_socket_hears_that_nobody_receives_its_datagrams() {
    let (mut simulation, server, client) = two_hosts(idle);
    let nobody = Address::Udp((server.address(), PORT).into());
    let (connected, unconnected) = (Rc::<RefCell<Vec<_>>>::default(), Rc::<RefCell<Vec<_>>>::default());
    let reactor = simulation.reactor(&client);
    let one = reactor
        .connect_datagrams(
            (server.address(), PORT),
            DatagramOptions::default(),
            Noting(Rc::clone(&connected)),
        )
        .unwrap();
    let other = reactor
        .listen_datagrams(([0, 0, 0, 0], 0), DatagramOptions::default(), Noting(Rc::clone(&unconnected)))
        .unwrap();
    one.send("anybody?").unwrap();
    other.send_to("anybody?", &nobody).unwrap();
    simulation.run_for(SECOND);
    assert_eq!((connected.borrow().len(), unconnected.borrow().len()), (1, 0));
    assert!(connected.borrow()[0].contains("refused"), "{connected:?}");
    assert_eq!(simulation.stats().datagrams, 2);
}

#[test]
fn a_socket_that_stops_gives_its_port_and_its_descriptor_back() {
    let (mut simulation, _, client) = two_hosts(idle);
    let open = |simulation: &mut Simulation| {
        let noting = Noting(Rc::default());
        simulation.reactor(&client).listen_datagrams(([0, 0, 0, 0], 53), DatagramOptions::default(), noting)
    };
    let before = simulation.descriptors(&client);
    let socket = open(&mut simulation).unwrap();
    simulation.run_for(SECOND);
    assert_eq!(simulation.descriptors(&client), before + 1);
    assert!(open(&mut simulation).is_err());
    socket.stop();
    simulation.run_for(SECOND);
    assert_eq!(simulation.descriptors(&client), before);
    open(&mut simulation).unwrap();
}

#[test]
fn datagrams_that_are_received_make_room_for_others_and_those_beyond_208_kib_are_dropped() {
    let received = Rc::<RefCell<Vec<String>>>::default();
    let (mut simulation, server, client) = two_hosts(idle);
    let noting = Noting(Rc::clone(&received));
    let at = ([0, 0, 0, 0], PORT);
    let _receiver =
        simulation.reactor(&server).listen_datagrams(at, DatagramOptions::default(), noting).unwrap();
    let to = Address::Udp((server.address(), PORT).into());
    let noting = Noting(Rc::default());
    let sender =
        simulation.reactor(&client).listen_datagrams(at, DatagramOptions::default(), noting).unwrap();
    for round in 1..=10 {
        (0..100).for_each(|_| sender.send_to([b'x'; 1024], &to).unwrap());
        simulation.run_for(SECOND);
        assert_eq!(received.borrow().len(), round * 100);
    }
    received.take();
    simulation.suspend(&server, 10 * SECOND);
    (0..300).for_each(|_| sender.send_to([b'x'; 1024], &to).unwrap());
    simulation.run_for(20 * SECOND);
    assert_eq!(received.borrow().len(), 208);
}

#[test]
fn connections_beyond_the_backlog_wait_until_there_is_room() {
    let (mut simulation, server, client) = two_hosts(|reactor| {
        let mut options = ListenOptions::default();
        options.backlog = 2;
        reactor.listen(([0, 0, 0, 0], PORT), options, for_protocol(|| Echo))?;
        Ok(())
    });
    simulation.suspend(&server, 10 * SECOND);
    let heard: Vec<_> = (0..3).map(|_| connect(&mut simulation, &client, server.address())).collect();
    simulation.run_for(9 * SECOND);
    assert_eq!(heard.iter().filter(|heard| heard.is_made()).count(), 2);
    simulation.run_for(20 * SECOND);
    assert!(heard.iter().all(Heard::is_made));
}
