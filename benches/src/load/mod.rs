//! The loads that are put on servers.

mod connects;
mod deaf;
mod idle;
mod tls;
mod websockets;
mod windows;

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use self::tls::Sessions;
use self::windows::Window;

/// A kind of load.
#[derive(Clone, Copy)]
pub(crate) enum Load {
    /// Each connection sends a window of messages, waits until all have come back, and sends the next.
    Windows { connections: usize, message: usize, window: usize },
    /// The same with windows of one message, beside so many peers that send and never read.
    BesideDeaf { connections: usize, message: usize, deaf: usize },
    /// One connection sends a message; when all connections have received it, the next.
    Fanout { connections: usize, message: usize },
    /// So many at a time connect, send a byte, wait for it, and reset the connection.
    Connects { connections: usize },
    /// As `Windows`, over TLS.
    TlsWindows { connections: usize, message: usize, window: usize },
    /// As `Connects`, with a full handshake of TLS each.
    TlsConnects { connections: usize },
    /// The same, but all but the first resume a session.
    TlsResumes { connections: usize },
    /// As `Windows`, with messages of WebSockets: binary from a kibibyte on, else text.
    WebSockets { connections: usize, message: usize, window: usize },
    /// So many connect, exchange one line each, and wait until standard input ends.
    Idle { connections: usize },
}

/// What came of it.
#[derive(Default)]
pub(crate) struct LoadResult {
    pub(crate) messages: u64,
    /// Half of the round trips took no longer.
    pub(crate) median: Duration,
    /// All but one in a hundred took no longer.
    pub(crate) slowest_percent: Duration,
}

impl Load {
    /// The words that [`Load::parse`] takes.
    pub(crate) fn arguments(self) -> Vec<String> {
        let (name, numbers) = match self {
            Self::Windows { connections, message, window } => ("windows", vec![connections, message, window]),
            Self::BesideDeaf { connections, message, deaf } => ("deaf", vec![connections, message, deaf]),
            Self::Fanout { connections, message } => ("fanout", vec![connections, message]),
            Self::Connects { connections } => ("connects", vec![connections]),
            Self::TlsWindows { connections, message, window } => {
                ("tls-windows", vec![connections, message, window])
            }
            Self::TlsConnects { connections } => ("tls-connects", vec![connections]),
            Self::TlsResumes { connections } => ("tls-resumes", vec![connections]),
            Self::WebSockets { connections, message, window } => {
                ("websockets", vec![connections, message, window])
            }
            Self::Idle { connections } => ("idle", vec![connections]),
        };
        std::iter::once(name.to_owned()).chain(numbers.iter().map(usize::to_string)).collect()
    }

    pub(crate) fn parse(words: &[&str]) -> Result<Self, Box<dyn Error>> {
        Ok(match words {
            ["windows", connections, message, window] => Self::Windows {
                connections: connections.parse()?,
                message: message.parse()?,
                window: window.parse()?,
            },
            ["deaf", connections, message, deaf] => Self::BesideDeaf {
                connections: connections.parse()?,
                message: message.parse()?,
                deaf: deaf.parse()?,
            },
            ["fanout", connections, message] => {
                Self::Fanout { connections: connections.parse()?, message: message.parse()? }
            }
            ["connects", connections] => Self::Connects { connections: connections.parse()? },
            ["tls-windows", connections, message, window] => Self::TlsWindows {
                connections: connections.parse()?,
                message: message.parse()?,
                window: window.parse()?,
            },
            ["tls-connects", connections] => Self::TlsConnects { connections: connections.parse()? },
            ["tls-resumes", connections] => Self::TlsResumes { connections: connections.parse()? },
            ["websockets", connections, message, window] => Self::WebSockets {
                connections: connections.parse()?,
                message: message.parse()?,
                window: window.parse()?,
            },
            ["idle", connections] => Self::Idle { connections: connections.parse()? },
            _ => return Err(format!("there is no load {words:?}").into()),
        })
    }

    pub(crate) fn run(self, address: SocketAddr, time: Duration) -> Result<LoadResult, Box<dyn Error>> {
        match self {
            Self::Windows { connections, message, window } => {
                windows::run(address, connections, &Window::echoed(message, window), time, Ok)
            }
            Self::BesideDeaf { connections, message, deaf } => {
                // They live as long as the windows are measured.
                let _deaf = deaf::connect(address, deaf)?;
                windows::run(address, connections, &Window::echoed(message, 1), time, Ok)
            }
            Self::Fanout { connections, message } => {
                windows::run_fanout(address, connections, &messages(message, 1), time)
            }
            Self::Connects { connections } => connects::run(address, connections, time, Ok),
            Self::TlsWindows { connections, message, window } => {
                let sessions = Sessions::full()?;
                let window = Window::echoed(message, window);
                windows::run(address, connections, &window, time, |stream| sessions.over(stream))
            }
            Self::TlsConnects { connections } => {
                let sessions = Sessions::full()?;
                connects::run(address, connections, time, |stream| sessions.over(stream))
            }
            Self::TlsResumes { connections } => {
                let sessions = Sessions::resumed()?;
                connects::run(address, connections, time, |stream| sessions.over(stream))
            }
            Self::WebSockets { connections, message, window } => {
                let window = websockets::window(message, window);
                windows::run(address, connections, &window, time, websockets::upgrade)
            }
            Self::Idle { connections } => idle::run(address, connections),
        }
    }
}

/// So many messages of that length, each ending in a line feed.
fn messages(length: usize, count: usize) -> Vec<u8> {
    let mut message = vec![b'x'; length];
    message[length - 1] = b'\n';
    message.repeat(count)
}

impl LoadResult {
    /// The result of round trips, each of which brought `messages_each` messages back.
    fn of(mut round_trips: Vec<Duration>, messages_each: usize) -> Self {
        round_trips.sort();
        let at =
            |percent: usize| round_trips.get(round_trips.len() * percent / 100).copied().unwrap_or_default();
        let messages = (round_trips.len() * messages_each) as u64;
        Self { messages, median: at(50), slowest_percent: at(99) }
    }

    /// Prints what [`LoadResult::parse`] takes.
    pub(crate) fn print(&self) {
        println!("{} {} {}", self.messages, self.median.as_nanos(), self.slowest_percent.as_nanos());
    }

    pub(crate) fn parse(text: &str) -> Result<Self, Box<dyn Error>> {
        let numbers: Result<Vec<u64>, _> = text.split_whitespace().map(str::parse).collect();
        match numbers?[..] {
            [messages, median, slowest_percent] => Ok(Self {
                messages,
                median: Duration::from_nanos(median),
                slowest_percent: Duration::from_nanos(slowest_percent),
            }),
            _ => Err(format!("the load printed {text:?}").into()),
        }
    }
}
