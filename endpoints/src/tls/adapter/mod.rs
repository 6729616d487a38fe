//! All that knows rustls. Its next version should change nothing outside of this folder.

mod alerts;
mod certificates;
pub(super) mod client;
mod explain;
mod provider;
pub(super) mod server;
mod server_certificates;
mod server_name;
pub(super) mod session;

pub use rustls::crypto::CryptoProvider;
