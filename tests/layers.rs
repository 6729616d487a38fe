//! Layers between the wire and the protocol, from the beginning of a connection (DESIGN: layers), on virtual time.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod layering;
mod world;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use layering::{END, GREETING, Header, Layered, Masked, masked, unmask};
use ropewalk::testing::Peer;
use ropewalk::{
    ConnectError, ConnectOptions, ConnectResult, Factory, Layer, LayerState, Producer, ProducerKind, Result,
    Status, Transport, factory_fn, for_protocol,
};
use world::{Echo, Log, Script, World, limits};

fn masked_server() -> Vec<Box<dyn Layer>> {
    vec![Box::new(Masked::server())]
}

/// A server whose connections log what they hear and are masked, with one peer that has connected.
fn serve(script: impl Fn(&Log) -> Script + 'static) -> (World, Peer, Log, Rc<RefCell<Vec<String>>>) {
    let log = Log::default();
    let given = log.clone();
    let factory = Layered::new(for_protocol(move || script(&given)), masked_server);
    let failures = Rc::clone(&factory.failures);
    let mut world = World::new();
    let (_, address) = world.listen(factory);
    let peer = world.memory.connect(address).unwrap();
    world.settle();
    (world, peer, log, failures)
}

fn connect(world: &mut World, factory: impl Factory + 'static) -> (Peer, Rc<RefCell<Option<ConnectResult>>>) {
    let peer = world.memory.expect_connect(([10, 0, 0, 7], 7).into());
    peer.accept();
    let result = Rc::new(RefCell::new(None));
    let heard = Rc::clone(&result);
    world
        .reactor
        .connect(([10, 0, 0, 7], 7), &ConnectOptions::default(), factory)
        .then(move |result| *heard.borrow_mut() = Some(result));
    world.settle();
    (peer, result)
}

#[test]
fn the_protocol_is_made_when_the_layers_are_open() {
    let (mut world, peer, log, _) =
        serve(|log| Script::new(log).on_made(|transport| transport.write("welcome")));
    assert_eq!(log.take(), [""; 0]);
    assert_eq!(world.connections(), 1);
    peer.send(GREETING);
    world.settle();
    assert_eq!(log.take(), ["made"]);
    assert_eq!(peer.received(), [GREETING, &masked("welcome")].concat());
    assert_eq!(peer.writes(), 1, "what the layer says and what the protocol says go together");
    peer.send(masked("hello"));
    world.settle();
    assert_eq!(log.take(), ["data hello"]);
}

#[test]
fn every_cut_of_the_wire_gives_the_same_input() {
    let mut wire = [GREETING, &masked("hello"), &masked(" "), &masked("world")].concat();
    wire.extend_from_slice(END);
    for cut in 0..=wire.len() {
        let (mut world, peer, log, _) = serve(|log| {
            let log = log.clone();
            Script::new(&Log::default()).on_data(move |_, data| {
                log.add(String::from_utf8_lossy(data));
                Ok(())
            })
        });
        for piece in [&wire[..cut], &wire[cut..]] {
            peer.send(piece);
            world.settle();
        }
        assert_eq!(log.take().concat(), "hello world", "cut at {cut}");
        assert_eq!(peer.received(), [GREETING, END].concat(), "cut at {cut}");
        assert!(peer.has_finished(), "cut at {cut}");
    }
}

#[test]
fn one_byte_at_a_time_is_enough() {
    let (mut world, peer, log, _) = serve(Script::new);
    for byte in [GREETING, &masked("hello"), END].concat() {
        peer.send([byte]);
        world.settle();
    }
    peer.finish();
    world.settle();
    assert_eq!(log.take(), ["made", "data hello", "eof", "lost closed"]);
}

