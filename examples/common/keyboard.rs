//! What is typed, line by line, for the examples that talk to a server.

use std::io::{self, BufRead};
use std::sync::mpsc::Receiver;

use ropewalk::{ConnectionId, Remote};

/// What happens at the keyboard.
pub(crate) enum Typed {
    Line(Vec<u8>),
    EndOfInput,
}

/// Reading standard input blocks, so this runs in a thread of its own. It reads a line whenever it is asked for one: so
/// no more than one ever waits, however fast the input and however slow the server.
pub(crate) fn read_when(asked: &Receiver<()>, remote: &Remote, connection: ConnectionId) {
    for () in asked {
        let mut line = Vec::new();
        let typed = match io::stdin().lock().read_until(b'\n', &mut line) {
            Ok(length) if length > 0 => Typed::Line(line),
            Ok(_) | Err(_) => Typed::EndOfInput,
        };
        if remote.post_event(connection, typed).is_err() {
            return;
        }
    }
}

/// The line without its end, whatever the system's end of line is.
pub(crate) fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}
