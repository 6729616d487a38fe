//! The configuration of a TLS server.

use std::cell::RefCell;
use std::fmt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use super::adapter::server::{self, ServerParts};
use super::adapter::{CryptoProvider, session::Session};
use super::config_error::TlsConfigError;
use super::identity::TlsIdentity;
use super::info::TlsVersion;
use super::layer::TlsLayer;
use super::reload::Stamps;
use super::roots::TlsRoots;
use super::session_options::SessionOptions;

/// The default of [`TlsServerConfigBuilder::session_cache`].
const DEFAULT_SESSION_CACHE: usize = 1_024;

/// The configuration of a TLS server: a cheap handle, whose clones share what [`reload`](Self::reload) changes.
///
/// ```no_run
/// use ropewalk_endpoints::{ServerEndpoint, TcpServerEndpoint, TlsServerConfig, TlsServerEndpoint};
/// # use ropewalk_reactor::{Protocol, Reactor, Result, Transport, for_protocol};
/// # struct Echo;
/// # impl Protocol for Echo {
/// #     fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result { Ok(transport.write(data)) }
/// # }
///
/// let config = TlsServerConfig::from_pem_files("chain.pem", "key.pem")?;
/// let mut reactor = Reactor::new()?;
/// let endpoint = TlsServerEndpoint::new("[::]:8443".parse::<TcpServerEndpoint>()?, config);
/// endpoint.listen(&reactor, for_protocol(|| Echo))?;
/// reactor.run()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct TlsServerConfig {
    shared: Rc<Shared>,
}

struct Shared {
    settings: ServerSettings,
    current: RefCell<ServerParts>,
    stamps: RefCell<Stamps>,
}

/// Everything that a [`TlsServerConfig`] can be told.
///
/// What is not told is safe: TLS 1.2 and 1.3, sessions can be resumed, clients need no certificates.
#[derive(Clone, Debug)]
pub struct TlsServerConfigBuilder {
    settings: ServerSettings,
}

#[derive(Clone, Debug)]
pub(super) struct ServerSettings {
    pub(super) options: SessionOptions,
    pub(super) identity: Option<TlsIdentity>,
    pub(super) named: Vec<(String, TlsIdentity)>,
    pub(super) refuse_unknown_names: bool,
    pub(super) clients: ClientCertificates,
    pub(super) session_cache: usize,
    pub(super) session_tickets: bool,
}

/// What clients have to show.
#[derive(Clone, Debug)]
pub(super) enum ClientCertificates {
    Ignored,
    Optional(TlsRoots),
    Required(TlsRoots),
}

impl TlsServerConfig {
    /// Starts with the defaults.
    pub fn builder() -> TlsServerConfigBuilder {
        TlsServerConfigBuilder {
            settings: ServerSettings {
                options: SessionOptions::default(),
                identity: None,
                named: Vec::new(),
                refuse_unknown_names: false,
                clients: ClientCertificates::Ignored,
                session_cache: DEFAULT_SESSION_CACHE,
                session_tickets: true,
            },
        }
    }

