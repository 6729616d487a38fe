//! Writes every line it receives to a file, with the address that sent it.
//!
//! ```text
//! cargo run --example logfile
//! telnet 127.0.0.1 8007
//! tail -f messages.log
//! ```
//!
//! The factory opens the file when it begins to listen, and closes it when it stops.
mod common;

use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;

use ropewalk::{
    Address, Delimiter, Factory, LineProtocol, LineReceiver, LineTransport, Protocol, Result, server_endpoint,
};

const USAGE: &str = "\
Usage: logfile [ENDPOINT [PATH]]

Appends every line received on ENDPOINT (default 127.0.0.1:8007) to the file
PATH (default messages.log).";

/// The file, open exactly while the factory is listened for.
type Log = Rc<RefCell<Option<File>>>;

pub(crate) struct LogFactory {
    path: PathBuf,
    log: Log,
}

impl LogFactory {
    /// Starting a factory cannot fail, so whether the file can be opened is tried here.
    pub(crate) fn new(path: PathBuf) -> std::result::Result<Self, String> {
        let factory = Self { path, log: Log::default() };
        match factory.open() {
            Ok(_) => Ok(factory),
            Err(error) => Err(format!("opening {}: {error}", factory.path.display())),
        }
    }

    fn open(&self) -> io::Result<File> {
        OpenOptions::new().append(true).create(true).open(&self.path)
    }
}

impl Factory for LogFactory {
    fn build_protocol(&self, _peer: &Address) -> Option<Box<dyn Protocol>> {
        let receiver = LineReceiver::new(Logger { log: Rc::clone(&self.log) });
        Some(Box::new(receiver.delimiter(Delimiter::LfOrCrLf)))
    }

    fn start_factory(&self) {
        match self.open() {
            Ok(file) => *self.log.borrow_mut() = Some(file),
            Err(error) => log::error!("opening {}: {error}", self.path.display()),
        }
    }

    fn stop_factory(&self) {
        *self.log.borrow_mut() = None;
    }
}

struct Logger {
    log: Log,
}

impl LineProtocol for Logger {
    /// An error, such as a full disk, ends the connection and is logged.
    fn line_received(&mut self, transport: &mut LineTransport<'_>, line: &[u8]) -> Result {
        let mut log = self.log.borrow_mut();
        let file = log.as_mut().ok_or("the log is closed")?;
        // A file is written at once; one slower than the network would be given to `run_in_thread`.
        file.write_all(format!("{} {}\n", transport.peer(), printable(line)).as_bytes())?;
        Ok(())
    }
}

/// The line as text, without anything that could move the cursor of whoever reads the file.
fn printable(line: &[u8]) -> String {
    String::from_utf8_lossy(line).replace(char::is_control, "\u{fffd}")
}

fn main() -> ExitCode {
    common::run(USAGE, |mut arguments| {
        let endpoint = arguments.next_or("127.0.0.1:8007")?;
        let path = arguments.next_or("messages.log")?;
        arguments.finish()?;
        // A bad endpoint must not leave a file behind.
        let endpoint = server_endpoint(&endpoint)?;
        common::serve_at(&[Box::new(endpoint)], LogFactory::new(path.into())?, common::where_it_listens)
    })
}
