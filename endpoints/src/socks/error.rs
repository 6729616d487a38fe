//! What goes wrong at a proxy.

use std::fmt;

use super::target::Socks5Target;

/// Why there is no connection through a SOCKS proxy. `Display` is a sentence without a full stop.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Socks5Error {
    /// The answer is not one of SOCKS version 5. A proxy for HTTP begins with 0x48, an `H`.
    NotSocks5 {
        /// What stands for the version.
        version: u8,
    },
    /// The proxy accepts none of the ways to log in that were offered: none at all, and credentials if there are any.
    NoAcceptableMethod {
        /// Whether credentials were offered.
        with_credentials: bool,
    },
    /// The proxy wants to go on in a way that was not offered.
    UnknownMethod(u8),
    /// The proxy did not accept the user name and the password.
    WrongCredentials,
    /// The proxy could not or would not connect.
    Unreachable {
        /// Whereto.
        target: Socks5Target,
        /// Why.
        reply: Socks5Reply,
    },
    /// The proxy tells an address of a kind that is not one of SOCKS.
    UnknownAddressType(u8),
}

/// Why a SOCKS proxy does not connect (RFC 1928, section 6).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Socks5Reply {
    /// It does not say (1).
    GeneralFailure,
    /// Its rules forbid it (2).
    NotAllowed,
    /// The network is unreachable (3).
    NetworkUnreachable,
    /// The host is unreachable, or has no address (4).
    HostUnreachable,
    /// The host refused (5).
    ConnectionRefused,
    /// The way was too long (6).
    TtlExpired,
    /// It does not connect for others at all (7).
    CommandNotSupported,
    /// It does not know this kind of address (8).
    AddressTypeNotSupported,
    /// Another number.
    Other(u8),
}

impl Socks5Reply {
    /// What a number other than 0 means.
    pub(super) const fn from_number(number: u8) -> Self {
        match number {
            1 => Self::GeneralFailure,
            2 => Self::NotAllowed,
            3 => Self::NetworkUnreachable,
            4 => Self::HostUnreachable,
            5 => Self::ConnectionRefused,
            6 => Self::TtlExpired,
            7 => Self::CommandNotSupported,
            8 => Self::AddressTypeNotSupported,
            other => Self::Other(other),
        }
    }
}

impl fmt::Display for Socks5Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSocks5 { version } => {
                write!(formatter, "the proxy does not speak SOCKS 5: its answer begins with {version:#04x}")
            }
            Self::NoAcceptableMethod { with_credentials: false } => formatter
                .write_str("the SOCKS proxy wants a user name and a password, or something else to log in"),
            Self::NoAcceptableMethod { with_credentials: true } => formatter
                .write_str("the SOCKS proxy wants something else to log in than a user name and a password"),
            Self::UnknownMethod(method) => {
                write!(formatter, "the SOCKS proxy chose to log in by method {method}, which was not offered")
            }
            Self::WrongCredentials => {
                formatter.write_str("the SOCKS proxy did not accept the user name and the password")
            }
            Self::Unreachable { target, reply } => {
                write!(formatter, "the SOCKS proxy could not reach {target}: {reply}")
            }
            Self::UnknownAddressType(kind) => {
                write!(formatter, "the SOCKS proxy tells an address of the unknown type {kind}")
            }
        }
    }
}

impl fmt::Display for Socks5Reply {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::GeneralFailure => "general failure",
            Self::NotAllowed => "its rules do not allow it",
            Self::NetworkUnreachable => "network unreachable",
            Self::HostUnreachable => "host unreachable",
            Self::ConnectionRefused => "connection refused",
            Self::TtlExpired => "time to live expired",
            Self::CommandNotSupported => "it does not connect for others",
            Self::AddressTypeNotSupported => "it does not support this type of address",
            Self::Other(number) => return write!(formatter, "unknown reply {number}"),
        })
    }
}

impl std::error::Error for Socks5Error {}