    /// The defaults with the identity in two files: see [`TlsIdentity::from_pem_files`].
    ///
    /// # Errors
    /// As [`TlsServerConfigBuilder::build`].
    pub fn from_pem_files(
        chain: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Result<Self, TlsConfigError> {
        Self::builder().identity(TlsIdentity::from_pem_files(chain, key)).build()
    }

    /// The defaults with an identity in memory: see [`TlsIdentity::from_pem`].
    ///
    /// # Errors
    /// As [`TlsServerConfigBuilder::build`].
    pub fn from_pem(chain: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Result<Self, TlsConfigError> {
        Self::builder().identity(TlsIdentity::from_pem(chain, key)).build()
    }

    /// Reads all files anew. Connections that come from now on use what is in them; those that stand are not touched.
    /// Sessions can still be resumed, unless other authorities for clients are trusted than before.
    ///
    /// Files are read at once, as they are when the configuration is built.
    ///
    /// # Errors
    /// If something is wrong with a file. Then nothing changes.
    pub fn reload(&self) -> Result<(), TlsConfigError> {
        // What is written from here on is noticed by the next look at the stamps.
        let stamps = Stamps::of(self.shared.settings.files());
        self.shared.stamps.replace(stamps);
        let parts = server::rebuild(&self.shared.settings, &self.shared.current.borrow())?;
        self.shared.current.replace(parts);
        Ok(())
    }

    /// Whether a file is another than when the configuration was last read.
    pub(super) fn has_changed(&self) -> bool {
        *self.shared.stamps.borrow() != Stamps::of(self.shared.settings.files())
    }

    /// A layer for one connection.
    ///
    /// # Errors
    /// If the provider of cryptography fails.
    pub fn layer(&self) -> Result<TlsLayer, TlsConfigError> {
        let config = Arc::clone(&self.shared.current.borrow().config);
        Ok(TlsLayer::new(Session::server(config)?))
    }
}

impl TlsServerConfigBuilder {
    /// Who the server is. Used for all names that have no identity of their own.
    #[must_use]
    pub fn identity(mut self, identity: TlsIdentity) -> Self {
        self.settings.identity = Some(identity);
        self
    }

    /// Who the server is for clients that ask for `name` (SNI; RFC 6066, section 3). A name such as `*.example.org` stands
    /// for all with one label more than `example.org`; an exact one goes before it.
    #[must_use]
    pub fn identity_for(mut self, name: &str, identity: TlsIdentity) -> Self {
        self.settings.named.push((name.to_owned(), identity));
        self
    }

    /// Refuses clients that ask for a name which no certificate is for. Those that ask for none still get
    /// [`identity`](Self::identity). Default: they all get that.
    #[must_use]
    pub fn refuse_unknown_names(mut self) -> Self {
        self.settings.refuse_unknown_names = true;
        self
    }

    /// The application protocols spoken, the preferred first (ALPN, RFC 7301). A client that offers only others is
    /// refused; one that offers none is not. Default none.
    #[must_use]
    pub fn alpn<P: AsRef<[u8]>>(mut self, protocols: impl IntoIterator<Item = P>) -> Self {
        self.settings.options.set_alpn(protocols);
        self
    }

    /// Refuses clients without a certificate signed by one of `roots`.
    #[must_use]
    pub fn require_client_certificates(mut self, roots: TlsRoots) -> Self {
        self.settings.clients = ClientCertificates::Required(roots);
        self
    }

    /// Asks clients for a certificate. They may have none, but if they have, it must be signed by one of `roots`.
    #[must_use]
    pub fn accept_client_certificates(mut self, roots: TlsRoots) -> Self {
        self.settings.clients = ClientCertificates::Optional(roots);
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

    /// How many sessions the server remembers for clients that come back without a ticket; 0 for none. Default 1,024, of a
    /// few hundred bytes each.
    #[must_use]
    pub fn session_cache(mut self, sessions: usize) -> Self {
        self.settings.session_cache = sessions;
        self
    }

    /// Whether clients get tickets with which they can resume their session, without the server remembering it. The keys
    /// of tickets are random and change every six hours. Default true.
    ///
    /// With neither tickets nor a [cache](Self::session_cache), no session is resumed.
    #[must_use]
    pub fn session_tickets(mut self, allowed: bool) -> Self {
        self.settings.session_tickets = allowed;
        self
    }

    /// The cryptography to use. Default: the provider that the program has installed for the process, if any, or else the
    /// one compiled in by the features `aws-lc-rs` (which goes first) and `ring`.
    #[must_use]
    pub fn provider(mut self, provider: Arc<CryptoProvider>) -> Self {
        self.settings.options.provider = Some(provider);
        self
    }

    /// Reads the files and makes the configuration.
    ///
    /// # Errors
    /// If there is no identity, a file cannot be read or has something wrong in it, a key does not belong to its
    /// certificate, a certificate is not for the name it is given for, or there is no provider of cryptography.
    pub fn build(self) -> Result<TlsServerConfig, TlsConfigError> {
        let settings = self.settings;
        let stamps = RefCell::new(Stamps::of(settings.files()));
        let current = RefCell::new(server::build(&settings)?);
        Ok(TlsServerConfig { shared: Rc::new(Shared { settings, current, stamps }) })
    }
}

impl ServerSettings {
    /// All files that are read.
    fn files(&self) -> impl Iterator<Item = &Path> {
        let identities = self.identity.iter().chain(self.named.iter().map(|(_, identity)| identity));
        identities
            .flat_map(TlsIdentity::files)
            .chain(self.clients.roots().into_iter().flat_map(TlsRoots::files))
    }
}

impl ClientCertificates {
    pub(super) fn roots(&self) -> Option<&TlsRoots> {
        match self {
            Self::Ignored => None,
            Self::Optional(roots) | Self::Required(roots) => Some(roots),
        }
    }
}

impl fmt::Debug for TlsServerConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("TlsServerConfig").field(&self.shared.settings).finish()
    }
}
