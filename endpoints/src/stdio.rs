//! Standard input and output.

use std::fmt;
use std::io;
use std::rc::Rc;

use ropewalk_reactor::{
    Address, ConnectOptions, ConnectResult, Deferred, Factory, ListenOptions, ListeningPort, ReactorHandle,
};

use crate::{ClientEndpoint, ServerEndpoint};

/// The standard input and output of this process, as one connection: a protocol that serves peers on the network can serve
/// the user at the terminal, or a program at the other end of a pipe, or a file.
///
/// Connecting gives this connection; it is for programs that begin the conversation themselves, such as a client that awaits the
/// lines its user types ([`connect_stream`](crate::connect_stream)). Listening makes a port that accepts it when the reactor
/// runs, and then is at its end. A process has it once: connecting or listening again is an error of kind
/// [`io::ErrorKind::AddrInUse`]. Both addresses are [`Address::Stdio`]. What a terminal does with keys before they are input,
/// [`Terminal`](crate::Terminal) says.
///
/// * The end of standard input is the end of the peer's input; what is still written reaches standard output.
/// * Output counts as waiting until it has left the process. So when the connection is closed, and when
///   [`run`](ropewalk_reactor::Reactor::run) returns after a stop, all of it has; a reader that takes none is given the close
///   timeout, and at a stop the loop waits for it as long.
/// * Closing does not wait for input, which at a terminal never ends. A thread may go on waiting for it, and takes one more
///   piece; it does not keep the process from exiting.
/// * What the program prints by `println!` and its like comes in between, and waits for a reader that takes nothing; better
///   log to standard error.
/// * Neither is made non-blocking, and neither is closed: that happens when the process exits.
///
/// ```no_run
/// use ropewalk_endpoints::{ServerEndpoint, StdioEndpoint};
/// use ropewalk_reactor::{Protocol, Reactor, Reason, Result, Transport, for_protocol};
///
/// struct Shout;
///
/// impl Protocol for Shout {
///     fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
///         transport.write(data.to_ascii_uppercase());
///         Ok(())
///     }
///
///     fn connection_lost(&mut self, transport: &Transport, _: &Reason) {
///         transport.reactor().stop();
///     }
/// }
///
/// let mut reactor = Reactor::new()?;
/// StdioEndpoint::new().listen(&reactor, for_protocol(|| Shout))?;
/// reactor.run()?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// The keyboard, awaited:
///
/// ```no_run
/// # use ropewalk_endpoints::{StdioEndpoint, connect_stream};
/// # use ropewalk_reactor::ReactorHandle;
/// # async fn talk(reactor: ReactorHandle) -> Result<(), Box<dyn std::error::Error>> {
/// let mut keyboard = connect_stream(&reactor, &StdioEndpoint::new()).await?;
/// keyboard.write("What is your name? ");
/// let name = keyboard.read_line().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct StdioEndpoint(());

impl StdioEndpoint {
    /// The endpoint: there is but one.
    pub const fn new() -> Self {
        Self(())
    }
}

impl ServerEndpoint for StdioEndpoint {
    fn listen_shared(&self, reactor: &ReactorHandle, factory: Rc<dyn Factory>) -> io::Result<ListeningPort> {
        reactor.listen(Address::Stdio, ListenOptions::default(), factory)
    }
}

impl ClientEndpoint for StdioEndpoint {
    fn connect_shared(&self, reactor: &ReactorHandle, factory: Rc<dyn Factory>) -> Deferred<ConnectResult> {
        reactor.connect(Address::Stdio, &ConnectOptions::default(), factory)
    }
}

/// `stdio`.
impl fmt::Display for StdioEndpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        Address::Stdio.fmt(formatter)
    }
}
