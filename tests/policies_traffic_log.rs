//! What the traffic log writes, on virtual time.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod world;

use std::cell::RefCell;
use std::net::SocketAddr;
use std::sync::Once;

use log::Level;
use ropewalk::testing::Peer;
use ropewalk::{Address, Factory, Layer, Policy, Protocol, Result, TrafficLog, Transport, for_protocol};
use world::{Echo, Log, Script, World};

thread_local! {
    /// Level, target and text of what this test has logged about traffic.
    static LINES: RefCell<Vec<(Level, String, String)>> = const { RefCell::new(Vec::new()) };
}

struct Capture;

impl log::Log for Capture {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= Level::Debug
    }

    fn log(&self, record: &log::Record<'_>) {
        let line = (record.level(), record.target().to_owned(), record.args().to_string());
        if self.enabled(record.metadata()) && line.1.contains("traffic") {
            LINES.with_borrow_mut(|lines| lines.push(line));
        }
    }

    fn flush(&self) {}
}

/// A world with a server that captures its log, and a client.
fn serve(factory: impl Factory + 'static) -> (World, Peer) {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        log::set_logger(&Capture).unwrap();
        log::set_max_level(log::LevelFilter::Trace);
    });
    let mut world = World::new();
    let (_, address): (_, SocketAddr) = world.listen(factory);
    let peer = world.memory.connect(address).unwrap();
    world.settle();
    (world, peer)
}

/// The texts, without the connection's name, which all must have.
#[track_caller]
fn texts(peer: &Peer) -> Vec<String> {
    let name = format!(" with {}: ", peer.address());
    LINES
        .take()
        .into_iter()
        .map(|(_, _, text)| {
            let (connection, what) = text.split_once(&name).unwrap();
            assert!(connection.starts_with("connection #"), "{text}");
            what.to_owned()
        })
        .collect()
}

