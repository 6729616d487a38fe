//! The configuration of a client, for rustls.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WantsClientCert};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::SingleCertAndKey;
use rustls::{ClientConfig, ConfigBuilder, DigitallySignedStruct, Error, SignatureScheme, WantsVerifier};

use super::certificates::{certified_key, root_store};
use super::provider::{provider, refusal, versions};
use crate::tls::client_config::{ClientSettings, Verification};
use crate::tls::config_error::{TlsConfigError, TlsConfigProblem};
use crate::tls::roots::TlsRoots;

/// A configuration.
#[derive(Clone)]
pub(in crate::tls) struct ClientParts {
    pub(in crate::tls) config: Arc<ClientConfig>,
}

pub(in crate::tls) fn build(settings: &ClientSettings) -> Result<ClientParts, TlsConfigError> {
    settings.options.check()?;
    let provider = provider(&settings.options)?;
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions(&settings.options))
        .map_err(refusal)?;
    let builder = verifying(builder, &settings.verification)?;
    let mut config = match &settings.identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let key = SingleCertAndKey::from(certified_key(identity, &provider)?);
            builder.with_client_cert_resolver(Arc::new(key))
        }
    };
    config.alpn_protocols.clone_from(&settings.options.alpn);
    config.resumption = match settings.session_cache {
        0 => Resumption::disabled(),
        servers => Resumption::in_memory_sessions(servers),
    };
    Ok(ClientParts { config: Arc::new(config) })
}

fn verifying(
    builder: ConfigBuilder<ClientConfig, WantsVerifier>,
    verification: &Verification,
) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, TlsConfigError> {
    let no_roots = || TlsConfigError::new("the TLS client", TlsConfigProblem::NoRoots);
    match verification {
        Verification::On(roots) => {
            let roots = roots.clone().or_else(TlsRoots::usual).ok_or_else(no_roots)?;
            let store = root_store(&roots)?;
            if store.is_empty() { Err(no_roots()) } else { Ok(builder.with_root_certificates(store)) }
        }
        Verification::Off => {
            let verifier = AcceptAny(Arc::clone(builder.crypto_provider()));
            Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)))
        }
    }
}

/// Believes every certificate, but only to whom has its key.
#[derive(Debug)]
struct AcceptAny(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAny {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