#[test]
fn more_than_a_buffer_of_records_arrives_whole() {
    let (mut world, peer, _, _) = serve(|_| {
        Script::new(&Log::default()).on_data(|transport, data| {
            transport.write(data);
            Ok(())
        })
    });
    let data: Vec<u8> = (0..1_000_000_u32).map(|number| (number % 251) as u8).collect();
    peer.send(GREETING);
    peer.send(masked(&data));
    world.settle();
    let mut echoed = peer.received();
    let mut echoed = echoed.split_off(GREETING.len());
    assert!(unmask(&mut echoed) == data);
    assert!(echoed.is_empty());
    assert_eq!(world.reactor.stats().output_buffered, 0);
}

#[test]
fn a_close_sends_what_was_written_and_the_layers_farewell() {
    let (mut world, peer, log, _) = serve(|log| {
        Script::new(log).on_data(|transport, _| {
            transport.write("bye");
            transport.lose_connection();
            Ok(())
        })
    });
    peer.send(GREETING);
    peer.send(masked("quit"));
    world.settle();
    assert_eq!(peer.received(), [GREETING, &masked("bye"), END].concat());
    assert!(peer.has_finished());
    peer.finish();
    world.settle();
    assert_eq!(log.take(), ["made", "data quit", "lost closed"]);
}

#[test]
fn a_half_close_says_farewell_and_still_hears() {
    let (mut world, peer, log, _) = serve(|log| Script::new(log).on_made(Transport::lose_write_connection));
    peer.send(GREETING);
    world.settle();
    assert_eq!(peer.received(), [GREETING, END].concat());
    assert!(peer.has_finished());
    peer.send([masked("last words"), END.to_vec()].concat());
    world.settle();
    assert_eq!(log.take(), ["made", "data last words", "eof", "lost closed"]);
}

#[test]
fn input_that_ends_without_the_layers_mark_is_truncated() {
    let (mut world, peer, log, _) = serve(Script::new);
    peer.send([GREETING, &masked("half of")].concat());
    peer.finish();
    world.settle();
    let lost = "lost the peer closed the connection without saying that its input was over";
    assert_eq!(log.take(), ["made", "data half of", lost]);
}

#[test]
fn a_handshake_that_ends_or_fails_or_lasts_is_a_failure_with_a_reason() {
    let (mut world, peer, log, failures) = serve(Script::new);
    peer.finish();
    world.settle();
    assert_eq!(*failures.borrow(), ["the peer closed the connection during the masked handshake"]);
    assert_eq!((log.take(), world.connections()), (vec![], 0));

    let (mut world, peer, log, failures) = serve(Script::new);
    peer.send("GET / HTTP/1.1");
    world.settle();
    assert_eq!(peer.received(), b"SORRY", "the layer's last words are sent");
    assert!(peer.has_finished() && !peer.was_reset());
    peer.finish();
    world.settle();
    assert_eq!(*failures.borrow(), ["this is no greeting"]);
    assert_eq!((log.take(), world.connections()), (vec![], 0));

    let (mut world, peer, _, failures) = serve(Script::new);
    peer.send("H");
    world.run_for(Duration::from_millis(9_999));
    assert!(failures.borrow().is_empty());
    world.run_for(Duration::from_millis(1));
    assert_eq!(*failures.borrow(), ["the handshake took longer than 10s"]);
    assert!(peer.is_closed());
}

/// The connection still reads until the peer has finished, but not for the layer, which is in no state to hear it.
#[test]
fn a_layer_that_has_failed_hears_no_more() {
    struct FailsAlways(Rc<Cell<usize>>);
    impl Layer for FailsAlways {
        fn name(&self) -> &'static str {
            "failing"
        }
        fn received(&mut self, _: &mut [u8], _: &mut Vec<u8>, _: &mut Vec<u8>) -> Result<usize> {
            self.0.set(self.0.get() + 1);
            Err("a bad record".into())
        }
        fn send(&mut self, _: &[u8], _: &mut Vec<u8>) -> Result {
            unreachable!("there is no protocol")
        }
        fn state(&self) -> LayerState {
            LayerState::Opening
        }
    }
    let calls = Rc::new(Cell::new(0));
    let counted = Rc::clone(&calls);
    let mut world = World::new();
    let (_, address) = world.listen(Layered::new(for_protocol(|| Echo), move || {
        vec![Box::new(FailsAlways(Rc::clone(&counted))) as _]
    }));
    let peer = world.memory.connect(address).unwrap();
    for _ in 0..3 {
        peer.send("something");
        world.settle();
    }
    peer.finish();
    world.settle();
    assert_eq!((calls.get(), world.connections()), (1, 0));
}

