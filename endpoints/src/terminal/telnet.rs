//! Terminals that do what a telnet server wants.

use std::env;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use ropewalk_protocols::{TelnetInfo, TelnetLayer, TelnetTransport};
use ropewalk_reactor::{Address, Factory, Layer, Protocol, Transport};

use super::Terminal;
use crate::{Policy, prepared};

/// How often somebody looks whether the window has another size, if the server wants to know it.
const GLANCE: Duration = Duration::from_millis(500);

/// Telnet on the client's side, for connections whose user is at the terminal of this process: puts a
/// [`TelnetLayer`] below each protocol, and has the [`Terminal`] do what the server wants, whatever protocols the connection has.
///
/// * What is typed is not shown while the server echoes, as it does to hide passwords, and is given key by key while the
///   server also suppresses go-aheads. The mode holds before what the server says next is shown.
/// * The server is told the type of the terminal, which is `TERM` of the environment, or `UNKNOWN`; and the size of the window, if
///   there is one, also when that has changed, which is noticed within half a second.
/// * When the connection has ended, or its reactor is dropped, the terminal is put back as it was.
///
/// The user is reached as ever, such as by [`StdioEndpoint`](crate::StdioEndpoint). Where standard input is no terminal this is
/// telnet alone. It is meant for one connection at a time: of several, each would have the terminal do what its server wants.
///
/// ```
/// use ropewalk_endpoints::{ClientEndpoint, Policy, TcpClientEndpoint, TelnetTerminal, connect_stream};
/// # use ropewalk_reactor::{Protocol, ReactorHandle, Result, Transport, for_protocol};
/// # struct Client;
/// # impl Protocol for Client {
/// #     fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result { Ok(()) }
/// # }
///
/// let factory = TelnetTerminal::new().around(for_protocol(|| Client));
///
/// // For code that awaits its input:
/// async fn talk(reactor: ReactorHandle, endpoint: TcpClientEndpoint) -> Result<()> {
///     let mut stream = connect_stream(&reactor, &endpoint.with_policy(TelnetTerminal::new())).await?;
///     stream.write("hello\r\n");
///     Ok(())
/// }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct TelnetTerminal(());

impl TelnetTerminal {
    /// The policy: there is but one terminal.
    pub const fn new() -> Self {
        Self(())
    }
}

impl Policy for TelnetTerminal {
    fn build_protocol(&self, peer: &Address, factory: &dyn Factory) -> Option<Box<dyn Protocol>> {
        let protocol = factory.build_protocol(peer)?;
        Some(prepared(protocol, |transport| {
            // The server may ask for it in the first bytes.
            tell_window_size(transport);
            let following = transport.reactor().spawn(follow(transport.clone()));
            transport.keep(Rc::new(following));
        }))
    }

    fn admit(&self, _: &Address, layers: &mut Vec<Box<dyn Layer>>) -> bool {
        let terminal_type = env::var("TERM").unwrap_or_else(|_| "UNKNOWN".to_owned());
        layers.push(Box::new(TelnetLayer::client(terminal_type)));
        true
    }
}

/// Has the terminal do what the server wants, for as long as the connection keeps this.
async fn follow(transport: Transport) {
    let mut terminal = Terminal::of_stdin();
    while let Some(server) = transport.telnet() {
        if let Some(terminal) = &mut terminal {
            if let Err(error) = set_modes(terminal, &server) {
                log::warn!("the terminal does not do what the telnet server wants: {error}");
            }
        }
        tell_window_size(&transport);
        let change = transport.when_telnet_changes();
        if server.wants_window_size {
            let _ = transport.reactor().timeout(GLANCE, change).await;
        } else {
            change.await;
        }
    }
}

fn set_modes(terminal: &mut Terminal, server: &TelnetInfo) -> io::Result<()> {
    terminal.set_input_hidden(server.echoes)?;
    terminal.set_character_mode(server.takes_keys)
}

/// The server hears of it if it wants to, and if it does not know it yet.
fn tell_window_size(transport: &Transport) {
    if let Some((columns, rows)) = Terminal::window_size() {
        transport.set_window_size(columns, rows);
    }
}
