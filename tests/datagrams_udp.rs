//! UDP over the real loopback.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod packets;
mod support;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use packets::{Log, Probe};
use ropewalk::{Address, DatagramOptions, DatagramSendError, DatagramTransport, MulticastInterface, Reactor};
use support::run_until;

const IPV4: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
const IPV6: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 0);

/// A socket of the peer's on which nothing takes for ever.
fn peer(address: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind(address).unwrap();
    socket.set_read_timeout(Some(support::PATIENCE)).unwrap();
    socket
}

#[track_caller]
fn receive(peer: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = vec![0; 70_000];
    let (length, from) = peer.recv_from(&mut buffer).unwrap();
    buffer.truncate(length);
    (buffer, from)
}

fn socket_address(transport: &DatagramTransport) -> SocketAddr {
    transport.host().socket().unwrap()
}

#[track_caller]
fn listen(reactor: &Reactor, address: SocketAddr, probe: Probe) -> DatagramTransport {
    reactor.listen_datagrams(address, DatagramOptions::default(), probe).unwrap()
}

#[test]
fn every_length_is_echoed_whole_over_both_families() {
    for (address, longest) in [(IPV4, 65_507), (IPV6, 65_527)] {
        let mut reactor = Reactor::new().unwrap();
        let log = Log::default();
        let echo = listen(&reactor, address, Probe::echo(&log));
        assert!(matches!(echo.host(), Address::Udp(host) if host.port() != 0 && host.ip() == address.ip()));
        let peer = peer(address);
        support::settle(&mut reactor);
        for length in [0, 1, 1400, 9000, longest] {
            let sent = support::pattern(length);
            peer.send_to(&sent, socket_address(&echo)).unwrap();
            let heard = log.heard().len();
            run_until(&mut reactor, "it is heard", || log.heard().len() > heard);
            assert!(receive(&peer) == (sent, socket_address(&echo)), "the echo of {length} bytes differs");
        }
        let length = longest + 1;
        assert_eq!(
            echo.send_to(vec![0; length], &peer.local_addr().unwrap().into()),
            Err(DatagramSendError::TooLong { length, limit: longest })
        );
    }
}

#[test]
fn an_ipv6_wildcard_speaks_with_both_families() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let known = log.clone();
    let probe = Probe::new(&log).on_datagram(move |transport, data, from| {
        known.push(format!("from {}", from.ip().unwrap()));
        Ok(transport.send_to(data, from)?)
    });
    let any = SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), 0);
    let echo = listen(&reactor, any, probe);
    for address in [IPV4, IPV6] {
        let peer = peer(address);
        peer.send_to(b"x", (address.ip(), socket_address(&echo).port())).unwrap();
        let expected = format!("from {}", address.ip());
        run_until(&mut reactor, "it is heard", || log.has(&expected));
        // The answer is sent in the turn that has heard the question.
        assert_eq!(receive(&peer).0, b"x");
    }
    let mut options = DatagramOptions::default();
    options.dual_stack = Some(false);
    let narrow = reactor.listen_datagrams(any, options, Probe::new(&log)).unwrap();
    let refused = narrow.send_to("x", &IPV4.into());
    assert!(matches!(refused, Err(DatagramSendError::WrongFamily { .. })), "{refused:?}");
}

#[test]
fn a_taken_port_is_an_error_that_names_it() {
    let reactor = Reactor::new().unwrap();
    let holder = peer(IPV4);
    let address = holder.local_addr().unwrap();
    let probe = Probe::new(&Log::default());
    let error = reactor.listen_datagrams(address, DatagramOptions::default(), probe).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    assert!(error.to_string().starts_with(&format!("listening on {address}: ")), "{error}");
}

#[test]
fn a_refusal_is_heard_and_the_socket_lives_on() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let nobody = peer(IPV4).local_addr().unwrap();
    let options = DatagramOptions::default();
    let socket = reactor.connect_datagrams(nobody, options, Probe::new(&log)).unwrap();
    let refusal = format!("error {nobody} refused a datagram: nobody receives there");
    for round in 1..=3 {
        socket.send("anybody?").unwrap();
        run_until(&mut reactor, "the refusal is heard", || log.count(&refusal) == round);
    }
    // Somebody may come there later.
    let somebody = peer(nobody);
    socket.send("hello").unwrap();
    support::settle(&mut reactor);
    assert_eq!(receive(&somebody), (b"hello".to_vec(), socket_address(&socket)));
    assert_eq!(log.count("error"), 3);
}

