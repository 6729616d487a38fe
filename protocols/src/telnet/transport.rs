//! What a transport can do about telnet.

use ropewalk_reactor::{Deferred, Transport};

use super::codes::TelnetOption;
use super::layer::TelnetLayer;
use super::options::Side;

/// What is known of the peer of a connection with a [`TelnetLayer`].
#[derive(Clone, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct TelnetInfo {
    /// The peer has sent a command of telnet.
    pub speaks_telnet: bool,
    /// The columns and rows of its window, in characters, if it has told them.
    pub window_size: Option<(u16, u16)>,
    /// The type of its terminal, if it has told it.
    pub terminal_type: Option<String>,
    /// It shows what is typed, or hides it: this side is not to show it.
    pub echoes: bool,
    /// It echoes and takes each key as it is typed: this side is not to wait for whole lines.
    pub takes_keys: bool,
    /// It wants to know the size of this side's window.
    pub wants_window_size: bool,
}

/// What a [`Transport`] with a [`TelnetLayer`] can do. On a connection without one nothing happens. What is said to the peer goes
/// out behind all that was written before.
///
/// ```
/// use ropewalk_protocols::{LineProtocol, LineTransport, SendLine, TelnetTransport};
/// use ropewalk_reactor::Result;
///
/// struct Login {
///     name: Option<String>,
/// }
///
/// impl LineProtocol for Login {
///     fn connection_made(&mut self, transport: &mut LineTransport<'_>) {
///         transport.write("Name: ");
///     }
///
///     fn line_received(&mut self, transport: &mut LineTransport<'_>, line: &[u8]) -> Result {
///         if self.name.is_none() {
///             self.name = Some(String::from_utf8(line.to_vec())?);
///             transport.write("Password: ");
///             transport.set_input_hidden(true);
///         } else {
///             transport.set_input_hidden(false);
///             transport.send_line("Welcome!");
///         }
///         Ok(())
///     }
/// }
/// ```
pub trait TelnetTransport {
    /// Asks the client to send each character as it is typed, which this side then shows and edits; or, as at the beginning, lines
    /// that it shows itself. A client may ask for either, too, and is granted it.
    fn set_character_mode(&self, on: bool);

    /// Has the client not show what is typed, as for a password, or show it again. A peer that does not speak telnet gets
    /// three bytes that mean nothing to it, and shows what is typed as ever.
    fn set_input_hidden(&self, hidden: bool);

    /// Asks for the type of the peer's terminal and the size of its window, and for news of that:
    /// [`TelnetEvent::TerminalType`](crate::TelnetEvent::TerminalType) and
    /// [`TelnetEvent::WindowSize`](crate::TelnetEvent::WindowSize), if it agrees.
    fn ask_for_terminal(&self);

    /// Tells a server how large the window of this client is, in characters: as soon as it asks, and whenever that
    /// changes. Before this was called, a server that asks is refused.
    fn set_window_size(&self, columns: u16, rows: u16);

    /// What is known of the peer; `None` on a connection without telnet.
    fn telnet(&self) -> Option<TelnetInfo>;

    /// Comes with the next [`TelnetEvent`](crate::TelnetEvent), when [`telnet`](Self::telnet) may tell something else; never, if there is none, as at
    /// the end of the connection. For those who are not its protocol, which hears the events themselves.
    fn when_telnet_changes(&self) -> Deferred<()>;
}

impl TelnetTransport for Transport {
    fn set_character_mode(&self, on: bool) {
        self.tell_layer(|layer: &mut TelnetLayer, down| layer.set_character_mode(on, down));
    }

    fn set_input_hidden(&self, hidden: bool) {
        self.tell_layer(|layer: &mut TelnetLayer, down| layer.set_input_hidden(hidden, down));
    }

    fn ask_for_terminal(&self) {
        self.tell_layer(|layer: &mut TelnetLayer, down| {
            layer.ask(Side::Peer, TelnetOption::TerminalType, true, down);
            layer.ask(Side::Peer, TelnetOption::WindowSize, true, down);
        });
    }

    fn set_window_size(&self, columns: u16, rows: u16) {
        self.tell_layer(|layer: &mut TelnetLayer, down| layer.set_window_size(columns, rows, down));
    }

    fn telnet(&self) -> Option<TelnetInfo> {
        self.with_layer(|layer: &TelnetLayer| layer.info().clone())
    }

    fn when_telnet_changes(&self) -> Deferred<()> {
        let (deferred, resolver) = Deferred::new(self.reactor());
        self.with_layer(|layer: &TelnetLayer| layer.tell_of_change(resolver));
        deferred
    }
}
