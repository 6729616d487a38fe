//! Callbacks that fail and callbacks that panic, each on one connection among a thousand.
//!
//! It runs in a process of its own, which may have the descriptors for both ends.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod support;

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::rc::Rc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use ropewalk::{
    Producer, ProducerKind, Protocol, Reactor, Reason, Result, TimerKey, Transport, for_protocol,
};
use support::{CLEAN, Footprint, alone, dial, dial_with_window, listen, run_until, settle, with_peer};

const HEALTHY: usize = 999;

/// How a callback fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    Panic,
    /// It returns an error.
    Error,
    /// It fails the transport.
    Fail,
}

use Way::{Error, Fail, Panic};

/// The callback that fails, and how.
type Failure = (&'static str, Way);

const FAILURES: [Failure; 20] = [
    ("made", Panic),
    ("made", Fail),
    ("data", Panic),
    ("data", Error),
    ("data", Fail),
    ("end of input", Panic),
    ("end of input", Error),
    ("end of input", Fail),
    ("writing paused", Panic),
    ("writing paused", Fail),
    ("writing resumed", Panic),
    ("reading resumed", Panic),
    ("reading resumed", Error),
    ("timer", Panic),
    ("timer", Fail),
    ("event", Panic),
    ("event", Fail),
    ("producer", Panic),
    ("lost", Panic),
    ("destructor", Panic),
];

/// What the connections share with the test.
#[derive(Clone, Default)]
struct Plan {
    /// How the next connection is to fail.
    next: Rc<Cell<Option<Failure>>>,
    /// Its peer reads once this is dropped.
    gate: Rc<Cell<Option<Sender<()>>>>,
    /// Why connections were lost.
    losses: Rc<RefCell<Vec<String>>>,
}

/// An echo that fails if that is planned.
struct Fragile {
    plan: Plan,
    failure: Option<Failure>,
    gate: Option<Sender<()>>,
}

impl Fragile {
    fn new(plan: &Plan) -> Self {
        Self { plan: plan.clone(), failure: plan.next.take(), gate: plan.gate.take() }
    }

    fn fails_in(&self, callback: &str) -> bool {
        self.failure.is_some_and(|(planned, _)| planned == callback)
    }

    /// Fails if this callback is to.
    fn reach(&self, callback: &str, transport: &Transport) -> Result {
        match self.failure {
            Some((planned, way)) if planned == callback => match way {
                Panic => panic!("{callback}, as planned"),
                Error => return Err(format!("{callback}, as planned").into()),
                Fail => transport.fail(format!("{callback}, as planned")),
            },
            _ => {}
        }
        Ok(())
    }

    fn inform(&self, callback: &str, transport: &Transport) {
        self.reach(callback, transport).unwrap();
    }
}

impl Protocol for Fragile {
    fn connection_made(&mut self, transport: &Transport) {
        match self.failure {
            Some(("reading resumed", _)) => {
                transport.pause_reading();
                transport.set_timer(Duration::ZERO);
            }
            Some(("timer", _)) => drop(transport.set_timer(Duration::ZERO)),
            Some(("event", _)) => transport.post(()),
            Some(("producer", _)) => {
                transport.register_producer(FragileProducer, ProducerKind::Pull).unwrap();
            }
            _ => {}
        }
        self.inform("made", transport);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        transport.write(data);
        if self.fails_in("writing paused") || self.fails_in("writing resumed") {
            transport.write(vec![0; 8_000_000]);
        }
        self.reach("data", transport)
    }

    fn eof_received(&mut self, transport: &Transport) -> Result {
        // A connection that closes is not told that its output has drained.
        if !self.fails_in("writing resumed") {
            transport.lose_connection();
        }
        self.reach("end of input", transport)
    }

    fn writing_paused(&mut self, transport: &Transport) {
        self.gate = None;
        self.inform("writing paused", transport);
    }

    fn writing_resumed(&mut self, transport: &Transport) {
        self.inform("writing resumed", transport);
    }

    fn reading_resumed(&mut self, transport: &Transport) -> Result {
        self.reach("reading resumed", transport)
    }

    fn timer_expired(&mut self, transport: &Transport, _: TimerKey) {
        transport.resume_reading();
        self.inform("timer", transport);
    }

    fn event_received(&mut self, transport: &Transport, _: Box<dyn Any>) {
        self.inform("event", transport);
    }

    fn connection_lost(&mut self, transport: &Transport, reason: &Reason) {
        self.plan.losses.borrow_mut().push(reason.to_string());
        self.inform("lost", transport);
    }
}

impl Drop for Fragile {
    fn drop(&mut self) {
        assert!(!self.fails_in("destructor"), "destructor, as planned");
    }
}

struct FragileProducer;

impl Producer for FragileProducer {
    fn resume_producing(&mut self, _: &Transport) {
        panic!("producer, as planned");
    }
}

/// What connection_lost has to hear after a failure.
fn expected_reason((callback, way): Failure) -> String {
    match (callback, way) {
        ("lost" | "destructor", _) => CLEAN.to_owned(),
        (_, Panic) => format!("a callback of the connection panicked: {callback}, as planned"),
        _ => format!("the connection was closed because of an error: {callback}, as planned"),
    }
}

/// Gives a connection cause for every callback, and reads until it is over, in whatever way, once the gate opens.
fn provoke(address: SocketAddr, gate: &Receiver<()>) {
    let mut stream = dial_with_window(address, 50_000);
    let _ = stream.write_all(b"go");
    let _ = stream.shutdown(Shutdown::Write);
    let _ = gate.recv();
    let _ = stream.read_to_end(&mut Vec::new());
}

fn message(round: usize, peer: usize) -> String {
    format!("round {round:02} of peer {peer:03};")
}

/// Has planned panics end silently; others are reported.
fn silence_planned_panics() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let text = panic.payload().downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.payload().downcast_ref::<&str>().copied());
        if !text.is_some_and(|text| text.ends_with("as planned")) {
            report(panic);
        }
    }));
}

