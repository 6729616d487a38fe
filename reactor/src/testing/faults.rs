//! System calls that fail on demand.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::io;

/// A system call that a test can make fail.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Operation {
    /// Binding an address.
    Listen,
    /// Beginning to connect.
    Connect,
    /// Accepting a connection.
    Accept,
    /// Closing a waiting connection with the reserve descriptor.
    Refuse,
    /// Asking for a socket's events.
    Register,
    /// Reading from a stream, or receiving a datagram.
    Read,
    /// Writing to a stream, or sending a datagram.
    Write,
    /// Finishing a stream's writing.
    Shutdown,
    /// Starting a thread for work.
    Thread,
    /// Beginning to look a name up.
    Resolve,
    /// Asking for secret bytes.
    Secrets,
    /// Waiting for events.
    Poll,
    /// Asking how a connection attempt went.
    FinishConnect,
    /// Asking for a socket's own address.
    LocalAddress,
    /// Changing how a socket works, such as its keep-alive time.
    SetOption,
}

impl Operation {
    /// The errors that it can fail with, of those that operating systems tell apart. The kind `Other` stands for a lack of
    /// descriptors or memory, and for what nobody has thought of.
    pub const fn errors(self) -> &'static [io::ErrorKind] {
        use io::ErrorKind::{
            AddrInUse, AddrNotAvailable, BrokenPipe, ConnectionAborted, ConnectionRefused, ConnectionReset,
            HostUnreachable, Interrupted, InvalidInput, NetworkUnreachable, NotConnected, Other,
            PermissionDenied, TimedOut, WouldBlock,
        };
        match self {
            Self::Listen => &[AddrInUse, AddrNotAvailable, PermissionDenied, Other],
            Self::Connect => {
                &[AddrNotAvailable, ConnectionRefused, NetworkUnreachable, PermissionDenied, Other]
            }
            Self::Accept => &[WouldBlock, Interrupted, ConnectionAborted, Other],
            Self::Refuse => &[WouldBlock, ConnectionAborted, Other],
            Self::Register | Self::Thread | Self::Resolve | Self::Secrets => &[Other],
            Self::Read => &[WouldBlock, Interrupted, ConnectionReset, TimedOut, HostUnreachable, Other],
            Self::Write => &[WouldBlock, Interrupted, ConnectionReset, BrokenPipe, TimedOut, Other],
            Self::Shutdown => &[NotConnected, Other],
            Self::Poll => &[Interrupted],
            Self::FinishConnect => &[ConnectionRefused, ConnectionReset, TimedOut, HostUnreachable],
            Self::LocalAddress => &[InvalidInput, Other],
            Self::SetOption => &[InvalidInput, Other],
        }
    }
}

/// The failures that are still to come, in order for each operation.
#[derive(Default)]
pub(super) struct Faults(RefCell<HashMap<Operation, VecDeque<io::ErrorKind>>>);

impl Faults {
    pub(super) fn add(&self, operation: Operation, times: usize, error: io::ErrorKind) {
        self.0.borrow_mut().entry(operation).or_default().extend(std::iter::repeat_n(error, times));
    }

    /// Fails if a failure of `operation` is due.
    pub(super) fn check(&self, operation: Operation) -> io::Result<()> {
        let error = self.0.borrow_mut().get_mut(&operation).and_then(VecDeque::pop_front);
        error.map_or(Ok(()), |error| Err(error.into()))
    }
}
