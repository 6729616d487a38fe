//! The examples that are a few lines.

use std::cell::RefCell;
use std::rc::Rc;

use ropewalk::simulation::{Faults, Host, Link, Simulation, simulate};
use ropewalk::{
    Address, ClientEndpoint, ConnectOptions, DatagramOptions, DatagramProtocol, DatagramTransport, Factory,
    ListenOptions, PortForward, ReactorHandle, Result, SendLine, TcpClientEndpoint, for_protocol,
};

use super::answer::answers;
use super::echo::Echo;
use super::logfile::LogFactory;
use super::qotd::quotes;
use super::{MILLISECOND, PORT, SECOND, udp_echo};
use crate::people::{Heard, hear};

fn serve<F: Factory + 'static>(simulation: &mut Simulation, make: impl Fn() -> F + 'static) -> Host {
    let server = simulation.host("server", move |reactor| {
        reactor.listen(([0, 0, 0, 0], PORT), ListenOptions::default(), make())?;
        Ok(())
    });
    let mut link = Link::default();
    (link.loss, link.jitter, link.buffer) = (0.1, 50 * MILLISECOND, 200);
    simulation.set_default_link(link);
    simulation.set_faults(&server, Faults::rough());
    server
}

fn connect(simulation: &mut Simulation, host: &Host, server: &Host) -> Heard {
    let reactor = simulation.reactor(host);
    let address = (server.address(), PORT);
    let heard = hear(|factory| reactor.connect(address, &ConnectOptions::default(), factory));
    assert!(simulation.run_until(100 * SECOND, |_| heard.is_made() || heard.lost().is_some()));
    heard
}

#[test]
fn questions_are_answered_in_order() {
    simulate(20, |simulation| {
        let server = serve(simulation, answers);
        let client = simulation.host("client", |_| Ok(()));
        let heard = connect(simulation, &client, &server);
        if !heard.is_made() {
            return;
        }
        let exchanges = [
            ("How are you?", "Fine\r\n"),
            ("Are we alone?", "No, I serve others too\r\n"),
            ("Why?", "I don't know what you mean\r\n"),
        ];
        let dice = simulation.dice();
        let mut expected = String::new();
        for _ in 0..50 {
            let (question, answer) = exchanges[dice.roll(3) as usize];
            heard.transport().send_line(question);
            expected += answer;
            simulation.run_for(MILLISECOND * dice.roll(20) as u32);
        }
        heard.transport().lose_write_connection();
        simulation.run_for(600 * SECOND);
        assert_eq!(String::from_utf8(heard.data()).unwrap(), expected);
        assert_eq!(heard.lost().unwrap(), "the connection was closed cleanly");
    });
}

#[test]
fn a_quote_is_said_to_everybody() {
    simulate(20, |simulation| {
        let server = serve(simulation, || quotes("An apple a day keeps the doctor away"));
        let client = simulation.host("client", |_| Ok(()));
        let all: Vec<Heard> = (0..5).map(|_| connect(simulation, &client, &server)).collect();
        simulation.run_for(600 * SECOND);
        for heard in all.iter().filter(|heard| heard.is_made()) {
            assert_eq!(heard.data(), b"An apple a day keeps the doctor away\r\n");
            assert_eq!(heard.lost().unwrap(), "the connection was closed cleanly");
        }
    });
}

