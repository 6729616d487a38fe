//! Producers, push and pull (S68–S75), on virtual time.

mod world;

use std::cell::{Cell, RefCell};
use std::io::ErrorKind;
use std::rc::Rc;

use ropewalk::testing::Operation;
use ropewalk::{Producer, ProducerKind, Protocol, Reason, Result, Transport};
use world::{Echo, Log, SECOND, Script, World};

/// Logs what it is told, and writes pieces as long as it has some.
struct Source {
    log: Log,
    pieces: Rc<Cell<usize>>,
    length: usize,
}

impl Source {
    fn new(log: &Log, pieces: usize, length: usize) -> Self {
        Self { log: log.clone(), pieces: Rc::new(Cell::new(pieces)), length }
    }
}

impl Producer for Source {
    fn resume_producing(&mut self, transport: &Transport) {
        self.log.add("resume");
        if self.pieces.get() == 0 {
            transport.unregister_producer();
            return;
        }
        self.pieces.set(self.pieces.get() - 1);
        transport.write(vec![b'x'; self.length]);
    }

    fn pause_producing(&mut self, _: &Transport) {
        self.log.add("pause");
    }

    fn stop_producing(&mut self, _: &Transport) {
        self.log.add("stop");
    }
}

/// S68: a push producer is not called at registration, is paused above the mark, once, and resumed when drained.
#[test]
fn s68_a_push_producer_is_paused_and_resumed() {
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Echo);
    transport.register_producer(Source::new(&log, 0, 0), ProducerKind::Push).unwrap();
    world.settle();
    assert!(log.take().is_empty());
    peer.set_window(Some(0));
    transport.write(vec![0; 131_072]);
    world.settle();
    assert!(log.take().is_empty(), "131072 bytes are not above the mark");
    transport.write("x");
    world.settle();
    assert_eq!(log.take(), ["pause"]);
    transport.write("y");
    world.settle();
    assert!(log.take().is_empty(), "it knows already");
    peer.set_window(None);
    world.settle();
    assert_eq!(log.take(), ["resume"]);
}

/// S69: a pull producer is resumed at registration and once for each drained piece, never paused.
#[test]
fn s69_a_pull_producer_is_resumed_once_per_piece() {
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Echo);
    peer.set_window(Some(0));
    transport.register_producer(Source::new(&log, 3, 100_000), ProducerKind::Pull).unwrap();
    world.settle();
    assert_eq!(log.take(), ["resume"]);
    peer.set_window(Some(99_999));
    world.settle();
    assert!(log.take().is_empty(), "one byte is still to be sent");
    peer.set_window(Some(1));
    world.settle();
    assert_eq!(log.take(), ["resume"]);
    peer.set_window(None);
    world.settle();
    assert_eq!(log.take(), ["resume", "resume"]);
    assert_eq!(peer.received().len(), 300_000);
}

/// S69: one that writes nothing is not asked again and again.
#[test]
fn a_pull_producer_with_nothing_to_write_does_not_spin() {
    let log = Log::default();
    let (mut world, _, transport) = World::with(Echo);
    transport.register_producer(Source::new(&log, 5, 0), ProducerKind::Pull).unwrap();
    let polls = world.memory.polls();
    world.run_for(SECOND);
    assert_eq!(log.take(), ["resume"]);
    assert!(world.memory.polls() - polls < 5);
}

/// S70: there is one producer at a time; a second comes back.
#[test]
fn s70_a_second_producer_is_an_error() {
    let log = Log::default();
    let (mut world, _, transport) = World::with(Echo);
    transport.register_producer(Source::new(&log, 0, 0), ProducerKind::Push).unwrap();
    let error = transport.register_producer(Source::new(&log, 0, 0), ProducerKind::Push).unwrap_err();
    assert_eq!(error.to_string(), "the transport already has a producer; unregister it first");
    transport.unregister_producer();
    transport.register_producer(Source::new(&log, 0, 0), ProducerKind::Push).unwrap();
    world.settle();
    assert!(log.take().is_empty());
}