#[test]
fn a_layer_that_fails_later_ends_the_connection_with_its_reason() {
    struct Fails(Masked);
    impl Layer for Fails {
        fn name(&self) -> &'static str {
            "failing"
        }
        fn received(&mut self, input: &mut [u8], up: &mut Vec<u8>, down: &mut Vec<u8>) -> Result<usize> {
            if input.contains(&0xff) {
                down.extend_from_slice(b"ALERT");
                return Err("a bad record".into());
            }
            self.0.received(input, up, down)
        }
        fn send(&mut self, data: &[u8], down: &mut Vec<u8>) -> Result {
            self.0.send(data, down)
        }
        fn state(&self) -> LayerState {
            self.0.state()
        }
    }
    let log = Log::default();
    let given = log.clone();
    let script = move || {
        Script::new(&given).on_data(|transport, _| {
            transport.write("an answer that is sent");
            Ok(())
        })
    };
    let mut world = World::new();
    let (_, address) =
        world.listen(Layered::new(for_protocol(script), || vec![Box::new(Fails(Masked::server())) as _]));
    let peer = world.memory.connect(address).unwrap();
    peer.send([GREETING, &masked("hello")].concat());
    world.settle();
    peer.received();
    peer.send([0xff]);
    world.settle();
    assert_eq!(peer.received(), b"ALERT");
    assert!(peer.has_finished());
    peer.finish();
    world.settle();
    assert_eq!(log.take(), ["made", "data hello", "lost a bad record"]);
}

#[test]
fn g7_a_layer_that_panics_ends_its_connection_alone() {
    struct Panics;
    impl Layer for Panics {
        fn name(&self) -> &'static str {
            "panicking"
        }
        fn received(&mut self, _: &mut [u8], _: &mut Vec<u8>, _: &mut Vec<u8>) -> Result<usize> {
            panic!("a layer's panic")
        }
        fn send(&mut self, _: &[u8], _: &mut Vec<u8>) -> Result {
            Ok(())
        }
        fn state(&self) -> LayerState {
            LayerState::Open
        }
    }
    let log = Log::default();
    let given = log.clone();
    let mut world = World::new();
    let (_, address) =
        world.listen(Layered::new(for_protocol(move || Script::new(&given)), || vec![Box::new(Panics) as _]));
    let other = world.open(Echo);
    let peer = world.memory.connect(address).unwrap();
    peer.send("x");
    world.settle();
    peer.finish();
    other.0.send("still here");
    world.settle();
    assert_eq!(log.take(), ["made", "lost a layer panicked: a layer's panic"]);
    assert_eq!(other.0.received(), b"still here");
}

