//! The contract: what an idle TLS connection costs, measured on real sockets. As in `contract_idle.rs`, the peers run in a
//! process of their own.
#![cfg(all(unix, feature = "tls", any(feature = "ring", feature = "aws-lc-rs")))]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod support;

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::process::{Child, Command};
use std::rc::Rc;

use ropewalk::{
    ClientEndpoint, LineProtocol, LineReceiver, LineTransport, Protocol, Reactor, Reason, Result,
    ServerEndpoint, TcpClientEndpoint, TcpServerEndpoint, TlsClientConfig, TlsClientEndpoint,
    TlsServerConfig, TlsServerEndpoint, TlsTransport, TlsVersion, Transport, for_protocol,
};
use support::{alone, run_until, settle, socket_address};

/// The contract: bytes of heap that an idle TLS 1.3 connection with a `LineReceiver` costs, all told.
const HEAP_MAX: i64 = 4_096;

const CONNECTIONS: usize = 1_000;

/// Enough for one end of so many.
const DESCRIPTORS: u32 = 1_100;

/// Tells the process of the peers where the server listens.
const SERVER: &str = "ROPEWALK_TEST_SERVER";

const TEST: &str = "an_idle_tls_connection_costs_at_most_4_kib_of_heap";

#[test]
fn an_idle_tls_connection_costs_at_most_4_kib_of_heap() {
    alone(TEST, DESCRIPTORS, || match std::env::var(SERVER) {
        Ok(server) => be_the_peers(server.parse().unwrap()),
        Err(_) => be_the_server(),
    });
}

fn be_the_server() {
    let mut reactor = Reactor::new().unwrap();
    let members = Rc::new(RefCell::new(Vec::with_capacity(CONNECTIONS)));
    let room = Rc::clone(&members);
    let endpoint =
        TlsServerEndpoint::new("127.0.0.1:0".parse::<TcpServerEndpoint>().unwrap(), server_config());
    let factory = for_protocol(move || LineReceiver::new(Member { room: Rc::clone(&room) }));
    let port = endpoint.listen(&reactor, factory).unwrap();
    settle(&mut reactor);
    let mut peers = None;
    let fresh = allocation_counter::measure(|| {
        allocation_counter::opt_out(|| peers = Some(start_peers(socket_address(port.address()))));
        run_until(&mut reactor, "everybody is there", || members.borrow().len() == CONNECTIONS);
        settle(&mut reactor);
    });
    let mut peers = peers.unwrap();
    let bytes_in = reactor.stats().bytes_in;
    let used = allocation_counter::measure(|| {
        let handle = reactor.handle();
        let mut talked = bytes_in;
        // Some at a time, because the reactor keeps for reuse what so many would need at once.
        for group in members.borrow().chunks(50) {
            group.iter().for_each(|member| member.write("talk\r\n"));
            // What they say is six bytes, in a record that takes 22 more.
            talked += (group.len() * (6 + 22)) as u64;
            run_until(&mut reactor, "everybody has talked", || handle.stats().bytes_in == talked);
        }
        settle(&mut reactor);
    });
    let heap = |bytes: i64| bytes / CONNECTIONS as i64;
    let (fresh, used) = (heap(fresh.bytes_current), heap(fresh.bytes_current + used.bytes_current));
    println!("an idle TLS connection: {fresh} bytes of heap when fresh, {used} when used");
    assert!(members.borrow().iter().all(|member| member.tls().unwrap().version == TlsVersion::Tls13));
    assert!(fresh <= HEAP_MAX && used <= HEAP_MAX, "{fresh} fresh, {used} used");
    reactor.stop();
    reactor.run().unwrap();
    assert!(peers.wait().unwrap().success());
}

fn server_config() -> TlsServerConfig {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    TlsServerConfig::from_pem(made.cert.pem(), made.signing_key.serialize_pem()).unwrap()
}

struct Member {
    room: Rc<RefCell<Vec<Transport>>>,
}

impl LineProtocol for Member {
    fn connection_made(&mut self, transport: &mut LineTransport<'_>) {
        self.room.borrow_mut().push(Transport::clone(transport));
    }

    fn line_received(&mut self, _: &mut LineTransport<'_>, _: &[u8]) -> Result {
        Ok(())
    }
}

fn start_peers(server: SocketAddr) -> Child {
    let test = std::env::current_exe().unwrap();
    Command::new(test).args(["--exact", TEST, "--nocapture"]).env(SERVER, server.to_string()).spawn().unwrap()
}

fn be_the_peers(server: SocketAddr) {
    let mut reactor = Reactor::new().unwrap();
    // Each shakes hands anew, which costs the server most.
    let config = TlsClientConfig::builder().session_cache(0).dangerous().accept_any_certificate();
    let endpoint =
        TlsClientEndpoint::new(TcpClientEndpoint::from(server), "localhost", config.build().unwrap())
            .unwrap();
    let lost = Rc::new(Cell::new(0));
    for _ in 0..CONNECTIONS {
        let lost = Rc::clone(&lost);
        drop(endpoint.connect(&reactor, for_protocol(move || Talker { lost: Rc::clone(&lost) })));
    }
    run_until(&mut reactor, "the server goes last", || lost.get() == CONNECTIONS);
}

/// Says something when it is greeted.
struct Talker {
    lost: Rc<Cell<usize>>,
}

impl Protocol for Talker {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        if data == b"talk\r\n" {
            transport.write("talk\r\n");
        }
        Ok(())
    }

    fn connection_lost(&mut self, _: &Transport, _: &Reason) {
        self.lost.set(self.lost.get() + 1);
    }
}
