//! The ways to connect.

use ropewalk::{ClientEndpoint, ListeningPort, ServerEndpoint, TcpClientEndpoint, TcpServerEndpoint};

use crate::support::{ANY_PORT, socket_address};

/// How two ends are connected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Way {
    Tcp,
}

impl Way {
    /// A place to listen on that nobody else uses.
    pub(crate) fn server(self) -> Box<dyn ServerEndpoint> {
        match self {
            Self::Tcp => Box::new(TcpServerEndpoint::from(ANY_PORT)),
        }
    }

    /// How to reach such a place.
    pub(crate) fn client(self, port: &ListeningPort) -> Box<dyn ClientEndpoint> {
        match self {
            Self::Tcp => Box::new(TcpClientEndpoint::from(socket_address(port.address()))),
        }
    }

    /// Whether a peer that reads nothing and one that vanishes are told apart: a UNIX socket has no reset.
    pub(crate) const fn has_resets(self) -> bool {
        matches!(self, Self::Tcp)
    }
}
