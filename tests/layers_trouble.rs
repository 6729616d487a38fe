//! Layers that fail, panic, keep things to themselves, or end at odd moments.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod layering;
mod world;

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use layering::{END, GREETING, Layered, Masked, masked};
use ropewalk::testing::Peer;
use ropewalk::{
    Address, Layer, LayerEnd, LayerState, Producer, ProducerKind, Protocol, Result, Transport, factory_fn,
};
use world::{Log, SECOND, Script, World};

/// A layer that passes everything on, except where a test says otherwise.
struct Plain<S, R> {
    state: LayerState,
    sends: S,
    receives: R,
    panics_in: &'static str,
}

fn pass(data: &[u8], down: &mut Vec<u8>) -> Result {
    down.extend_from_slice(data);
    Ok(())
}

type Sends = fn(&[u8], &mut Vec<u8>) -> Result;
type Receives = fn(&[u8], &mut Vec<u8>, &mut Vec<u8>) -> Result;

fn receive(data: &[u8], up: &mut Vec<u8>, _: &mut Vec<u8>) -> Result {
    up.extend_from_slice(data);
    Ok(())
}

fn plain() -> Plain<Sends, Receives> {
    Plain { state: LayerState::Open, sends: pass, receives: receive, panics_in: "" }
}

impl<S, R> Plain<S, R> {
    fn may_panic(&self, method: &str) {
        assert_ne!(self.panics_in, method, "on purpose");
    }
}

impl<S, R> Layer for Plain<S, R>
where
    S: FnMut(&[u8], &mut Vec<u8>) -> Result + 'static,
    R: FnMut(&[u8], &mut Vec<u8>, &mut Vec<u8>) -> Result + 'static,
{
    fn name(&self) -> &'static str {
        self.may_panic("name");
        "plain"
    }

    fn begin(&mut self, _: &mut Vec<u8>) -> Result {
        self.may_panic("begin");
        Ok(())
    }

    fn received(&mut self, input: &mut [u8], up: &mut Vec<u8>, down: &mut Vec<u8>) -> Result<usize> {
        self.may_panic("received");
        (self.receives)(input, up, down)?;
        if self.state == LayerState::Opening {
            self.state = LayerState::Open;
        }
        Ok(input.len())
    }

    fn send(&mut self, data: &[u8], down: &mut Vec<u8>) -> Result {
        self.may_panic("send");
        (self.sends)(data, down)
    }

    fn close(&mut self, _: LayerEnd, _: &mut Vec<u8>) {
        self.may_panic("close");
    }

    fn may_end(&self) -> bool {
        self.may_panic("may_end");
        true
    }

    fn state(&self) -> LayerState {
        self.may_panic("state");
        self.state
    }

    fn handshake_timeout(&self) -> Duration {
        self.may_panic("handshake_timeout");
        Duration::MAX
    }

    fn keepsake(&self) -> Option<Rc<dyn Any>> {
        self.may_panic("keepsake");
        None
    }

    fn addresses(&self) -> Option<(Address, Address)> {
        self.may_panic("addresses");
        None
    }
}

impl<S, R> Drop for Plain<S, R> {
    fn drop(&mut self) {
        assert!(std::thread::panicking() || self.panics_in != "drop", "on purpose");
    }
}

/// A server connection of `protocol` above `layers`.
fn serve(
    layers: impl Fn() -> Vec<Box<dyn Layer>> + 'static,
    protocol: impl Protocol + 'static,
) -> (World, Peer, Rc<RefCell<Vec<String>>>) {
    let mut world = World::new();
    let protocol = RefCell::new(Some(Box::new(protocol) as Box<dyn Protocol>));
    let factory = Layered::new(factory_fn(move |_| protocol.take()), layers);
    let failures = Rc::clone(&factory.failures);
    let (_, address) = world.listen(factory);
    let peer = world.memory.connect(address).unwrap();
    world.settle();
    (world, peer, failures)
}

#[test]
fn a_layer_that_fails_in_sending_ends_the_connection_after_its_last_words() {
    let log = Log::default();
    let script = Script::new(&log).on_data(|transport, data| {
        transport.write(data);
        Ok(())
    });
    let mut calls = 0;
    let sends = move |_: &[u8], down: &mut Vec<u8>| {
        calls += 1;
        down.extend_from_slice(b"alert");
        if calls == 1 { Err("no more".into()) } else { Ok(()) }
    };
    let layer = RefCell::new(Some(sends));
    let layers = move || {
        let sends = layer.take().unwrap();
        vec![Box::new(Plain { state: LayerState::Open, sends, receives: receive as Receives, panics_in: "" })
            as Box<dyn Layer>]
    };
    let (mut world, peer, _) = serve(layers, script);
    peer.send(vec![b'x'; 60_000]);
    peer.send(vec![b'x'; 60_000]);
    world.settle();
    assert_eq!(peer.received(), b"alert", "a layer that has failed is not called again");
    peer.finish();
    world.run_for(60 * SECOND);
    assert!(log.last().starts_with("lost") && log.last().contains("no more"), "{}", log.last());
    assert_eq!(world.reactor.stats().output_buffered, 0);
}