#[test]
fn a_refusal_costs_no_other_datagram() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let nobody = peer(IPV4).local_addr().unwrap();
    let options = DatagramOptions::default();
    let socket = reactor.connect_datagrams(nobody, options, Probe::new(&log)).unwrap();
    for _ in 0..5 {
        socket.send("anybody?").unwrap();
    }
    run_until(&mut reactor, "all refusals are heard", || log.count("error") >= 5);
    support::settle(&mut reactor);
    // The loopback refuses each at once; the system tells of each, at the next sending or receiving.
    let refusal = format!("error {nobody} refused a datagram: nobody receives there");
    assert_eq!(log.heard()[1..], vec![refusal; 5]);
    assert_eq!(reactor.stats().writes, 5);
}

#[test]
fn a_connected_socket_hears_its_peer_alone() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let (friend, stranger) = (peer(IPV4), peer(IPV4));
    let mut options = DatagramOptions::default();
    options.bind = Some(IPV4.into());
    let address = friend.local_addr().unwrap();
    let socket = reactor.connect_datagrams(address, options, Probe::new(&log)).unwrap();
    stranger.send_to(b"from a stranger", socket_address(&socket)).unwrap();
    friend.send_to(b"from a friend", socket_address(&socket)).unwrap();
    run_until(&mut reactor, "the friend is heard", || log.has("got from a friend"));
    assert_eq!(log.heard(), ["started", "got from a friend"]);
    let mut options = DatagramOptions::default();
    options.bind = Some(IPV6.into());
    let error = reactor.connect_datagrams(address, options, Probe::new(&log)).unwrap_err();
    let complaint = format!(
        "connecting to {address}: cannot connect from [::1]:0 to {address}: the families of the addresses differ"
    );
    assert_eq!(error.to_string(), complaint);
}

#[test]
fn a_broadcast_needs_permission() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let socket = listen(&reactor, SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0), Probe::new(&log));
    // The loopback has broadcasts as well, and they leave no host.
    let everybody = Address::Udp(([127, 255, 255, 255], socket_address(&socket).port()).into());
    socket.send_to("to all", &everybody).unwrap();
    run_until(&mut reactor, "the refusal is heard", || log.count("error") == 1);
    assert_eq!(log.heard()[1], format!("error sending to {everybody}: Permission denied (os error 13)"));
    socket.set_broadcast(true);
    socket.send_to("to all", &everybody).unwrap();
    run_until(&mut reactor, "it comes back", || log.has("got to all"));
    let mut options = DatagramOptions::default();
    options.broadcast = true;
    let allowed = reactor.listen_datagrams(IPV4, options, Probe::new(&log)).unwrap();
    allowed.send_to("to all again", &everybody).unwrap();
    run_until(&mut reactor, "it is heard", || log.has("got to all again"));
    assert_eq!(log.count("error"), 1);
}

/// A group of RFC 2365 for this organisation alone, on the loopback interface.
const GROUP: Ipv4Addr = Ipv4Addr::new(239, 255, 82, 87);
const LOOPBACK: MulticastInterface = MulticastInterface::V4(Ipv4Addr::LOCALHOST);

#[test]
fn members_of_a_group_hear_what_is_sent_to_it() {
    let mut reactor = Reactor::new().unwrap();
    let logs = [Log::default(), Log::default()];
    let mut options = DatagramOptions::default();
    options.reuse_address = true;
    options.reuse_port = cfg!(not(target_os = "linux"));
    let any = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
    let first = reactor.listen_datagrams(any, options.clone(), Probe::new(&logs[0])).unwrap();
    let second = reactor.listen_datagrams(first.host().clone(), options, Probe::new(&logs[1])).unwrap();
    let group = Address::Udp((GROUP, socket_address(&first).port()).into());
    let say = |text: &str| first.send_to(text, &group).unwrap();
    first.set_multicast_interface(LOOPBACK);
    first.set_multicast_ttl(0);
    first.join_group(GROUP, LOOPBACK);
    second.join_group(GROUP, LOOPBACK);
    support::settle(&mut reactor);
    say("one");
    run_until(&mut reactor, "both hear it", || logs.iter().all(|log| log.has("got one")));
    // Linux gives a socket on the wildcard what any member on the host hears, so leaving shows when nobody is left.
    second.leave_group(GROUP, LOOPBACK);
    support::settle(&mut reactor);
    first.leave_group(GROUP, LOOPBACK);
    say("two");
    first.join_group(GROUP, LOOPBACK);
    say("three");
    run_until(&mut reactor, "the member hears it", || logs[0].has("got three"));
    assert_eq!(logs[0].heard(), ["started", "got one", "got three"]);
    assert!(!logs[1].has("got two"));
    second.leave_group(GROUP, LOOPBACK);
    run_until(&mut reactor, "leaving twice is an error", || logs[1].count("error leaving group") == 1);
}

