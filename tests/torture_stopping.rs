//! Stopping and draining while a hundred connections stream both ways, timers tick and threads post.
//!
//! Each test runs in a process of its own, because it counts the process's descriptors.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod support;

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use ropewalk::{
    Address, ConnectionId, Drained, LoopingCall, Protocol, Reactor, Reason, Remote, Result, Status, TimerKey,
    Transport, factory_fn,
};
use support::{Footprint, PATIENCE, alone, dial, listen, pattern, run_until, settle, socket_address};

const PEERS: usize = 100;

/// How many of them read nothing before the end begins, so that output waits for them.
const LATE_PEERS: usize = 10;

/// How much moves in either direction before the end comes.
const LOAD: u64 = 20_000_000;

/// What the connections share.
#[derive(Clone, Default)]
struct Tally {
    /// How much each connection has written that was accepted, by the address of its peer.
    accepted: Rc<RefCell<BTreeMap<SocketAddr, usize>>>,
    /// Why each was lost.
    losses: Rc<RefCell<Vec<String>>>,
    /// All that were made, for another thread.
    connections: Arc<Mutex<Vec<ConnectionId>>>,
    posts: Rc<Cell<usize>>,
    ticks: Rc<Cell<usize>>,
}

/// Streams what can be counted, as often as something happens.
struct Streaming {
    tally: Tally,
    peer: SocketAddr,
}

/// What a connection sends goes round in this many bytes.
const ROUND: usize = 251;

/// Some of what a connection sends after `position` bytes.
fn stream_from(position: usize) -> &'static [u8] {
    static STREAM: LazyLock<Vec<u8>> = LazyLock::new(|| pattern(ROUND).repeat(100));
    &STREAM[position % ROUND..]
}

impl Streaming {
    fn stream(&self, transport: &Transport) {
        let mut accepted = self.tally.accepted.borrow_mut();
        let position = accepted.entry(self.peer).or_default();
        while transport.is_open() && transport.buffered() <= transport.limits().high_water {
            transport.write(&stream_from(*position)[..10_007]);
            *position += 10_007;
        }
    }
}

impl Protocol for Streaming {
    fn connection_made(&mut self, transport: &Transport) {
        self.tally.connections.lock().unwrap().push(transport.id());
        transport.set_timer(Duration::from_millis(1));
        transport.set_idle_timeout(Some(PATIENCE));
        self.stream(transport);
    }

    fn data_received(&mut self, transport: &Transport, _: &[u8]) -> Result {
        self.stream(transport);
        Ok(())
    }

    fn writing_resumed(&mut self, transport: &Transport) {
        self.stream(transport);
    }

    fn timer_expired(&mut self, transport: &Transport, _: TimerKey) {
        transport.set_timer(Duration::from_millis(1));
        self.stream(transport);
    }

    fn event_received(&mut self, transport: &Transport, _: Box<dyn Any>) {
        self.tally.posts.set(self.tally.posts.get() + 1);
        self.stream(transport);
    }

    fn connection_lost(&mut self, transport: &Transport, reason: &Reason) {
        self.tally.losses.borrow_mut().push(reason.to_string());
        // Too late for all of this.
        transport.set_timer(Duration::ZERO);
        transport.post(());
        self.stream(transport);
    }
}

/// A peer that sends until it cannot any more, and reads everything.
struct Peer {
    address: SocketAddr,
    reading: JoinHandle<Vec<u8>>,
    writing: JoinHandle<()>,
}

impl Peer {
    /// Connects; reads only once the other end of `gate` is dropped.
    fn connect(server: SocketAddr, gate: Option<Receiver<()>>) -> Self {
        let stream = dial(server);
        let address = stream.local_addr().unwrap();
        let mut writer = stream.try_clone().unwrap();
        let writing = thread::spawn(move || while writer.write_all(&[b'x'; 10_000]).is_ok() {});
        let reading = thread::spawn(move || {
            gate.map(|gate| gate.recv());
            let heard = read_until_over(&stream);
            // The writer is told as well. It may have been told already.
            let _ = stream.shutdown(Shutdown::Both);
            heard
        });
        Self { address, reading, writing }
    }

    fn is_finished(&self) -> bool {
        self.reading.is_finished() && self.writing.is_finished()
    }

    fn heard(self) -> Vec<u8> {
        self.writing.join().unwrap();
        self.reading.join().unwrap()
    }
}

/// Everything until the end, in whatever way that comes.
fn read_until_over(mut stream: &TcpStream) -> Vec<u8> {
    let mut heard = Vec::new();
    let _ = stream.read_to_end(&mut heard);
    heard
}

/// A reactor under load.
struct Load {
    reactor: Reactor,
    tally: Tally,
    peers: Vec<Peer>,
    /// The late ones begin to read when these are dropped.
    gates: Vec<Sender<()>>,
    ticking: LoopingCall,
    posting: JoinHandle<()>,
    posts: Arc<AtomicBool>,
    /// What there was before anything listened.
    before: Footprint,
}