/// S70: registering with a lost connection stops the producer, also if it had one when it was lost.
#[test]
fn s70_registering_after_the_loss_stops_the_producer() {
    let log = Log::default();
    let (mut world, _, transport) = World::with(Echo);
    transport.register_producer(Source::new(&log, 0, 0), ProducerKind::Push).unwrap();
    transport.abort_connection();
    world.settle();
    assert_eq!(log.take(), ["stop"]);
    transport.register_producer(Source::new(&log, 1, 10), ProducerKind::Pull).unwrap();
    world.settle();
    assert_eq!(log.take(), ["stop"]);
}

/// S71: closing waits for a pull producer, which goes on until it unregisters.
#[test]
fn s71_closing_waits_for_a_pull_producer() {
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Echo);
    peer.set_window(Some(0));
    transport.register_producer(Source::new(&log, 5, 10_000), ProducerKind::Pull).unwrap();
    world.settle();
    transport.lose_connection();
    world.settle();
    peer.set_window(None);
    world.settle();
    assert_eq!(log.count("resume"), 6);
    assert_eq!(peer.received().len(), 50_000);
    assert!(peer.has_finished());
}

/// S72 (the arrow's way): closing waits for an un-paused push producer to unregister.
#[test]
fn s72_closing_waits_for_a_push_producer() {
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Script::new(&log));
    transport.register_producer(Source::new(&log, 0, 0), ProducerKind::Push).unwrap();
    transport.write("begun ");
    transport.lose_connection();
    world.settle();
    assert!(!peer.has_finished());
    transport.write("and finished");
    world.settle();
    transport.unregister_producer();
    transport.write("too late");
    world.settle();
    assert!(peer.has_finished());
    assert_eq!(peer.received(), b"begun and finished");
    peer.finish();
    world.settle();
    assert_eq!(log.take(), ["made", "lost closed"], "a producer that has finished is not stopped");
}

/// S73: unregistering after the loss does nothing.
#[test]
fn s73_unregistering_after_the_loss_does_nothing() {
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Echo);
    peer.set_window(Some(0));
    transport.register_producer(Source::new(&log, 1, 100_000), ProducerKind::Pull).unwrap();
    world.settle();
    peer.reset();
    world.settle();
    transport.unregister_producer();
    transport.write("x");
    world.settle();
    assert_eq!(log.take(), ["resume", "stop"]);
}

/// S74: the producer is stopped once, before `connection_lost`.
#[test]
fn s74_the_producer_is_stopped_before_the_protocol_hears() {
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Script::new(&log));
    transport.register_producer(Source::new(&log, 0, 0), ProducerKind::Push).unwrap();
    peer.reset();
    world.settle();
    assert_eq!(log.take(), ["made", "stop", "lost broken ConnectionReset"]);
}

/// A producer registered in the callback that aborts is stopped and never resumed.
#[test]
fn a_producer_registered_before_an_abort_is_only_stopped() {
    let log = Log::default();
    let (mut world, _, transport) = World::with(Echo);
    transport.register_producer(Source::new(&log, 5, 10), ProducerKind::Pull).unwrap();
    transport.abort_connection();
    world.settle();
    assert_eq!(log.take(), ["stop"]);
}

/// One side of a port forward.
struct Forward {
    log: Log,
    other: Rc<RefCell<Option<Transport>>>,
}

impl Protocol for Forward {
    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        if let Some(other) = &*self.other.borrow() {
            other.write(data);
        }
        Ok(())
    }

    fn eof_received(&mut self, transport: &Transport) -> Result {
        // The other side feeds this one no more.
        transport.unregister_producer();
        transport.lose_connection();
        if let Some(other) = &*self.other.borrow() {
            other.unregister_producer();
            other.lose_connection();
        }
        Ok(())
    }

    fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
        self.log.add(format!("lost {}", world::kind(reason)));
        if let Some(other) = &*self.other.borrow() {
            other.unregister_producer();
            other.lose_connection();
        }
    }
}

