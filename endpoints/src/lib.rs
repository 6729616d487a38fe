//! Where connections come from: an endpoint is a place to listen on or to connect to, and asks a
//! [`Factory`](ropewalk_reactor::Factory) for a protocol for each connection.
//!
//! Use the crate `ropewalk`, which presents this one together with the reactor and the helper protocols.
//!
//! [`ServerEndpoint`] and [`ClientEndpoint`] are what all endpoints have in common, so that a program can be written
//! for any of them; [`TcpServerEndpoint`] and [`TcpClientEndpoint`] are those for TCP, the latter also for names,
//! [`StdioEndpoint`] is standard input and output. On UNIX there are those of UNIX sockets, of sockets that were opened
//! elsewhere, and of those from systemd. [`server_endpoint`] and [`client_endpoint`] make them of descriptions, such as
//! `tcp:8007:interface=127.0.0.1`. [`connect_protocol`] connects a single protocol, [`connect_stream`] gives a connection to
//! code that awaits its input, [`connect_tiny`] to code that awaits its messages, [`ClientService`] keeps one.
//! Sockets for datagrams have endpoints of their own, as there are no connections: [`UdpEndpoint`] and, on UNIX systems,
//! `UnixDatagramEndpoint`.
//! With the feature `tls`, `TlsServerEndpoint` and `TlsClientEndpoint` put TLS over any other endpoint.
//!
//! Some endpoints wrap another: [`ProxyServerEndpoint`] and [`ProxyClientEndpoint`] add the header of the PROXY protocol to its
//! connections, and [`Socks5ClientEndpoint`] leads them through a SOCKS proxy. [`WebSocketServerEndpoint`] and
//! [`WebSocketClientEndpoint`] make streams of WebSockets, so that browsers may be peers.
//!
//! A [`Policy`] around a factory says how many connections there may be, how long they may last, how fast they may go; for those
//! who make the factory themselves, [`ClientEndpoint::with_policy`] puts it around theirs.
//! A [`Terminal`] hides what is typed, or gives it key by key; [`TelnetTerminal`] has it do what a telnet server wants.
//! [`pipe`] joins two connections; [`PortForward`] does so with each that is accepted.
#![forbid(unsafe_code)]

mod address_error;
#[cfg(unix)]
mod adopted;
mod byte_stream;
mod client_service;
mod connect_protocol;
mod connect_tiny;
mod datagrams;
mod description;
mod endpoint;
mod ip_network;
mod policies;
mod proxy;
mod racing;
mod relay;
mod socks;
mod stdio;
#[cfg(unix)]
mod systemd;
mod tcp;
mod terminal;
#[cfg(feature = "tls")]
mod tls;
#[cfg(unix)]
mod unix;
mod websocket;

// The public interface is:
pub use address_error::{AddressError, AddressProblem};
#[cfg(unix)]
pub use adopted::AdoptedServerEndpoint;
pub use byte_stream::{ByteStream, StreamError, connect_stream};
pub use client_service::{Backoff, ClientEvent, ClientFailure, ClientOptions, ClientService, NoConnection};
pub use connect_protocol::connect_protocol;
pub use connect_tiny::connect_tiny;
pub use datagrams::udp::UdpEndpoint;
#[cfg(unix)]
pub use datagrams::unix::UnixDatagramEndpoint;
pub use description::arguments::{EndpointArguments, EndpointParameter};
pub use description::described::DescribedEndpoint;
pub use description::error::{DescriptionError, DescriptionProblem};
pub use description::parse::quote_argument;
pub use description::registry::EndpointRegistry;
pub use description::value::FromArgument;
pub use description::{client_endpoint, server_endpoint};
pub use endpoint::{ClientEndpoint, ServerEndpoint};
pub use ip_network::{IpNetwork, IpNetworkError};
pub use policies::deadline::Deadline;
pub use policies::idle_timeout::IdleTimeout;
pub use policies::limit_connections::LimitConnections;
pub use policies::limit_per_peer::LimitPerPeer;
pub use policies::limit_rate::LimitRate;
pub use policies::traffic_log::TrafficLog;
pub use policies::{Policy, prepared};
pub use proxy::client::ProxyClientEndpoint;
pub use proxy::error::ProxyHeaderError;
pub use proxy::header::{ProxyHeader, ProxyVersion};
pub use proxy::layer::ProxyHeaderLayer;
pub use proxy::options::{ProxyOptions, Untrusted};
pub use proxy::server::ProxyServerEndpoint;
pub use proxy::ssl::{ProxySsl, ProxySslTlv};
pub use proxy::tlv::{ProxyTlv, ProxyTlvs};
pub use racing::IpFamily;
pub use relay::forward::PortForward;
pub use relay::pipe::pipe;
pub use socks::client::{Socks5ClientEndpoint, Socks5Options};
pub use socks::credentials::{Socks5Credentials, Socks5CredentialsError};
pub use socks::error::{Socks5Error, Socks5Reply};
pub use socks::layer::Socks5Layer;
pub use socks::target::Socks5Target;
pub use stdio::StdioEndpoint;
#[cfg(unix)]
pub use systemd::SystemdServerEndpoint;
pub use tcp::client::TcpClientEndpoint;
pub use tcp::server::TcpServerEndpoint;
pub use terminal::{Terminal, telnet::TelnetTerminal};
#[cfg(feature = "tls")]
pub use tls::{
    CryptoProvider,
    certificate_problem::CertificateProblem,
    client_config::{DangerousTlsClientConfigBuilder, TlsClientConfig, TlsClientConfigBuilder},
    config_error::{TlsConfigError, TlsConfigProblem},
    endpoint::{TlsClientEndpoint, TlsServerEndpoint},
    error::TlsError,
    identity::TlsIdentity,
    info::{TlsInfo, TlsVersion},
    layer::TlsLayer,
    roots::TlsRoots,
    server_config::{TlsServerConfig, TlsServerConfigBuilder},
    transport::TlsTransport,
};
#[cfg(unix)]
pub use unix::client::UnixClientEndpoint;
#[cfg(unix)]
pub use unix::server::UnixServerEndpoint;
pub use websocket::{WebSocketClientEndpoint, WebSocketServerEndpoint};
