//! What layers may hold, answer and pass on, to the byte, and in which order ends are told.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod layering;
mod world;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use layering::{END, GREETING, Layered, Masked, masked};
use ropewalk::testing::{Operation, Peer};
use ropewalk::{Layer, LayerState, Protocol, Result, Transport, factory_fn};
use world::{Log, Script, World};

const KIB: usize = 1024;

/// Passes everything on once it has enough of it.
struct Passing {
    /// So many bytes it needs to begin with.
    needs: usize,
    /// With so many bytes it answers each input.
    answers: usize,
    /// How many bytes of output have come through it.
    sent: Rc<Cell<usize>>,
    state: LayerState,
}

impl Passing {
    fn new() -> Self {
        Self { needs: 0, answers: 0, sent: Rc::default(), state: LayerState::Open }
    }
}

impl Layer for Passing {
    fn name(&self) -> &'static str {
        "passing"
    }

    fn received(&mut self, input: &mut [u8], up: &mut Vec<u8>, down: &mut Vec<u8>) -> Result<usize> {
        if input.len() < self.needs {
            return Ok(0);
        }
        self.needs = 0;
        up.extend_from_slice(input);
        down.resize(down.len() + self.answers, b'!');
        Ok(input.len())
    }

    fn send(&mut self, data: &[u8], down: &mut Vec<u8>) -> Result {
        self.sent.set(self.sent.get() + data.len());
        down.extend_from_slice(data);
        Ok(())
    }

    fn state(&self) -> LayerState {
        self.state
    }
}

/// A server connection of `protocol` above `layer`.
fn serve(layer: impl Layer, protocol: impl Protocol + 'static) -> (World, Peer) {
    let mut world = World::new();
    let protocol = RefCell::new(Some(Box::new(protocol) as Box<dyn Protocol>));
    let layer = RefCell::new(Some(Box::new(layer) as Box<dyn Layer>));
    let factory =
        Layered::new(factory_fn(move |_| protocol.take()), move || layer.take().into_iter().collect());
    let (_, address) = world.listen(factory);
    let peer = world.memory.connect(address).unwrap();
    world.settle();
    (world, peer)
}

/// How many bytes the protocol has heard.
fn adding(log: &Log, heard: &Rc<Cell<usize>>) -> Script {
    let heard = Rc::clone(heard);
    Script::new(log).on_data(move |_, data| {
        heard.set(heard.get() + data.len());
        Ok(())
    })
}

#[test]
fn a_layer_may_leave_128_kib_unused_and_no_byte_more() {
    let most = 128 * KIB;
    for (excess, is_fine) in [(1, true), (2, false)] {
        let (log, heard) = (Log::default(), Rc::default());
        let (mut world, peer) =
            serve(Passing { needs: most + excess, ..Passing::new() }, adding(&log, &heard));
        peer.send(vec![b'x'; most]);
        world.settle();
        assert_eq!(log.take(), ["made"]);
        peer.send("x");
        world.settle();
        peer.finish();
        world.settle();
        assert_eq!((heard.get() == most + 1, log.last().contains("131073")), (is_fine, !is_fine));
    }
}

#[test]
fn reading_goes_on_below_64_kib_of_answers_that_wait_and_up_to_them() {
    for (answers, read) in [(64 * KIB, 2), (64 * KIB + 1, 1)] {
        let log = Log::default();
        let (mut world, peer) = serve(Passing { answers, ..Passing::new() }, Script::new(&log));
        peer.set_window(Some(0));
        for _ in 0..3 {
            peer.send("speak");
            world.settle();
        }
        assert_eq!(log.count("data"), read, "answers of {answers}");
    }
}

