//! What handles ask of the loop, beyond what a connection's own state says.

use std::any::Any;
use std::rc::Rc;
use std::time::Duration;

use crate::connecting::{Attempt, AttemptId};
use crate::datagrams::socket::DatagramSocket;
use crate::deferred::Resolver;
use crate::draining::Drained;
use crate::listening::Port;
use crate::{ConnectionId, DatagramTransport, ReactorHandle};

/// A piece of user code that runs once.
pub(crate) type Call = Box<dyn FnOnce(&ReactorHandle)>;

/// One wish. Commands are taken in batches: what a command adds runs in the next turn.
pub(crate) enum Command {
    Call(Call),
    /// Deliver an event to a connection.
    Post(ConnectionId, Box<dyn Any>),
    /// Deliver an event to a socket for datagrams.
    PostToDatagrams(DatagramTransport, Box<dyn Any>),
    /// Put a connection attempt that was begun into the table.
    Connect(Box<Attempt>),
    /// Give up a connection attempt, if it still goes on.
    CancelConnect(Rc<AttemptId>),
    /// Bring the table into line with whether a port listens, and tell who waits for that.
    SettlePort(Rc<Port>, Option<Resolver<()>>),
    /// Put a socket for datagrams into the table.
    StartDatagrams(Box<DatagramSocket>),
    /// Close everything in an orderly way within a time.
    Drain(Duration, Resolver<Drained>),
}