/// Sends a message on all healthy connections, lets one more connection fail, and sees all the answers.
fn fail_among(
    reactor: &mut Reactor,
    address: SocketAddr,
    streams: Vec<TcpStream>,
    round: usize,
    gate: Receiver<()>,
) -> Vec<TcpStream> {
    for (peer, mut stream) in streams.iter().enumerate() {
        stream.write_all(message(round, peer).as_bytes()).unwrap();
    }
    with_peer(reactor, move || {
        provoke(address, &gate);
        for (peer, mut stream) in streams.iter().enumerate() {
            let expected = message(round, peer);
            let mut answer = vec![0; expected.len()];
            stream.read_exact(&mut answer).unwrap();
            assert_eq!(answer, expected.as_bytes());
        }
        streams
    })
}

#[test]
fn g7_a_failure_in_any_callback_ends_one_of_a_thousand_connections() {
    alone("g7_a_failure_in_any_callback_ends_one_of_a_thousand_connections", 2100, || {
        silence_planned_panics();
        let mut reactor = Reactor::new().unwrap();
        let plan = Plan::default();
        let shared = plan.clone();
        let address = listen(&reactor, for_protocol(move || Fragile::new(&shared)));
        let before = Footprint::take(&mut reactor);
        let mut streams =
            with_peer(&mut reactor, move || (0..HEALTHY).map(|_| dial(address)).collect::<Vec<_>>());
        let handle = reactor.handle();
        run_until(&mut reactor, "all are connected", || handle.stats().connections == HEALTHY);
        for (round, failure) in FAILURES.into_iter().enumerate() {
            let panics = reactor.stats().panics;
            plan.next.set(Some(failure));
            let (gate, opened) = mpsc::channel();
            plan.gate.set(Some(gate));
            streams = fail_among(&mut reactor, address, streams, round, opened);
            run_until(&mut reactor, "one is lost", || handle.stats().connections == HEALTHY);
            settle(&mut reactor);
            assert_eq!(plan.losses.take(), [expected_reason(failure)]);
            assert_eq!(reactor.stats().panics - panics, u64::from(failure.1 == Panic), "{failure:?}");
        }
        drop(streams);
        before.assert_restored(&mut reactor);
        assert_eq!(plan.losses.take(), vec![CLEAN; HEALTHY]);
    });
}
