//! TLS: a layer between the wire and a protocol, the configurations of both sides, and endpoints that use them.

mod adapter;
pub(crate) mod certificate_problem;
pub(crate) mod client_config;
pub(crate) mod config_error;
pub(crate) mod endpoint;
pub(crate) mod error;
mod handshakes;
pub(crate) mod identity;
pub(crate) mod info;
pub(crate) mod layer;
mod pem;
mod reload;
pub(crate) mod roots;
pub(crate) mod server_config;
mod session_options;
pub(crate) mod transport;

pub use adapter::CryptoProvider;
