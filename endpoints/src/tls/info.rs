//! What a handshake has agreed on.

use std::fmt;

/// A version of TLS. Older ones are not spoken.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum TlsVersion {
    /// TLS 1.2, RFC 5246.
    Tls12,
    /// TLS 1.3, RFC 8446.
    Tls13,
}

/// What a handshake has agreed on.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct TlsInfo {
    /// The version of the protocol.
    pub version: TlsVersion,
    /// The name of the cipher suite in IANA's registry, such as `TLS_AES_256_GCM_SHA384`.
    pub cipher_suite: String,
    /// The application protocol chosen by ALPN (RFC 7301), such as `h2`.
    pub alpn: Option<Vec<u8>>,
    /// The name of the server: at the client the one it wanted, at the server the one the client asked for by SNI
    /// (RFC 6066, section 3).
    pub server_name: Option<String>,
    /// The peer's certificate first and those that sign it after, each as DER. Empty if the peer has shown none.
    pub peer_certificates: Vec<Vec<u8>>,
    /// Whether an earlier session went on, which saves the exchange of certificates.
    pub resumed: bool,
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Tls12 => "TLS 1.2",
            Self::Tls13 => "TLS 1.3",
        })
    }
}
