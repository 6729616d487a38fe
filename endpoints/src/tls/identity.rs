//! Who this side is.

use std::fmt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::config_error::TlsConfigError;
use super::pem::Source;

/// A certificate, those that sign it, and its private key, in PEM. The certificate comes first, and after it the others in
/// order, as authorities deliver them; the root may be left out.
///
/// Nothing is read before the configuration is built, so a file that is changed counts when it is
/// [reloaded](crate::TlsServerConfig::reload).
///
/// The key is PKCS #8 (`PRIVATE KEY`), PKCS #1 (`RSA PRIVATE KEY`), SEC 1 (`EC PRIVATE KEY`), or PKCS #8 encrypted with a
/// password (`ENCRYPTED PRIVATE KEY`, PBES2 with AES; RFC 5958 and RFC 8018).
///
/// ```no_run
/// use ropewalk_endpoints::{TlsIdentity, TlsServerConfig};
///
/// let identity = TlsIdentity::from_pem_files("chain.pem", "key.pem").with_password("secret");
/// let config = TlsServerConfig::builder().identity(identity).build()?;
/// # Ok::<(), ropewalk_endpoints::TlsConfigError>(())
/// ```
#[derive(Clone)]
pub struct TlsIdentity {
    chain: Source,
    /// More of the chain.
    rest: Option<Source>,
    key: Source,
    password: Option<Rc<str>>,
}

impl TlsIdentity {
    /// The certificates in one file and the key in another.
    pub fn from_pem_files(chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self { chain: Source::file(chain), rest: None, key: Source::file(key), password: None }
    }

    /// The certificates and the key in one file.
    pub fn from_pem_file(path: impl Into<PathBuf>) -> Self {
        let source = Source::file(path);
        Self { chain: source.clone(), rest: None, key: source, password: None }
    }

    /// The certificates and the key in memory. Both may be the same text.
    pub fn from_pem(chain: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Self {
        Self {
            chain: Source::bytes("the certificate given", chain),
            rest: None,
            key: Source::bytes("the private key given", key),
            password: None,
        }
    }

    /// The same identity with more certificates, in a file of their own: those that sign the certificate, where they do not
    /// follow it in the same file.
    #[must_use]
    pub fn with_chain_file(self, rest: impl Into<PathBuf>) -> Self {
        Self { rest: Some(Source::file(rest)), ..self }
    }

    /// The same identity with the password that opens its key. Not used if the key is not encrypted.
    #[must_use]
    pub fn with_password(self, password: &str) -> Self {
        Self { password: Some(password.into()), ..self }
    }

    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        [&self.chain, &self.key].into_iter().chain(&self.rest).filter_map(Source::path)
    }

    pub(super) fn chain(&self) -> &Source {
        &self.chain
    }

    pub(super) fn key(&self) -> &Source {
        &self.key
    }

    pub(super) fn read(
        &self,
    ) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsConfigError> {
        let mut certificates = self.chain.certificates()?;
        if let Some(rest) = &self.rest {
            certificates.extend(rest.certificates()?);
        }
        Ok((certificates, self.key.private_key(self.password.as_deref())?))
    }
}

/// Without the password.
impl fmt::Debug for TlsIdentity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TlsIdentity")
            .field("chain", &self.chain)
            .field("rest", &self.rest)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}
