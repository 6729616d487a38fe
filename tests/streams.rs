//! How connections are made, closed, half-closed, aborted and lost (S44–S65), on virtual time.

mod world;

use std::cell::RefCell;
use std::io::ErrorKind;
use std::rc::Rc;

use ropewalk::driver::Readiness;
use ropewalk::testing::Operation;
use ropewalk::{Protocol, Result, Transport, factory_fn, for_protocol};
use world::{Echo, Log, SECOND, Script, World};

/// S44: everything written before the close arrives, then a clean end.
#[test]
fn s44_g3_lose_connection_flushes_first() {
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Script::new(&log));
    peer.set_window(Some(1000));
    transport.write(vec![b'x'; 5_000_000]);
    transport.lose_connection();
    let mut received = 0;
    while !peer.has_finished() {
        world.settle();
        received += peer.received().len();
        peer.open_window(100_000);
    }
    assert_eq!(received, 5_000_000);
    assert!(!peer.is_closed(), "the peer's farewell is waited for");
    peer.finish();
    world.settle();
    assert!(peer.is_closed() && !peer.was_reset());
    assert_eq!(log.take(), ["made", "lost closed"]);
}

/// S45: after the close bytes are read, so that they destroy nothing, but not delivered.
#[test]
fn s45_input_after_lose_connection_is_thrown_away() {
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Script::new(&log));
    transport.write("goodbye");
    transport.lose_connection();
    world.settle();
    peer.send("too late");
    world.settle();
    peer.finish();
    world.settle();
    assert_eq!(log.take(), ["made", "lost closed"]);
    assert!(!peer.was_reset());
    assert_eq!(peer.received(), b"goodbye");
}

/// S46: repeating any of it, or doing it after the loss, does nothing.
#[test]
fn s46_closing_again_and_after_the_loss_does_nothing() {
    let log = Log::default();
    let every_way = |transport: &Transport| {
        transport.lose_connection();
        transport.abort_connection();
        transport.lose_connection();
        transport.lose_write_connection();
        transport.fail("late");
        transport.write("zombie");
        transport.write_shared(vec![0; 1000].into());
        transport.pause_reading();
        transport.resume_reading();
        transport.set_idle_timeout(Some(SECOND));
        transport.set_timer(SECOND);
        transport.set_nodelay(false);
        transport.post("event");
        transport.switch_protocol(Echo, "leftover");
    };
    let (mut world, peer, transport) =
        World::with(Script::new(&log).on_lost(move |transport, _| every_way(transport)));
    every_way(&transport);
    world.run_for(SECOND * 10);
    every_way(&transport);
    world.run_for(SECOND * 10);
    assert_eq!(log.take(), ["made", "lost aborted"]);
    assert_eq!(peer.received(), b"");
    assert_eq!(world.reactor.stats().timers, 0);
    assert!(!transport.is_open());
}

/// S47 (the one rule): what is written after the close is dropped, even while earlier output is being flushed.
#[test]
fn s47_writing_after_lose_connection_is_dropped() {
    let (mut world, peer, transport) = World::with(Echo);
    peer.set_window(Some(3));
    transport.write("before");
    transport.lose_connection();
    transport.write("after");
    world.settle();
    transport.write("long after");
    peer.set_window(None);
    world.settle();
    assert_eq!(peer.received(), b"before");
}

/// S50: an abort throws output away, resets, and is told later, once.
#[test]
fn s50_abort_discards_and_resets() {
    let log = Log::default();
    let inner = log.clone();
    let (mut world, peer, _) = World::with(Script::new(&log).on_data(move |transport, _| {
        transport.write("never sent");
        transport.abort_connection();
        transport.abort_connection();
        transport.lose_connection();
        transport.write("nor this");
        inner.add("still in the callback");
        Ok(())
    }));
    peer.send("x");
    world.settle();
    assert_eq!(log.take(), ["made", "data x", "still in the callback", "lost aborted"]);
    assert!(peer.was_reset());
    assert_eq!(peer.received(), b"");
}

