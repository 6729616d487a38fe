//! What the reactor logs without being asked, on virtual time.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod layering;
mod world;

use std::cell::RefCell;
use std::net::SocketAddr;
use std::sync::Once;

use layering::{Layered, Masked};
use log::Level;
use ropewalk::testing::Probe;
use ropewalk::{
    Address, DatagramOptions, DatagramProtocol, DatagramTransport, Factory, Layer, Result, Router,
    for_protocol,
};
use world::{Echo, Log, Script, World};

thread_local! {
    /// What was logged by this thread's test.
    static RECORDS: RefCell<Vec<(Level, String)>> = const { RefCell::new(Vec::new()) };
}

struct Capture;

impl log::Log for Capture {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= Level::Debug
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            RECORDS.with_borrow_mut(|records| records.push((record.level(), record.args().to_string())));
        }
    }

    fn flush(&self) {}
}

fn capture() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::set_logger(&Capture).unwrap();
        log::set_max_level(log::LevelFilter::Debug);
    });
}

/// Takes the warnings that were logged since this was called last.
fn warnings() -> Vec<String> {
    let warns = |(level, text)| (level <= Level::Warn).then_some(text);
    RECORDS.take().into_iter().filter_map(warns).collect()
}

#[test]
fn data_that_no_handler_matches_is_told_of() {
    capture();
    let router = Router::new().prefix("known", |_, _| Ok(()));
    let mut probe = Probe::new(router.build_protocol(&Address::Stdio).unwrap());
    let told =
        || RECORDS.take().iter().filter(|(_, text)| text.ends_with(": no handler for 7 bytes")).count();
    probe.deliver("known x");
    assert_eq!(told(), 0);
    probe.deliver("unknown");
    assert_eq!(told(), 1);
}

#[test]
fn a_router_that_would_tell_others_and_has_no_group_is_warned_of() {
    capture();
    let router = Router::new().any(|context, data| {
        context.tell_others(data);
        Ok(())
    });
    let mut probe = Probe::new(router.build_protocol(&Address::Stdio).unwrap());
    probe.deliver("hello");
    let warnings = warnings();
    assert!(
        matches!(&warnings[..], [one] if one.ends_with(": it is in no group, so nobody is told")),
        "{warnings:?}"
    );
}

/// Datagrams come from anybody: a protocol that fails at each of them must not let their senders fill the log.
#[test]
fn a_protocol_of_datagrams_that_always_fails_is_one_warning() {
    struct Fails;
    impl DatagramProtocol for Fails {
        fn datagram_received(&mut self, _: &DatagramTransport, _: &[u8], _: &Address) -> Result {
            Err("not understood".into())
        }
    }
    capture();
    let mut world = World::new();
    let address: SocketAddr = ([127, 0, 0, 1], 53).into();
    let _ = world.reactor.listen_datagrams(Address::Udp(address), DatagramOptions::default(), Fails).unwrap();
    let peer = world.memory.open_datagrams(([10, 0, 0, 9], 9).into()).unwrap();
    world.settle();
    for _ in 0..100 {
        peer.send_to("?", address);
    }
    world.settle();
    let warnings = warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].ends_with("failed: not understood"), "{warnings:?}");
}

/// An error is one warning that names it, whether a callback returned it or somebody gave it to the transport.
#[test]
fn an_error_is_logged_once() {
    capture();
    let script = Script::new(&Log::default()).on_data(|_, _| Err("returned".into()));
    let (mut world, peer, returned) = World::with(script);
    peer.send("x");
    peer.finish();
    let (other, given) = world.open(Echo);
    given.fail("given");
    other.finish();
    world.settle();
    let (peer, closed) = world.open(Echo);
    closed.lose_connection();
    peer.finish();
    world.settle();
    assert_eq!(world.connections(), 0);
    let warnings = warnings();
    let expected = |transport: &ropewalk::Transport| {
        format!("connection {} with {}: ", transport.id(), transport.peer())
    };
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    for (transport, error) in [(&returned, "returned"), (&given, "given")] {
        let about = |warning: &&String| warning.starts_with(&expected(transport)) && warning.ends_with(error);
        assert_eq!(warnings.iter().filter(about).count(), 1, "{error}: {warnings:?}");
    }
}

/// At which levels the reactor has logged of connections since this was called last, and what comes after their names.
fn about_connections() -> Vec<(Level, String)> {
    let about = |(level, text): (Level, String)| {
        let rest = text.strip_prefix("connection #")?;
        Some((level, rest.split_once(": ")?.1.to_owned()))
    };
    RECORDS.take().into_iter().filter_map(about).collect()
}

/// Nobody else may hear of an error, so it is a warning; nor of a handshake that has failed, which peers can cause as often
/// as they like. Any other loss is nothing special.
#[test]
fn the_level_of_a_loss_is_that_of_what_nobody_else_tells() {
    capture();
    let mut world = World::new();
    let (_peer, transport) = world.open(Echo);
    RECORDS.take();
    transport.abort_connection();
    world.settle();
    assert_eq!(about_connections().iter().map(|(level, _)| *level).collect::<Vec<_>>(), [Level::Debug]);

    let (_peer, transport) = world.open(Echo);
    transport.fail("out of paper");
    transport.abort_connection();
    world.settle();
    let records = about_connections();
    assert!(matches!(&records[..], [(Level::Warn, text)] if text.ends_with("out of paper")), "{records:?}");

    let (peer, _) = world.open(Script::new(&Log::default()).on_data(|_, _| Err("not understood".into())));
    peer.send("x");
    peer.finish();
    world.settle();
    let levels: Vec<_> = about_connections().iter().map(|(level, _)| *level).collect();
    assert_eq!(levels, [Level::Warn, Level::Debug], "the loss says again what the callback said");

    let layers = || vec![Box::new(Masked::server()) as Box<dyn Layer>];
    let (_port, address) = world.listen(Layered::new(for_protocol(|| Echo), layers));
    let peer = world.memory.connect(address).unwrap();
    peer.send("no such greeting");
    peer.finish();
    world.settle();
    let levels: Vec<_> = about_connections().iter().map(|(level, _)| *level).collect();
    assert_eq!(levels, [Level::Info]);
}
