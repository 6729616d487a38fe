//! The traps of calling back: who does what from inside which callback (G1, G2, G5), one test per known hazard.

mod world;

use std::cell::{Cell, RefCell};
use std::io::ErrorKind;
use std::rc::Rc;
use std::time::Duration;

use ropewalk::driver::Readiness;
use ropewalk::testing::{Operation, Peer};
use ropewalk::{ConnectOptions, ListenOptions, Protocol, Reason, Result, Transport, for_protocol};
use world::{Echo, Log, SECOND, Script, World, kind};

/// Everybody's transports, shared by everybody's protocols.
type Hub = Rc<RefCell<Vec<Transport>>>;

/// What a member does to the whole hub, which stays borrowed meanwhile.
type Deed = fn(&[Transport], &[u8]);

struct Member {
    hub: Hub,
    log: Log,
    deed: Deed,
}

impl Protocol for Member {
    fn connection_made(&mut self, transport: &Transport) {
        self.hub.borrow_mut().push(transport.clone());
    }

    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        let hub = self.hub.borrow_mut();
        (self.deed)(&hub, data);
        Ok(())
    }

    fn connection_lost(&mut self, transport: &Transport, reason: &Reason) {
        let mut hub = self.hub.borrow_mut();
        hub.retain(|member| member.id() != transport.id());
        (self.deed)(&hub, b"somebody left");
        self.log.add(kind(reason));
    }
}

fn members(count: usize, deed: Deed) -> (World, Log, Vec<Peer>) {
    let (log, hub) = (Log::default(), Hub::default());
    let mut world = World::new();
    let (member_log, member_hub) = (log.clone(), hub);
    let (_, address) = world.listen(for_protocol(move || Member {
        hub: Rc::clone(&member_hub),
        log: member_log.clone(),
        deed,
    }));
    let connect = |_| world.memory.connect(address).expect("the port listens");
    let peers = (0..count).map(connect).collect();
    world.settle();
    (world, log, peers)
}

/// Hazard 1: a thousand writes in one callback are one write to the socket.
#[test]
fn hazard_1_writes_in_a_callback_are_gathered() {
    let log = Log::default();
    let (mut world, peer, _) = World::with(Script::new(&log).on_data(|transport, _| {
        (0..1000).for_each(|number| transport.write(format!("{number}\n")));
        Ok(())
    }));
    peer.send("x");
    world.settle();
    assert_eq!(peer.writes(), 1);
    assert_eq!(peer.received().len(), 3890);
}

/// Hazard 2, G2: a broadcast with the hub borrowed, ten lines from one read, is one write per peer.
#[test]
fn hazard_2_g2_a_broadcast_of_ten_lines_is_one_write_per_peer() {
    let (mut world, log, peers) = members(50, |hub, data| {
        for line in data.split_inclusive(|byte| *byte == b'\n') {
            hub.iter().for_each(|member| member.write(line));
        }
    });
    peers[0].send("line\n".repeat(10));
    world.turn();
    for peer in &peers {
        assert_eq!(peer.received(), "line\n".repeat(10).as_bytes());
        assert_eq!(peer.writes(), 1);
    }
    assert!(log.take().is_empty());
}

/// Hazard 3: notifications of the marks never come from inside a write.
#[test]
fn hazard_3_notifications_come_after_the_callback() {
    let log = Log::default();
    let inner = log.clone();
    let (mut world, peer, _) = World::with(
        Script::new(&log)
            .on_data(move |transport, _| {
                transport.write(vec![0; 200_000]);
                inner.add("written");
                Ok(())
            })
            .on_paused(|transport| {
                transport.write("a bit more");
                transport.resume_reading();
            })
            .on_resumed(|transport| transport.write(vec![0; 200_000])),
    );
    peer.set_window(Some(0));
    peer.send("x");
    world.settle();
    assert_eq!(log.take(), ["made", "data x", "written", "writing paused"]);
    peer.set_window(Some(200_010));
    world.settle();
    assert_eq!(log.take(), ["writing resumed", "reading resumed", "writing paused"]);
}

/// Hazard 3: a notification that is overtaken by the close is not given.
#[test]
fn hazard_3_no_notification_while_closing() {
    let log = Log::default();
    let (mut world, peer, _) = World::with(Script::new(&log).on_data(|transport, _| {
        transport.write(vec![0; 100_000]);
        transport.lose_connection();
        Ok(())
    }));
    peer.set_window(Some(0));
    peer.send("x");
    world.settle();
    peer.set_window(None);
    peer.finish();
    world.settle();
    assert_eq!(log.take(), ["made", "data x", "lost closed"]);
}