#[test]
fn layers_stack_and_those_that_are_done_go() {
    let log = Log::default();
    let given = log.clone();
    let said = Rc::new(RefCell::new(Vec::new()));
    let heard = Rc::clone(&said);
    let script = move || {
        let heard = Rc::clone(&heard);
        Script::new(&given).on_made(move |transport| {
            let keepsake = transport.keepsake::<String>().unwrap();
            let addresses =
                [transport.peer(), &transport.socket_host(), transport.host()].map(ToString::to_string);
            assert_ne!(transport.socket_peer(), *transport.peer());
            heard.borrow_mut().push(format!("{keepsake}: {addresses:?}"));
            assert!(transport.with_layer(|_: &Header| ()).is_none(), "the header layer is done");
            assert_eq!(transport.with_layer(|layer: &Masked| layer.state()), Some(LayerState::Open));
            transport.write("welcome");
        })
    };
    let mut world = World::new();
    let layers = || {
        vec![
            Box::new(Header::new()) as Box<dyn Layer>,
            Box::new(Masked::server()),
            Box::new(Masked::server()),
        ]
    };
    let (port, address) = world.listen(Layered::new(for_protocol(script), layers));
    let inner = [GREETING, &masked("hello")].concat();
    let wire = [&b"from 10.1.2.3:4\n"[..], GREETING, &masked(&inner)].concat();
    for cut in 0..wire.len() {
        let peer = world.memory.connect(address).unwrap();
        for piece in [&wire[..cut], &wire[cut..]] {
            peer.send(piece);
            world.settle();
        }
        assert_eq!(log.take(), ["made", "data hello"], "cut at {cut}");
        let mut outer = peer.received();
        let mut outer = outer.split_off(GREETING.len());
        assert_eq!(unmask(&mut outer), [GREETING, &masked("welcome")].concat(), "cut at {cut}");
        let said = said.take();
        assert_eq!(
            said,
            [format!("from 10.1.2.3:4: [\"10.1.2.3:4\", \"{}\", \"10.9.9.9:99\"]", port.address())]
        );
        peer.send([masked(END), END.to_vec()].concat());
        world.settle();
        assert_eq!(log.take(), ["eof", "lost closed"], "cut at {cut}");
    }
    assert_eq!(world.connections(), 0);
}

#[test]
fn a_connection_whose_layers_are_done_is_as_one_without() {
    let mut world = World::new();
    let factory = Layered::new(for_protocol(|| Echo), || vec![Box::new(Header::new()) as Box<dyn Layer>]);
    let (_, address) = world.listen(factory);
    let peer = world.memory.connect(address).unwrap();
    peer.send("from nowhere\nhello");
    world.settle();
    assert_eq!(peer.received(), b"hello");
    peer.send(vec![b'x'; 300_000]);
    world.settle();
    assert_eq!(peer.received().len(), 300_000);
    peer.finish();
    world.settle();
    assert!(peer.is_closed() && !peer.was_reset());
}

#[test]
fn input_that_came_with_the_handshake_waits_for_a_protocol_that_pauses() {
    let kept = Rc::new(RefCell::new(None));
    let given = Rc::clone(&kept);
    let (mut world, peer, log, _) = serve(move |log| {
        let kept = Rc::clone(&given);
        Script::new(log).on_made(move |transport| {
            transport.pause_reading();
            *kept.borrow_mut() = Some(transport.clone());
        })
    });
    peer.send([GREETING, &masked("hello"), END].concat());
    world.settle();
    assert_eq!(log.take(), ["made"]);
    kept.take().unwrap().resume_reading();
    world.settle();
    assert_eq!(log.take(), ["data hello", "reading resumed", "eof", "lost closed"]);
}

#[test]
fn g4_output_behind_a_slow_peer_is_counted_until_it_is_sent() {
    let kept = Rc::new(RefCell::new(None));
    let given = Rc::clone(&kept);
    let (mut world, peer, log, _) = serve(move |log| {
        let kept = Rc::clone(&given);
        Script::new(log).on_made(move |transport| *kept.borrow_mut() = Some(transport.clone()))
    });
    peer.send(GREETING);
    world.settle();
    peer.received();
    let transport: Transport = kept.take().unwrap();
    transport.set_limits(limits(|limits| (limits.high_water, limits.low_water) = (1_000, 100)));
    peer.set_window(Some(0));
    transport.write(vec![b'x'; 10_000]);
    world.settle();
    assert_eq!((transport.buffered(), world.reactor.stats().output_buffered), (10_000, 10_000));
    assert_eq!(log.take(), ["made", "writing paused"]);
    peer.set_window(None);
    world.settle();
    assert_eq!((transport.buffered(), world.reactor.stats().output_buffered), (0, 0));
    assert_eq!(log.take(), ["writing resumed"]);
    let mut wire = peer.received();
    assert_eq!(unmask(&mut wire).len(), 10_000);
}

