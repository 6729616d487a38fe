//! Half-close in every order: both ends write, finish and close in every sequence there is, and a model of a few lines
//! says what each end hears.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod support;

use std::cell::RefCell;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::sync::LazyLock;

use ropewalk::{ConnectOptions, Factory, Limits, Reactor, factory_fn};
use support::{
    ANY_PORT, CLEAN, Event, Footprint, Log, PATIENCE, Probe, alone, dial_with_window, listen, pattern, reset,
    run_until, settle,
};

/// What one of the two ends does: this side is the reactor's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Write,
    Finish,
    Close,
    PeerWrites,
    PeerFinishes,
    PeerResets,
}

/// Every choice of `steps` in every order, none twice.
fn orders(steps: &[Step]) -> Vec<Vec<Step>> {
    let mut all: Vec<Vec<Step>> = vec![Vec::new()];
    let mut extended = 0;
    while let Some(order) = all.get(extended).cloned() {
        for step in steps.iter().filter(|step| !order.contains(step)) {
            all.push([&order[..], &[*step]].concat());
        }
        extended += 1;
    }
    all
}

/// What has to be heard.
#[derive(Default)]
struct Model {
    /// What this side's protocol has heard, pauses of reading aside.
    heard: Vec<Event>,
    /// What the peer can read.
    sent: Vec<u8>,
    finished: bool,
    closed: bool,
    peer_finished: bool,
    peer_reset: bool,
    /// The reactor's protocol has heard of the end.
    lost: Option<Loss>,
    /// So much output waits for the peer that nothing is flushed before it reads.
    stalled: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Loss {
    Clean,
    Broken,
}

impl Model {
    fn step(&mut self, step: Step, message: &[u8]) {
        self.peer_reset |= step == Step::PeerResets;
        if self.lost.is_some() {
            return;
        }
        match step {
            Step::Write if !self.finished && !self.closed => self.sent.extend(message),
            Step::Finish => self.finished = true,
            Step::Close => self.closed = true,
            Step::PeerWrites if !self.peer_finished && !self.closed => {
                self.heard.push(Event::Data(b"from the peer".into()));
            }
            Step::PeerFinishes => {
                if !self.closed && !self.peer_finished {
                    self.heard.push(Event::EndOfInput);
                }
                self.peer_finished = true;
            }
            Step::PeerResets => self.lost = Some(Loss::Broken),
            Step::Write | Step::PeerWrites => {}
        }
        self.settle();
    }

    /// Both ends have finished and nothing is on its way.
    fn settle(&mut self) {
        if (self.finished || self.closed) && self.peer_finished && !self.stalled && self.lost.is_none() {
            self.lost = Some(Loss::Clean);
        }
    }

    fn matches(&self, log: &Log) -> bool {
        let (heard, losses): (Vec<_>, Vec<_>) = log
            .events()
            .into_iter()
            .filter(|event| *event != Event::Made)
            .partition(|event| !matches!(event, Event::Lost(_)));
        let loss = match &losses[..] {
            [] => None,
            [Event::Lost(reason)] if reason == CLEAN => Some(Loss::Clean),
            [Event::Lost(reason)] if reason.starts_with("the connection was lost: ") => Some(Loss::Broken),
            _ => return false,
        };
        heard == self.heard && loss == self.lost
    }
}

/// A connection and its model.
struct Pair {
    log: Log,
    peer: TcpStream,
    model: Model,
}

impl Pair {
    /// Lets this side or the peer do something, and the model too.
    fn step(&mut self, step: Step) {
        let transport = self.log.transport();
        match step {
            Step::Write => transport.write("to the peer"),
            Step::Finish => transport.lose_write_connection(),
            Step::Close => transport.lose_connection(),
            // The peer may be told that it is too late.
            Step::PeerWrites => drop(self.peer.write(b"from the peer")),
            Step::PeerFinishes => drop(self.peer.shutdown(Shutdown::Write)),
            Step::PeerResets => self.reset(),
        }
        self.model.step(step, b"to the peer");
    }

    /// The peer's end becomes one that nobody knows.
    fn reset(&mut self) {
        let nobody = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        reset(std::mem::replace(&mut self.peer, nobody.into()));
    }

    /// Closes what is still open, sees that the peer gets what was sent, and that both ends know of the end.
    fn end(mut self, reactor: &mut Reactor) -> Self {
        self.step(Step::Close);
        if !self.model.peer_reset {
            let heard = read_to_end(reactor, &self.peer);
            assert!(heard == self.model.sent, "{} bytes of {}", heard.len(), self.model.sent.len());
            self.model.stalled = false;
            self.step(Step::PeerFinishes);
        }
        run_until(reactor, "the loss", || self.log.losses() > 0);
        settle(reactor);
        self
    }
}

/// What the peer reads until the end of input, while the reactor turns.
fn read_to_end(reactor: &mut Reactor, mut peer: &TcpStream) -> Vec<u8> {
    let (mut heard, mut buffer) = (Vec::new(), vec![0; 100_000]);
    peer.set_nonblocking(true).unwrap();
    run_until(reactor, "the end of input", || {
        loop {
            match peer.read(&mut buffer) {
                Ok(0) => return true,
                Ok(count) => heard.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
                Err(error) => panic!("reading: {error}"),
            }
        }
    });
    heard
}

/// The reactor under test, which makes connections from either side.
struct Bench {
    reactor: Reactor,
    listener: TcpListener,
    address: SocketAddr,
    /// Where the next connection notes what it hears.
    log: Rc<RefCell<Log>>,
    before: Footprint,
}

impl Bench {
    fn new() -> Self {
        let mut reactor = Reactor::new().unwrap();
        let mut limits = Limits::default();
        // Nothing here is to end because time passes, nor to be held back.
        limits.linger_timeout = PATIENCE * 100;
        limits.high_water = usize::MAX;
        reactor.set_default_limits(limits);
        let log = Rc::default();
        let address = listen(&reactor, protocols(&log));
        let listener = TcpListener::bind(ANY_PORT).unwrap();
        let before = Footprint::take(&mut reactor);
        Self { reactor, listener, address, log, before }
    }