/// S75: two transports, each the other's producer, make a forwarder whose memory is bounded and that loses nothing.
#[test]
fn s75_two_transports_feed_each_other() {
    let log = Log::default();
    let (left_end, right_end) = (Rc::new(RefCell::new(None)), Rc::new(RefCell::new(None)));
    let mut world = World::new();
    let (left, left_transport) = world.open(Forward { log: log.clone(), other: Rc::clone(&right_end) });
    let (right, right_transport) = world.open(Forward { log: log.clone(), other: Rc::clone(&left_end) });
    *left_end.borrow_mut() = Some(left_transport.clone());
    *right_end.borrow_mut() = Some(right_transport.clone());
    left_transport.register_producer(right_transport.clone(), ProducerKind::Push).unwrap();
    right_transport.register_producer(left_transport.clone(), ProducerKind::Push).unwrap();
    right.set_window(Some(0));
    for _ in 0..100 {
        left.send(vec![b'x'; 20_000]);
        world.settle();
    }
    assert!(left_transport.is_reading_paused());
    assert!(right_transport.buffered() <= 131_072 + 65_536, "{}", right_transport.buffered());
    right.set_window(Some(1_000_000));
    let mut received = 0;
    while received < 2_000_000 {
        world.settle();
        let count = right.received().len();
        assert!(count > 0, "stuck at {received}");
        received += count;
    }
    right.send("answer");
    world.settle();
    assert_eq!(left.received(), b"answer");
    left.finish();
    world.settle();
    right.finish();
    world.settle();
    assert_eq!(log.count("lost closed"), 2, "{:?}", log.take());
}

/// A producer may do anything from within its callbacks.
#[test]
fn a_producer_may_close_from_pause_and_write_from_resume() {
    struct Closer;
    impl Producer for Closer {
        fn resume_producing(&mut self, _: &Transport) {}
        fn pause_producing(&mut self, transport: &Transport) {
            transport.unregister_producer();
            transport.lose_connection();
        }
    }
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Script::new(&log));
    transport.register_producer(Closer, ProducerKind::Push).unwrap();
    peer.set_window(Some(0));
    transport.write(vec![0; 200_000]);
    world.settle();
    peer.set_window(None);
    peer.finish();
    world.settle();
    assert_eq!(peer.received().len(), 200_000);
    assert_eq!(log.last(), "lost closed");
}

/// A producer that hands over to the next one from within its last callback is not called again.
#[test]
fn a_producer_that_registers_its_successor_is_done() {
    struct Relay {
        log: Log,
        name: &'static str,
        next: Option<Box<Self>>,
    }
    impl Producer for Relay {
        fn resume_producing(&mut self, transport: &Transport) {
            self.log.add(self.name);
            transport.write(self.name);
            transport.unregister_producer();
            if let Some(next) = self.next.take() {
                transport.register_producer(*next, ProducerKind::Pull).unwrap();
            }
        }
    }
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Echo);
    let second = Relay { log: log.clone(), name: "second", next: None };
    let first = Relay { log: log.clone(), name: "first", next: Some(Box::new(second)) };
    transport.register_producer(first, ProducerKind::Pull).unwrap();
    world.settle();
    assert_eq!(log.take(), ["first", "second"]);
    assert_eq!(peer.received(), b"firstsecond");
}

/// G6: a connection that failed is not kept open by a producer without an end.
#[test]
fn g6_an_error_does_not_wait_for_the_producer() {
    let log = Log::default();
    let script = Script::new(&log).on_data(|transport, _| {
        transport.write("sorry");
        Err("on purpose".into())
    });
    let (mut world, peer, transport) = World::with(script);
    peer.set_window(Some(0));
    transport.register_producer(Source::new(&log, usize::MAX, 10), ProducerKind::Pull).unwrap();
    world.settle();
    assert_eq!(log.take(), ["made", "resume"]);
    peer.send("x");
    world.settle();
    peer.set_window(Some(1000));
    world.settle();
    assert_eq!(peer.received(), b"xxxxxxxxxxsorry");
    peer.finish();
    world.settle();
    assert_eq!(log.take(), ["data x", "stop", "lost error on purpose"]);
}

/// What is produced for a peer that is gone would go nowhere.
#[test]
fn a_producer_is_not_resumed_for_a_peer_that_is_gone() {
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Echo);
    peer.set_window(Some(0));
    transport.register_producer(Source::new(&log, 3, 100), ProducerKind::Pull).unwrap();
    world.settle();
    assert_eq!(log.take(), ["resume"]);
    // While reading is paused, the loss waits: there may be input before it.
    transport.pause_reading();
    peer.fail_next(Operation::Write, 1, ErrorKind::ConnectionReset);
    peer.set_window(None);
    world.settle();
    assert_eq!(world.connections(), 1);
    assert!(log.take().is_empty());
    transport.resume_reading();
    world.settle();
    assert_eq!(log.take(), ["stop"]);
}
