//! Network protocols as objects that react to events, in the manner of Twisted.
//!
//! # The layers, from the top
//!
//! **Helper protocols** turn bytes into something better: [`LineReceiver`], [`NetstringReceiver`],
//! [`Int32StringReceiver`]. You implement a small trait ([`LineProtocol`], [`StringProtocol`]) and hear lines or messages.
//! They know neither sockets nor clocks.
//!
//! **Protocols and factories** are the contract. A [`Protocol`] is one connection's behaviour; a [`Factory`] makes one for
//! each connection ([`for_protocol`] and [`factory_fn`] are the short ways). A callback that fails or panics ends its
//! own connection and no other.
//!
//! **Transports** are how protocols act: [`Transport::write`], [`Transport::lose_connection`] and many more. A transport
//! records what is wanted and calls nobody, so everything may be called from everywhere: write to all members of a room
//! while the room is borrowed, close a neighbour from its neighbour's callback.
//!
//! **Endpoints** are where connections come from: [`TcpServerEndpoint`], [`TcpClientEndpoint`].
//!
//! **The reactor** is the loop under it all. [`Reactor`] owns the connections and runs; [`ReactorHandle`] is its clonable
//! handle, with timers ([`ReactorHandle::call_later`]), threads ([`ReactorHandle::run_in_thread`], [`Remote`]), draining and
//! signals. A process may have several.
//!
//! **Drivers** are the world under the reactor: sockets and the clock, or, in [`testing`], a network in memory with a
//! clock that tests turn by hand.
//!
//! # What is promised
//!
//! * **G1** `connection_made` comes exactly once and first, then data, then `connection_lost` exactly once and last.
//! * **G2** No callback of a connection is entered while another of it runs.
//! * **G3** Bytes accepted by `write` are sent in order, or reported unsent with the reason.
//! * **G4** Memory is bounded by configuration, whatever a peer does: [`Limits`] names each bound and its default.
//! * **G5** No peer delays another by more than the read budget (256 KiB a turn) plus the time of callbacks.
//! * **G6** Every close ends within its deadline.
//! * **G7** A panic in a callback ends one connection.
//! * **G9** Timers never fire early.
//! * **G10** No descriptor leaks, whichever system call fails.
//!
//! Panics are caught by unwinding, so G7 needs `panic = "unwind"`, the default.
//!
//! # Features
//!
//! * `signals` (default): [`ReactorHandle::stop_on_signals`].
#![forbid(unsafe_code)]

pub use ropewalk_reactor::{driver, testing};

// The public interface is:
pub use ropewalk_endpoints::{
    AddressError, AddressProblem, ClientEndpoint, ServerEndpoint, TcpClientEndpoint, TcpServerEndpoint,
};
pub use ropewalk_protocols::{
    BadNetstring, Chargen, CustomDelimiter, Daytime, Delimiter, Discard, Echo, EmptyDelimiter, FileSendError,
    FileSender, FrameTooLong, Int8StringReceiver, Int16StringReceiver, Int32StringReceiver, IntPrefix,
    LineProtocol, LineReceiver, LineTransport, Netstring, NetstringReceiver, Qotd, SendLine, SendString,
    Stateful, StatefulStringProtocol, StringFormat, StringProtocol, StringReceiver, StringTooLong,
    StringTransport, Time,
};
pub use ropewalk_reactor::{
    Address, Bytes, Completion, ConnectError, ConnectOptions, ConnectResult, ConnectionId, Deferred,
    DelayedCall, DelayedCallError, Drained, Factory, Instant, Limits, ListenOptions, ListeningPort, LoopEnd,
    LoopingCall, Producer, ProducerExists, ProducerKind, Protocol, ProtocolError, Reactor, ReactorGone,
    ReactorHandle, Reason, Remote, Resolver, Result, Stats, Status, ThreadError, Timeout, TimerKey,
    Transport, TriggerId, When, factory_fn, for_protocol,
};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
