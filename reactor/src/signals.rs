//! Ending on the operating system's request.

use std::io;
use std::time::Duration;

use crate::ReactorHandle;
use crate::driver::Signal;

impl ReactorHandle {
    /// How long the drain may take that a signal begins.
    pub const SIGNAL_DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

    /// Has SIGINT (Ctrl-C) and SIGTERM end this reactor: the first drains it within
    /// [`SIGNAL_DRAIN_TIMEOUT`](Self::SIGNAL_DRAIN_TIMEOUT) and then stops it, a second stops it at once. Without this
    /// call, Ropewalk installs no signal handler.
    ///
    /// When the reactor is dropped, the signals end the process again.
    ///
    /// # Errors
    /// If handlers cannot be installed; of kind [`io::ErrorKind::Unsupported`] off UNIX and without the feature
    /// `signals`.
    pub fn stop_on_signals(&self) -> io::Result<()> {
        self.core().driver.borrow_mut().watch_signals()
    }

    pub(crate) fn signal_received(&self, signal: Signal) {
        let name = match signal {
            Signal::Interrupt => "SIGINT",
            Signal::Terminate => "SIGTERM",
        };
        if self.core().signalled.replace(true) {
            log::info!("{name} again: stopping at once");
            self.stop();
            return;
        }
        let within = Self::SIGNAL_DRAIN_TIMEOUT;
        log::info!("{name}: closing all connections within {within:?}; once more stops at once");
        let reactor = self.clone();
        self.drain(within).then(move |drained| {
            log::info!("{} connections closed, {} aborted", drained.closed, drained.aborted);
            reactor.stop();
        });
    }
}
