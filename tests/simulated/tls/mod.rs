//! TLS between hosts.

mod bulk;
mod closing;
mod handshakes;
mod limits;
mod midstream;
mod repeating;
mod websockets;

use std::cell::{OnceCell, RefCell};
use std::error::Error;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use ropewalk::simulation::{Host, Link, Simulation};
use ropewalk::{
    Address, ClientEndpoint, Factory, Protocol, ReactorHandle, Reason, Result, ServerEndpoint,
    TcpClientEndpoint, TcpServerEndpoint, TlsClientConfig, TlsClientEndpoint, TlsIdentity, TlsRoots,
    TlsServerConfig, TlsServerEndpoint, Transport,
};

use crate::people::{Heard, Listener, hear};

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const NAME: &str = "server.test";
const PORT: u16 = 443;
const CLEAN: &str = "the connection was closed cleanly";

/// How long a handshake may take if nothing else is said.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// A certificate, and its key: of Ed25519, whose signatures are all of the same size.
fn certificate() -> (String, String) {
    thread_local! {
        static MADE: OnceCell<(String, String)> = const { OnceCell::new() };
    }
    MADE.with(|made| made.get_or_init(make_certificate).clone())
}

fn make_certificate() -> (String, String) {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let parameters = rcgen::CertificateParams::new([NAME.to_owned()]).unwrap();
    (parameters.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

fn server_config() -> TlsServerConfig {
    let (certificate, key) = certificate();
    TlsServerConfig::builder().identity(TlsIdentity::from_pem(certificate, key)).build().unwrap()
}

fn client_config() -> TlsClientConfig {
    TlsClientConfig::builder().roots(TlsRoots::from_pem(certificate().0)).build().unwrap()
}

fn tls_over_tcp(config: TlsServerConfig) -> TlsServerEndpoint<TcpServerEndpoint> {
    TlsServerEndpoint::new(TcpServerEndpoint::from(SocketAddr::from(([0, 0, 0, 0], PORT))), config)
}

/// A server's connections, each of which sends back what it hears.
#[derive(Clone, Default)]
struct Served {
    connections: Rc<RefCell<Vec<Heard>>>,
    /// Why connections ended that never had a protocol.
    failed: Rc<RefCell<Vec<String>>>,
}

impl Served {
    fn failures(&self) -> usize {
        self.failed.borrow().len()
    }

    fn connection(&self, number: usize) -> Heard {
        self.connections.borrow()[number].clone()
    }
}

impl Factory for Served {
    fn build_protocol(&self, _: &Address) -> Option<Box<dyn Protocol>> {
        let heard = Heard::default();
        self.connections.borrow_mut().push(heard.clone());
        Some(Box::new(Echo(Listener(heard))))
    }

    fn connection_failed(&self, _: &Address, reason: &Reason) {
        self.failed.borrow_mut().push(reason.to_string());
    }
}

struct Echo(Listener);

impl Protocol for Echo {
    fn connection_made(&mut self, transport: &Transport) {
        self.0.connection_made(transport);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        transport.write(data);
        self.0.data_received(transport, data)
    }

    fn eof_received(&mut self, transport: &Transport) -> Result {
        self.0.eof_received(transport)
    }

    fn connection_lost(&mut self, transport: &Transport, reason: &Reason) {
        self.0.connection_lost(transport, reason);
    }
}

/// A server, a client, and no connection yet.
struct Pair {
    simulation: Simulation,
    server: Host,
    client: Host,
    served: Served,
    config: TlsClientConfig,
}

impl Pair {
    fn new(seed: u64, link: Link) -> Self {
        Self::of(Simulation::new(seed), link, tls_over_tcp(server_config()))
    }

    fn of(mut simulation: Simulation, link: Link, endpoint: impl ServerEndpoint + 'static) -> Self {
        let served = Served::default();
        let server = simulation.host("server", serve(endpoint, &served));
        let client = simulation.host("client", |_| Ok(()));
        simulation.set_default_link(link);
        Self { simulation, server, client, served, config: client_config() }
    }

    fn connect(&mut self) -> Heard {
        let endpoint = TcpClientEndpoint::from(SocketAddr::from((self.server.address(), PORT)));
        let endpoint = TlsClientEndpoint::new(endpoint, NAME, self.config.clone()).unwrap();
        let reactor = self.simulation.reactor(&self.client);
        hear(|factory| endpoint.connect(reactor, factory))
    }

    /// A connection whose handshake is over on both sides.
    #[track_caller]
    fn connected(&mut self) -> Heard {
        let (heard, served) = (self.connect(), self.served.clone());
        let before = served.connections.borrow().len();
        let is_made = |_: &mut Simulation| heard.is_made() && served.connections.borrow().len() > before;
        assert!(self.simulation.run_until(600 * SECOND, is_made), "{:?}", heard.lost());
        heard
    }

    /// Says something and waits for the echo.
    #[track_caller]
    fn exchange(&mut self, heard: &Heard, text: &str) {
        let before = heard.count();
        heard.transport().write(text);
        let done = |_: &mut Simulation| heard.count() >= before + text.len();
        assert!(self.simulation.run_until(600 * SECOND, done), "{:?}", heard.lost());
        assert_eq!(heard.data()[before..], *text.as_bytes());
    }

    fn partition(&mut self) {
        self.simulation.partition(&[&self.server], &[&self.client]);
    }

    /// Closes a connection, if it is still there, and sees that nothing is left of any.
    #[track_caller]
    fn nothing_is_left(&mut self, heard: &Heard) {
        if heard.is_made() {
            heard.transport().lose_connection();
        }
        self.simulation.run_for(200 * SECOND);
        assert!(heard.lost().is_some());
        for host in [&self.server, &self.client] {
            assert_eq!(self.simulation.reactor_stats(host).connections, 0, "of {}", host.name());
        }
        let (server, client) = (&self.server, &self.client);
        let descriptors = (self.simulation.descriptors(server), self.simulation.descriptors(client));
        assert_eq!(descriptors, (1, 0), "the port is left");
    }
}

fn serve(
    endpoint: impl ServerEndpoint + 'static,
    served: &Served,
) -> impl Fn(&ReactorHandle) -> Result<(), Box<dyn Error>> + 'static {
    let served = served.clone();
    move |reactor| {
        endpoint.listen(reactor, served.clone())?;
        Ok(())
    }
}

/// A link on which a packet takes exactly this long.
fn exact(latency: Duration) -> Link {
    let mut link = Link::default();
    (link.latency, link.jitter) = (latency, Duration::ZERO);
    link
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index % 251) as u8 ^ (index / 251 % 241) as u8).collect()
}
