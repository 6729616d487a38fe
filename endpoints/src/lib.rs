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
//! code that awaits its input, [`ClientService`] keeps one.
//! Sockets for datagrams have endpoints of their own, as there are no connections: [`UdpEndpoint`] and, on UNIX systems,
//! `UnixDatagramEndpoint`.
#![forbid(unsafe_code)]

mod address_error;
#[cfg(unix)]
mod adopted;
mod byte_stream;
mod client_service;
mod connect_protocol;
mod datagrams;
mod description;
mod endpoint;
mod racing;
mod stdio;
#[cfg(unix)]
mod systemd;
mod tcp;
#[cfg(unix)]
mod unix;

// The public interface is:
pub use address_error::{AddressError, AddressProblem};
#[cfg(unix)]
pub use adopted::AdoptedServerEndpoint;
pub use byte_stream::{ByteStream, StreamError, connect_stream};
pub use client_service::{Backoff, ClientEvent, ClientFailure, ClientOptions, ClientService, NoConnection};
pub use connect_protocol::connect_protocol;
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
pub use racing::IpFamily;
pub use stdio::StdioEndpoint;
#[cfg(unix)]
pub use systemd::SystemdServerEndpoint;
pub use tcp::client::TcpClientEndpoint;
pub use tcp::server::TcpServerEndpoint;
#[cfg(unix)]
pub use unix::client::UnixClientEndpoint;
#[cfg(unix)]
pub use unix::server::UnixServerEndpoint;
