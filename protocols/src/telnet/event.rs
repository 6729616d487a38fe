//! What a protocol hears of telnet besides data.

use super::codes::TelnetOption;

/// What a protocol behind a [`TelnetLayer`](crate::TelnetLayer) hears in
/// [`event_received`](ropewalk_reactor::Protocol::event_received), in its place among the data.
///
/// ```
/// use std::any::Any;
/// use ropewalk_protocols::TelnetEvent;
///
/// fn event_received(event: Box<dyn Any>) {
///     if let Some(TelnetEvent::WindowSize { columns, rows }) = event.downcast_ref() {
///         println!("the window is {columns} wide and {rows} high");
///     }
/// }
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum TelnetEvent {
    /// Somebody wants what runs to be interrupted: Interrupt Process, or Ctrl-C where this side edits the line. A line that
    /// was being edited is thrown away.
    Interrupt,
    /// The break key, or Abort of RFC 1184.
    Break,
    /// What is still to be sent is not wanted any more.
    AbortOutput,
    /// The last character is to be erased. Not told where this side edits the line, which then does so.
    EraseCharacter,
    /// The line is to be erased. Not told where this side edits the line, which then does so.
    EraseLine,
    /// An option of this side is on or off now.
    OwnOption(TelnetOption, bool),
    /// An option of the peer is on or off now.
    PeerOption(TelnetOption, bool),
    /// The peer's window has this size, in characters; zero where it does not know.
    WindowSize {
        /// How many characters a line has.
        columns: u16,
        /// How many lines there are.
        rows: u16,
    },
    /// The peer's terminal is of this type, such as `XTERM-256COLOR`. Bytes that are not printable ASCII are left out.
    TerminalType(String),
}
