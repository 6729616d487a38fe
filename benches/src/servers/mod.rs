//! The servers that are compared. Each prints its address and serves until it is killed.

mod handwritten;
mod handwritten_tls;
mod ropewalk;
mod tokio;

use std::error::Error;
use std::fmt;
use std::str::FromStr;

/// Which server.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Handwritten,
    Ropewalk,
    Tokio,
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
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Handwritten, Self::Ropewalk, Self::Tokio];

    /// The place of the baseline in [`Kind::ALL`].
    pub(crate) const HANDWRITTEN_INDEX: usize = 0;

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Handwritten => "mio",
            Self::Ropewalk => "ropewalk",
            Self::Tokio => "tokio",
        }
    }
}

impl Service {
    const ALL: [Self; 4] = [Self::Echo, Self::Lines, Self::Chat, Self::TlsEcho];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Lines => "lines",
            Self::Chat => "chat",
            Self::TlsEcho => "tls-echo",
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
        known.ok_or_else(|| format!("no server is called {name}; there are mio, ropewalk and tokio"))
    }
}

impl FromStr for Service {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|service| service.name() == name);
        known.ok_or_else(|| format!("no service is called {name}; there are echo, lines, chat and tls-echo"))
    }
}

pub(crate) fn serve(kind: Kind, service: Service) -> Result<(), Box<dyn Error>> {
    match kind {
        Kind::Handwritten => handwritten::serve(service),
        Kind::Ropewalk => ropewalk::serve(service),
        Kind::Tokio => tokio::serve(service),
    }
}