/// S51: an error in the callback that aborted outweighs the abort.
#[test]
fn s51_an_error_after_an_abort_is_the_reason() {
    let log = Log::default();
    let (mut world, peer, _) = World::with(Script::new(&log).on_data(|transport, _| {
        transport.abort_connection();
        Err("broken".into())
    }));
    peer.send("x");
    world.settle();
    assert_eq!(log.take(), ["made", "data x", "lost error broken"]);
}

/// S52 (with the flush that a last error line needs): an error ends the connection after its output.
#[test]
fn s52_an_error_flushes_and_ends_the_connection() {
    let log = Log::default();
    let (mut world, peer, _) = World::with(Script::new(&log).on_data(|transport, _| {
        transport.write("error: no such command\r\n");
        Err("no such command".into())
    }));
    peer.send("x");
    peer.send("y");
    world.settle();
    peer.send("z");
    peer.finish();
    world.settle();
    assert_eq!(peer.received(), b"error: no such command\r\n");
    assert_eq!(log.take(), ["made", "data xy", "lost error no such command"]);
    assert!(!peer.was_reset());
}

/// S56: a factory that gives no protocol has the connection closed cleanly.
#[test]
fn s56_a_refused_connection_is_closed() {
    let mut world = World::new();
    let (_, address) = world.listen(factory_fn(|_| None));
    let peer = world.memory.connect(address).unwrap();
    world.settle();
    assert!(peer.is_closed() && peer.has_finished() && !peer.was_reset());
    assert_eq!(world.connections(), 0);
}

/// S57: a factory that panics refuses; its port goes on.
#[test]
fn s57_g7_a_panicking_factory_leaves_its_port_alive() {
    let mut world = World::new();
    let (_, address) = world.listen(factory_fn(|peer| {
        assert_ne!(peer.port().unwrap() % 2, 1, "odd ports are not served");
        Some(Box::new(Echo))
    }));
    let peers: Vec<_> = (0..4).map(|_| world.memory.connect(address).unwrap()).collect();
    world.settle();
    for peer in peers {
        assert_eq!(peer.is_closed(), peer.address().port() % 2 == 1);
    }
    assert_eq!(world.reactor.stats().panics, 2);
}

/// S58: all input comes before the loss, the loss once, nothing after it, and the protocol is freed.
#[test]
fn s58_g1_all_input_then_one_loss_then_nothing() {
    let log = Log::default();
    let held = Rc::new(());
    let weak = Rc::downgrade(&held);
    let (mut world, peer, transport) = World::with(Script::new(&log).on_lost(move |_, _| {
        let _ = &held;
    }));
    peer.send(vec![b'x'; 1_000_000]);
    peer.reset();
    world.settle();
    let entries = log.take();
    assert_eq!(entries.first().unwrap(), "made");
    assert_eq!(entries.last().unwrap(), "lost broken ConnectionReset");
    assert_eq!(entries.len(), 1 + 16 + 1);
    assert!(weak.upgrade().is_none(), "the protocol is dropped although a handle lives");
    peer.spurious(Readiness { readable: true, writable: true, read_closed: true, error: true, urgent: true });
    transport.post("late");
    world.settle();
    assert!(log.take().is_empty());
}

/// S59 (the arrow's way): the peer's end closes the connection only after the output is flushed.
#[test]
fn s59_the_peers_end_flushes_before_the_close() {
    let (mut world, peer, transport) = World::with(Echo);
    peer.set_window(Some(131_072));
    transport.write(vec![0; 5_000_000]);
    peer.finish();
    world.settle();
    let mut received = peer.received().len();
    while !peer.is_closed() {
        world.settle();
        received += peer.received().len();
    }
    assert_eq!(received, 5_000_000);
}