impl Load {
    fn begin() -> Self {
        let mut reactor = Reactor::new().unwrap();
        let before = Footprint::take(&mut reactor);
        let tally = Tally::default();
        let shared = tally.clone();
        let address = listen(
            &reactor,
            factory_fn(move |peer: &Address| {
                Some(Box::new(Streaming { tally: shared.clone(), peer: socket_address(peer) }))
            }),
        );
        let (gates, closed): (Vec<_>, Vec<_>) = (0..LATE_PEERS).map(|_| mpsc::channel()).unzip();
        let mut closed = closed.into_iter();
        let peers = (0..PEERS).map(|_| Peer::connect(address, closed.next())).collect();
        let ticks = Rc::clone(&tally.ticks);
        let ticking = reactor.call_every(Duration::from_millis(1), move |_| ticks.set(ticks.get() + 1));
        let posts = Arc::new(AtomicBool::new(true));
        let posting = post_all_the_time(reactor.remote(), Arc::clone(&tally.connections), Arc::clone(&posts));
        let mut load = Self { reactor, tally, peers, gates, ticking, posting, posts, before };
        load.run_to_full_load();
        load
    }

    fn run_to_full_load(&mut self) {
        let (handle, tally) = (self.reactor.handle(), self.tally.clone());
        run_until(&mut self.reactor, "much has moved", || {
            let stats = handle.stats();
            let moved = stats.bytes_in > LOAD && stats.bytes_out > LOAD;
            moved && stats.output_buffered > 0 && tally.ticks.get() > 0 && tally.posts.get() > PEERS
        });
        assert_eq!(self.reactor.stats().connections, PEERS);
        assert!(self.reactor.stats().timers > PEERS);
    }

    /// Ends what is not the reactor's, sees that nothing is left, and gives what each peer has heard.
    fn end(mut self) -> (Tally, BTreeMap<SocketAddr, Vec<u8>>) {
        self.gates.clear();
        self.posts.store(false, Ordering::Relaxed);
        run_until(&mut self.reactor, "the threads are done", || {
            self.posting.is_finished() && self.peers.iter().all(Peer::is_finished)
        });
        self.posting.join().unwrap();
        self.ticking.stop();
        self.before.assert_restored(&mut self.reactor);
        assert_eq!(self.reactor.stats().panics, 0);
        let heard = self.peers.into_iter().map(|peer| (peer.address, peer.heard())).collect();
        (self.tally, heard)
    }
}

/// Has a thread post events to all connections, again and again as they are heard, as long as `wanted`.
fn post_all_the_time(
    remote: Remote,
    connections: Arc<Mutex<Vec<ConnectionId>>>,
    wanted: Arc<AtomicBool>,
) -> JoinHandle<()> {
    thread::spawn(move || {
        while wanted.load(Ordering::Relaxed) {
            for connection in &*connections.lock().unwrap() {
                remote.post_event(*connection, ()).unwrap();
            }
            let (sender, heard) = mpsc::channel();
            remote.post(move |_| sender.send(()).unwrap()).unwrap();
            heard.recv_timeout(PATIENCE).unwrap();
        }
    })
}

/// Sees that what arrived is what was sent, from its beginning.
#[track_caller]
fn assert_in_order(heard: &[u8]) {
    for (number, piece) in heard.chunks(10 * ROUND).enumerate() {
        assert!(stream_from(0).starts_with(piece), "a difference in piece {number}");
    }
}

#[test]
fn g1_g10_stopping_under_load_leaves_nothing() {
    alone("g1_g10_stopping_under_load_leaves_nothing", 512, || {
        let mut load = Load::begin();
        load.reactor.stop();
        let status = load.reactor.run_once(Some(Duration::ZERO)).unwrap();
        assert_eq!(status, Status::Stopped);
        let stats = load.reactor.stats();
        assert_eq!((stats.connections, stats.output_buffered), (0, 0), "{stats:?}");
        assert!(load.reactor.stats().timers <= 1, "only the looping call goes on");
        let (tally, heard) = load.end();
        assert_eq!(*tally.losses.borrow(), vec!["the reactor stopped"; PEERS]);
        heard.values().for_each(|heard| assert_in_order(heard));
    });
}

#[test]
fn g3_g6_g10_draining_under_load_loses_nothing_that_was_accepted() {
    alone("g3_g6_g10_draining_under_load_loses_nothing_that_was_accepted", 512, || {
        let mut load = Load::begin();
        let drained = Rc::new(Cell::new(None));
        let result = Rc::clone(&drained);
        load.reactor.drain(PATIENCE).then(move |drained| result.set(Some(drained)));
        // Those who have not read yet are waited for.
        settle(&mut load.reactor);
        assert!(load.reactor.stats().output_buffered > 0);
        load.gates.clear();
        run_until(&mut load.reactor, "everything is drained", || drained.get().is_some());
        let Some(Drained { closed, aborted, .. }) = drained.get() else { unreachable!() };
        assert_eq!((closed, aborted), (PEERS, 0));
        let (tally, heard) = load.end();
        assert_eq!(*tally.losses.borrow(), vec![support::CLEAN; PEERS]);
        let accepted = tally.accepted.borrow();
        assert_eq!(accepted.len(), PEERS);
        for (peer, accepted) in &*accepted {
            assert_eq!(heard[peer].len(), *accepted, "of {peer}");
            assert_in_order(&heard[peer]);
        }
    });
}
