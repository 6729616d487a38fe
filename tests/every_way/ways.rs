//! The ways to connect.

use std::path::PathBuf;
use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};

use ropewalk::{
    Address, ClientEndpoint, ListeningPort, ProxyClientEndpoint, ProxyHeader, ProxyServerEndpoint,
    ProxyVersion, ServerEndpoint, TcpClientEndpoint, TcpServerEndpoint, UnixClientEndpoint,
    UnixServerEndpoint, WebSocketClientConfig, WebSocketClientEndpoint, WebSocketServerConfig,
    WebSocketServerEndpoint,
};

use crate::certificates::{client_of, server_of};
use crate::ground::Ground;
use crate::support::{ANY_PORT, CLEAN, socket_address};

/// How two ends are connected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Way {
    Tcp,
    /// TCP with a PROXY header, whose layers are gone once it has passed.
    Proxy,
    Unix,
    Tls,
    TlsOverUnix,
    /// Two layers that stay.
    TlsOverTls,
    /// TCP of the simulated network.
    Simulated,
    /// The same with all the trouble that a program must not notice.
    SimulatedRough,
    SimulatedTls,
    WebSocket,
    WebSocketOverTls,
    /// A WebSocket where all goes wrong that a program must not notice.
    SimulatedWebSocket,
}

impl Way {
    /// What its two ends stand on.
    pub(crate) fn ground(self) -> Ground {
        match self {
            Self::Simulated | Self::SimulatedTls => Ground::simulated(),
            Self::SimulatedRough | Self::SimulatedWebSocket => Ground::rough(),
            _ => Ground::real(),
        }
    }

    pub(crate) const fn is_simulated(self) -> bool {
        matches!(self, Self::Simulated | Self::SimulatedRough | Self::SimulatedTls | Self::SimulatedWebSocket)
    }

    /// A place to listen on that nobody else uses.
    pub(crate) fn server(self) -> Box<dyn ServerEndpoint> {
        let tcp = || TcpServerEndpoint::from(ANY_PORT);
        match self {
            Self::Tcp | Self::Simulated | Self::SimulatedRough => Box::new(tcp()),
            Self::Proxy => Box::new(ProxyServerEndpoint::new(tcp())),
            Self::Unix => Box::new(unix()),
            Self::Tls | Self::SimulatedTls => Box::new(server_of(tcp())),
            Self::TlsOverUnix => Box::new(server_of(unix())),
            Self::TlsOverTls => Box::new(server_of(server_of(tcp()))),
            Self::WebSocket | Self::SimulatedWebSocket => Box::new(websockets(tcp())),
            Self::WebSocketOverTls => Box::new(websockets(server_of(tcp()))),
        }
    }

    /// How to reach such a place.
    pub(crate) fn client(self, port: &ListeningPort) -> Box<dyn ClientEndpoint> {
        let tcp = || TcpClientEndpoint::from(socket_address(port.address()));
        match self {
            Self::Tcp | Self::Simulated | Self::SimulatedRough => Box::new(tcp()),
            Self::Proxy => {
                let header = ProxyHeader::new(([192, 0, 2, 1], 1), ([192, 0, 2, 2], 2));
                Box::new(ProxyClientEndpoint::new(tcp(), ProxyVersion::Two, &header))
            }
            Self::Unix => Box::new(unix_client(port)),
            Self::Tls | Self::SimulatedTls => Box::new(client_of(tcp())),
            Self::TlsOverUnix => Box::new(client_of(unix_client(port))),
            Self::TlsOverTls => Box::new(client_of(client_of(tcp()))),
            Self::WebSocket | Self::SimulatedWebSocket => Box::new(websocket_client(tcp())),
            Self::WebSocketOverTls => Box::new(websocket_client(client_of(tcp()))),
        }
    }

    /// The module of its tests.
    pub(crate) const fn module(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Proxy => "proxy",
            Self::Unix => "unix",
            Self::Tls => "tls",
            Self::TlsOverUnix => "tls_over_unix",
            Self::TlsOverTls => "tls_over_tls",
            Self::Simulated => "simulated",
            Self::SimulatedRough => "simulated_rough",
            Self::SimulatedTls => "simulated_tls",
            Self::WebSocket => "websocket",
            Self::WebSocketOverTls => "websocket_over_tls",
            Self::SimulatedWebSocket => "simulated_websocket",
        }
    }

    /// What the other side hears of its end if this side fails.
    pub(crate) const fn end_by_error(self) -> &'static str {
        match self {
            Self::WebSocket | Self::WebSocketOverTls | Self::SimulatedWebSocket => {
                r#"the peer has closed the WebSocket with the code 1011 ("")"#
            }
            _ => CLEAN,
        }
    }

    /// Whether an abort tells the other side that this is no orderly end: a UNIX socket has no reset, but TLS notices.
    pub(crate) const fn tells_of_aborts(self) -> bool {
        !matches!(self, Self::Unix)
    }
}

fn websockets<E: ServerEndpoint>(inner: E) -> WebSocketServerEndpoint<E> {
    WebSocketServerEndpoint::new(inner, WebSocketServerConfig::new())
}

fn websocket_client<E: ClientEndpoint>(inner: E) -> WebSocketClientEndpoint<E> {
    WebSocketClientEndpoint::new(inner, WebSocketClientConfig::new("ws://server.test/".parse().unwrap()))
}

/// A path that no other test uses. Its file goes with the port.
fn unix() -> UnixServerEndpoint {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let name = format!("ropewalk-{}-{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let path: PathBuf = std::env::temp_dir().join(name);
    path.to_str().unwrap().parse().unwrap()
}

fn unix_client(port: &ListeningPort) -> UnixClientEndpoint {
    let Address::Unix(address) = port.address() else { unreachable!("the port is a UNIX socket") };
    address.as_path().unwrap().to_str().unwrap().parse().unwrap()
}