/// S60: a protocol that wants it writes on after the peer's end.
#[test]
fn s60_half_close_by_the_peer() {
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Script::new(&log).on_eof(|_| Ok(())));
    peer.send("question");
    peer.finish();
    world.settle();
    assert_eq!(log.take(), ["made", "data question", "eof"]);
    assert!(transport.is_open());
    transport.write("answer");
    world.settle();
    assert_eq!(peer.received(), b"answer");
    transport.lose_connection();
    world.settle();
    assert_eq!(log.take(), ["lost closed"]);
}

/// S61: finishing one's own side flushes, drops later writes, and goes on reading.
#[test]
fn s61_half_close_by_this_side() {
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Script::new(&log));
    peer.set_window(Some(2));
    transport.write("request");
    transport.lose_write_connection();
    transport.write("dropped");
    world.settle();
    assert!(!peer.has_finished());
    peer.set_window(None);
    world.settle();
    assert!(peer.has_finished());
    assert_eq!(peer.received(), b"request");
    peer.send("response");
    world.settle();
    peer.finish();
    world.settle();
    assert_eq!(log.take(), ["made", "data response", "eof", "lost closed"]);
}

/// S62 (the arrow's way): closing after one's own side has finished is told later, not from within.
#[test]
fn s62_g2_closing_a_finished_side_is_told_later() {
    let log = Log::default();
    let inner = log.clone();
    let (mut world, peer, transport) = World::with(Script::new(&log).on_data(move |transport, _| {
        transport.lose_connection();
        inner.add("returning");
        Ok(())
    }));
    transport.lose_write_connection();
    world.settle();
    peer.send("x");
    world.settle();
    peer.finish();
    world.settle();
    assert_eq!(log.take(), ["made", "data x", "returning", "lost closed"]);
}

/// S63: a pause from the first callback on holds input back, and its end with it.
#[test]
fn s63_pausing_in_connection_made_delivers_nothing() {
    let log = Log::default();
    let (mut world, peer, transport) =
        World::with(Script::new(&log).on_made(|transport| transport.pause_reading()));
    peer.send("data");
    peer.finish();
    world.run_for(SECOND * 1000);
    assert_eq!(log.take(), ["made"]);
    transport.resume_reading();
    world.settle();
    assert_eq!(log.take(), ["reading resumed", "data data", "eof", "lost closed"]);
}

/// S64 (the arrow's way): a hang-up is noticed while paused; what came before it can still be had.
#[test]
fn s64_a_hang_up_is_noticed_while_paused() {
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Script::new(&log));
    transport.pause_reading();
    peer.send("last words");
    world.settle();
    peer.reset();
    world.settle();
    assert!(!transport.is_open());
    transport.resume_reading();
    world.settle();
    assert_eq!(log.take(), ["made", "reading resumed", "data last words", "lost broken ConnectionReset"]);
}

/// S64: also if the pause comes while input before the hang-up is being delivered, when no event is left to come.
#[test]
fn s64_pausing_amid_the_last_input_hides_no_hang_up() {
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Script::new(&log).on_data(|transport, _| {
        transport.pause_reading();
        Ok(())
    }));
    peer.send(vec![b'x'; 100_000]);
    peer.reset();
    world.settle();
    assert_eq!(log.take(), ["made", "data of 66560"]);
    assert!(!transport.is_open());
    world.run_for(transport.limits().close_timeout);
    assert_eq!(log.take(), ["lost broken ConnectionReset"]);
}

/// S65: resuming while closing or after the loss does nothing.
#[test]
fn s65_resuming_while_closing_does_nothing() {
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Script::new(&log));
    transport.pause_reading();
    peer.set_window(Some(0));
    transport.write("x");
    transport.lose_connection();
    peer.send("unwanted");
    world.settle();
    transport.resume_reading();
    world.settle();
    peer.set_window(None);
    peer.finish();
    world.settle();
    transport.resume_reading();
    world.settle();
    assert_eq!(log.take(), ["made", "lost closed"]);
}

