//! The configuration of a TLS client.

use std::fmt;
use std::sync::Arc;

use super::adapter::client::{self, ClientParts};
use super::adapter::{CryptoProvider, session::Session};
use super::config_error::{TlsConfigError, TlsConfigProblem};
use super::identity::TlsIdentity;
use super::info::TlsVersion;
use super::layer::TlsLayer;
use super::roots::TlsRoots;
use super::session_options::SessionOptions;

/// The default of [`TlsClientConfigBuilder::session_cache`].
const DEFAULT_SESSION_CACHE: usize = 256;

/// The configuration of a TLS client: a cheap handle.
///
/// ```
/// # #[cfg(all(feature = "webpki-roots", any(feature = "ring", feature = "aws-lc-rs")))] {
/// use ropewalk_endpoints::{TcpClientEndpoint, TlsClientConfig, TlsClientEndpoint, TlsRoots};
///
/// let config = TlsClientConfig::builder().roots(TlsRoots::bundled()).build()?;
/// let tcp = "127.0.0.1:8443".parse::<TcpClientEndpoint>()?;
/// let endpoint = TlsClientEndpoint::new(tcp, "example.org", config)?;
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct TlsClientConfig {
    parts: ClientParts,
}

/// Everything that a [`TlsClientConfig`] can be told.
///
/// What is not told is safe: the server's certificate is verified, TLS is 1.2 or 1.3, sessions can be resumed. Only whom
/// to trust has to be said, with [`roots`](Self::roots).
#[derive(Clone, Debug)]
pub struct TlsClientConfigBuilder {
    settings: ClientSettings,
}

/// What makes a client unsafe: see [`TlsClientConfigBuilder::dangerous`].
#[derive(Clone, Debug)]
pub struct DangerousTlsClientConfigBuilder {
    settings: ClientSettings,
}

#[derive(Clone, Debug)]
pub(super) struct ClientSettings {
    pub(super) options: SessionOptions,
    pub(super) identity: Option<TlsIdentity>,
    pub(super) verification: Verification,
    pub(super) session_cache: usize,
}

/// Which servers are believed.
#[derive(Clone, Debug)]
pub(super) enum Verification {
    /// Those whom these authorities vouch for, by default the usual ones.
    On(Option<TlsRoots>),
    Off,
}

impl TlsClientConfig {
    /// Starts with the defaults.
    pub fn builder() -> TlsClientConfigBuilder {
        TlsClientConfigBuilder {
            settings: ClientSettings {
                options: SessionOptions::default(),
                identity: None,
                verification: Verification::On(None),
                session_cache: DEFAULT_SESSION_CACHE,
            },
        }
    }

    /// A layer for one connection to the server `name`: a host name or an IP address, which the server's certificate has
    /// to be for.
    ///
    /// # Errors
    /// If `name` is neither, or the provider of cryptography fails.
    pub fn layer(&self, name: &str) -> Result<TlsLayer, TlsConfigError> {
        self.layer_for(&ServerName::new(name)?)
    }

    pub(super) fn layer_for(&self, name: &ServerName) -> Result<TlsLayer, TlsConfigError> {
        Ok(TlsLayer::new(Session::client(Arc::clone(&self.parts.config), name.0.clone())?))
    }
}

impl TlsClientConfigBuilder {
    /// The authorities that the client trusts. Default those of Mozilla (`TlsRoots::bundled`), or where the feature
    /// `webpki-roots` is off those of the operating system (`TlsRoots::system`); without `native-certs` too they have to
    /// be said.
    #[must_use]
    pub fn roots(mut self, roots: TlsRoots) -> Self {
        self.settings.verification = Verification::On(Some(roots));
        self
    }

    /// Who the client is, for servers that want to know. Default nobody.
    #[must_use]
    pub fn identity(mut self, identity: TlsIdentity) -> Self {
        self.settings.identity = Some(identity);
        self
    }

    /// The application protocols spoken, the preferred first (ALPN, RFC 7301). Default none.
    #[must_use]
    pub fn alpn<P: AsRef<[u8]>>(mut self, protocols: impl IntoIterator<Item = P>) -> Self {
        self.settings.options.set_alpn(protocols);
        self
    }

    /// The lowest version spoken. Default TLS 1.2.
    #[must_use]
    pub fn min_version(mut self, version: TlsVersion) -> Self {
        self.settings.options.lowest = version;
        self
    }

    /// The highest version spoken. Default TLS 1.3.
    #[must_use]
    pub fn max_version(mut self, version: TlsVersion) -> Self {
        self.settings.options.highest = version;
        self
    }

    /// For how many servers the client remembers sessions, to resume them; 0 for none. Default 256.
    #[must_use]
    pub fn session_cache(mut self, servers: usize) -> Self {
        self.settings.session_cache = servers;
        self
    }

    /// The cryptography to use. Default as for
    /// [`TlsServerConfigBuilder::provider`](crate::TlsServerConfigBuilder::provider).
    #[must_use]
    pub fn provider(mut self, provider: Arc<CryptoProvider>) -> Self {
        self.settings.options.provider = Some(provider);
        self
    }

    /// What makes the client unsafe.
    pub fn dangerous(self) -> DangerousTlsClientConfigBuilder {
        DangerousTlsClientConfigBuilder { settings: self.settings }
    }

    /// Reads the files and makes the configuration.
    ///
    /// # Errors
    /// If nobody is trusted, a file cannot be read or has something wrong in it, or there is no provider of
    /// cryptography.
    pub fn build(self) -> Result<TlsClientConfig, TlsConfigError> {
        Ok(TlsClientConfig { parts: client::build(&self.settings)? })
    }
}

impl DangerousTlsClientConfigBuilder {
    /// Believes every server whatever its certificate, so that anybody on the way can read and change everything.
    #[must_use]
    pub fn accept_any_certificate(mut self) -> TlsClientConfigBuilder {
        self.settings.verification = Verification::Off;
        TlsClientConfigBuilder { settings: self.settings }
    }
}

/// The name of a server: a host name or an IP address.
#[derive(Clone, Debug)]
pub(super) struct ServerName(rustls_pki_types::ServerName<'static>);

impl ServerName {
    pub(super) fn new(name: &str) -> Result<Self, TlsConfigError> {
        match rustls_pki_types::ServerName::try_from(name) {
            Ok(name) => Ok(Self(name.to_owned())),
            Err(_) => Err(TlsConfigError::new(format!("{name:?}"), TlsConfigProblem::BadName)),
        }
    }
}

impl fmt::Debug for TlsClientConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("TlsClientConfig").finish_non_exhaustive()
    }
}
