//! Certificates and keys in PEM (RFC 7468).

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use pkcs8::pkcs5;
use pkcs8::{EncryptedPrivateKeyInfo, SecretDocument};
use rustls_pki_types::pem::{Error as PemError, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::config_error::{TlsConfigError, TlsConfigProblem};

const ENCRYPTED_BEGIN: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
const ENCRYPTED_END: &str = "-----END ENCRYPTED PRIVATE KEY-----";

/// How OpenSSL marks keys that it encrypts in its old way.
const LEGACY_MARK: &str = "Proc-Type: 4,ENCRYPTED";

/// Where some PEM comes from.
#[derive(Clone)]
pub(super) enum Source {
    File(PathBuf),
    /// Given by the program, which is what errors call it.
    Bytes(&'static str, Rc<[u8]>),
}

impl Source {
    pub(super) fn file(path: impl Into<PathBuf>) -> Self {
        Self::File(path.into())
    }

    pub(super) fn bytes(name: &'static str, bytes: impl AsRef<[u8]>) -> Self {
        Self::Bytes(name, bytes.as_ref().into())
    }

    /// The file, if it is one.
    pub(super) fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Bytes(..) => None,
        }
    }

    pub(super) fn error(&self, problem: TlsConfigProblem) -> TlsConfigError {
        match self {
            Self::File(path) => TlsConfigError::in_file(path, problem),
            Self::Bytes(name, _) => TlsConfigError::new(*name, problem),
        }
    }

    /// All certificates in it, of which there is one at least.
    pub(super) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, TlsConfigError> {
        let pem = self.read()?;
        let certificates = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
        let certificates = certificates.map_err(|error| self.error(bad_pem(&error)))?;
        if certificates.is_empty() {
            return Err(self.error(TlsConfigProblem::NoCertificate));
        }
        Ok(certificates)
    }

    /// The first private key in it.
    pub(super) fn private_key(
        &self,
        password: Option<&str>,
    ) -> Result<PrivateKeyDer<'static>, TlsConfigError> {
        private_key(&self.read()?, password).map_err(|problem| self.error(problem))
    }

    fn read(&self) -> Result<Cow<'_, [u8]>, TlsConfigError> {
        match self {
            Self::File(path) => match std::fs::read(path) {
                Ok(bytes) => Ok(bytes.into()),
                Err(error) => Err(self.error(TlsConfigProblem::Unreadable(error))),
            },
            Self::Bytes(_, bytes) => Ok(Cow::Borrowed(bytes)),
        }
    }
}

fn private_key(pem: &[u8], password: Option<&str>) -> Result<PrivateKeyDer<'static>, TlsConfigProblem> {
    let text = String::from_utf8_lossy(pem);
    if let Some(encrypted) = encrypted_section(&text) {
        return decrypt(encrypted, password.ok_or(TlsConfigProblem::PasswordMissing)?);
    }
    if text.contains(LEGACY_MARK) {
        return Err(TlsConfigProblem::LegacyEncryption);
    }
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| match error {
        PemError::NoItemsFound => TlsConfigProblem::NoKey,
        error => bad_pem(&error),
    })
}

fn encrypted_section(text: &str) -> Option<&str> {
    let start = text.find(ENCRYPTED_BEGIN)?;
    let end = start + text[start..].find(ENCRYPTED_END)? + ENCRYPTED_END.len();
    Some(&text[start..end])
}

/// PKCS #8 (RFC 5958) with the encryption of PKCS #5 (RFC 8018).
fn decrypt(pem: &str, password: &str) -> Result<PrivateKeyDer<'static>, TlsConfigProblem> {
    let (_, document) =
        SecretDocument::from_pem(pem).map_err(|error| TlsConfigProblem::BadPem(error.to_string()))?;
    let encrypted = EncryptedPrivateKeyInfo::try_from(document.as_bytes()).map_err(unsupported)?;
    let key = encrypted.decrypt(password).map_err(|error| match error {
        pkcs8::Error::EncryptedPrivateKey(
            pkcs5::Error::UnsupportedAlgorithm { .. } | pkcs5::Error::NoPbes1CryptSupport,
        ) => unsupported(error),
        // With a wrong password the padding is wrong; where it is right by chance, the content is not.
        _ => TlsConfigProblem::PasswordWrong,
    })?;
    Ok(PrivatePkcs8KeyDer::from(key.as_bytes().to_vec()).into())
}

fn unsupported(error: pkcs8::Error) -> TlsConfigProblem {
    TlsConfigProblem::UnsupportedEncryption(error.to_string())
}

fn bad_pem(error: &PemError) -> TlsConfigProblem {
    TlsConfigProblem::BadPem(match error {
        PemError::MissingSectionEnd { end_marker } => {
            format!("the line \"-----END {}-----\" is missing", String::from_utf8_lossy(end_marker))
        }
        PemError::IllegalSectionStart { line } => {
            format!("the line {:?} is broken", String::from_utf8_lossy(line).trim_end())
        }
        error => error.to_string(),
    })
}

impl fmt::Debug for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.fmt(formatter),
            Self::Bytes(name, _) => formatter.write_str(name),
        }
    }
}