/// Spurious readiness and `WouldBlock` at any point change nothing (the contract of drivers).
#[test]
fn spurious_readiness_changes_nothing() {
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Script::new(&log));
    for _ in 0..5 {
        peer.spurious(Readiness { readable: true, writable: true, ..Readiness::default() });
        world.settle();
    }
    peer.fail_next(Operation::Read, 3, ErrorKind::WouldBlock);
    peer.fail_next(Operation::Write, 3, ErrorKind::WouldBlock);
    transport.write("out");
    peer.send("in");
    world.settle();
    peer.fail_next(Operation::Read, 2, ErrorKind::Interrupted);
    peer.fail_next(Operation::Write, 2, ErrorKind::Interrupted);
    transport.write("out");
    peer.send("in");
    world.settle();
    assert_eq!(log.take(), ["made", "data in", "data in"]);
    assert_eq!(peer.received(), b"outout");
}

/// Whichever call fails, the connection ends once and leaves nothing behind (G1, G10).
#[test]
fn g10_every_failing_call_ends_the_connection_and_frees_it() {
    for operation in [Operation::Read, Operation::Write, Operation::Shutdown] {
        let log = Log::default();
        let (mut world, peer, transport) = World::with(Script::new(&log).on_data(|transport, _| {
            transport.write("answer");
            transport.lose_write_connection();
            Ok(())
        }));
        peer.fail_next(operation, 1, ErrorKind::ConnectionAborted);
        peer.send("x");
        world.settle();
        assert_eq!(log.count("made"), 1, "{operation:?}");
        assert_eq!(log.count("lost broken ConnectionAborted"), 1, "{operation:?}: {:?}", log.take());
        assert!(peer.is_closed() && !transport.is_open());
        assert_eq!(world.memory.descriptors(), 0, "{operation:?}");
    }
}

/// A connection that cannot be registered is closed, and no protocol hears of it.
#[test]
fn g10_a_connection_that_cannot_be_registered_is_freed() {
    let log = Log::default();
    let mut world = World::new();
    let script = log.clone();
    let (_, address) = world.listen(for_protocol(move || Script::new(&script)));
    let peer = world.memory.connect(address).unwrap();
    world.memory.fail_next(Operation::Register, 1, ErrorKind::OutOfMemory);
    world.settle();
    assert!(peer.is_closed());
    assert!(log.take().is_empty());
    assert_eq!(world.memory.descriptors(), 1, "the listener");
    let second = world.memory.connect(address).unwrap();
    world.settle();
    assert!(!second.is_closed());
}

/// Options reach the socket.
#[test]
fn socket_options_are_applied() {
    let (mut world, peer, transport) = World::with(Echo);
    assert!(peer.nodelay());
    transport.set_nodelay(false);
    transport.set_keepalive(Some(SECOND));
    world.settle();
    assert!(!peer.nodelay());
    assert_eq!(peer.keepalive(), Some(SECOND));
}

/// Keeps its transport for others.
struct Keep(Rc<RefCell<Option<Transport>>>);

impl Protocol for Keep {
    fn connection_made(&mut self, transport: &Transport) {
        *self.0.borrow_mut() = Some(transport.clone());
        transport.write("welcome");
    }

    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result {
        Ok(())
    }
}

/// An accepted connection knows both addresses and may write from its first callback.
#[test]
fn an_accepted_connection_knows_its_addresses() {
    let mut world = World::new();
    let kept = Rc::new(RefCell::new(None));
    let keep = Rc::clone(&kept);
    let (port, address) = world.listen(for_protocol(move || Keep(Rc::clone(&keep))));
    let peer = world.memory.connect(address).unwrap();
    world.settle();
    let transport = kept.borrow().clone().unwrap();
    assert_eq!(transport.host(), port.address());
    assert_eq!(transport.peer(), &peer.address().into());
    assert_eq!(peer.received(), b"welcome");
}
