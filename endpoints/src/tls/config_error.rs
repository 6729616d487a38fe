//! What is wrong with a configuration of TLS.

use std::path::Path;
use std::{fmt, io};

/// A configuration of TLS cannot be used. `Display` names the file, if it is about one, and says what would be right.
#[derive(Debug)]
pub struct TlsConfigError {
    place: String,
    problem: TlsConfigProblem,
}

/// What is wrong with a configuration of TLS.
#[derive(Debug)]
#[non_exhaustive]
pub enum TlsConfigProblem {
    /// The file cannot be read.
    Unreadable(io::Error),
    /// It is no proper PEM; the text says why.
    BadPem(String),
    /// There is no certificate in it.
    NoCertificate,
    /// There is no private key in it.
    NoKey,
    /// The private key is encrypted, and no password is given.
    PasswordMissing,
    /// The password does not open the private key.
    PasswordWrong,
    /// The private key is encrypted in the old way of OpenSSL (`Proc-Type: 4,ENCRYPTED`), which is too weak.
    LegacyEncryption,
    /// The private key is encrypted with something that is not supported; the text says with what.
    UnsupportedEncryption(String),
    /// The private key is of no use; the text says why.
    BadKey(String),
    /// The certificate is of no use; the text says why.
    BadCertificate(String),
    /// The private key belongs to another certificate.
    KeyMismatch,
    /// No server can have this name.
    BadName,
    /// No identity is given: a server needs a certificate and its key.
    NoIdentity,
    /// No authorities are given that the client trusts.
    NoRoots,
    /// The lowest version is above the highest.
    NoVersion,
    /// An application protocol's name is empty, or longer than 255 bytes.
    BadProtocolName,
    /// No provider of cryptography is compiled in or installed, and none is given.
    NoProvider,
    /// The provider of cryptography cannot do this; the text says why.
    Provider(String),
}

impl TlsConfigError {
    pub(super) fn new(place: impl Into<String>, problem: TlsConfigProblem) -> Self {
        Self { place: place.into(), problem }
    }

    pub(super) fn in_file(path: &Path, problem: TlsConfigProblem) -> Self {
        Self::new(path.display().to_string(), problem)
    }

    /// The file, or what else it is about.
    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    /// What is wrong.
    pub fn problem(&self) -> &TlsConfigProblem {
        &self.problem
    }
}

impl fmt::Display for TlsConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.place, self.problem)
    }
}

impl fmt::Display for TlsConfigProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Unreadable(error) => return write!(formatter, "it cannot be read: {error}"),
            Self::BadPem(why) => return write!(formatter, "it is no proper PEM: {why}"),
            Self::NoCertificate => {
                "there is no certificate in it; PEM has one between BEGIN CERTIFICATE and END CERTIFICATE"
            }
            Self::NoKey => {
                "there is no private key in it; PEM has one between BEGIN PRIVATE KEY and END PRIVATE KEY"
            }
            Self::PasswordMissing => "the private key is encrypted: give its password",
            Self::PasswordWrong => "the password does not open the private key",
            Self::LegacyEncryption => {
                "the private key is encrypted in an outdated way: convert it with \
                 openssl pkcs8 -topk8 -v2 aes256 -in OLD -out NEW"
            }
            Self::UnsupportedEncryption(with) => {
                return write!(
                    formatter,
                    "the private key is encrypted in a way that is not supported ({with}): convert it with \
                     openssl pkcs8 -topk8 -v2 aes256 -in OLD -out NEW"
                );
            }
            Self::BadKey(why) => return write!(formatter, "the private key cannot be used: {why}"),
            Self::BadCertificate(why) => return write!(formatter, "the certificate cannot be used: {why}"),
            Self::KeyMismatch => "the private key does not belong to the certificate",
            Self::BadName => {
                "it is no name of a server: write a host name, as in example.org, or an IP address"
            }
            Self::NoIdentity => "there is no certificate: a server needs one and its private key",
            Self::NoRoots => "there are no authorities to trust: name some",
            Self::NoVersion => "no version of TLS is left: the lowest allowed is above the highest",
            Self::BadProtocolName => "an application protocol needs a name of 1 to 255 bytes",
            Self::NoProvider => {
                "there is no provider of cryptography: switch on the feature aws-lc-rs or ring, or pass one"
            }
            Self::Provider(why) => return write!(formatter, "the provider of cryptography refuses: {why}"),
        })
    }
}

impl std::error::Error for TlsConfigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.problem {
            TlsConfigProblem::Unreadable(error) => Some(error),
            _ => None,
        }
    }
}

/// For programs whose `main` returns an [`io::Result`]; of kind [`io::ErrorKind::InvalidInput`].
impl From<TlsConfigError> for io::Error {
    fn from(error: TlsConfigError) -> Self {
        Self::new(io::ErrorKind::InvalidInput, error)
    }
}
