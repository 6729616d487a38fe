//! What a header says besides addresses.

use std::borrow::Cow;

use super::error::ProxyHeaderError as Error;
use super::ssl::ProxySsl;
use super::tlv_bytes::{self, CHECKSUM, RawTlvs};
use super::unix::NAME_LENGTH;

const ALPN: u8 = 0x01;
const AUTHORITY: u8 = 0x02;
const NOOP: u8 = 0x04;
const UNIQUE_ID: u8 = 0x05;
const SSL: u8 = 0x20;
const NETWORK_NAMESPACE: u8 = 0x30;

/// The longest unique id.
const UNIQUE_ID_LIMIT: usize = 128;
/// What the largest addresses leave of the longest header.
const TLVS_LIMIT: usize = u16::MAX as usize - 2 * NAME_LENGTH;

/// A type-length-value of a [`ProxyHeader`](crate::ProxyHeader): section 2.2 of the specification.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ProxyTlv<'a> {
    /// The protocol that client and proxy have agreed on with ALPN (RFC 7301), such as `h2`.
    Alpn(&'a [u8]),
    /// The host that the client asked for, such as the server name of TLS. It is what the client said: the proxy need not have
    /// checked it.
    Authority(&'a str),
    /// A CRC32C of the header. When the header is read it has been found right; when it is sent it is put in, once.
    Checksum,
    /// Padding, to be ignored.
    Noop(&'a [u8]),
    /// What the first proxy calls the connection: at most 128 bytes.
    UniqueId(&'a [u8]),
    /// The client used TLS or a predecessor.
    Ssl(ProxySsl<'a>),
    /// The network namespace that the proxy was connected to in.
    NetworkNamespace(&'a str),
    /// One that the specification does not know. Types from 0xE0 to 0xEF are for the use of applications.
    Other {
        /// The type.
        kind: u8,
        /// The value.
        value: &'a [u8],
    },
}

impl<'a> ProxyTlv<'a> {
    pub(super) fn read(kind: u8, value: &'a [u8]) -> Result<Self, Error> {
        Ok(match kind {
            ALPN => Self::Alpn(value),
            AUTHORITY => Self::Authority(text(kind, value)?),
            CHECKSUM if value.len() == 4 => Self::Checksum,
            CHECKSUM => return Err(Error::BadTlv { kind, problem: "has not 4 bytes" }),
            NOOP => Self::Noop(value),
            UNIQUE_ID if value.len() <= UNIQUE_ID_LIMIT => Self::UniqueId(value),
            UNIQUE_ID => return Err(Error::BadTlv { kind, problem: "has more than 128 bytes" }),
            SSL => Self::Ssl(ProxySsl::read(kind, value)?),
            NETWORK_NAMESPACE => Self::NetworkNamespace(text(kind, value)?),
            _ => Self::Other { kind, value },
        })
    }

    /// Appends it to the TLVs of a header, if it is a good one.
    pub(super) fn append_to(&self, tlvs: &mut Vec<u8>) -> Result<(), Error> {
        let (kind, value) = (self.kind(), self.value());
        ProxyTlv::read(kind, &value)?;
        let has_checksum = || ProxyTlvs::new(tlvs).any(|tlv| tlv == ProxyTlv::Checksum);
        match kind {
            CHECKSUM if has_checksum() => Ok(()),
            _ => tlv_bytes::append(tlvs, kind, &value, TLVS_LIMIT),
        }
    }

    const fn kind(&self) -> u8 {
        match self {
            Self::Alpn(_) => ALPN,
            Self::Authority(_) => AUTHORITY,
            Self::Checksum => CHECKSUM,
            Self::Noop(_) => NOOP,
            Self::UniqueId(_) => UNIQUE_ID,
            Self::Ssl(_) => SSL,
            Self::NetworkNamespace(_) => NETWORK_NAMESPACE,
            Self::Other { kind, .. } => *kind,
        }
    }

    fn value(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Authority(text) | Self::NetworkNamespace(text) => text.as_bytes().into(),
            Self::Checksum => (&[0; 4]).into(),
            Self::Ssl(ssl) => ssl.value().into(),
            Self::Alpn(value) | Self::Noop(value) | Self::UniqueId(value) | Self::Other { value, .. } => {
                (*value).into()
            }
        }
    }
}

/// The value of a TLV that is text.
pub(super) fn text(kind: u8, value: &[u8]) -> Result<&str, Error> {
    std::str::from_utf8(value).map_err(|_| Error::BadTlv { kind, problem: "is not UTF-8" })
}

/// The TLVs of a header, one after the other: see [`ProxyHeader::tlvs`](crate::ProxyHeader::tlvs).
#[derive(Clone, Debug)]
pub struct ProxyTlvs<'a>(RawTlvs<'a>);

impl<'a> ProxyTlvs<'a> {
    /// The bytes have been checked.
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(RawTlvs::new(bytes))
    }
}

impl<'a> Iterator for ProxyTlvs<'a> {
    type Item = ProxyTlv<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        // Nothing is bad here: a header takes no others.
        self.0.next()?.and_then(|(kind, value)| ProxyTlv::read(kind, value)).ok()
    }
}
