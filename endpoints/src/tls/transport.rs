//! TLS on connections that stand.

use ropewalk_reactor::Transport;

use super::client_config::TlsClientConfig;
use super::config_error::TlsConfigError;
use super::info::TlsInfo;
use super::layer::TlsLayer;
use super::server_config::TlsServerConfig;

/// What a [`Transport`] can do about TLS: begin it in mid-stream, as `STARTTLS` does, and tell about it.
///
/// ```
/// use ropewalk_endpoints::{TlsServerConfig, TlsTransport};
/// use ropewalk_reactor::{Protocol, Result, Transport};
///
/// struct Mail {
///     tls: TlsServerConfig,
/// }
///
/// impl Protocol for Mail {
///     fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
///         if data == b"STARTTLS\r\n" {
///             transport.write("220 Go ahead\r\n"); // the last that goes out unprotected
///             transport.start_tls_server(&self.tls)?;
///         }
///         Ok(())
///     }
///
///     fn layer_opened(&mut self, transport: &Transport) {
///         let tls = transport.tls().expect("it has just been started");
///         println!("protected by {}", tls.version);
///     }
/// }
/// ```
pub trait TlsTransport {
    /// Begins TLS as the server. What was written before goes out as it is. See [`Transport::insert_layer`] for when
    /// it begins, and for the protection from input that was sent too early.
    ///
    /// # Errors
    /// If the provider of cryptography fails.
    fn start_tls_server(&self, config: &TlsServerConfig) -> Result<(), TlsConfigError>;

    /// Begins TLS as a client of the server `server_name`: a host name or an IP address, which the server's certificate
    /// has to be for. Otherwise as [`start_tls_server`](Self::start_tls_server).
    ///
    /// # Errors
    /// If `server_name` is neither, or the provider of cryptography fails.
    fn start_tls_client(&self, config: &TlsClientConfig, server_name: &str) -> Result<(), TlsConfigError>;

    /// What the handshake has agreed on. `None` if it is not over or the connection has no TLS; never so in
    /// `connection_made` of a protocol behind a [`TlsServerEndpoint`](crate::TlsServerEndpoint) or
    /// [`TlsClientEndpoint`](crate::TlsClientEndpoint).
    fn tls(&self) -> Option<TlsInfo>;
}

impl TlsTransport for Transport {
    fn start_tls_server(&self, config: &TlsServerConfig) -> Result<(), TlsConfigError> {
        self.insert_layer(config.layer()?);
        Ok(())
    }

    fn start_tls_client(&self, config: &TlsClientConfig, server_name: &str) -> Result<(), TlsConfigError> {
        self.insert_layer(config.layer(server_name)?);
        Ok(())
    }

    fn tls(&self) -> Option<TlsInfo> {
        self.with_layer(TlsLayer::info).flatten()
    }
}