#[test]
fn a_group_of_ipv6_is_joined_by_the_number_of_an_interface() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let socket = listen(&reactor, SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), 0), Probe::new(&log));
    // The loopback of Linux has the number 1; group and interface stay within it (ff11 is interface-local).
    let group: Ipv6Addr = "ff11::5257".parse().unwrap();
    socket.join_group(group, MulticastInterface::V6(1));
    socket.set_multicast_interface(MulticastInterface::V6(1));
    socket.set_multicast_ttl(1);
    socket.set_multicast_loop(true);
    socket.join_group(group, LOOPBACK);
    socket.send_to("x", &Address::Udp((group, socket_address(&socket).port()).into())).unwrap();
    let complaint = format!(
        "error joining group {group} on the interface of 127.0.0.1: \
         the group {group} takes the number of an interface (MulticastInterface::V6)"
    );
    socket.leave_group(group, MulticastInterface::V6(1));
    socket.leave_group(group, MulticastInterface::V6(1));
    run_until(&mut reactor, "it is heard", || log.heard().len() == 4);
    let heard = log.heard();
    assert_eq!(heard[..2], ["started", &complaint]);
    // Not every system has a route for groups on its loopback.
    let sent = "got x".to_owned();
    let no_route =
        format!("error sending to [{group}]:{}: Network is unreachable", socket_address(&socket).port());
    assert!(heard[2..].contains(&sent) || heard[2].starts_with(&no_route), "{heard:?}");
    assert_eq!(log.count(&format!("error leaving group {group} on interface number 1: ")), 1, "{heard:?}");
}

#[test]
fn g5_a_flood_does_not_delay_another_socket() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let quiet = Log::default();
    let flooded = listen(&reactor, IPV4, Probe::new(&log));
    let echo = listen(&reactor, IPV4, Probe::echo(&quiet));
    let (flood, talker) = (peer(IPV4), peer(IPV4));
    support::settle(&mut reactor);
    talker.send_to(b"?", socket_address(&echo)).unwrap();
    for _ in 0..500 {
        flood.send_to(b"x", socket_address(&flooded)).unwrap();
    }
    let before = log.heard().len();
    let _ = reactor.run_once(Some(Duration::from_secs(1))).unwrap();
    assert!(log.heard().len() - before <= 64);
    assert_eq!(receive(&talker).0, b"?");
}

#[cfg(target_os = "linux")]
#[test]
fn a_loop_with_a_silent_socket_rests() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let echo = listen(&reactor, IPV4, Probe::echo(&log));
    let peer = peer(IPV4);
    peer.send_to(b"x", socket_address(&echo)).unwrap();
    run_until(&mut reactor, "it is heard", || log.has("got x"));
    echo.pause_reading();
    peer.send_to(b"x", socket_address(&echo)).unwrap();
    support::settle(&mut reactor);
    support::assert_rests(&mut reactor);
    assert_eq!(log.heard(), ["started", "got x"]);
}

#[cfg(target_os = "linux")]
#[test]
fn g10_sockets_leave_no_descriptors() {
    support::alone("g10_sockets_leave_no_descriptors", 256, || {
        let mut reactor = Reactor::new().unwrap();
        let before = support::Footprint::take(&mut reactor);
        for round in 0..300 {
            let log = Log::default();
            let probe = Probe::new(&log).on_datagram(move |transport, _, _| match round % 3 {
                0 => {
                    transport.stop();
                    Ok(())
                }
                1 => panic!("on purpose"),
                _ => Err("and stopped from outside".into()),
            });
            let socket = listen(&reactor, IPV4, probe);
            socket.send_to("to itself", socket.host()).unwrap();
            run_until(&mut reactor, "it is heard", || log.has("got to itself"));
            socket.stop();
            run_until(&mut reactor, "it has stopped", || log.has("stopped"));
        }
        before.assert_restored(&mut reactor);
    });
}
