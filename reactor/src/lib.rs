//! The event loop of Ropewalk: a single-threaded [`Reactor`] that owns connections and calls [`Protocol`]s.
//!
//! Use the crate `ropewalk`, which presents this one together with endpoints and helper protocols.
//!
//! # Guarantees
//!
//! * **G1** `connection_made` comes exactly once and first, then data, then `connection_lost` exactly once and last.
//! * **G2** No callback of a connection is entered while another of it runs.
//! * **G3** Bytes accepted by `write` are sent in order, or reported unsent with the reason.
//! * **G4** Memory is bounded by configuration, whatever a peer does.
//! * **G5** No peer delays another by more than its budgets of a turn (256 KiB to read, 1 MiB to write) plus the time of
//!   callbacks.
//! * **G6** Every close ends within its deadline.
//! * **G7** A panic in a callback ends one connection.
//! * **G9** Timers never fire early.
//! * **G10** No descriptor leaks, whichever system call fails.
#![forbid(unsafe_code)]

mod address;
#[cfg(unix)]
mod adopting;
mod bytes;
mod commands;
mod connecting;
mod connection;
mod core;
mod datagrams;
mod deferred;
mod draining;
pub mod driver;
mod event_loop;
mod factory;
mod handle;
mod instant;
mod layer;
mod listening;
mod names;
mod producer;
mod protocol;
mod random;
mod rate;
mod reason;
mod remote;
mod secrets;
mod signals;
mod stats;
mod sync;
mod tasks;
pub mod testing;
mod threads;
mod timers;
mod transport;
mod triggers;

// The public interface is:
pub use address::{Address, Destination, UnixAddress};
pub use bytes::Bytes;
pub use connecting::{ConnectError, ConnectResult};
pub use connection::ConnectionId;
pub use datagrams::errors::{DatagramError, DatagramSendError};
pub use datagrams::protocol::DatagramProtocol;
pub use datagrams::transport::DatagramTransport;
pub use deferred::{Deferred, DeferredFuture, Resolver};
pub use draining::Drained;
pub use driver::datagrams::{DatagramSetting, MulticastInterface};
pub use driver::options::{ConnectOptions, DatagramOptions, ListenOptions};
pub use event_loop::{Reactor, Status};
pub use factory::{Factory, factory_fn, for_protocol};
pub use handle::ReactorHandle;
pub use instant::Instant;
pub use layer::{InputBeforeLayer, Layer, LayerEnd, LayerState, LayerStop};
pub use listening::ListeningPort;
pub use names::{NameProblem, NameResolver, ResolveError, SystemResolver, check_host_name};
pub use producer::{Producer, ProducerExists, ProducerKind};
pub use protocol::{Protocol, ProtocolError, Result};
pub use rate::TokenBucket;
pub use reason::{Reason, Timeout};
pub use remote::{ReactorGone, Remote};
pub use stats::Stats;
pub use tasks::{Task, TaskError, TimedOut, race};
pub use threads::ThreadError;
pub use timers::{DelayedCall, DelayedCallError, LoopEnd, LoopingCall, TimerKey};
pub use transport::Transport;
pub use transport::limits::Limits;
pub use triggers::{Completion, TriggerId, When};