#[test]
fn a_client_waits_for_its_layers_too() {
    let mut world = World::new();
    let log = Log::default();
    let given = log.clone();
    let layers = || vec![Box::new(Masked::client()) as Box<dyn Layer>];
    let (peer, result) = connect(&mut world, Layered::new(for_protocol(move || Script::new(&given)), layers));
    assert_eq!(peer.received(), GREETING);
    assert!(result.borrow().is_none());
    peer.send(GREETING);
    world.settle();
    assert_eq!(log.take(), ["made"]);
    result.take().unwrap().unwrap().write("hello");
    world.settle();
    assert_eq!(peer.received(), masked("hello"));
}

#[test]
fn a_client_hears_why_its_layers_did_not_open() {
    let layers = || vec![Box::new(Masked::client()) as Box<dyn Layer>];
    let mut world = World::new();
    let (peer, result) = connect(&mut world, Layered::new(for_protocol(|| Echo), layers));
    peer.send("NO");
    world.settle();
    peer.finish();
    world.settle();
    let error = result.take().unwrap().unwrap_err();
    assert_eq!(error.to_string(), "connecting to 10.0.0.7:7: this is no greeting");

    let (_, result) =
        connect(&mut world, Layered::new(factory_fn(|_| None), || vec![Box::new(Header::new()) as _]));
    world.run_for(Duration::from_secs(10));
    let error = result.take().unwrap().unwrap_err();
    assert_eq!(error.to_string(), "connecting to 10.0.0.7:7: the handshake took longer than 10s");

    let (peer, result) = connect(&mut world, Layered::new(factory_fn(|_| None), layers));
    peer.send(GREETING);
    world.settle();
    let error = result.take().unwrap().unwrap_err();
    assert_eq!(error.to_string(), "connecting to 10.0.0.7:7: the factory built no protocol for it");
    assert_eq!(peer.received(), [GREETING, END].concat());
}

#[test]
fn a_client_may_give_up_during_the_handshake() {
    let mut world = World::new();
    let peer = world.memory.expect_connect(([10, 0, 0, 7], 7).into());
    peer.accept();
    let layers = || vec![Box::new(Masked::client()) as Box<dyn Layer>];
    let factory = Layered::new(for_protocol(|| Echo), layers);
    let deferred = world.reactor.connect(([10, 0, 0, 7], 7), &ConnectOptions::default(), factory);
    world.settle();
    assert_eq!(peer.received(), GREETING);
    deferred.cancel();
    let heard = Rc::new(RefCell::new(None));
    let hears = Rc::clone(&heard);
    deferred.then(move |result| *hears.borrow_mut() = Some(result.unwrap_err().to_string()));
    world.settle();
    assert_eq!(heard.take().unwrap(), "connecting to 10.0.0.7:7: cancelled");
    assert!(peer.was_reset());
    assert_eq!(world.connections(), 0);
}

#[test]
fn a_client_hears_that_a_drain_or_a_stop_ended_its_handshake() {
    let layers = || vec![Box::new(Masked::client()) as Box<dyn Layer>];
    let mut world = World::new();
    let (peer, result) = connect(&mut world, Layered::new(for_protocol(|| Echo), layers));
    let _ = world.reactor.drain(Duration::from_secs(5));
    world.settle();
    peer.finish();
    world.settle();
    assert!(matches!(result.take().unwrap(), Err(ConnectError::Cancelled { .. })));

    let mut world = World::new();
    let (_, result) = connect(&mut world, Layered::new(for_protocol(|| Echo), layers));
    world.reactor.stop();
    while world.reactor.run_once(Some(Duration::ZERO)).unwrap() == Status::Running {}
    assert!(matches!(result.take().unwrap(), Err(ConnectError::Shutdown { .. })));
}