    /// A connection that the reactor accepts.
    fn accept(&mut self) -> Pair {
        let peer = dial_with_window(self.address, 100_000);
        self.made(peer)
    }

    /// A connection that the reactor begins.
    fn connect(&mut self) -> Pair {
        let address = self.listener.local_addr().unwrap();
        self.reactor.connect(address, &ConnectOptions::default(), protocols(&self.log)).then(|_| ());
        let peer = self.listener.accept().unwrap().0;
        self.made(peer)
    }

    fn made(&mut self, peer: TcpStream) -> Pair {
        let log = self.log.borrow().clone();
        run_until(&mut self.reactor, "connected", || log.has(&Event::Made));
        self.log.replace(Log::default());
        Pair { log, peer, model: Model::default() }
    }

    /// Goes through all orders and looks at both ends after each step.
    fn walk(&mut self, connect: fn(&mut Self) -> Pair, orders: &[Vec<Step>]) {
        for order in orders {
            let mut pair = connect(self);
            for step in order {
                pair.step(*step);
                settle(&mut self.reactor);
                self.expect(&pair, order, *step);
            }
            let pair = pair.end(&mut self.reactor);
            self.expect(&pair, order, Step::Close);
        }
        self.before.assert_restored(&mut self.reactor);
    }

    /// Sees what the model says.
    #[track_caller]
    fn expect(&mut self, pair: &Pair, order: &[Step], step: Step) {
        let Model { heard, lost, .. } = &pair.model;
        let what = format!("{heard:?} and the loss {lost:?} after {step:?} of {order:?}");
        run_until(&mut self.reactor, &what, || pair.model.matches(&pair.log));
    }
}

fn protocols(log: &Rc<RefCell<Log>>) -> impl Factory + use<> {
    let log = Rc::clone(log);
    factory_fn(move |_| Some(Box::new(Probe::new(&log.borrow()).on_end_of_input(|_| ()))))
}

const ALL: [Step; 6] =
    [Step::Write, Step::Finish, Step::Close, Step::PeerWrites, Step::PeerFinishes, Step::PeerResets];

#[test]
fn g1_g3_every_order_on_an_accepted_connection() {
    alone("g1_g3_every_order_on_an_accepted_connection", 64, || {
        let orders = orders(&ALL);
        assert_eq!(orders.len(), 1957);
        Bench::new().walk(Bench::accept, &orders);
    });
}

#[test]
fn g1_g3_every_order_on_a_connection_of_ones_own() {
    alone("g1_g3_every_order_on_a_connection_of_ones_own", 64, || {
        Bench::new().walk(Bench::connect, &orders(&ALL));
    });
}

#[test]
fn g1_g3_every_order_of_three_steps_while_much_output_waits() {
    fn connect_and_stall(bench: &mut Bench) -> Pair {
        static OUTPUT: LazyLock<Vec<u8>> = LazyLock::new(|| pattern(6_000_000));
        let mut pair = bench.accept();
        pair.log.transport().write(&*OUTPUT);
        settle(&mut bench.reactor);
        assert!(bench.reactor.stats().output_buffered > 0, "the network took everything");
        pair.model.sent.extend_from_slice(&OUTPUT);
        pair.model.stalled = true;
        pair
    }
    alone("g1_g3_every_order_of_three_steps_while_much_output_waits", 64, || {
        let mut orders = orders(&ALL);
        orders.retain(|order| order.len() <= 3);
        Bench::new().walk(connect_and_stall, &orders);
    });
}

#[test]
fn g1_g3_every_order_within_one_turn() {
    alone("g1_g3_every_order_within_one_turn", 64, || {
        let mut bench = Bench::new();
        for order in orders(&ALL) {
            let mut pair = bench.accept();
            order.iter().for_each(|step| pair.step(*step));
            // Input of a connection that was closed before the loop could look is not delivered, but output arrives.
            let Pair { log, model, .. } = pair.end(&mut bench.reactor);
            let events = log.events();
            assert!(matches!(events[..], [Event::Made, .., Event::Lost(_)]), "{order:?}: {events:?}");
            assert_eq!((log.transports().len(), log.losses()), (1, 1), "{order:?}: {events:?}");
            assert!(model.peer_reset || log.lost().as_deref() == Some(CLEAN), "{order:?}: {events:?}");
            let mut expected = model.heard.into_iter();
            let heard = &events[1..events.len() - 1];
            assert!(heard.iter().all(|event| expected.any(|other| other == *event)), "{order:?}: {events:?}");
        }
        bench.before.assert_restored(&mut bench.reactor);
    });
}
