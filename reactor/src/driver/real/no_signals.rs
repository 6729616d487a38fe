//! Signals where they cannot be watched.

use std::io;
use std::iter::Empty;

use mio::Registry;

use crate::driver::Signal;

/// What there is none of.
pub(super) enum SignalWatch {}

impl SignalWatch {
    /// Says why not.
    pub(super) fn new(_: &Registry, _: mio::Token) -> io::Result<Self> {
        let reason = if cfg!(unix) {
            "watching signals needs the feature `signals` of ropewalk-reactor"
        } else {
            "watching signals is not available on this platform"
        };
        Err(io::Error::new(io::ErrorKind::Unsupported, reason))
    }

    /// Cannot be called.
    pub(super) fn arrived(&mut self) -> Empty<Signal> {
        match *self {}
    }
}
