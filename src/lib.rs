//! Network protocols as objects that react to events, in the manner of Twisted.
//!
//! # The layers, from the top
//!
//! **Helper protocols** turn bytes into something better: [`LineReceiver`], [`NetstringReceiver`],
//! [`Int32StringReceiver`], [`TinyReceiver`], [`WebSocketReceiver`]. You implement a small trait ([`LineProtocol`],
//! [`StringProtocol`], [`TinyProtocol`], [`WebSocketProtocol`]) and hear lines or messages.
//! They know neither sockets nor clocks. [`TelnetServer`] has any of them speak telnet. A [`Router`] gives what a connection
//! says to handlers, by its beginning or by a regular expression, and does what takes long in threads. A [`Group`] is a set of
//! connections under keys that are told things together, with a [`LagPolicy`] for those that read too slowly.
//!
//! **Protocols and factories** are the contract. A [`Protocol`] is one connection's behaviour; a [`Factory`] makes one for
//! each connection ([`for_protocol`] and [`factory_fn`] are the short ways). A callback that fails or panics ends its
//! own connection and no other.
//!
//! **Transports** are how protocols act: [`Transport::write`], [`Transport::lose_connection`] and many more. A transport
//! records what is wanted and calls nobody, so everything may be called from everywhere: write to all members of a room
//! while the room is borrowed, close a neighbour from its neighbour's callback. A [`Producer`] feeds one as fast as the peer
//! reads.
//!
//! **Endpoints** are where connections come from: [`TcpServerEndpoint`], [`TcpClientEndpoint`], [`StdioEndpoint`], and on UNIX
//! `UnixServerEndpoint`, `UnixClientEndpoint`, `SystemdServerEndpoint`, `AdoptedServerEndpoint`. [`server_endpoint`] and
//! [`client_endpoint`] make whatever a user describes, such as `tcp:8007:interface=127.0.0.1`; [`EndpointRegistry`] lists
//! what there is. [`connect_stream`] gives clients a connection whose input is awaited, [`connect_tiny`] one whose messages
//! are, [`ClientService`] keeps one through all failures. A [`Terminal`] hides what is typed, or gives it key by key;
//! [`TelnetTerminal`] has it do what a telnet server wants.
//! Some wrap another: `TlsServerEndpoint` and `TlsClientEndpoint` put TLS over any endpoint, [`ProxyServerEndpoint`] listens
//! behind proxies, [`ProxyClientEndpoint`] connects as one, and [`Socks5ClientEndpoint`] connects through one.
//! [`WebSocketServerEndpoint`] and [`WebSocketClientEndpoint`] make streams of WebSockets, so that any protocol serves browsers.
//!
//! **Layers** lie between the wire and a protocol, which hears of its connection when they are open: TLS, a PROXY header, a
//! negotiation with a proxy, or a [`Layer`] of your own. They come with the endpoint, or in mid-stream by
//! [`Transport::insert_layer`], as `TlsTransport` does for STARTTLS.
//!
//! **Datagrams** have no connections: a [`DatagramProtocol`] hears what arrives on one socket and answers through its
//! [`DatagramTransport`]. [`UdpEndpoint`] opens one; UNIX sockets have datagrams too.
//!
//! **Policies** hold for the connections of a factory, whatever their protocol: [`LimitConnections`], [`LimitPerPeer`],
//! [`LimitRate`], [`IdleTimeout`], [`Deadline`], [`TrafficLog`], or a [`Policy`] of your own. [`pipe`] joins two connections, and
//! [`PortForward`] does so with each that a port accepts.
//!
//! **The reactor** is the loop under it all. [`Reactor`] owns the connections and runs; [`ReactorHandle`] is its clonable
//! handle, with timers ([`ReactorHandle::call_later`], [`ReactorHandle::call_every`]), threads
//! ([`ReactorHandle::run_in_thread`], [`Remote`]), names ([`ReactorHandle::resolve`]), starting and stopping
//! ([`ReactorHandle::add_trigger`], [`ReactorHandle::drain`], [`ReactorHandle::stop_on_signals`]) and counters
//! ([`ReactorHandle::stats`]). What takes time returns a [`Deferred`], which can be awaited in a [`Task`] on the same loop
//! ([`ReactorHandle::spawn`], [`ReactorHandle::sleep`], [`ReactorHandle::timeout`], [`race`]); [`Reactor::block_on`] runs for the
//! sake of one. `reactor.handle()` is a handle to keep.
//! A process may have several reactors.
//!
//! **Drivers** are the world under the reactor: sockets and the clock, or, in [`testing`], a network in memory with a
//! clock that tests turn by hand.
//!
//! # Testing a protocol
//!
//! A [`testing::Probe`] gives one protocol a connection without sockets: bytes in, bytes out, time as the test says.
//! [`testing::check_protocol`] hunts for bugs in it: cuts its input anywhere, pauses, blocks, breaks and floods the connection,
//! has timers expire at any moment, and prints the shortest test that shows what goes wrong;
//! [`testing::fuzz_protocol`] makes it a fuzz target.
//!
//! # What is promised
//!
//! * **G1** `connection_made` comes exactly once and first, then data, then `connection_lost` exactly once and last.
//! * **G2** No callback of a connection is entered while another of it runs.
//! * **G3** Bytes accepted by `write` are sent in order, or reported unsent with the reason.
//! * **G4** Memory is bounded by configuration, whatever a peer does: [`Limits`] names each bound and its default.
//! * **G5** No peer delays another by more than its budgets of a turn (256 KiB to read, 1 MiB to write) plus the time of
//!   callbacks.
//! * **G6** Every close ends within its deadline.
//! * **G7** A panic in a callback ends one connection.
//! * **G8** The same seed gives the same trace, on a simulated network: see [`simulation`].
//! * **G9** Timers never fire early.
//! * **G10** No descriptor leaks, whichever system call fails.
//!
//! Panics are caught by unwinding, so G7 needs `panic = "unwind"`, the default.
//!
//! What goes wrong is told to the crate `log`: without a backend of it, such as `env_logger`, failures of connections are silent.
//! The other way to hear of them is [`Protocol::connection_lost`], with the [`Reason`].
//!
//! # What it costs
//!
//! As much part of the contract as the guarantees: each bound is held by a test. Messages cost what is said here
//! once a connection is warm, which a few messages see to. Heap is what is asked of the allocator, on 64-bit systems; the
//! protocols' own state comes on top.
//!
//! | what | costs at most | held by |
//! |---|---|---|
//! | an idle accepted TCP connection with a [`LineReceiver`] | 512 bytes of heap all told, its share of all tables and of the buffers kept for reuse included (10,000 connections, fresh or after an exchange of lines) | `tests/contract_idle.rs` |
//! | the same over TLS 1.3 | 4 KiB of Rust's heap all told, of which rustls takes the most (1,000 connections, fresh or after an exchange) | `tests/contract_tls.rs` |
//! | an idle timeout on it | 112 bytes of heap, timer included | `tests/contract_timers.rs` |
//! | accepting it | two system calls (accept, register), four allocations | `tests/contract_accepting.rs` |
//! | an echoed message | one read, one write, no allocation; the poll is shared by all that are ready | `tests/contract_messages.rs` |
//! | a line | no allocation, two if it comes in two pieces; all answers to one read are one write | `tests/contract_messages.rs` |
//! | any number of lines to 1,000 members in one turn | one write for each member; no allocation, as the queues of 1,024 are kept for reuse | `tests/contract_broadcast.rs` |
//! | any number of messages to a [`Group`] of 1,000 in one turn | the same, and the messages themselves | `tests/contract_broadcast.rs` |
//! | [`Transport::write_shared`] of more than 256 bytes | no copy; the rest as any write | `tests/contract_broadcast.rs` |
//! | an idle WebSocket with a [`WebSocketReceiver`] | 800 bytes of heap all told (1,000 connections, after the handshake or after an exchange of messages) | `tests/contract_idle_protocols.rs` |
//! | an idle connection of a [`TelnetServer`] with a [`LineReceiver`] | 900 bytes of heap all told (1,000 connections, fresh or after an exchange) | `tests/contract_idle_protocols.rs` |
//! | an echoed message of a WebSocket, of up to 128 KiB, masked or not, whole or in fragments | one write and no allocation; one read, two if it is longer than 64 KiB; answers to all messages of one read are one write | `tests/contract_websockets.rs` |
//! | an [`EncodedMessage`] of more than 256 bytes to 1,000 WebSockets | one write for each; no copy, no allocation | `tests/contract_websockets.rs` |
//! | a message of a WebSocket in [pieces](Delivery::Pieces), however long | one buffer of at most 65 KiB | `tests/contract_websockets.rs` |
//! | four bytes of [`ReactorHandle::secret`], such as the mask of a frame | no allocation, and a system call for every 256th | `tests/secrets.rs` |
//! | traffic under an idle timeout | no work on timers | `tests/contract_messages.rs` |
//! | a timer | 64 bytes of heap (of a million; a table that has just grown has twice that), and what its closure captures | `tests/contract_timers.rs` |
//!
//! A [`Reactor`] itself keeps one read buffer of 65 KiB for all its connections, and for reuse up to 1,024 output queues with
//! at most 4 MiB together, which takes some sixty large answers in one turn to fill. The receivers of a thread keep up to 16
//! buffers of at most 128 KiB for messages that come in pieces.
//!
//! # Features
//!
//! * `signals` (default): [`ReactorHandle::stop_on_signals`].
//! * `tls` (default): TLS on both sides, such as `TlsServerEndpoint`. Its cryptography comes from `aws-lc-rs` (default) or
//!   `ring`, or from a provider that the program passes.
//! * `webpki-roots` (default): the authorities that Mozilla trusts, for TLS clients; compiled in.
//! * `regex` (default): `Router::regex`; the crate is here as `regex`.
//! * `native-certs`: those that the operating system trusts.
//! * `deflate`: `WebSocketReceiver::deflate`, which compresses the messages of WebSockets.
//! * `zlib`: `ZlibPlugin`, which compresses the messages of tinyproto.
#![forbid(unsafe_code)]

