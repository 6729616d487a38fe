//! Sockets for datagrams in memory: what their protocols hear and when, whatever happens (S117).
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod packets;

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use packets::{Log, Probe};
use ropewalk::testing::{DatagramPeer, Memory, Operation};
use ropewalk::{
    Address, DatagramOptions, DatagramProtocol, DatagramSendError, DatagramTransport, MulticastInterface,
    Reactor, UnixAddress,
};

/// A reactor in memory with a peer of the test's.
struct World {
    memory: Memory,
    reactor: Reactor,
    peer: DatagramPeer,
    log: Log,
}

impl World {
    fn new() -> Self {
        let memory = Memory::new();
        let reactor = memory.reactor();
        let peer = memory.open_datagrams(local(0)).unwrap();
        Self { memory, reactor, peer, log: Log::default() }
    }

    #[track_caller]
    fn listen(&self, protocol: impl DatagramProtocol + 'static) -> DatagramTransport {
        self.listen_with(DatagramOptions::default(), protocol)
    }

    #[track_caller]
    fn listen_with(
        &self,
        options: DatagramOptions,
        protocol: impl DatagramProtocol + 'static,
    ) -> DatagramTransport {
        self.reactor.listen_datagrams(local(0), options, protocol).unwrap()
    }

    fn settle(&mut self) {
        self.memory.settle(&mut self.reactor);
    }

    /// Has the peer send, one datagram each.
    fn send(&self, to: &DatagramTransport, datagrams: &[&str]) {
        for datagram in datagrams {
            self.peer.send_to(datagram, to.host().socket().unwrap());
        }
    }

    /// What the peer has received, in order.
    fn received(&self) -> Vec<Vec<u8>> {
        std::iter::from_fn(|| self.peer.received()).map(|(data, _)| data).collect()
    }
}

