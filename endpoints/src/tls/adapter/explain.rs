//! What rustls reports, in this library's words.

use std::time::{Duration, SystemTime};

use rustls::pki_types::UnixTime;
use rustls::{CertificateError, Error, InvalidMessage, PeerIncompatible};

use crate::tls::certificate_problem::CertificateProblem;
use crate::tls::error::TlsError;

/// What rustls says when a server has no certificate for what the client asks for.
const NO_CERTIFICATE: &str = "no server certificate chain resolved";

/// The error of a connection. `input` is what it had not used, so it begins with what the error is about if that is about
/// a record as such.
pub(super) fn explain(error: Error, input: &[u8], is_handshaking: bool) -> TlsError {
    match error {
        Error::InvalidMessage(problem) => invalid_message(problem, input, is_handshaking),
        Error::PeerSentOversizedRecord => TlsError::TooLarge,
        Error::DecryptError => TlsError::BadRecord,
        Error::AlertReceived(alert) => TlsError::Alert(alert.into()),
        Error::NoCertificatesPresented => TlsError::Certificate(CertificateProblem::Missing),
        Error::InvalidCertificate(error) => TlsError::Certificate(certificate(error)),
        Error::NoApplicationProtocol => TlsError::NothingInCommon("application protocol (ALPN)".to_owned()),
        Error::PeerIncompatible(problem) => incompatible(&problem),
        Error::PeerMisbehaved(how) => TlsError::Misbehaved(words(&format!("{how:?}"))),
        Error::InappropriateMessage { .. } | Error::InappropriateHandshakeMessage { .. } => {
            TlsError::Misbehaved(error.to_string())
        }
        Error::General(text) if text == NO_CERTIFICATE => TlsError::UnknownServerName(None),
        error => TlsError::Internal(error.to_string()),
    }
}

fn invalid_message(problem: InvalidMessage, input: &[u8], is_handshaking: bool) -> TlsError {
    use InvalidMessage::{
        CertificatePayloadTooLarge, HandshakePayloadTooLarge, InvalidCcs, InvalidContentType,
        MessageTooLarge, MissingData, TrailingData, UnknownProtocolVersion,
    };
    match problem {
        InvalidContentType | UnknownProtocolVersion if is_handshaking => not_tls(input),
        MessageTooLarge | HandshakePayloadTooLarge | CertificatePayloadTooLarge => TlsError::TooLarge,
        MissingData(part) => TlsError::Misbehaved(format!("a message is too short ({})", words(part))),
        TrailingData(part) => TlsError::Misbehaved(format!("a message is too long ({})", words(part))),
        InvalidCcs => TlsError::Misbehaved("invalid change of the cipher spec".to_owned()),
        problem => TlsError::Misbehaved(words(&format!("{problem:?}"))),
    }
}

fn not_tls(input: &[u8]) -> TlsError {
    let is_text = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n');
    if input.iter().take(5).all(is_text) { TlsError::PlainText } else { TlsError::NotTls }
}

fn incompatible(problem: &PeerIncompatible) -> TlsError {
    use PeerIncompatible::{
        NoCertificateRequestSignatureSchemesInCommon, NoCipherSuitesInCommon, NoKxGroupsInCommon,
        NoSignatureSchemesInCommon, ServerDoesNotSupportTls12Or13, ServerTlsVersionIsDisabledByOurConfig,
        SignatureAlgorithmsExtensionRequired, SupportedVersionsExtensionRequired, Tls12NotOffered,
        Tls12NotOfferedOrEnabled,
    };
    match problem {
        ServerDoesNotSupportTls12Or13
        | ServerTlsVersionIsDisabledByOurConfig
        | SupportedVersionsExtensionRequired
        // Clients that are older than TLS 1.2 do not know it.
        | SignatureAlgorithmsExtensionRequired
        | Tls12NotOffered
        | Tls12NotOfferedOrEnabled => TlsError::NoCommonVersion,
        NoCipherSuitesInCommon => TlsError::NothingInCommon("cipher suite".to_owned()),
        NoKxGroupsInCommon => TlsError::NothingInCommon("key exchange".to_owned()),
        NoSignatureSchemesInCommon | NoCertificateRequestSignatureSchemesInCommon => {
            TlsError::NothingInCommon("signature scheme".to_owned())
        }
        problem => TlsError::Misbehaved(words(&format!("{problem:?}"))),
    }
}

fn certificate(error: CertificateError) -> CertificateProblem {
    match error {
        CertificateError::Expired => CertificateProblem::Expired(None),
        CertificateError::ExpiredContext { not_after, .. } => {
            CertificateProblem::Expired(Some(time(not_after)))
        }
        CertificateError::NotValidYet => CertificateProblem::NotValidYet(None),
        CertificateError::NotValidYetContext { not_before, .. } => {
            CertificateProblem::NotValidYet(Some(time(not_before)))
        }
        CertificateError::UnknownIssuer => CertificateProblem::UnknownIssuer,
        CertificateError::NotValidForNameContext { expected, presented } => CertificateProblem::WrongName {
            wanted: expected.to_str().into_owned(),
            present: presented.iter().map(|name| plain(name).to_owned()).collect(),
        },
        CertificateError::BadSignature => CertificateProblem::BadSignature,
        CertificateError::Revoked => CertificateProblem::Revoked,
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            CertificateProblem::WrongPurpose
        }
        // webpki's error is not of a type that is known here.
        CertificateError::Other(error) if error.to_string().contains("CaUsedAsEndEntity") => {
            CertificateProblem::WrongPurpose
        }
        error => CertificateProblem::Other(words(&error.to_string())),
    }
}

fn time(time: UnixTime) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(time.as_secs())
}

/// The name in `DnsName("example.org")`, which is how webpki presents one.
fn plain(name: &str) -> &str {
    name.strip_prefix("DnsName(\"").and_then(|name| name.strip_suffix("\")")).unwrap_or(name)
}

/// The words in a name of a variant: `TooManyKeyUpdates` are too many key updates. Other text stays.
fn words(name: &str) -> String {
    if name.contains(' ') {
        return name.to_owned();
    }
    let mut words = String::new();
    for character in name.chars() {
        if character.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(character.to_ascii_lowercase());
    }
    words
}