#[test]
fn a_factory_may_refuse_before_a_byte_is_exchanged() {
    struct Refuses(Rc<Cell<bool>>);
    impl Factory for Refuses {
        fn build_protocol(&self, _: &ropewalk::Address) -> Option<Box<dyn ropewalk::Protocol>> {
            self.0.set(true);
            None
        }
        fn admit(&self, _: &ropewalk::Address, _: &mut Vec<Box<dyn Layer>>) -> bool {
            false
        }
    }
    let built = Rc::new(Cell::new(false));
    let mut world = World::new();
    let (_, address) = world.listen(Refuses(Rc::clone(&built)));
    let peer = world.memory.connect(address).unwrap();
    world.settle();
    assert!(peer.is_closed() && !built.get());
    let (_, result) = connect(&mut world, Refuses(Rc::clone(&built)));
    assert!(result.take().unwrap().is_err());
    assert!(!built.get());
}

/// A server whose layer is open, with what the reactor does when it stops.
fn stopped(script: impl Fn(&Log) -> Script + 'static, before: impl FnOnce(&Peer)) -> (Peer, Log) {
    let (mut world, peer, log, _) = serve(script);
    peer.send(GREETING);
    world.settle();
    before(&peer);
    world.settle();
    world.reactor.stop();
    while world.reactor.run_once(Some(Duration::ZERO)).unwrap() == Status::Running {}
    assert_eq!(world.connections(), 0);
    (peer, log)
}

#[test]
fn a_stop_sends_what_was_written_and_the_layers_farewell() {
    let script = |log: &Log| {
        Script::new(log).on_made(|transport| transport.set_farewell("bye")).on_data(|transport, _| {
            transport.write("so far ");
            Ok(())
        })
    };
    let (peer, log) = stopped(script, |peer| peer.send(masked("more")));
    assert_eq!(peer.received(), [GREETING, &masked("so far "), &masked("bye"), END].concat());
    assert!(peer.has_finished() && !peer.was_reset());
    assert_eq!(log.take(), ["made", "data more", "lost shutdown"]);
}

#[test]
fn a_stop_has_layers_say_no_end_of_what_is_cut_off() {
    let script = |log: &Log| {
        Script::new(log).on_data(|transport, _| {
            transport.write("not all of this");
            Ok(())
        })
    };
    let (peer, _) = stopped(script, |peer| {
        let _ = peer.received();
        peer.set_window(Some(1));
        peer.send(masked("x"));
    });
    assert_eq!(peer.received(), masked("not all of this")[..1]);
    assert!(peer.was_reset());
    // Nor while a producer has more to write.
    let script = |log: &Log| {
        Script::new(log).on_made(|transport| transport.register_producer(Once, ProducerKind::Pull).unwrap())
    };
    let (peer, _) = stopped(script, |_| {});
    assert_eq!(peer.received(), [GREETING, &masked("a piece")].concat());
}

/// Writes a piece, and does not say that it was all.
struct Once;

impl Producer for Once {
    fn resume_producing(&mut self, transport: &Transport) {
        if transport.buffered() == 0 && transport.keepsake::<()>().is_none() {
            transport.keep(Rc::new(()));
            transport.write("a piece");
        }
    }
}

#[test]
fn a_stop_during_handshakes_ends_them() {
    let (mut world, peer, log, failures) = serve(Script::new);
    peer.send("H");
    world.settle();
    world.reactor.stop();
    while world.reactor.run_once(Some(Duration::ZERO)).unwrap() == Status::Running {}
    assert_eq!(*failures.borrow(), ["the reactor stopped"]);
    assert_eq!((log.take(), world.connections()), (vec![], 0));
    assert!(peer.is_closed());
}

#[test]
fn a_drain_during_handshakes_ends_them() {
    let (mut world, peer, _, failures) = serve(Script::new);
    let _ = world.reactor.drain(Duration::from_secs(5));
    world.settle();
    assert!(peer.has_finished());
    peer.finish();
    world.settle();
    assert_eq!(failures.borrow().len(), 1);
    assert_eq!(world.connections(), 0);
}
