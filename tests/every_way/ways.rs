//! The ways to connect.

use ropewalk::{
    ClientEndpoint, ListeningPort, ProxyClientEndpoint, ProxyHeader, ProxyServerEndpoint, ProxyVersion,
    ServerEndpoint, TcpClientEndpoint, TcpServerEndpoint,
};

use crate::support::{ANY_PORT, socket_address};

/// How two ends are connected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Way {
    Tcp,
    /// TCP with a PROXY header, whose layers are gone once it has passed.
    Proxy,
}

impl Way {
    /// A place to listen on that nobody else uses.
    pub(crate) fn server(self) -> Box<dyn ServerEndpoint> {
        match self {
            Self::Tcp => Box::new(TcpServerEndpoint::from(ANY_PORT)),
            Self::Proxy => Box::new(ProxyServerEndpoint::new(TcpServerEndpoint::from(ANY_PORT))),
        }
    }

    /// How to reach such a place.
    pub(crate) fn client(self, port: &ListeningPort) -> Box<dyn ClientEndpoint> {
        let tcp = TcpClientEndpoint::from(socket_address(port.address()));
        match self {
            Self::Tcp => Box::new(tcp),
            Self::Proxy => {
                let header = ProxyHeader::new(([192, 0, 2, 1], 1), ([192, 0, 2, 2], 2));
                Box::new(ProxyClientEndpoint::new(tcp, ProxyVersion::Two, &header))
            }
        }
    }

    /// Whether a peer that reads nothing and one that vanishes are told apart: a UNIX socket has no reset.
    pub(crate) const fn has_resets(self) -> bool {
        matches!(self, Self::Tcp | Self::Proxy)
    }
}
