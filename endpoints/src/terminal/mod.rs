//! What the user's terminal does with what is typed.

#[cfg_attr(not(unix), path = "no_modes.rs")]
mod modes;
pub(crate) mod telnet;

use std::fmt;
use std::io;

use modes::Modes;

/// The terminal that is standard input, for programs that have a user at the keyboard: whether it shows what is typed, and
/// whether a program gets keys or lines. It does so for all processes that use it, and whoever has set it last counts.
///
/// Dropping this puts the terminal back as it was when this was made, if anything was changed. A process that is killed, or
/// ended by [`std::process::exit`], drops nothing: have signals stop the reactor
/// ([`stop_on_signals`](ropewalk_reactor::ReactorHandle::stop_on_signals)). Signals from the keyboard, such as by Ctrl-C,
/// come in every mode.
///
/// Nothing here waits, except that a process in the background is stopped, as by every change of a terminal, until it is in the
/// foreground.
///
/// ```no_run
/// use ropewalk_endpoints::{StdioEndpoint, Terminal, connect_stream};
/// # use ropewalk_reactor::ReactorHandle;
///
/// async fn ask_for_password(reactor: ReactorHandle) -> Result<Option<Vec<u8>>, Box<dyn std::error::Error>> {
///     let mut keyboard = connect_stream(&reactor, &StdioEndpoint::new()).await?;
///     let mut terminal = Terminal::of_stdin();
///     if let Some(terminal) = &mut terminal {
///         terminal.set_input_hidden(true)?;
///     }
///     keyboard.write("Password: ");
///     Ok(keyboard.read_line().await?)
/// }
/// ```
pub struct Terminal {
    modes: Modes,
    hides_input: bool,
    gives_keys: bool,
}

impl Terminal {
    /// The terminal; `None` if standard input is none. On systems other than UNIX always `None`.
    pub fn of_stdin() -> Option<Self> {
        Some(Self { modes: Modes::of_stdin()?, hides_input: false, gives_keys: false })
    }

    /// Has the terminal not show what is typed, neither the end of the line; or do with that what it did when this was made.
    ///
    /// # Errors
    /// If the operating system refuses, as when the terminal is gone.
    pub fn set_input_hidden(&mut self, hidden: bool) -> io::Result<()> {
        self.hides_input = hidden;
        self.modes.set(self.hides_input, self.gives_keys)
    }

    /// Has the terminal give each key as it is typed, and edit no lines; or do what it did when this was made.
    ///
    /// # Errors
    /// If the operating system refuses, as when the terminal is gone.
    pub fn set_character_mode(&mut self, on: bool) -> io::Result<()> {
        self.gives_keys = on;
        self.modes.set(self.hides_input, self.gives_keys)
    }

    /// The columns and rows of the window, in characters, of the terminal that is standard output, or else standard input;
    /// `None` if neither is one or its size is not known. On systems other than UNIX always `None`.
    pub fn window_size() -> Option<(u16, u16)> {
        modes::window_size()
    }
}

impl fmt::Debug for Terminal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Terminal")
            .field("hides_input", &self.hides_input)
            .field("gives_keys", &self.gives_keys)
            .finish_non_exhaustive()
    }
}
