//! What a header says about the client's TLS.

use std::borrow::Cow;

use super::error::ProxyHeaderError as Error;
use super::tlv::text;
use super::tlv_bytes::{self, RawTlvs};

const VERSION: u8 = 0x21;
const COMMON_NAME: u8 = 0x22;
const CIPHER: u8 = 0x23;
const SIGNATURE_ALGORITHM: u8 = 0x24;
const KEY_ALGORITHM: u8 = 0x25;

const USES_TLS: u8 = 0x01;
const CERTIFICATE_IN_CONNECTION: u8 = 0x02;
const CERTIFICATE_IN_SESSION: u8 = 0x04;

/// How the client of a proxy used TLS or SSL: section 2.2.6 of the specification.
///
/// ```
/// use ropewalk_endpoints::{ProxyHeader, ProxySsl, ProxySslTlv, ProxyTlv};
///
/// let mut ssl = ProxySsl::default();
/// ssl.uses_tls = true;
/// let ssl = ssl.with_tlv(&ProxySslTlv::Version("TLSv1.3"))?;
/// let header = ProxyHeader::new(([192, 0, 2, 7], 50123), ([198, 51, 100, 1], 443)).with_tlv(&ProxyTlv::Ssl(ssl))?;
/// # let _ = header;
/// # Ok::<(), ropewalk_endpoints::ProxyHeaderError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct ProxySsl<'a> {
    /// The client connected over TLS or SSL.
    pub uses_tls: bool,
    /// The client showed a certificate in this connection.
    pub certificate_in_connection: bool,
    /// The client showed a certificate at least once in the session of TLS that the connection belongs to.
    pub certificate_in_session: bool,
    /// Zero if the client showed a certificate and the proxy found it good; otherwise it means nothing or what was wrong.
    pub verify: u32,
    tlvs: Cow<'a, [u8]>,
}

/// A detail of a [`ProxySsl`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ProxySslTlv<'a> {
    /// The version, such as `TLSv1.3`.
    Version(&'a str),
    /// The common name in the client's certificate.
    CommonName(&'a str),
    /// The cipher, such as `ECDHE-RSA-AES128-GCM-SHA256`.
    Cipher(&'a str),
    /// What the proxy's own certificate is signed with, such as `RSA-SHA256`.
    SignatureAlgorithm(&'a str),
    /// The kind of key in the proxy's own certificate, such as `RSA2048`.
    KeyAlgorithm(&'a str),
    /// One that is not known here.
    Other {
        /// The type.
        kind: u8,
        /// The value.
        value: &'a [u8],
    },
}

impl<'a> ProxySsl<'a> {
    /// Reads a value, with all that lies in it.
    pub(super) fn read(kind: u8, value: &'a [u8]) -> Result<Self, Error> {
        let Some((&[client, verify @ ..], tlvs)) = value.split_first_chunk::<5>() else {
            return Err(Error::BadTlv { kind, problem: "has less than 5 bytes" });
        };
        for tlv in RawTlvs::new(tlvs) {
            let (kind, value) = tlv?;
            ProxySslTlv::read(kind, value)?;
        }
        Ok(Self {
            uses_tls: client & USES_TLS != 0,
            certificate_in_connection: client & CERTIFICATE_IN_CONNECTION != 0,
            certificate_in_session: client & CERTIFICATE_IN_SESSION != 0,
            verify: u32::from_be_bytes(verify),
            tlvs: tlvs.into(),
        })
    }

    pub(super) fn value(&self) -> Vec<u8> {
        let flags = [
            (self.uses_tls, USES_TLS),
            (self.certificate_in_connection, CERTIFICATE_IN_CONNECTION),
            (self.certificate_in_session, CERTIFICATE_IN_SESSION),
        ];
        let mut value = vec![flags.iter().filter(|(is_set, _)| *is_set).map(|(_, flag)| flag).sum()];
        value.extend(self.verify.to_be_bytes());
        value.extend(&*self.tlvs);
        value
    }

    /// The same with one detail more.
    ///
    /// # Errors
    /// If it is no text although the specification says so, or too long.
    pub fn with_tlv(mut self, tlv: &ProxySslTlv<'_>) -> Result<Self, Error> {
        let (kind, value) = tlv.parts();
        ProxySslTlv::read(kind, value)?;
        tlv_bytes::append(self.tlvs.to_mut(), kind, value, u16::MAX.into())?;
        Ok(self)
    }

    /// The details, in their order.
    pub fn tlvs(&self) -> impl Iterator<Item = ProxySslTlv<'_>> {
        RawTlvs::new(&self.tlvs).flatten().filter_map(|(kind, value)| ProxySslTlv::read(kind, value).ok())
    }
}

impl<'a> ProxySslTlv<'a> {
    fn read(kind: u8, value: &'a [u8]) -> Result<Self, Error> {
        Ok(match kind {
            VERSION => Self::Version(text(kind, value)?),
            COMMON_NAME => Self::CommonName(text(kind, value)?),
            CIPHER => Self::Cipher(text(kind, value)?),
            SIGNATURE_ALGORITHM => Self::SignatureAlgorithm(text(kind, value)?),
            KEY_ALGORITHM => Self::KeyAlgorithm(text(kind, value)?),
            _ => Self::Other { kind, value },
        })
    }

    /// The type and the value.
    const fn parts(&self) -> (u8, &'a [u8]) {
        match self {
            Self::Version(text) => (VERSION, text.as_bytes()),
            Self::CommonName(text) => (COMMON_NAME, text.as_bytes()),
            Self::Cipher(text) => (CIPHER, text.as_bytes()),
            Self::SignatureAlgorithm(text) => (SIGNATURE_ALGORITHM, text.as_bytes()),
            Self::KeyAlgorithm(text) => (KEY_ALGORITHM, text.as_bytes()),
            Self::Other { kind, value } => (*kind, value),
        }
    }
}
