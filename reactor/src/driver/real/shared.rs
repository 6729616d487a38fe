//! What all sockets of one driver share.

use std::cell::RefCell;
use std::fs::File;
use std::io;

use mio::event::Source;
use mio::{Interest, Registry};

use super::{SIGNAL_TOKEN, Token};

/// A file that always exists and costs nothing to keep open.
const RESERVE_PATH: &str = if cfg!(windows) { "NUL" } else { "/dev/null" };

/// One of these per driver, so that a socket needs a single pointer besides its descriptor.
pub(super) struct Shared {
    registry: Registry,
    reserve: RefCell<Option<File>>,
}

impl Shared {
    /// Opens the reserve descriptor too. A process that cannot (as in a root directory without devices) works
    /// all the same; it only cannot refuse connections while it has no descriptors left.
    pub(super) fn new(registry: Registry) -> Self {
        let shared = Self { registry, reserve: RefCell::new(None) };
        shared.keep_reserve();
        shared
    }

    /// Reports the readiness of `source` under `token` from now on.
    pub(super) fn register(
        &self,
        source: &mut impl Source,
        token: Token,
        interest: Interest,
    ) -> io::Result<()> {
        if token.0 >= SIGNAL_TOKEN.0 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("the token {} is reserved", token.0),
            ));
        }
        self.registry.register(source, mio::Token(token.0), interest)
    }

    /// Reports nothing of `source` any more. To be called before closing a socket of which others may have descriptors too:
    /// the system would go on reporting it, and take no other of its descriptors by the same number.
    pub(super) fn deregister(&self, source: &mut impl Source) {
        if let Err(error) = self.registry.deregister(source) {
            log::debug!("a socket was not registered when it was closed: {error}");
        }
    }

    /// Does `call` with the reserve descriptor given up, so that `call` can have one where there are no
    /// others.
    ///
    /// `call` must have closed what it opened when it returns. If an earlier call has lost the reserve to
    /// another thread of the process, this one needs a free descriptor, and fails without one.
    pub(super) fn without_reserve(&self, call: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let reserve = self.reserve.take();
        drop(match reserve {
            Some(reserve) => reserve,
            None => File::open(RESERVE_PATH)?,
        });
        let result = call();
        self.keep_reserve();
        result
    }

    /// Opens the reserve descriptor, if that is possible.
    fn keep_reserve(&self) {
        match File::open(RESERVE_PATH) {
            Ok(reserve) => *self.reserve.borrow_mut() = Some(reserve),
            Err(error) => log::warn!("cannot keep a descriptor in reserve: {error}"),
        }
    }

    /// Loses the reserve descriptor, as if another thread had taken it.
    #[cfg(all(test, unix))]
    pub(super) fn lose_reserve(&self) {
        self.reserve.take();
    }
}
