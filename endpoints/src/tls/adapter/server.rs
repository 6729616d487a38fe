//! The configuration of a server, for rustls.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::TrustAnchor;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{
    NoServerSessionStorage, ProducesTickets, ServerSessionMemoryCache, StoresServerSessions,
    WebPkiClientVerifier,
};

use super::certificates::{certified_key, root_store};
use super::provider::{provider, refusal, ticketer, versions};
use super::server_certificates::{NameProblem, ServerCertificates};
use crate::tls::config_error::{TlsConfigError, TlsConfigProblem};
use crate::tls::server_config::{ClientCertificates, ServerSettings};

/// A configuration, and what the next one takes over.
pub(in crate::tls) struct ServerParts {
    pub(in crate::tls) config: Arc<ServerConfig>,
    sessions: Sessions,
    /// The authorities for clients.
    trusted: Vec<TrustAnchor<'static>>,
}

/// What is needed to resume sessions.
#[derive(Clone)]
struct Sessions {
    store: Arc<dyn StoresServerSessions>,
    ticketer: Option<Arc<dyn ProducesTickets>>,
    /// Whether there is anything to give tickets out for.
    resumable: bool,
}

/// Who may connect.
struct Clients {
    verifier: Arc<dyn ClientCertVerifier>,
    trusted: Vec<TrustAnchor<'static>>,
}

/// The first configuration.
pub(in crate::tls) fn build(settings: &ServerSettings) -> Result<ServerParts, TlsConfigError> {
    settings.options.check()?;
    make(settings, None)
}

/// A later one.
pub(in crate::tls) fn rebuild(
    settings: &ServerSettings,
    last: &ServerParts,
) -> Result<ServerParts, TlsConfigError> {
    make(settings, Some(last))
}

fn make(settings: &ServerSettings, last: Option<&ServerParts>) -> Result<ServerParts, TlsConfigError> {
    let provider = provider(&settings.options)?;
    let certificates = server_certificates(settings, &provider)?;
    let Clients { verifier, trusted } = clients(settings, &provider)?;
    // Who resumes a session is not verified again. So a session must not outlive the authority it was begun under.
    let kept = last.filter(|last| last.trusted == trusted).map(|last| last.sessions.clone());
    let sessions = kept.map_or_else(|| Sessions::new(settings), Ok)?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions(&settings.options))
        .map_err(refusal)?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(certificates));
    config.alpn_protocols.clone_from(&settings.options.alpn);
    sessions.clone().put_into(&mut config);
    Ok(ServerParts { config: Arc::new(config), sessions, trusted })
}

fn server_certificates(
    settings: &ServerSettings,
    provider: &CryptoProvider,
) -> Result<ServerCertificates, TlsConfigError> {
    if settings.identity.is_none() && settings.named.is_empty() {
        return Err(TlsConfigError::new("the TLS server", TlsConfigProblem::NoIdentity));
    }
    let default = settings.identity.as_ref().map(|identity| certified_key(identity, provider)).transpose()?;
    let mut certificates = ServerCertificates::new(default, settings.refuse_unknown_names);
    for (name, identity) in &settings.named {
        let added = certificates.add(name, certified_key(identity, provider)?);
        added.map_err(|problem| match problem {
            NameProblem::NoName => TlsConfigError::new(format!("{name:?}"), TlsConfigProblem::BadName),
            NameProblem::NotForIt => identity
                .chain()
                .error(TlsConfigProblem::BadCertificate(format!("it is not for the name {name:?}"))),
        })?;
    }
    Ok(certificates)
}

fn clients(settings: &ServerSettings, provider: &Arc<CryptoProvider>) -> Result<Clients, TlsConfigError> {
    let Some(roots) = settings.clients.roots() else {
        return Ok(Clients { verifier: WebPkiClientVerifier::no_client_auth(), trusted: Vec::new() });
    };
    let store = root_store(roots)?;
    let trusted = store.roots.clone();
    let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider));
    if matches!(settings.clients, ClientCertificates::Optional(_)) {
        builder = builder.allow_unauthenticated();
    }
    Ok(Clients { verifier: builder.build().map_err(refusal)?, trusted })
}

impl Sessions {
    fn new(settings: &ServerSettings) -> Result<Self, TlsConfigError> {
        let ticketer = if settings.session_tickets { ticketer().transpose().map_err(refusal)? } else { None };
        let store: Arc<dyn StoresServerSessions> = match settings.session_cache {
            0 => Arc::new(NoServerSessionStorage {}),
            sessions => ServerSessionMemoryCache::new(sessions),
        };
        let resumable = ticketer.is_some() || settings.session_cache > 0;
        Ok(Self { store, ticketer, resumable })
    }

    fn put_into(self, config: &mut ServerConfig) {
        config.session_storage = self.store;
        if let Some(ticketer) = self.ticketer {
            config.ticketer = ticketer;
        }
        if !self.resumable {
            config.send_tls13_tickets = 0;
        }
    }
}
