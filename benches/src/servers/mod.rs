//! The servers that are compared. Each prints its address and serves until it is killed.

mod handwritten;
mod handwritten_tls;
mod ropewalk;
mod tokio;
mod tokio_websockets;

use std::error::Error;
use std::fmt;
use std::str::FromStr;

/// Which server.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Handwritten,
    Ropewalk,
    Tokio,
    FastWebSockets,
    Tungstenite,
}

/// What it does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    /// Sends bytes back as they come.
    Echo,
    /// Sends each line back, once it is whole.
    Lines,
    /// Sends each line to everybody.
    Chat,
    /// Echo over TLS.
    TlsEcho,
    /// Sends the messages of WebSockets back.
    WebSocketEcho,
}

impl Kind {
    const ALL: [Self; 5] =
        [Self::Handwritten, Self::Ropewalk, Self::Tokio, Self::FastWebSockets, Self::Tungstenite];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Handwritten => "mio",
            Self::Ropewalk => "ropewalk",
            Self::Tokio => "tokio",
            Self::FastWebSockets => "fastwebsockets",
            Self::Tungstenite => "tokio-tungstenite",
        }
    }
}

impl Service {
    const ALL: [Self; 5] = [Self::Echo, Self::Lines, Self::Chat, Self::TlsEcho, Self::WebSocketEcho];

    /// Who is compared; the first is what the others are compared with.
    pub(crate) const fn kinds(self) -> [Kind; 3] {
        match self {
            Self::WebSocketEcho => [Kind::FastWebSockets, Kind::Ropewalk, Kind::Tungstenite],
            _ => [Kind::Handwritten, Kind::Ropewalk, Kind::Tokio],
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Lines => "lines",
            Self::Chat => "chat",
            Self::TlsEcho => "tls-echo",
            Self::WebSocketEcho => "websocket-echo",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|kind| kind.name() == name);
        known.ok_or_else(|| {
            format!("no server is called {name}; there are {}", Self::ALL.map(Self::name).join(", "))
        })
    }
}

impl FromStr for Service {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|service| service.name() == name);
        known.ok_or_else(|| {
            format!("no service is called {name}; there are {}", Self::ALL.map(Self::name).join(", "))
        })
    }
}

pub(crate) fn serve(kind: Kind, service: Service) -> Result<(), Box<dyn Error>> {
    match kind {
        Kind::Handwritten => handwritten::serve(service),
        Kind::Ropewalk => ropewalk::serve(service),
        Kind::Tokio => tokio::serve(service),
        Kind::FastWebSockets | Kind::Tungstenite => tokio_websockets::serve(kind),
    }
}