/// What waits for a peer that is gone is no reason any more not to read what came before.
#[test]
fn answers_that_cannot_be_sent_any_more_do_not_hold_back_input() {
    let (log, heard) = (Log::default(), Rc::default());
    let (mut world, peer) = serve(Passing { answers: 100_000, ..Passing::new() }, adding(&log, &heard));
    peer.set_window(Some(0));
    peer.send("speak");
    world.settle();
    peer.send(vec![b'x'; 300_000]);
    world.settle();
    assert_eq!(heard.get(), 5, "the answer has to go out first");
    peer.fail_next(Operation::Write, 1, std::io::ErrorKind::BrokenPipe);
    peer.open_window(1);
    world.settle();
    assert_eq!((heard.get(), log.last().as_str()), (300_005, "lost broken BrokenPipe"));
}

#[test]
fn output_passes_through_layers_as_the_socket_takes_it() {
    let sent = Rc::<Cell<usize>>::default();
    let script = Script::new(&Log::default()).on_data(|transport, _| {
        transport.write(vec![b'x'; 500_000]);
        Ok(())
    });
    let (mut world, peer) = serve(Passing { sent: Rc::clone(&sent), ..Passing::new() }, script);
    peer.set_window(Some(0));
    peer.send("go");
    world.settle();
    assert!(
        (1..=64 * KIB).contains(&sent.get()),
        "{} bytes on their way to a socket that is full",
        sent.get()
    );
    peer.set_window(None);
    world.settle();
    assert_eq!((sent.get(), peer.received().len()), (500_000, 500_000));
}

#[test]
fn a_layer_that_has_ended_the_input_is_not_asked_whether_it_may_end() {
    struct Ended(LayerState);
    impl Layer for Ended {
        fn name(&self) -> &'static str {
            "ended"
        }
        fn received(&mut self, input: &mut [u8], _: &mut Vec<u8>, _: &mut Vec<u8>) -> Result<usize> {
            self.0 = LayerState::InputEnded;
            Ok(input.len())
        }
        fn may_end(&self) -> bool {
            false
        }
        fn state(&self) -> LayerState {
            self.0
        }
    }
    let log = Log::default();
    let (mut world, peer) = serve(Ended(LayerState::Open), Script::new(&log));
    peer.send("the end");
    world.settle();
    assert_eq!(log.take()[..2], ["made", "eof"]);
}

#[test]
fn the_end_within_a_layer_waits_for_a_receiver_that_holds_input() {
    let log = Log::default();
    let script = Script::new(&log).on_data(|transport, _| {
        transport.continue_reading();
        Ok(())
    });
    let (mut world, peer) = serve(Masked::server(), script);
    peer.send([GREETING, &masked("two at once"), END].concat());
    world.settle();
    assert_eq!(log.take()[..4], ["made", "data two at once", "reading resumed", "eof"]);
}

#[test]
fn a_connection_that_closes_as_a_layer_is_put_in_place_sends_what_was_written() {
    struct Leaving;
    impl Protocol for Leaving {
        fn data_received(&mut self, transport: &Transport, _: &[u8]) -> Result {
            transport.write("before");
            transport.insert_layer(Masked::server());
            transport.write("behind");
            Ok(())
        }
        fn layer_inserted(&mut self, transport: &Transport) -> Result {
            transport.lose_connection();
            Ok(())
        }
    }
    let (mut world, peer, _) = World::with(Leaving);
    peer.send("go");
    world.settle();
    peer.send(GREETING);
    world.settle();
    assert_eq!(peer.received(), [b"before", GREETING, &masked("behind"), END].concat());
}

#[test]
fn much_output_before_a_layer_takes_nothing_along_that_belongs_behind_it() {
    struct Upgrading;
    impl Protocol for Upgrading {
        fn data_received(&mut self, transport: &Transport, _: &[u8]) -> Result {
            (0..100).for_each(|_| transport.write([b'x'; 1_000]));
            transport.insert_layer(Masked::server());
            transport.write("secret");
            Ok(())
        }
    }
    let (mut world, peer, _) = World::with(Upgrading);
    peer.send("go");
    world.settle();
    assert_eq!(peer.received(), [b'x'; 100_000]);
    peer.send(GREETING);
    world.settle();
    assert_eq!(peer.received(), [GREETING, &masked("secret")].concat());
}
