//! What is typed, line by line, and where to show what comes.

use std::cell::OnceCell;
use std::io::{self, BufRead, Write};
use std::rc::Rc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use ropewalk::{ConnectionId, Remote, Transport};

/// What happens at the keyboard.
pub(crate) enum Typed {
    Line(Vec<u8>),
    EndOfInput,
}

/// Asks for the next line, which comes as an event, [`Typed`], of the connection that asks.
pub(crate) type Keyboard = Rc<dyn Fn(&Transport)>;

/// Shows what has come.
pub(crate) type Screen = Rc<dyn Fn(&[u8]) -> io::Result<()>>;

/// The lines of standard input.
pub(crate) fn keyboard() -> Keyboard {
    let reader = OnceCell::new();
    Rc::new(move |transport| {
        let ask = reader.get_or_init(|| {
            let (ask, asked) = channel();
            let (remote, connection) = (transport.reactor().remote(), transport.id());
            thread::spawn(move || read_when(&asked, &remote, connection));
            ask
        });
        // After the end of the input nobody hears this, and nobody needs to.
        let _ = ask.send(());
    })
}

/// Reading standard input blocks, so this runs in a thread of its own. It reads a line whenever it is asked for one: so
/// no more than one ever waits, however fast the input and however slow the server.
fn read_when(asked: &Receiver<()>, remote: &Remote, connection: ConnectionId) {
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

/// Standard output.
pub(crate) fn screen() -> Screen {
    Rc::new(|data| {
        let mut output = io::stdout().lock();
        output.write_all(data)?;
        output.flush()
    })
}

/// The line without its end, whatever the system's end of line is.
pub(crate) fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}
