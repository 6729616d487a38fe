//! The driver against the real loopback. Nothing here sleeps and hopes: everything polls until it happened.

mod connecting;
mod datagrams;
mod listening;
mod lookups;
mod polling;
#[cfg(unix)]
mod refusing;
#[cfg(all(unix, feature = "signals"))]
mod signals;
mod streaming;
mod workers;

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::{MioDriver, MioListener, MioStream};
use crate::driver::{
    ConnectOptions, Driver, Event, ListenOptions, Listener, PollUntil, Readiness, Stream, Token,
};

/// How long anything may take before its test fails. Generous, for busy machines.
const PATIENCE: Duration = Duration::from_secs(20);

/// The loopback and any port.
const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A driver with what its polls have reported.
struct World {
    driver: MioDriver,
    ready: HashMap<Token, Readiness>,
    others: Vec<Event>,
}

impl World {
    fn new() -> Self {
        Self { driver: MioDriver::new().unwrap(), ready: HashMap::new(), others: Vec::new() }
    }

    /// Polls until `done`.
    #[track_caller]
    fn poll_until(&mut self, mut done: impl FnMut(&Self) -> bool) {
        let deadline = self.driver.now() + PATIENCE;
        while !done(self) {
            assert!(self.driver.now() < deadline, "in vain: {:?} {:?}", self.ready, self.others);
            self.poll_once(PollUntil::Deadline(deadline));
        }
    }

    fn poll_once(&mut self, until: PollUntil) {
        let mut events = Vec::new();
        self.driver.poll(until, &mut events).unwrap();
        for event in events {
            let Event::Ready(token, now) = event else {
                self.others.push(event);
                continue;
            };
            let before = self.ready.entry(token).or_default();
            before.readable |= now.readable;
            before.writable |= now.writable;
            before.read_closed |= now.read_closed;
            before.error |= now.error;
        }
    }

    /// Polls until `token` is ready for something that satisfies `enough`, and forgets its readiness.
    #[track_caller]
    fn wait(&mut self, token: Token, enough: impl Fn(Readiness) -> bool) -> Readiness {
        self.poll_until(|world| world.ready.get(&token).copied().is_some_and(&enough));
        self.ready.remove(&token).unwrap()
    }

    fn listen(&self, address: SocketAddr, token: Token) -> (MioListener, SocketAddr) {
        let mut listener =
            MioListener::listen(&self.driver.shared, address, &ListenOptions::default()).unwrap();
        listener.register(token).unwrap();
        let address = tcp(&listener.local_address().unwrap());
        (listener, address)
    }

    #[track_caller]
    fn accept(&mut self, listener: &MioListener, token: Token) -> (MioStream, SocketAddr) {
        loop {
            match listener.accept_stream() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.wait(token, |ready| ready.readable);
                }
                accepted => return accepted.unwrap(),
            }
        }
    }

    /// A registered stream whose attempt to connect has succeeded.
    #[track_caller]
    fn connect(&mut self, address: SocketAddr, options: &ConnectOptions, token: Token) -> MioStream {
        let mut stream = MioStream::connect(&self.driver.shared, address, options).unwrap();
        stream.register(token).unwrap();
        while !stream.finish_connect().unwrap() {
            self.wait(token, |ready| ready.writable);
        }
        stream
    }

    /// Both ends of a connection, registered as tokens 1 (the connecting end) and 2.
    #[track_caller]
    fn pair(&mut self) -> (MioStream, MioStream) {
        let (listener, address) = self.listen(ANY_PORT, Token(0));
        let near = self.connect(address, &ConnectOptions::default(), NEAR);
        let (mut far, _) = self.accept(&listener, Token(0));
        far.register(FAR).unwrap();
        (near, far)
    }

    /// The next result of reading that is not `WouldBlock`.
    #[track_caller]
    fn read(&mut self, stream: &mut MioStream, token: Token) -> io::Result<Vec<u8>> {
        let mut buffer = [0; 1000];
        loop {
            match stream.read(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.wait(token, |ready| ready.readable);
                }
                result => return result.map(|count| buffer[..count].to_vec()),
            }
        }
    }
}

/// The connecting end of [`World::pair`].
const NEAR: Token = Token(1);

/// The accepted end of [`World::pair`].
const FAR: Token = Token(2);

fn tcp(address: &crate::Address) -> SocketAddr {
    let crate::Address::Tcp(address) = address else { panic!("not TCP") };
    *address
}

/// A port of the loopback where nothing listens any more.
fn unused_address() -> SocketAddr {
    std::net::TcpListener::bind(ANY_PORT).unwrap().local_addr().unwrap()
}

/// The test binary, about to run only the test `name` of this module, which finds the variable [`CHILD`] set.
#[cfg(unix)]
fn only_test(name: &str) -> (std::path::PathBuf, Vec<String>) {
    let path = module_path!().split_once("::").unwrap().1;
    let test = format!("{path}::{name}");
    let arguments = ["--exact", &test, "--nocapture", "--test-threads=1"].map(str::to_owned);
    (std::env::current_exe().unwrap(), arguments.into())
}

/// Set in the processes that tests start of themselves.
#[cfg(unix)]
const CHILD: &str = "ROPEWALK_TEST_CHILD";
