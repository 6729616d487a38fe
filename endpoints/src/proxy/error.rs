//! What is wrong with a header.

use std::fmt;

use super::header::ProxyVersion;

/// Why what a connection began with is no PROXY header. `Display` says what was wrong and what would be right.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ProxyHeaderError {
    /// The connection began with something else.
    Missing,
    /// The header has the version that [`ProxyOptions::only`](crate::ProxyOptions::only) excludes.
    VersionExcluded(ProxyVersion),
    /// The line of version 1 is not over after 107 bytes.
    LineTooLong,
    /// The line of version 1 has a CR or an LF that stands alone.
    BareLineEnd,
    /// What stands for the protocol in version 1 is not `TCP4`, `TCP6` or `UNKNOWN`.
    BadKeyword {
        /// What stands there.
        text: String,
    },
    /// A field is missing from the line of version 1.
    MissingField {
        /// Which one, such as `source port`.
        field: &'static str,
    },
    /// There is more in the line of version 1 after the last field.
    ExtraField,
    /// An address in version 1 is none, or not of the family that the line says.
    BadAddress {
        /// Which one, such as `source address`.
        field: &'static str,
        /// What stands there.
        text: String,
    },
    /// A port in version 1 is no number from 0 to 65535 in its shortest form.
    BadPort {
        /// Which one, such as `source port`.
        field: &'static str,
        /// What stands there.
        text: String,
    },
    /// The binary signature is followed by another version than 2.
    BadVersion(u8),
    /// The command of version 2 is neither LOCAL (0) nor PROXY (1).
    BadCommand(u8),
    /// The address family of version 2 is not one of those from 0 to 3.
    BadFamily(u8),
    /// The transport protocol of version 2 is not one of those from 0 to 2.
    BadTransport(u8),
    /// The length in version 2 leaves no room for the addresses.
    TooShort {
        /// The length.
        length: usize,
        /// What addresses of the header's family need.
        needed: usize,
    },
    /// A header of version 2 says that it is longer than [`ProxyOptions::limit`](crate::ProxyOptions::limit).
    TooLong {
        /// The length of the whole header, in bytes.
        length: usize,
        /// The limit, in bytes.
        limit: usize,
    },
    /// A TLV reaches beyond the end of the header, or of the TLV that it lies in.
    TlvCutOff,
    /// The value of a TLV is not what its type says.
    BadTlv {
        /// The type, as in `PP2_TYPE_ALPN` (1).
        kind: u8,
        /// What is wrong with the value.
        problem: &'static str,
    },
    /// The checksum does not agree with the header.
    BadChecksum,
}

impl fmt::Display for ProxyHeaderError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if matches!(self, Self::Missing) {
            return formatter.write_str("the connection does not begin with a PROXY header");
        }
        formatter.write_str("the PROXY header ")?;
        match self {
            Self::Missing => Ok(()),
            Self::VersionExcluded(version) => {
                write!(formatter, "has version {version}, which is not accepted here")
            }
            Self::LineTooLong => formatter.write_str("of version 1 is not over after 107 bytes"),
            Self::BareLineEnd => formatter.write_str("has a single CR or LF: its line must end in CR LF"),
            Self::BadKeyword { text } => {
                write!(formatter, "has the protocol {text:?}: it must be TCP4, TCP6 or UNKNOWN")
            }
            Self::MissingField { field } => write!(formatter, "has no {field}"),
            Self::ExtraField => formatter.write_str("goes on after the destination port"),
            Self::BadAddress { field, text } => {
                write!(
                    formatter,
                    "has the {field} {text:?}: it must be of IPv4 after TCP4, of IPv6 after TCP6"
                )
            }
            Self::BadPort { field, text } => write!(
                formatter,
                "has the {field} {text:?}: it must be a number from 0 to 65535, without zeros in front"
            ),
            Self::BadVersion(version) => {
                write!(formatter, "is binary but has version {version}: it must be 2")
            }
            Self::BadCommand(command) => {
                write!(formatter, "has the command {command}: it must be 0 for LOCAL or 1 for PROXY")
            }
            Self::BadFamily(family) => {
                write!(formatter, "has the address family {family}: it must be from 0 to 3")
            }
            Self::BadTransport(transport) => {
                write!(formatter, "has the transport protocol {transport}: it must be from 0 to 2")
            }
            Self::TooShort { length, needed } => {
                write!(formatter, "announces {length} bytes: its addresses need {needed}")
            }
            Self::TooLong { length, limit } => {
                write!(formatter, "has {length} bytes: at most {limit} are accepted")
            }
            Self::TlvCutOff => formatter.write_str("has a TLV that reaches beyond its end"),
            Self::BadTlv { kind, problem } => {
                write!(formatter, "has a TLV of type {kind:#04x} that {problem}")
            }
            Self::BadChecksum => formatter.write_str("has a checksum that does not agree with it"),
        }
    }
}

impl std::error::Error for ProxyHeaderError {}