/// Hazard 4: after closing in a callback, input that has arrived already is not delivered.
#[test]
fn hazard_4_closing_in_a_callback_ends_input() {
    let log = Log::default();
    let inner = log.clone();
    let (mut world, peer, _) = World::with(Script::new(&log).on_data(move |transport, _| {
        transport.write("bye");
        transport.lose_connection();
        assert!(!transport.delivers_input() && !transport.is_open());
        inner.add("returning");
        Ok(())
    }));
    peer.send(vec![b'x'; 200_000]);
    peer.finish();
    world.settle();
    assert_eq!(log.take(), ["made", "data of 66560", "returning", "lost closed"]);
    assert_eq!(peer.received(), b"bye");
    assert!(!peer.was_reset());
}

/// Hazard 5, G1, G2: everybody aborts everybody, in callbacks of all kinds; each hears of one loss.
#[test]
fn hazard_5_g1_g2_everybody_aborts_everybody() {
    let (mut world, log, peers) = members(40, |hub, _| {
        hub.iter().for_each(Transport::abort_connection);
        hub.iter().for_each(|member| member.write("zombie"));
    });
    peers.iter().for_each(|peer| peer.send("x"));
    world.settle();
    assert_eq!(log.take(), ["aborted"; 40]);
    assert!(peers.iter().all(|peer| peer.was_reset() && peer.arrived() == 0));
    assert_eq!(world.connections(), 0);
    assert_eq!(world.memory.descriptors(), 1);
}

/// Hazard 5: a loss that makes the others close, whose losses close the others.
#[test]
fn hazard_5_losses_that_cause_losses() {
    let (mut world, log, peers) =
        members(40, |hub, _| hub.iter().take(1).for_each(Transport::abort_connection));
    peers[20].reset();
    world.settle();
    assert_eq!(log.count("aborted"), 39);
    assert_eq!(log.count("broken"), 1);
    assert_eq!(world.connections(), 0);
}

/// Hazard 6: an event of the same batch for a connection that was aborted earlier in it reaches nobody, not even a new
/// connection in its place.
#[test]
fn hazard_6_stale_events_reach_nobody() {
    let log = Log::default();
    let mut world = World::new();
    let victim = Rc::new(RefCell::new(None::<Transport>));
    let target = Rc::clone(&victim);
    let (killer, _) = world.open(Script::new(&Log::default()).on_data(move |_, _| {
        if let Some(victim) = &*target.borrow() {
            victim.abort_connection();
        }
        Ok(())
    }));
    let script = log.clone();
    let (_, address) = world.listen(for_protocol(move || Script::new(&script)));
    for _ in 0..10 {
        let (peer, transport) = world.open(Script::new(&log));
        *victim.borrow_mut() = Some(transport);
        killer.send("kill");
        peer.send("too late");
        let newcomer = world.memory.connect(address).unwrap();
        peer.spurious(Readiness { readable: true, writable: true, ..Readiness::default() });
        world.settle();
        let entries = log.take();
        assert_eq!(entries.iter().filter(|entry| *entry == "lost aborted").count(), 1, "{entries:?}");
        assert!(!entries.iter().any(|entry| entry.starts_with("data")), "{entries:?}");
        assert!(!newcomer.is_closed());
    }
}

/// Hazard 7: a write in `connection_made` that fails is told later, as a loss.
#[test]
fn hazard_7_a_failing_first_write_is_a_loss() {
    let log = Log::default();
    let mut world = World::new();
    let script = log.clone();
    let (_, address) = world.listen(for_protocol(move || {
        let inner = script.clone();
        Script::new(&script).on_made(move |transport| {
            transport.write("welcome");
            inner.add("returning");
        })
    }));
    let peer = world.memory.connect(address).unwrap();
    peer.fail_next(Operation::Write, 1, ErrorKind::BrokenPipe);
    let reset = world.memory.connect(address).unwrap();
    reset.reset();
    world.settle();
    let entries = log.take();
    assert_eq!(entries[..4], ["made", "returning", "made", "returning"]);
    assert_eq!(entries.len(), 6);
    assert!(entries[4..].contains(&"lost broken BrokenPipe".into()), "{entries:?}");
    assert!(entries[4..].contains(&"lost broken ConnectionReset".into()), "{entries:?}");
}

/// Hazard 8: errors and panics of one among many end that one.
#[test]
fn hazard_8_g7_a_bad_one_among_many() {
    let mut world = World::new();
    let (_, address) = world.listen(for_protocol(|| {
        Script::new(&Log::default()).on_data(|transport, data| {
            assert_ne!(data, b"panic");
            if data == b"error" {
                return Err("on purpose".into());
            }
            transport.write(data);
            Ok(())
        })
    }));
    let peers: Vec<_> = (0..9).map(|_| world.memory.connect(address).unwrap()).collect();
    for (peer, data) in peers.iter().zip(["fine", "panic", "error"].iter().cycle()) {
        peer.send(data);
    }
    world.settle();
    for (number, peer) in peers.iter().enumerate() {
        assert_eq!(peer.has_finished() || peer.was_reset(), number % 3 != 0);
        assert_eq!(peer.received() == b"fine", number % 3 == 0);
    }
}