#[test]
fn a_producer_adds_nothing_behind_a_layer_that_has_failed() {
    struct Endless;
    impl Producer for Endless {
        fn resume_producing(&mut self, transport: &Transport) {
            transport.write([b'x'; 1000]);
        }
        fn pause_producing(&mut self, _: &Transport) {}
        fn stop_producing(&mut self, _: &Transport) {}
    }
    for kind in [ProducerKind::Pull, ProducerKind::Push] {
        let log = Log::default();
        let script = Script::new(&log)
            .on_data(move |transport, _| {
                transport.register_producer(Endless, kind).unwrap();
                transport.write(vec![b'x'; 100_000]);
                Ok(())
            })
            .on_lost(|transport, _| assert!(!transport.accepts_output()));
        let (mut world, peer, _) = serve(|| vec![Box::new(Failing)], script);
        peer.set_window(Some(500));
        peer.send("go");
        world.settle();
        peer.send("fail");
        world.settle();
        peer.set_window(None);
        peer.finish();
        world.settle();
        assert!(log.last().contains("told to"), "{kind:?}: {}", log.last());
        assert_eq!((world.connections(), world.reactor.stats().output_buffered), (0, 0), "{kind:?}");
    }
}

/// Fails when the peer says so.
struct Failing;

impl Layer for Failing {
    fn name(&self) -> &'static str {
        "failing"
    }

    fn received(&mut self, input: &mut [u8], up: &mut Vec<u8>, down: &mut Vec<u8>) -> Result<usize> {
        if input == b"fail" {
            down.extend_from_slice(b"alert");
            return Err("told to".into());
        }
        up.extend_from_slice(input);
        Ok(input.len())
    }

    fn send(&mut self, data: &[u8], down: &mut Vec<u8>) -> Result {
        down.extend_from_slice(data);
        Ok(())
    }

    fn state(&self) -> LayerState {
        LayerState::Open
    }
}

#[test]
fn output_that_a_layer_keeps_to_itself_does_not_count_as_waiting() {
    let log = Log::default();
    let keep: Sends = |_, _| Ok(());
    let script = Script::new(&log).on_data(|transport, data| {
        assert_eq!(transport.buffered(), 0);
        transport.write(data);
        Ok(())
    });
    let (mut world, peer, _) = serve(move || vec![Box::new(Plain { sends: keep, ..plain_parts() })], script);
    for _ in 0..3 {
        peer.send(vec![b'x'; 1000]);
        world.settle();
    }
    assert_eq!(world.reactor.stats().output_buffered, 0);
    peer.reset();
    world.run_for(60 * SECOND);
    assert_eq!(log.count("data"), 3);
    assert_eq!(log.count("lost"), 1);
    assert_eq!(world.reactor.stats().output_buffered, 0);
}

/// The parts of [`plain`], which has a destructor.
fn plain_parts() -> Plain<Sends, Receives> {
    plain()
}

#[test]
fn what_is_written_in_layer_opened_goes_through_a_layer_that_is_inserted_there() {
    struct Upgrading(bool);
    impl Protocol for Upgrading {
        fn data_received(&mut self, transport: &Transport, _: &[u8]) -> Result {
            transport.insert_layer(plain());
            Ok(())
        }
        fn layer_opened(&mut self, transport: &Transport) {
            if !std::mem::replace(&mut self.0, true) {
                transport.write("before");
                transport.insert_layer(Masked::server());
                transport.write("secret");
            }
        }
    }
    let (mut world, peer, _) = World::with(Upgrading(false));
    peer.send("go");
    world.settle();
    assert_eq!(peer.received(), b"before", "the rest waits for the handshake");
    peer.send(GREETING);
    world.settle();
    assert_eq!(peer.received(), [GREETING, &masked("secret")].concat());
}

/// A layer's end is no end of those above it: else whoever is between could cut the protected stream off.
#[test]
fn input_may_not_end_in_a_lower_layer_before_it_ends_in_those_above() {
    for (said, expected) in [(&[][..], "lost the peer closed the connection without"), (END, "eof")] {
        let log = Log::default();
        let layers = || vec![Box::new(Masked::server()) as Box<dyn Layer>, Box::new(Masked::server())];
        let (mut world, peer, _) = serve(layers, Script::new(&log));
        let inner = [GREETING, &masked("hello"), said].concat();
        peer.send([GREETING, &masked(inner), END].concat());
        world.settle();
        let log = log.take();
        assert_eq!(log[..2], ["made", "data hello"]);
        assert!(log[2].starts_with(expected), "{log:?}");
    }
}

#[test]
fn a_half_close_waits_for_a_layer_that_is_opening() {
    let log = Log::default();
    let script = Script::new(&log).on_made(|transport| {
        transport.insert_layer(Masked::server());
        transport.lose_write_connection();
    });
    let (mut world, peer, _) = World::with(script);
    world.settle();
    assert!(!peer.has_finished(), "the layer has yet to answer");
    peer.send([GREETING, &masked("hello")].concat());
    world.settle();
    assert_eq!(log.take(), ["made", "data hello"]);
    assert_eq!(peer.received(), [GREETING, END].concat());
    assert!(peer.has_finished());
}

