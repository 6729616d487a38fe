//! Standard input and output as one connection.
//!
//! They may be files or terminals, which no poll serves, and the processes that share them would be surprised to find
//! them non-blocking. So two threads read and write, and no socket is needed.

mod input;
mod output;

use std::io::{self, IoSlice};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::MioWaker;
use crate::Address;
use crate::driver::{Listener, Readiness, Stream, Token};
use input::Input;
use output::Output;

/// How long to wait before trying again, where another process has made the terminal non-blocking after all.
const RETRY: Duration = Duration::from_millis(20);

/// Whether standard input and output belong to a listener or to a connection. The latter never gives them back: its
/// thread may be waiting for input for ever.
static TAKEN: AtomicBool = AtomicBool::new(false);

fn take() -> io::Result<()> {
    if TAKEN.swap(true, Ordering::Relaxed) {
        let text = "standard input and output are taken: a process has them once";
        return Err(io::Error::new(io::ErrorKind::AddrInUse, text));
    }
    Ok(())
}

/// Accepts one connection, and says then that there will be no other.
pub(super) struct StdioListener {
    waker: Arc<MioWaker>,
    /// The connection has not been accepted.
    fresh: bool,
}

impl StdioListener {
    pub(super) fn listen(waker: &Arc<MioWaker>) -> io::Result<Self> {
        take()?;
        Ok(Self { waker: Arc::clone(waker), fresh: true })
    }

    fn take(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.fresh) { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}

impl Listener for StdioListener {
    fn register(&mut self, token: Token) -> io::Result<()> {
        self.waker.report(token, Readiness { readable: true, ..Readiness::default() });
        Ok(())
    }

    fn accept(&mut self) -> io::Result<(Box<dyn Stream>, Address)> {
        self.take()?;
        Ok((Box::new(StdioStream::new(&self.waker)), Address::Stdio))
    }

    fn refuse(&mut self) -> io::Result<()> {
        self.take()
    }

    fn local_address(&self) -> io::Result<Address> {
        Ok(Address::Stdio)
    }
}

impl Drop for StdioListener {
    fn drop(&mut self) {
        if self.fresh {
            TAKEN.store(false, Ordering::Relaxed);
        }
    }
}

/// The connection. Output counts as written once it has left the process, so that whoever waits for that need not know
/// of the thread.
pub(super) struct StdioStream {
    waker: Arc<MioWaker>,
    input: Arc<Input>,
    output: Arc<Output>,
    /// How many bytes the thread has been given that the loop still takes for unsent.
    handed: usize,
    /// What has not been written is not to be written.
    discards: bool,
}

impl StdioStream {
    /// The connection without a listener.
    pub(super) fn connect(waker: &Arc<MioWaker>) -> io::Result<Self> {
        take()?;
        Ok(Self::new(waker))
    }

    fn new(waker: &Arc<MioWaker>) -> Self {
        Self {
            waker: Arc::clone(waker),
            input: Arc::default(),
            output: Arc::default(),
            handed: 0,
            discards: false,
        }
    }
}

impl Stream for StdioStream {
    /// Starts the threads. There is room for output at once, so an attempt to connect has succeeded.
    fn register(&mut self, token: Token) -> io::Result<()> {
        let bell = Bell { waker: Arc::clone(&self.waker), token };
        bell.writable();
        let (output, ring) = (Arc::clone(&self.output), bell.clone());
        thread::Builder::new().name("ropewalk-stdout".to_owned()).spawn(move || output.serve(&ring))?;
        let input = Arc::clone(&self.input);
        thread::Builder::new().name("ropewalk-stdin".to_owned()).spawn(move || input.serve(&bell))?;
        Ok(())
    }

    fn finish_connect(&mut self) -> io::Result<bool> {
        Ok(true)
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.input.read(buffer)
    }

    fn write(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        self.output.write(buffers, &mut self.handed)
    }

    fn wait_writable(&mut self, within: Duration) -> bool {
        self.output.wait(within)
    }

    /// The descriptor itself stays open until the process ends.
    fn shutdown_write(&mut self) -> io::Result<()> {
        self.output.close(false);
        Ok(())
    }

    /// Nobody resets a file. And nobody may wait for the end of a terminal.
    fn lingers(&self) -> bool {
        false
    }

    fn reset_on_drop(&mut self) {
        self.discards = true;
    }

    fn local_address(&self) -> io::Result<Address> {
        Ok(Address::Stdio)
    }

    fn set_nodelay(&self, _nodelay: bool) -> io::Result<()> {
        Ok(())
    }

    fn set_keepalive(&self, _after: Option<Duration>) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for StdioStream {
    fn drop(&mut self) {
        self.input.close();
        self.output.close(self.discards);
    }
}

/// Tells the loop that something can be read or written.
#[derive(Clone)]
struct Bell {
    waker: Arc<MioWaker>,
    token: Token,
}

impl Bell {
    fn readable(&self) {
        self.waker.report(self.token, Readiness { readable: true, ..Readiness::default() });
    }

    fn writable(&self) {
        self.waker.report(self.token, Readiness { writable: true, ..Readiness::default() });
    }
}