pub use ropewalk_reactor::{driver, testing};
pub use ropewalk_simulation as simulation;

// The public interface is:
pub use ropewalk_endpoints::{
    AddressError, AddressProblem, Backoff, ByteStream, ClientEndpoint, ClientEvent, ClientFailure,
    ClientOptions, ClientService, Deadline, DescribedEndpoint, DescriptionError, DescriptionProblem,
    EndpointArguments, EndpointParameter, EndpointRegistry, FromArgument, IdleTimeout, IpFamily, IpNetwork,
    IpNetworkError, LimitConnections, LimitPerPeer, LimitRate, NoConnection, Policy, PortForward,
    ProxyClientEndpoint, ProxyHeader, ProxyHeaderError, ProxyHeaderLayer, ProxyOptions, ProxyServerEndpoint,
    ProxySsl, ProxySslTlv, ProxyTlv, ProxyTlvs, ProxyVersion, ServerEndpoint, Socks5ClientEndpoint,
    Socks5Credentials, Socks5CredentialsError, Socks5Error, Socks5Layer, Socks5Options, Socks5Reply,
    Socks5Target, StdioEndpoint, StreamError, TcpClientEndpoint, TcpServerEndpoint, TelnetTerminal, Terminal,
    TrafficLog, UdpEndpoint, Untrusted, WebSocketClientEndpoint, WebSocketServerEndpoint, client_endpoint,
    connect_protocol, connect_stream, connect_tiny, pipe, prepared, quote_argument, server_endpoint,
};
#[cfg(unix)]
pub use ropewalk_endpoints::{
    AdoptedServerEndpoint, SystemdServerEndpoint, UnixClientEndpoint, UnixDatagramEndpoint,
    UnixServerEndpoint,
};
#[cfg(feature = "tls")]
pub use ropewalk_endpoints::{
    CertificateProblem, CryptoProvider, DangerousTlsClientConfigBuilder, TlsClientConfig,
    TlsClientConfigBuilder, TlsClientEndpoint, TlsConfigError, TlsConfigProblem, TlsError, TlsIdentity,
    TlsInfo, TlsLayer, TlsRoots, TlsServerConfig, TlsServerConfigBuilder, TlsServerEndpoint, TlsTransport,
    TlsVersion,
};
#[cfg(feature = "deflate")]
pub use ropewalk_protocols::DeflateOptions;
#[cfg(feature = "zlib")]
pub use ropewalk_protocols::ZlibPlugin;
#[cfg(feature = "regex")]
pub use ropewalk_protocols::regex;
pub use ropewalk_protocols::{
    BadNetstring, Chargen, CloseCode, ControlTooLong, CustomDelimiter, Daytime, Delimiter, Delivery, Discard,
    Echo, EmptyDelimiter, EncodedMessage, FileSendError, FileSender, FragmentedMessage, FrameProblem,
    FrameTooLong, Group, HandshakeError, HttpRequest, HttpResponse, Int8StringReceiver, Int16StringReceiver,
    Int32StringReceiver, IntPrefix, JobError, KeyTaken, Lag, LagPolicy, LineProtocol, LineReceiver,
    LineTransport, MemberTooSlow, Membership, Message, MessageInProgress, MessageKind, Netstring,
    NetstringReceiver, Overflow, Qotd, Recipient, Router, RouterContext, SendLine, SendString, Stateful,
    StatefulStringProtocol, StringFormat, StringProtocol, StringReceiver, StringTooLong, StringTransport,
    TelnetEvent, TelnetInfo, TelnetLayer, TelnetOption, TelnetServer, TelnetTransport, Time,
    TinyConnectionLimit, TinyLost, TinyMessages, TinyPlugin, TinyProtoError, TinyProtocol, TinyReceiver,
    TinyTask, Transmit, TransmitError, WebSocket, WebSocketClientConfig, WebSocketError, WebSocketLayer,
    WebSocketProtocol, WebSocketReceiver, WebSocketServerConfig, WebSocketUrl, WebSocketUrlError,
};
pub use ropewalk_reactor::{
    Address, Bytes, Completion, ConnectError, ConnectOptions, ConnectResult, ConnectionId, DatagramError,
    DatagramOptions, DatagramProtocol, DatagramSendError, DatagramSetting, DatagramTransport, Deferred,
    DeferredFuture, DelayedCall, DelayedCallError, Destination, Drained, Factory, InputBeforeLayer, Instant,
    Layer, LayerEnd, LayerState, LayerStop, Limits, ListenOptions, ListeningPort, LoopEnd, LoopingCall,
    MulticastInterface, NameProblem, NameResolver, Producer, ProducerExists, ProducerKind, Protocol,
    ProtocolError, Reactor, ReactorGone, ReactorHandle, Reason, Remote, ResolveError, Resolver, Result,
    Stats, Status, SystemResolver, Task, TaskError, ThreadError, TimedOut, Timeout, TimerKey, TokenBucket,
    Transport, TriggerId, UnixAddress, When, check_host_name, factory_fn, for_protocol, race,
};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(doctest)]
#[doc = include_str!("../docs/testing.md")]
struct Testing;
