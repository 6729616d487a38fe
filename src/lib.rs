//! Network protocols as objects that react to events, in the manner of Twisted.
#![forbid(unsafe_code)]

pub use ropewalk_protocols::{
    CustomDelimiter, Delimiter, EmptyDelimiter, FrameTooLong, LineProtocol, LineReceiver, LineTransport,
    SendLine,
};
pub use ropewalk_reactor::driver;
pub use ropewalk_reactor::testing;
pub use ropewalk_reactor::{
    Address, Bytes, Completion, ConnectError, ConnectOptions, ConnectResult, ConnectionId, Deferred,
    DelayedCall, DelayedCallError, Drained, Driver, Factory, Instant, Limits, ListenOptions, ListeningPort,
    LoopEnd, LoopingCall, Producer, ProducerExists, ProducerKind, Protocol, ProtocolError, Reactor,
    ReactorGone, ReactorHandle, Reason, Remote, Resolver, Result, Stats, Status, ThreadError, Timeout,
    TimerKey, Transport, TriggerId, When, factory_fn, for_protocol,
};
