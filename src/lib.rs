//! Network protocols as objects that react to events, in the manner of Twisted.
#![forbid(unsafe_code)]

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
pub use ropewalk_reactor::driver;
pub use ropewalk_reactor::testing;
pub use ropewalk_reactor::{
    Address, Bytes, Completion, ConnectError, ConnectOptions, ConnectResult, ConnectionId, Deferred,
    DelayedCall, DelayedCallError, Drained, Driver, Factory, Instant, Limits, ListenOptions, ListeningPort,
    LoopEnd, LoopingCall, Producer, ProducerExists, ProducerKind, Protocol, ProtocolError, Reactor,
    ReactorGone, ReactorHandle, Reason, Remote, Resolver, Result, Stats, Status, ThreadError, Timeout,
    TimerKey, Transport, TriggerId, When, factory_fn, for_protocol,
};
