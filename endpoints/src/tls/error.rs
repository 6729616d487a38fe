//! Why a TLS connection failed.

use std::fmt;

use super::certificate_problem::CertificateProblem;

/// Why a TLS connection failed. `connection_lost` finds it in
/// [`Reason::Layer`](ropewalk_reactor::Reason::Layer); `Display` says it in a sentence.
///
/// ```
/// use ropewalk_endpoints::{CertificateProblem, TlsError};
/// use ropewalk_reactor::Reason;
///
/// fn is_for_another_name(reason: &Reason) -> bool {
///     let Reason::Layer(error) = reason else { return false };
///     let error = error.downcast_ref::<TlsError>();
///     matches!(error, Some(TlsError::Certificate(CertificateProblem::WrongName { .. })))
/// }
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum TlsError {
    /// The peer does not speak TLS: it sent readable text.
    PlainText,
    /// The peer does not speak TLS: it sent something else.
    NotTls,
    /// The peer speaks only versions of TLS that this side does not.
    NoCommonVersion,
    /// The sides have found nothing that both can do; the text says of what.
    NothingInCommon(String),
    /// The peer's certificate is not accepted.
    Certificate(CertificateProblem),
    /// The client asked for a name that the server has no certificate for, or for none, and is configured to refuse that.
    UnknownServerName(Option<String>),
    /// The peer gave up with this alert (RFC 8446, section 6).
    Alert(u8),
    /// A record or a message of the handshake is larger than allowed: 16 KiB for the one, 64 KiB for the other.
    TooLarge,
    /// A record was changed on its way, or made with a wrong key.
    BadRecord,
    /// The peer broke the rules; the text says which.
    Misbehaved(String),
    /// This side could not go on; the text says why.
    Internal(String),
}

impl fmt::Display for TlsError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PlainText => formatter.write_str("the peer does not speak TLS: it sent plain text"),
            Self::NotTls => formatter.write_str("the peer does not speak TLS"),
            Self::NoCommonVersion => {
                formatter.write_str("the peer speaks no version of TLS that is allowed here")
            }
            Self::NothingInCommon(what) => {
                write!(formatter, "the peer and this side have no {what} in common")
            }
            Self::Certificate(problem) => write!(formatter, "the peer's certificate {problem}"),
            Self::UnknownServerName(Some(name)) => {
                write!(formatter, "the client asked for {name:?}, which there is no certificate for")
            }
            Self::UnknownServerName(None) => {
                formatter.write_str("the client did not say which name it asks for")
            }
            Self::Alert(code) => formatter.write_str(&alert(*code)),
            Self::TooLarge => {
                formatter.write_str("the peer sent a TLS record or message larger than allowed")
            }
            Self::BadRecord => formatter
                .write_str("a TLS record of the peer could not be decrypted: it was changed on its way"),
            Self::Misbehaved(how) => write!(formatter, "the peer broke the rules of TLS: {how}"),
            Self::Internal(why) => write!(formatter, "TLS failed on this side: {why}"),
        }
    }
}

impl std::error::Error for TlsError {}

/// An alert in words (RFC 8446, section 6, and RFC 5246, section 7.2, for what only TLS 1.2 has).
fn alert(code: u8) -> String {
    let text = match code {
        0 => "the peer closed the connection during the handshake",
        10 => "the peer did not expect the message it got",
        20 => "the peer could not decrypt a record: it was changed on its way",
        22 => "the peer got a record larger than allowed",
        40 => "the peer found nothing that both sides can do: handshake failure",
        42 => "the peer rejected our certificate: bad certificate, perhaps for another name",
        43 => "the peer rejected our certificate: unsupported certificate",
        44 => "the peer rejected our certificate: it has been revoked",
        45 => "the peer rejected our certificate: it has expired or is not valid yet",
        46 => "the peer rejected our certificate",
        47 => "the peer found a value it does not accept: illegal parameter",
        48 => "the peer rejected our certificate: unknown CA",
        49 => "the peer denies access",
        50 => "the peer could not decode a message; perhaps it does not speak TLS on this port",
        51 => "the peer could not verify a signature or decrypt a message",
        70 => "the peer speaks no version of TLS that is allowed here",
        71 => "the peer demands better security than this side offers",
        80 => "the peer failed with an error of its own",
        86 => "the peer refused to fall back to an older version",
        90 => "the peer's user cancelled the handshake",
        109 => "the peer misses an extension",
        110 => "the peer does not support an extension",
        112 => "the peer has no certificate for the name that was asked for",
        116 => "the peer requires a certificate, and this side has shown none",
        120 => "the peer supports none of the application protocols offered (ALPN)",
        _ => return format!("the peer gave up with the alert {code}"),
    };
    text.to_owned()
}