#[test]
fn an_echo_passes_through_a_forwarder() {
    simulate(20, |simulation| {
        let server = serve(simulation, || for_protocol(|| Echo));
        let target = TcpClientEndpoint::from(std::net::SocketAddr::from((server.address(), PORT)));
        let forwarder = simulation.host("forwarder", move |reactor: &ReactorHandle| {
            let target: Box<dyn ClientEndpoint> = Box::new(target.clone());
            reactor.listen(([0, 0, 0, 0], PORT), ListenOptions::default(), PortForward::new(target))?;
            Ok(())
        });
        let client = simulation.host("client", |_| Ok(()));
        let heard = connect(simulation, &client, &forwarder);
        if !heard.is_made() {
            return;
        }
        let dice = simulation.dice();
        let sent: Vec<u8> = (0..dice.roll(10_000)).map(|_| dice.number() as u8).collect();
        heard.transport().write(&sent);
        heard.transport().lose_write_connection();
        simulation.run_for(MILLISECOND * dice.roll(1_000) as u32);
        simulation.partition(&[&forwarder], &[&server, &client]);
        simulation.run_for(SECOND);
        simulation.heal();
        simulation.run_for(3_000 * SECOND);
        if heard.lost().unwrap() == "the connection was closed cleanly" && heard.count() > 0 {
            assert!(heard.data() == sent, "{} of {}", heard.count(), sent.len());
        } else {
            assert!(sent.starts_with(&heard.data()));
        }
        assert_eq!(simulation.reactor_stats(&forwarder).connections, 0);
        assert_eq!(simulation.reactor_stats(&server).connections, 0);
    });
}

#[test]
fn the_log_has_the_lines_of_everybody_in_order() {
    simulate(10, |simulation| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("messages.log");
        let logged = path.clone();
        let server = serve(simulation, move || LogFactory::new(logged.clone()).unwrap());
        let hosts = ["ann", "bob", "cyd"].map(|name| simulation.host(name, |_| Ok(())));
        let all = hosts.each_ref().map(|host| connect(simulation, host, &server));
        let dice = simulation.dice();
        for number in 0..60 {
            let heard = &all[number % 3];
            if heard.is_made() {
                heard.transport().send_line(format!("line {number}"));
            }
            simulation.run_for(MILLISECOND * dice.roll(50) as u32);
        }
        simulation.run_for(300 * SECOND);
        let log = std::fs::read_to_string(&path).unwrap();
        for (place, (host, heard)) in
            hosts.iter().zip(&all).enumerate().filter(|(_, (_, heard))| heard.is_made())
        {
            let from = host.address().to_string();
            let lines =
                log.lines().filter(|line| line.contains(&from)).map(|line| line.split_once(' ').unwrap().1);
            let expected = (0..20).map(|round| format!("line {}", place + 3 * round));
            assert!(lines.eq(expected), "{log}");
            assert!(heard.lost().is_none());
        }
    });
}

/// Notes the datagrams that come back.
struct Asker(Rc<RefCell<Vec<Vec<u8>>>>);

impl DatagramProtocol for Asker {
    fn datagram_received(&mut self, _: &DatagramTransport, data: &[u8], _: &Address) -> Result {
        self.0.borrow_mut().push(data.to_vec());
        Ok(())
    }
}

#[test]
fn datagrams_come_back_whole_or_not_at_all() {
    simulate(20, |simulation| {
        let server = simulation.host("server", |reactor| {
            reactor.listen_datagrams(([0, 0, 0, 0], PORT), DatagramOptions::default(), udp_echo::Echo)?;
            Ok(())
        });
        let client = simulation.host("client", |_| Ok(()));
        let mut link = Link::default();
        (link.loss, link.duplication, link.jitter) = (0.2, 0.2, 50 * MILLISECOND);
        simulation.set_default_link(link);
        for host in [&server, &client] {
            simulation.set_faults(host, Faults::rough());
        }
        let heard = Rc::default();
        let to = Address::Udp((server.address(), PORT).into());
        let asker = Asker(Rc::clone(&heard));
        let reactor = simulation.reactor(&client);
        let socket = reactor.listen_datagrams(([0, 0, 0, 0], 0), DatagramOptions::default(), asker).unwrap();
        let sent: Vec<Vec<u8>> = (0..100).map(|number: u8| vec![number; usize::from(number) * 10]).collect();
        for datagram in &sent {
            socket.send_to(datagram, &to).unwrap();
            simulation.run_for(5 * MILLISECOND);
        }
        simulation.run_for(10 * SECOND);
        let heard = heard.take();
        assert!(heard.iter().all(|datagram| sent.contains(datagram)));
        assert!((50..150).contains(&heard.len()), "{} came back", heard.len());
    });
}