/// Both ways, escaped, with the connection's number, to the end.
#[test]
fn each_piece_is_a_line() {
    let (mut world, peer) = serve(TrafficLog::new(Level::Debug).around(for_protocol(|| Echo)));
    peer.send("hello\r\n\"\x00\u{e9}");
    world.settle();
    assert_eq!(
        texts(&peer),
        [r#"received 11 bytes: "hello\r\n\"\x00\xc3\xa9""#, r#"sending 11 bytes: "hello\r\n\"\x00\xc3\xa9""#]
    );
    assert_eq!(peer.received(), "hello\r\n\"\x00\u{e9}".as_bytes());
    peer.finish();
    world.settle();
    assert_eq!(texts(&peer), ["sending no more"]);
    assert!(peer.has_finished());
    assert_eq!(world.connections(), 0);
}

/// To watch a connection does not make an orderly end of one that breaks off.
#[test]
fn who_is_cut_off_is_reset_all_the_same() {
    let script = || {
        Script::new(&Log::default()).on_data(|transport, _| {
            transport.write("so far");
            transport.cut_off();
            Ok(())
        })
    };
    let (mut world, peer) = serve(TrafficLog::new(Level::Debug).around(for_protocol(script)));
    peer.send("all please");
    world.settle();
    assert_eq!(peer.received(), b"so far");
    assert!(peer.was_reset());
    assert_eq!(world.connections(), 0);
}

/// Beyond its length a piece is only counted; all of it passes.
#[test]
fn long_pieces_are_cut_off() {
    let log = TrafficLog::new(Level::Debug).with_length(4);
    let (mut world, peer) = serve(log.around(for_protocol(|| Echo)));
    peer.send("1234");
    world.settle();
    peer.send("123456");
    world.settle();
    assert_eq!(
        texts(&peer),
        [
            r#"received 4 bytes: "1234""#,
            r#"sending 4 bytes: "1234""#,
            r#"received 6 bytes: "1234" and 2 more"#,
            r#"sending 6 bytes: "1234" and 2 more"#
        ]
    );
    assert_eq!(peer.received(), b"1234123456");
}

/// What is written through a handle is seen too, whatever the protocol is then.
#[test]
fn writes_of_others_and_of_later_protocols_are_seen() {
    let log = Log::default();
    let factory = for_protocol(move || {
        Script::new(&log)
            .on_made(|transport| transport.switch_protocol(Echo, []))
            .on_lost(|_, _| unreachable!("it was switched away"))
    });
    let (mut world, peer) = serve(TrafficLog::new(Level::Debug).around(factory));
    peer.send("x");
    world.settle();
    assert_eq!(texts(&peer), [r#"received 1 byte: "x""#, r#"sending 1 byte: "x""#]);
}

/// Doubles every byte on the wire.
struct Doubling;

impl Layer for Doubling {
    fn name(&self) -> &'static str {
        "doubling"
    }

    fn received(&mut self, input: &mut [u8], up: &mut Vec<u8>, _: &mut Vec<u8>) -> Result<usize> {
        up.extend(input.chunks_exact(2).map(|pair| pair[0]));
        Ok(input.len() / 2 * 2)
    }

    fn send(&mut self, data: &[u8], down: &mut Vec<u8>) -> Result {
        down.extend(data.iter().flat_map(|byte| [*byte; 2]));
        Ok(())
    }

    fn state(&self) -> ropewalk::LayerState {
        ropewalk::LayerState::Open
    }
}

struct Doubled;

impl Policy for Doubled {
    fn build_protocol(&self, peer: &Address, factory: &dyn Factory) -> Option<Box<dyn Protocol>> {
        factory.build_protocol(peer)
    }

    fn admit(&self, _: &Address, layers: &mut Vec<Box<dyn Layer>>) -> bool {
        layers.push(Box::new(Doubling));
        true
    }
}

/// The order of policies says which side of a layer is logged; both logs know the connection's number.
#[test]
fn a_log_sees_the_side_of_a_layer_that_it_is_on() {
    let within = TrafficLog::new(Level::Debug).with_target("traffic::within");
    let factory = TrafficLog::new(Level::Info)
        .with_target("traffic::wire")
        .around(Doubled.around(within.around(for_protocol(|| Echo))));
    let (mut world, peer) = serve(factory);
    peer.send("hhii");
    world.settle();
    assert_eq!(peer.received(), b"hhii");
    let lines = LINES.take();
    let number = lines[0].2.split(' ').nth(1).unwrap().to_owned();
    assert!(number.starts_with('#'), "{number}");
    let expected = [
        (Level::Info, "traffic::wire", r#"received 4 bytes: "hhii""#),
        (Level::Debug, "traffic::within", r#"received 2 bytes: "hi""#),
        (Level::Debug, "traffic::within", r#"sending 2 bytes: "hi""#),
        (Level::Info, "traffic::wire", r#"sending 4 bytes: "hhii""#),
    ];
    let expected = expected.map(|(level, target, what)| {
        (level, target.to_owned(), format!("connection {number} with {}: {what}", peer.address()))
    });
    assert_eq!(lines, expected);
}

/// A level that nobody listens to puts no layer in.
#[test]
fn a_level_that_is_off_costs_nothing() {
    let factory = TrafficLog::new(Level::Trace).around(for_protocol(|| Echo));
    let mut layers = Vec::new();
    assert!(factory.admit(&Address::from(([127, 0, 0, 1], 1)), &mut layers));
    assert!(layers.is_empty());
    let (mut world, peer) = serve(factory);
    peer.send("x");
    world.settle();
    assert_eq!((peer.received(), LINES.take()), (b"x".to_vec(), Vec::new()));
}

/// Logging changes nothing of what a connection does, half-closed or with much to say.
#[test]
fn bulk_and_half_close_pass_unchanged() {
    struct Late(Vec<u8>);
    impl Protocol for Late {
        fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
            self.0.extend_from_slice(data);
            Ok(())
        }

        fn eof_received(&mut self, transport: &Transport) -> Result {
            transport.write(&self.0);
            transport.lose_connection();
            Ok(())
        }
    }
    let (mut world, peer) =
        serve(TrafficLog::new(Level::Debug).with_length(0).around(for_protocol(|| Late(Vec::new()))));
    let bulk: Vec<u8> = (0..1_000_000_u32).map(|index| (index % 251) as u8).collect();
    peer.send(&bulk);
    peer.finish();
    peer.set_window(Some(1000));
    world.settle();
    peer.set_window(None);
    world.settle();
    assert!(peer.received() == bulk);
    assert!(peer.has_finished() && !peer.was_reset());
    assert_eq!(world.connections(), 0);
}