#[test]
fn a_panic_in_any_method_of_a_layer_ends_its_connection_alone() {
    let methods = [
        "name",
        "begin",
        "received",
        "send",
        "close",
        "may_end",
        "state",
        "handshake_timeout",
        "keepsake",
        "addresses",
        "drop",
    ];
    for (method, state) in methods.iter().flat_map(|m| [(*m, LayerState::Open), (*m, LayerState::Opening)]) {
        let log = Log::default();
        let script = Script::new(&log).on_data(|transport, data| {
            transport.write(data);
            Ok(())
        });
        let layers = move || vec![Box::new(Plain { state, panics_in: method, ..bare() }) as Box<dyn Layer>];
        let (mut world, peer, failures) = serve(layers, script);
        let (echo, _) = world.open(world::Echo);
        peer.send("hello");
        world.settle();
        peer.finish();
        world.run_for(60 * SECOND);
        echo.send("still here");
        world.settle();
        assert_eq!(echo.received(), b"still here", "{method}");
        assert_eq!(world.connections(), 1, "{method}");
        let is_harmless = match method {
            // Asked only for an error's text.
            "name" => true,
            "handshake_timeout" => state == LayerState::Open,
            "drop" => true,
            _ => false,
        };
        let ends = [failures.borrow().clone(), log.take()].concat();
        let last = ends.last().cloned().unwrap_or_default();
        assert!(is_harmless || last.contains("on purpose"), "{method} {state:?}: {ends:?}");
    }
}

fn bare() -> BarePlain {
    BarePlain { state: LayerState::Open, sends: pass, receives: receive, panics_in: "" }
}
type BarePlain = Plain<Sends, Receives>;

/// Answers all it hears.
fn answer(_: &[u8], _: &mut Vec<u8>, down: &mut Vec<u8>) -> Result {
    down.extend_from_slice(&[b'!'; 100_000]);
    Ok(())
}

#[test]
fn a_peer_that_makes_a_layer_speak_and_does_not_listen_is_not_read_on() {
    let log = Log::default();
    let layers = || vec![Box::new(Plain { receives: answer as Receives, ..bare() }) as Box<dyn Layer>];
    let (mut world, peer, _) = serve(layers, Script::new(&log));
    peer.set_window(Some(10));
    world.settle();
    for _ in 0..20 {
        peer.send("speak");
        world.settle();
    }
    let reads = peer.reads();
    assert!(reads < 5, "{reads} reads");
    peer.set_window(None);
    world.settle();
    assert!(peer.reads() > reads);
    assert_eq!(peer.received().len() % 100_000, 0);
}

#[test]
fn what_comes_while_lingering_cannot_fail_a_connection_that_has_sent_everything() {
    let log = Log::default();
    let script = Script::new(&log).on_data(|transport, _| {
        transport.lose_connection();
        Ok(())
    });
    let (mut world, peer, _) = serve(|| vec![Box::new(Failing)], script);
    peer.send("bye");
    world.settle();
    peer.send("fail");
    world.settle();
    peer.finish();
    world.settle();
    assert_eq!(log.take(), ["made", "data bye", "lost closed"]);
}

#[test]
fn input_from_before_the_layer_cannot_come_back_through_a_successor() {
    struct Holding(Log);
    impl Protocol for Holding {
        fn data_received(&mut self, transport: &Transport, _: &[u8]) -> Result {
            transport.insert_layer(plain());
            Ok(())
        }
        fn layer_inserted(&mut self, transport: &Transport) -> Result {
            transport.switch_protocol(Script::new(&self.0), "EVIL");
            Ok(())
        }
        fn layer_opened(&mut self, _: &Transport) {
            self.0.add("opened for the one before");
        }
    }
    let log = Log::default();
    let (mut world, peer, _) = World::with(Holding(log.clone()));
    peer.send("go");
    world.settle();
    peer.finish();
    world.settle();
    assert_eq!(log.count("data"), 0, "{:?}", log.take());
    assert_eq!(log.count("opened"), 0);
}

#[test]
fn a_layer_that_fails_takes_no_other_on_top() {
    let log = Log::default();
    let script = Script::new(&log).on_data(|transport, _| {
        transport.insert_layer(Masked::client());
        Ok(())
    });
    let both: Receives = |_, up, down| {
        up.push(b'x');
        down.extend_from_slice(b"alert");
        Err("no more".into())
    };
    let layers = move || vec![Box::new(Plain { receives: both, ..bare() }) as Box<dyn Layer>];
    let (mut world, peer, _) = serve(layers, script);
    peer.send("x");
    world.settle();
    assert_eq!(peer.received(), b"alert");
    peer.finish();
    world.settle();
    assert!(log.last().contains("no more"), "{}", log.last());
}
