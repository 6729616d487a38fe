//! Certificates: this side's own, and those it trusts.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys, RootCertStore};

use crate::tls::config_error::{TlsConfigError, TlsConfigProblem};
use crate::tls::identity::TlsIdentity;
use crate::tls::pem::Source;
use crate::tls::roots::{RootsPart, TlsRoots};

/// An identity, read and checked.
pub(super) fn certified_key(
    identity: &TlsIdentity,
    provider: &CryptoProvider,
) -> Result<Arc<CertifiedKey>, TlsConfigError> {
    let (chain, key) = identity.read()?;
    let key = provider.key_provider.load_private_key(key);
    let key = key.map_err(|error| identity.key().error(TlsConfigProblem::BadKey(plain(error))))?;
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(Arc::new(certified)),
        Err(Error::InconsistentKeys(_)) => Err(identity.key().error(TlsConfigProblem::KeyMismatch)),
        Err(error) => Err(bad_certificate(identity.chain(), error)),
    }
}

pub(super) fn root_store(roots: &TlsRoots) -> Result<RootCertStore, TlsConfigError> {
    let mut store = RootCertStore::empty();
    for part in roots.parts() {
        match part {
            RootsPart::Pem(source) => add_pem(&mut store, source)?,
            #[cfg(feature = "webpki-roots")]
            RootsPart::Bundled => store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
            #[cfg(feature = "native-certs")]
            RootsPart::System => add_system(&mut store)?,
        }
    }
    Ok(store)
}

fn add_pem(store: &mut RootCertStore, source: &Source) -> Result<(), TlsConfigError> {
    for certificate in source.certificates()? {
        store.add(certificate).map_err(|error| bad_certificate(source, error))?;
    }
    Ok(())
}

/// Those of the system's certificates that can be read; systems have some odd ones.
#[cfg(feature = "native-certs")]
fn add_system(store: &mut RootCertStore) -> Result<(), TlsConfigError> {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        log::warn!("reading the authorities that the system trusts: {error}");
    }
    let (added, _) = store.add_parsable_certificates(found.certs);
    if added == 0 {
        return Err(TlsConfigError::new(
            "the authorities that the system trusts",
            TlsConfigProblem::NoCertificate,
        ));
    }
    Ok(())
}

fn bad_certificate(source: &Source, error: Error) -> TlsConfigError {
    source.error(TlsConfigProblem::BadCertificate(plain(error)))
}

/// The text without what rustls puts before it.
fn plain(error: Error) -> String {
    match error {
        Error::General(text) => text,
        Error::InvalidCertificate(error) => error.to_string(),
        error => error.to_string(),
    }
}
