//! What the tests over real sockets share: a loop that runs until something happened, and protocols that note what
//! they hear.
#![allow(dead_code, reason = "every test file is a crate of its own and uses its part")]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[cfg(target_os = "linux")]
mod footprint;
mod probe;

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use ropewalk::{Address, Factory, ListenOptions, ListeningPort, Reactor, Status};

#[cfg(target_os = "linux")]
#[allow(unused_imports, reason = "as above")]
pub(crate) use footprint::{Footprint, open_descriptors, processor_time, processor_time_of, resident_memory};
#[allow(unused_imports, reason = "as above")]
pub(crate) use probe::{Event, Log, Probe};

/// How long anything may take before its test fails. Generous, for busy machines.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The loopback and any port.
pub(crate) const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// The words for an orderly end.
pub(crate) const CLEAN: &str = "the connection was closed cleanly";

/// Names the test that is to run in this process.
const ALONE: &str = "ROPEWALK_TEST_ALONE";

/// How often a condition that the reactor knows nothing of is looked at.
const GLANCE: Duration = Duration::from_millis(2);

/// Makes turns of the loop until `done`, and fails the test if that takes too long.
#[track_caller]
pub(crate) fn run_until(reactor: &mut Reactor, what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "in vain: {what}; {:?}", reactor.stats());
        assert_eq!(reactor.run_once(Some(GLANCE)).unwrap(), Status::Running, "the reactor stopped");
    }
}

/// Runs blocking code of the peer's in a thread while the reactor turns, and returns its result.
#[track_caller]
pub(crate) fn with_peer<T: Send + 'static>(
    reactor: &mut Reactor,
    peer: impl FnOnce() -> T + Send + 'static,
) -> T {
    let peer = thread::spawn(peer);
    run_until(reactor, "the peer is done", || peer.is_finished());
    peer.join().unwrap()
}

/// Makes turns until the reactor has had connections and has none any more.
#[track_caller]
pub(crate) fn run_until_empty(reactor: &mut Reactor) {
    let handle = (**reactor).clone();
    run_until(reactor, "all connections are gone", || {
        let stats = handle.stats();
        stats.connections_opened > 0 && stats.connections == 0
    });
}

/// Makes the turns that follow from what has been asked, until nothing more happens at once.
pub(crate) fn settle(reactor: &mut Reactor) {
    for _ in 0..20 {
        let _ = reactor.run_once(Some(Duration::ZERO)).unwrap();
    }
}

/// Asserts that the loop soon makes a turn that lasts until its time is up, and hardly needs a processor for it. A few
/// turns before may be cut short by what the network still moves.
#[track_caller]
pub(crate) fn assert_rests(reactor: &mut Reactor) {
    let rest = Duration::from_millis(200);
    let rested = (0..10).any(|_| {
        let (begun, used) = (Instant::now(), processor_time());
        let turns = reactor.stats().turns;
        let _ = reactor.run_once(Some(rest)).unwrap();
        assert_eq!(reactor.stats().turns, turns + 1);
        begun.elapsed() >= rest && processor_time() - used < rest / 10
    });
    assert!(rested, "the loop does not rest");
}

/// Elsewhere nobody tells.
#[cfg(not(target_os = "linux"))]
fn processor_time() -> Duration {
    Duration::ZERO
}

/// Listens on the loopback.
#[track_caller]
pub(crate) fn listen(reactor: &Reactor, factory: impl Factory + 'static) -> SocketAddr {
    socket_address(open_port(reactor, factory).address())
}

/// Listens on the loopback and returns the port itself.
#[track_caller]
pub(crate) fn open_port(reactor: &Reactor, factory: impl Factory + 'static) -> ListeningPort {
    reactor.listen(ANY_PORT, ListenOptions::default(), factory).unwrap()
}

/// The address in the form of the standard library.
pub(crate) fn socket_address(address: &Address) -> SocketAddr {
    SocketAddr::new(address.ip().unwrap(), address.port().unwrap())
}

/// A blocking connection of the peer's on which nothing takes for ever.
#[track_caller]
pub(crate) fn dial(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&address, PATIENCE).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// A connection that takes only a little from the network until its user reads.
#[track_caller]
pub(crate) fn dial_with_small_window(address: SocketAddr) -> TcpStream {
    dial_with_window(address, 4096)
}

/// A connection that takes about so many bytes from the network until its user reads.
#[track_caller]
pub(crate) fn dial_with_window(address: SocketAddr, bytes: usize) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(bytes).unwrap();
    socket.connect(&address.into()).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Runs `test`, which must be named `name`, in a process of its own that may have so many descriptors.
pub(crate) fn alone(name: &str, descriptors: u32, test: impl FnOnce()) {
    if std::env::var_os(ALONE).is_some_and(|alone| alone == name) {
        return test();
    }
    let script = format!("ulimit -n {descriptors} && exec \"$0\" --exact {name} --nocapture");
    let test = std::env::current_exe().unwrap();
    let output = Command::new("sh").args(["-c", &script]).arg(test).env(ALONE, name).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// An address where nobody will listen while the test runs: it is bound.
pub(crate) fn dead_address() -> SocketAddr {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&ANY_PORT.into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    std::mem::forget(socket);
    address
}

/// Everything until the end of input, and how that came.
pub(crate) fn read_to_end(mut stream: &TcpStream) -> (Vec<u8>, io::Result<()>) {
    let mut all = Vec::new();
    let end = stream.read_to_end(&mut all).map(drop);
    (all, end)
}

/// Everything until the end of input, which must be orderly.
#[track_caller]
pub(crate) fn read_all(stream: &TcpStream) -> Vec<u8> {
    let (all, end) = read_to_end(stream);
    end.unwrap();
    all
}

/// What a peer reads that connects to a server of `probe` and sends `data`; it does not close before the server does.
#[track_caller]
pub(crate) fn talk(reactor: &mut Reactor, probe: Probe, data: &'static [u8]) -> (Vec<u8>, io::Result<()>) {
    let address = listen(reactor, probe.factory());
    let heard = with_peer(reactor, move || {
        let mut stream = dial(address);
        stream.write_all(data).unwrap();
        read_to_end(&stream)
    });
    run_until_empty(reactor);
    heard
}

/// Closes a connection so that the other side sees a reset.
pub(crate) fn reset(stream: TcpStream) {
    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    drop(stream);
}

/// Bytes in which a missing, doubled or misplaced piece shows.
pub(crate) fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index % 251) as u8 ^ (index / 251 % 241) as u8).collect()
}
