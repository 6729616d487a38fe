//! What the reactor logs without being asked, on virtual time.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod world;

use std::cell::RefCell;
use std::net::SocketAddr;
use std::sync::Once;

use ropewalk::{Address, DatagramOptions, DatagramProtocol, DatagramTransport, Result};

use world::{Echo, Log, Script, World};

thread_local! {
    static WARNINGS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

struct Capture;

impl log::Log for Capture {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Warn
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            WARNINGS.with_borrow_mut(|warnings| warnings.push(record.args().to_string()));
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
    let warnings = WARNINGS.take();
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
    let warnings = WARNINGS.take();
    let expected = |transport: &ropewalk::Transport| {
        format!("connection {} with {}: ", transport.id(), transport.peer())
    };
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    for (transport, error) in [(&returned, "returned"), (&given, "given")] {
        let about = |warning: &&String| warning.starts_with(&expected(transport)) && warning.ends_with(error);
        assert_eq!(warnings.iter().filter(about).count(), 1, "{error}: {warnings:?}");
    }
}