fn local(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

#[test]
fn datagrams_are_heard_whole_one_by_one_and_answered() {
    let mut world = World::new();
    let echo = world.listen(Probe::echo(&world.log));
    world.settle();
    world.send(&echo, &["one", "", "three"]);
    world.settle();
    assert_eq!(world.log.heard(), ["started", "got one", "got ", "got three"]);
    assert_eq!(world.received(), [&b"one"[..], b"", b"three"]);
}

#[test]
fn what_arrives_or_is_sent_before_the_reactor_runs_is_not_lost() {
    let mut world = World::new();
    let echo = world.listen(Probe::new(&world.log));
    world.send(&echo, &["early"]);
    echo.send_to("early too", &world.peer.address().into()).unwrap();
    world.settle();
    assert_eq!(world.log.heard(), ["started", "got early"]);
    assert_eq!(world.received(), [b"early too"]);
}

#[test]
fn g1_nothing_is_delivered_after_a_stop_in_a_callback() {
    let mut world = World::new();
    let probe = Probe::new(&world.log).on_datagram(|transport, _, from| {
        transport.send_to("last words", from)?;
        transport.stop();
        assert_eq!(transport.send_to("too late", from), Err(DatagramSendError::Stopped));
        Ok(())
    });
    let socket = world.listen(probe);
    world.send(&socket, &["one", "two"]);
    world.settle();
    assert_eq!(world.log.heard(), ["started", "got one", "stopped"]);
    assert_eq!(world.received(), [b"last words"]);
    assert_eq!(world.memory.descriptors(), 0);
    socket.stop();
    socket.post("nobody");
    world.settle();
    assert_eq!(world.log.heard().len(), 3);
}

#[test]
fn a_socket_stopped_before_the_reactor_runs_hears_nothing() {
    let mut world = World::new();
    let socket = world.listen(Probe::new(&world.log));
    socket.stop();
    world.settle();
    assert_eq!(world.log.heard(), [""; 0]);
    assert_eq!(world.memory.descriptors(), 0);
}

#[test]
fn a_stopped_socket_has_freed_its_address_when_it_hears_of_it() {
    let mut world = World::new();
    let log = world.log.clone();
    let probe = Probe::new(&world.log).on_stopped(move |transport| {
        let again = transport.host().clone();
        transport.reactor().listen_datagrams(again, DatagramOptions::default(), Probe::new(&log)).unwrap();
    });
    let socket = world.listen(probe);
    world.settle();
    socket.stop();
    world.settle();
    assert_eq!(world.log.heard(), ["started", "stopped", "started"]);
}

#[test]
fn a_stop_or_drain_of_the_reactor_sends_what_waits_and_stops_the_sockets() {
    for drains in [false, true] {
        let mut world = World::new();
        let to = Address::Udp(world.peer.address());
        let socket = world.listen(Probe::new(&world.log));
        world.settle();
        socket.send_to("farewell", &to).unwrap();
        let handle = world.reactor.handle();
        if drains {
            handle.clone().drain(Duration::from_secs(1)).then(move |_| handle.stop());
        } else {
            handle.stop();
        }
        world.reactor.run().unwrap();
        assert_eq!(world.log.heard(), ["started", "stopped"]);
        assert_eq!(world.received(), [b"farewell"]);
        assert!(!socket.is_open());
        assert_eq!(world.memory.descriptors(), 0);
    }
}

#[test]
fn a_handle_that_outlives_the_reactor_is_inert() {
    let mut world = World::new();
    let socket = world.listen(Probe::new(&world.log));
    let fresh = world.listen(Probe::new(&world.log));
    world.reactor.run_once(Some(Duration::ZERO)).map(drop).unwrap();
    let to = Address::Udp(world.peer.address());
    drop(world.reactor);
    for handle in [socket, fresh] {
        assert!(!handle.is_open());
        assert_eq!(handle.send_to("nobody", &to), Err(DatagramSendError::Stopped));
        handle.set_broadcast(true);
        handle.post("nobody");
        handle.stop();
    }
    assert_eq!(world.memory.descriptors(), 0);
}

#[test]
fn an_error_in_a_callback_is_survived() {
    let mut world = World::new();
    let probe = Probe::new(&world.log).on_datagram(|_, data, _| match data {
        b"bad" => Err("no such thing".into()),
        _ => Ok(()),
    });
    let socket = world.listen(probe);
    world.send(&socket, &["bad", "good"]);
    world.settle();
    assert_eq!(world.log.heard(), ["started", "got bad", "got good"]);
}

#[test]
fn g7_a_panic_in_a_callback_stops_that_socket_alone() {
    fn panics(_: &DatagramTransport) {
        panic!("on purpose");
    }
    let cases: [fn(Probe) -> Probe; 4] = [
        |probe| probe.on_started(panics),
        |probe| {
            probe.on_datagram(|transport, _, from| {
                transport.send_to("never sent", from)?;
                panic!("on purpose")
            })
        },
        |probe| probe.on_error(|transport, _| panics(transport)),
        |probe| probe.on_stopped(panics),
    ];
    for (number, case) in cases.into_iter().enumerate() {
        let mut world = World::new();
        let healthy = Log::default();
        let bad = world.listen(case(Probe::new(&world.log)));
        let good = world.listen(Probe::echo(&healthy));
        // So that each of them has its occasion.
        bad.join_group([224, 0, 0, 1], MulticastInterface::V4([127, 0, 0, 1].into()));
        world.send(&bad, &["one", "two"]);
        world.settle();
        bad.stop();
        world.settle();
        world.send(&good, &["still here"]);
        world.settle();
        let heard = world.log.heard();
        assert_eq!(heard.first().unwrap(), "started", "case {number}");
        assert_eq!(heard.last().unwrap(), "stopped", "case {number}");
        assert_eq!(world.log.count("stopped"), 1, "case {number}");
        assert!(world.log.count("got") <= if number == 1 { 1 } else { 2 }, "case {number}: {heard:?}");
        assert_eq!(world.reactor.stats().panics, 1, "case {number}");
        assert_eq!(world.received(), [b"still here"], "case {number}");
        assert_eq!(healthy.heard(), ["started", "got still here"], "case {number}");
        assert_eq!(world.memory.descriptors(), 1, "case {number}");
    }
}

#[test]
fn g10_a_socket_that_cannot_be_registered_says_so_and_stops() {
    let mut world = World::new();
    world.memory.fail_next(Operation::Register, 1, io::ErrorKind::OutOfMemory);
    world.listen(Probe::new(&world.log));
    world.settle();
    assert_eq!(world.log.heard(), ["started", "error receiving: out of memory", "stopped"]);
    assert_eq!(world.memory.descriptors(), 0);
}

#[test]
fn a_datagram_that_is_too_long_is_reported_and_never_cut() {
    let mut options = DatagramOptions::default();
    options.max_packet_size = 4;
    let mut world = World::new();
    let socket = world.listen_with(options, Probe::new(&world.log));
    world.send(&socket, &["1234", "12345", "", "1"]);
    world.settle();
    let from = world.peer.address();
    let complaint = format!("error a datagram from {from} was dropped: it is longer than 4 bytes");
    assert_eq!(world.log.heard(), ["started", "got 1234", &complaint, "got ", "got 1"]);
}

#[test]
fn datagrams_longer_than_the_buffer_of_the_loop_are_heard_whole_if_allowed() {
    // The buffer of the loop has 64 KiB; around it and far above.
    for limit in [65_535, 65_536, 65_537, 200_000] {
        let mut options = DatagramOptions::default();
        options.max_packet_size = limit;
        let mut world = World::new();
        let socket = world.listen_with(options, Probe::new(&world.log));
        let whole = vec![b'x'; limit];
        let to = socket.host().socket().unwrap();
        for length in [limit, limit - 1] {
            world.peer.send_to(&whole[..length], to);
        }
        world.peer.send_to(vec![b'x'; limit + 1], to);
        world.settle();
        let heard = world.log.heard();
        assert_eq!(heard[1..3], [format!("got {limit} bytes"), format!("got {} bytes", limit - 1)]);
        assert!(heard[3].ends_with(&format!("it is longer than {limit} bytes")), "{heard:?}");
    }
}

#[test]
fn what_cannot_be_sent_is_said_at_once() {
    let mut world = World::new();
    let socket = world.listen(Probe::new(&world.log));
    let peer = Address::Udp(world.peer.address());
    let options = DatagramOptions::default();
    let connected = world.reactor.connect_datagrams(peer.clone(), options, Probe::new(&world.log)).unwrap();
    let fails = |result: Result<(), DatagramSendError>, text: &str| {
        assert_eq!(result.unwrap_err().to_string(), text);
    };
    fails(socket.send_to(vec![0; 65_508], &peer), "a datagram of 65508 bytes is too long: 65507 are allowed");
    let host = socket.host();
    let ipv6 = Address::Udp("[::1]:9".parse().unwrap());
    let differ = "the families of the addresses differ";
    fails(socket.send_to("x", &ipv6), &format!("a socket at {host} cannot send to [::1]:9: {differ}"));
    fails(
        socket.send_to("x", &UnixAddress::path("/run/x").into()),
        &format!("a socket at {host} cannot send to /run/x: {differ}"),
    );
    fails(socket.send("x"), "the socket has no peer: say where to send, or connect the socket");
    fails(
        connected.send_to("x", &local(9).into()),
        &format!("the socket is connected to {peer} and cannot send to 127.0.0.1:9"),
    );
    connected.send_to("to the peer", &peer).unwrap();
    world.settle();
    assert_eq!(world.log.heard(), ["started", "started"]);
    assert_eq!(world.received(), [b"to the peer"]);
}

#[test]
fn g4_datagrams_that_wait_are_bounded_and_the_newest_is_refused() {
    let mut options = DatagramOptions::default();
    options.output_limit = 10_000;
    let mut world = World::new();
    let socket = world.listen_with(options, Probe::new(&world.log));
    let to = Address::Udp(world.peer.address());
    for length in [0, 1000] {
        let sent = (0..).take_while(|_| socket.send_to(vec![b'x'; length], &to).is_ok()).count();
        assert_eq!(sent, 10_000 / (length + 256));
        let full = socket.send_to(vec![b'x'; length], &to);
        assert_eq!(full, Err(DatagramSendError::QueueFull { limit: 10_000 }));
        assert_eq!(socket.queued(), sent);
        assert_eq!(world.reactor.stats().output_buffered, sent * length);
        world.settle();
        assert_eq!(world.received().len(), sent);
        assert_eq!((socket.queued(), world.reactor.stats().output_buffered), (0, 0));
    }
    // One alone may have the whole limit; none may have more.
    socket.send_to(vec![b'x'; 10_000], &to).unwrap();
    let too_long = socket.send_to(vec![b'x'; 10_001], &to);
    assert_eq!(too_long, Err(DatagramSendError::TooLong { length: 10_001, limit: 10_000 }));
}

#[test]
fn datagrams_that_the_system_does_not_take_wait_in_order() {
    let mut world = World::new();
    let socket = world.listen(Probe::new(&world.log));
    let to = Address::Udp(world.peer.address());
    world.memory.fail_next(Operation::Write, 3, io::ErrorKind::WouldBlock);
    for word in ["one", "two", "three"] {
        socket.send_to(word, &to).unwrap();
    }
    world.settle();
    assert_eq!(world.received(), [&b"one"[..], b"two", b"three"]);
    assert_eq!(world.log.heard(), ["started"]);
}

#[test]
fn a_call_that_a_signal_interrupts_is_made_again() {
    let mut world = World::new();
    let socket = world.listen(Probe::new(&world.log));
    let to = Address::Udp(world.peer.address());
    world.settle();
    world.memory.fail_next(Operation::Write, 2, io::ErrorKind::Interrupted);
    socket.send_to("one", &to).unwrap();
    socket.send_to("two", &to).unwrap();
    world.memory.fail_next(Operation::Read, 2, io::ErrorKind::Interrupted);
    world.send(&socket, &["three"]);
    world.settle();
    assert_eq!(world.received(), [b"one", b"two"]);
    assert_eq!(world.log.heard(), ["started", "got three"]);
}

#[test]
fn what_still_waits_when_the_socket_stops_is_counted() {
    let mut world = World::new();
    let socket = world.listen(Probe::new(&world.log));
    let to = Address::Udp(world.peer.address());
    world.settle();
    socket.send_to("one", &to).unwrap();
    socket.send_to("two", &to).unwrap();
    world.memory.fail_next(Operation::Write, 1, io::ErrorKind::WouldBlock);
    socket.stop();
    world.settle();
    assert_eq!((socket.queued(), world.received().len()), (2, 0));
    assert_eq!(world.reactor.stats().output_buffered, 0);
}

#[test]
fn a_datagram_that_the_system_refuses_is_reported_and_the_next_is_sent() {
    let mut world = World::new();
    let socket = world.listen(Probe::new(&world.log));
    let to = Address::Udp(world.peer.address());
    world.memory.fail_next(Operation::Write, 1, io::ErrorKind::PermissionDenied);
    socket.send_to("one", &to).unwrap();
    socket.send_to("two", &to).unwrap();
    world.settle();
    assert_eq!(world.log.heard(), ["started", &format!("error sending to {to}: permission denied")]);
    assert_eq!(world.received(), [b"two"]);
}

#[test]
fn sending_again_at_every_failure_holds_up_nobody() {
    let mut world = World::new();
    let to = Address::Udp(world.peer.address());
    let tries = Rc::new(Cell::new(0));
    let (counter, again) = (Rc::clone(&tries), to.clone());
    let probe = Probe::new(&world.log).on_error(move |transport, _| {
        counter.set(counter.get() + 1);
        transport.send_to("again", &again).unwrap();
    });
    let socket = world.listen(probe);
    world.settle();
    world.memory.fail_next(Operation::Write, 1000, io::ErrorKind::PermissionDenied);
    socket.send_to("once", &to).unwrap();
    for turn in 1..=10 {
        let _ = world.reactor.run_once(Some(Duration::ZERO)).unwrap();
        assert_eq!(tries.get(), turn);
    }
    world.settle();
    assert_eq!((tries.get(), world.received()), (1000, vec![b"again".to_vec()]));
}

#[test]
fn a_connected_socket_hears_of_a_refusal_and_lives_on() {
    let mut world = World::new();
    let options = DatagramOptions::default();
    let socket = world.reactor.connect_datagrams(local(9), options, Probe::new(&world.log)).unwrap();
    socket.send("anybody?").unwrap();
    world.settle();
    let refusal = "error 127.0.0.1:9 refused a datagram: nobody receives there";
    assert_eq!(world.log.take(), ["started", refusal]);
    let peer = world.memory.open_datagrams(local(9)).unwrap();
    // An error at the next sending tells of an earlier datagram, so that one is sent all the same.
    world.memory.fail_next(Operation::Write, 1, io::ErrorKind::ConnectionRefused);
    socket.send("now?").unwrap();
    world.settle();
    assert_eq!(peer.received().unwrap().0, b"now?");
    peer.send_to("now", socket.host().socket().unwrap());
    world.peer.send_to("from a stranger", socket.host().socket().unwrap());
    world.settle();
    assert_eq!(world.log.take(), [refusal, "got now"]);
    assert_eq!(socket.peer(), Some(&Address::Udp(local(9))));
}

#[test]
fn an_error_of_receiving_that_does_not_go_away_does_not_keep_the_loop_busy() {
    let mut world = World::new();
    let socket = world.listen(Probe::new(&world.log));
    world.settle();
    world.memory.fail_next(Operation::Read, 100, io::ErrorKind::Other);
    world.send(&socket, &["one"]);
    world.settle();
    assert_eq!(world.log.count("error receiving"), 64);
    world.send(&socket, &["two"]);
    world.settle();
    assert_eq!(world.log.count("error receiving"), 100);
    assert_eq!(world.log.heard()[101..], ["got one", "got two"]);
}

#[test]
fn g5_a_flood_does_not_keep_others_waiting() {
    let mut world = World::new();
    let quiet = Log::default();
    let flooded = world.listen(Probe::new(&world.log));
    let talking = world.listen(Probe::echo(&quiet));
    world.settle();
    world.log.take();
    let flood = vec!["x"; 1000];
    world.send(&flooded, &flood);
    world.send(&talking, &["?"]);
    let (timer, mut turns) = (quiet.clone(), 0);
    world.reactor.call_later(Duration::ZERO, move |_| timer.push("timer"));
    while world.log.heard().len() < flood.len() {
        let before = world.log.heard().len();
        let _ = world.reactor.run_once(Some(Duration::ZERO)).unwrap();
        assert!(world.log.heard().len() - before <= 64);
        turns += 1;
        assert_eq!(quiet.heard(), ["started", "got ?", "timer"], "after {turns} turns");
    }
    assert_eq!(turns, 1000_usize.div_ceil(64));
    assert_eq!(world.received(), [b"?"]);
}

#[test]
fn g5_large_datagrams_share_a_turn_by_their_bytes() {
    let mut world = World::new();
    let flooded = world.listen(Probe::new(&world.log));
    world.settle();
    world.log.take();
    (0..20).for_each(|_| world.peer.send_to([b'x'; 60_000], flooded.host().socket().unwrap()));
    let _ = world.reactor.run_once(Some(Duration::ZERO)).unwrap();
    assert_eq!(world.log.count("got"), 5);
    world.settle();
    assert_eq!(world.log.count("got"), 20);
}

#[test]
fn a_pause_keeps_datagrams_until_it_ends() {
    let mut world = World::new();
    let probe = Probe::new(&world.log).on_datagram(|transport, _, _| {
        transport.pause_reading();
        Ok(())
    });
    let socket = world.listen(probe);
    world.send(&socket, &["one", "two"]);
    world.settle();
    assert!(socket.is_reading_paused());
    world.send(&socket, &["three"]);
    world.settle();
    assert_eq!(world.log.take(), ["started", "got one"]);
    for word in ["got two", "got three"] {
        socket.resume_reading();
        world.settle();
        assert_eq!(world.log.take(), [word]);
    }
}

#[test]
fn a_posted_event_reaches_the_protocol_also_from_a_timer() {
    let mut world = World::new();
    let probe = Probe::new(&world.log).on_started(|transport| {
        let again = transport.clone();
        transport.reactor().call_later(Duration::from_secs(5), move |_| again.post("retry"));
    });
    let socket = world.listen(probe);
    socket.post("early");
    world.memory.run_for(&mut world.reactor, Duration::from_secs(10));
    assert_eq!(world.log.heard(), ["started", "event early", "event retry"]);
}

#[test]
fn a_setting_that_cannot_be_made_is_reported() {
    let mut world = World::new();
    let socket = world.listen(Probe::new(&world.log));
    let interface = MulticastInterface::V4([127, 0, 0, 1].into());
    socket.set_broadcast(true);
    socket.join_group([224, 0, 0, 251], interface);
    socket.set_multicast_interface(MulticastInterface::V6(0));
    world.settle();
    let unsupported = "there is no multicast in memory";
    let joining = "error joining group 224.0.0.251 on the interface of 127.0.0.1";
    let sending = "error sending multicasts on the default interface";
    let expected = ["started", &format!("{joining}: {unsupported}"), &format!("{sending}: {unsupported}")];
    assert_eq!(world.log.heard(), expected);
}

#[test]
fn a_place_without_datagrams_is_refused() {
    let world = World::new();
    let probe = Probe::new(&world.log);
    let result = world.reactor.listen_datagrams(Address::Stdio, DatagramOptions::default(), probe);
    let error = result.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::Unsupported);
    assert_eq!(
        error.to_string(),
        "listening on stdio: there are no datagrams at such an address on this system"
    );
}