/// Hazard 11, G5: two protocols that wake each other for ever, and timers of no delay, do not starve a third.
#[test]
fn hazard_11_g5_mutual_events_starve_nobody() {
    let mut world = World::new();
    let ends: Rc<RefCell<Vec<Transport>>> = Rc::default();
    let notices = Rc::new(Cell::new(0));
    for other in [1, 0] {
        let (others, notices) = (Rc::clone(&ends), Rc::clone(&notices));
        let (_, transport) = world.open(Script::new(&Log::default()).on_event(move |_, _| {
            notices.set(notices.get() + 1);
            others.borrow()[other].post("again");
        }));
        ends.borrow_mut().push(transport);
    }
    let (peer, transport) = world.open(Echo);
    ends.borrow()[0].post("begin");
    again(transport.reactor());
    peer.send("hello");
    (0..10).for_each(|_| world.turn());
    assert_eq!(peer.received(), b"hello");
    assert!((5..=10).contains(&notices.get()), "one notice a turn, not {}", notices.get());
}

/// Makes a timer of no delay that makes the next.
fn again(reactor: &ropewalk::ReactorHandle) {
    reactor.call_later(Duration::ZERO, again);
}

/// Hazard 12: what a pause leaves unread comes after resuming, without a new edge.
#[test]
fn hazard_12_reading_goes_on_without_a_new_edge() {
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Script::new(&log).on_data(|transport, _| {
        transport.pause_reading();
        Ok(())
    }));
    peer.send(vec![b'x'; 16 * 66_560]);
    world.settle();
    for read in 1..=16 {
        assert_eq!(log.count("data of 66560"), read);
        transport.resume_reading();
        world.settle();
    }
    assert_eq!(log.count("data"), 16);
}

/// Hazard 13: a protocol whose destructor writes to others.
#[test]
fn hazard_13_destructors_may_write_to_others() {
    struct Farewell(Transport);
    impl Drop for Farewell {
        fn drop(&mut self) {
            self.0.write("farewell");
        }
    }
    let mut world = World::new();
    let (witness, other) = world.open(Echo);
    let farewell = Farewell(other);
    let (peer, _) = world.open(Script::new(&Log::default()).on_made(move |_| {
        let _ = &farewell;
    }));
    peer.reset();
    world.settle();
    assert_eq!(witness.received(), b"farewell");
}

/// Hazard 14: a megabyte and a hang-up at once: all of it, then the loss.
#[test]
fn hazard_14_all_input_comes_before_the_hang_up() {
    for reset in [false, true] {
        let log = Log::default();
        let (mut world, peer, _) = World::with(Script::new(&log));
        peer.send(vec![b'x'; 1024 * 1024]);
        if reset {
            peer.reset()
        } else {
            peer.finish()
        }
        world.settle();
        assert_eq!((log.count("data of 66560"), log.count("data of 62464")), (12, 4));
        let end = if reset { "lost broken ConnectionReset" } else { "lost closed" };
        assert_eq!(log.last(), end);
    }
}

/// Hazard 15: listening, connecting and stopping from inside a callback.
#[test]
fn hazard_15_listening_and_connecting_in_a_callback() {
    let log = Log::default();
    let results = log.clone();
    let (mut world, peer, transport) = World::with(Script::new(&log).on_data(move |transport, _| {
        let reactor = transport.reactor();
        let any = ([127, 0, 0, 1], 0);
        let port = reactor.listen(any, ListenOptions::default(), for_protocol(|| Echo))?;
        let ropewalk::Address::Tcp(address) = *port.address() else { return Ok(()) };
        let again = reactor.listen(address, ListenOptions::default(), for_protocol(|| Echo));
        results.add(format!("{:?}", again.unwrap_err().kind()));
        let refused = ([192, 0, 2, 1], 80);
        let results = results.clone();
        reactor
            .connect(refused, &ConnectOptions::default(), for_protocol(|| Echo))
            .then(move |result| results.add(result.unwrap_err().to_string()));
        transport.write(address.to_string());
        Ok(())
    }));
    peer.send("x");
    world.settle();
    let refusal = "connecting to 192.0.2.1:80: connection refused";
    assert_eq!(log.take(), ["made", "data x", "AddrInUse", refusal]);
    let address = String::from_utf8(peer.received()).unwrap().parse().unwrap();
    let client = world.memory.connect(address).unwrap();
    client.send("hello");
    world.settle();
    assert_eq!(client.received(), b"hello");
    transport.reactor().stop();
    world.settle();
    assert!(client.is_closed());
}

/// G2: two connections that write to each other within their callbacks, deeply, take turns.
#[test]
fn g2_writing_to_others_inside_callbacks() {
    let (mut world, _, peers) = members(10, |hub, data| {
        for member in hub {
            member.write(data);
            member.pause_reading();
            member.resume_reading();
            member.post(());
        }
    });
    for _ in 0..100 {
        peers.iter().for_each(|peer| peer.send("x"));
        world.settle();
    }
    assert!(peers.iter().all(|peer| peer.received().len() == 1000));
    world.run_for(SECOND);
    assert_eq!(world.reactor.stats().panics, 0);
}
