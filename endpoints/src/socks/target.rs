//! Whereto a proxy is to connect.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use crate::AddressError;
use crate::tcp::address::TcpAddress;

/// A TCP port that a SOCKS proxy is to connect to: at an IP address, or at a host whose name the proxy looks up.
///
/// It is parsed from `127.0.0.1:80`, `[::1]:80` or `example.com:80`, or made from a [`SocketAddr`]. A name goes
/// to the proxy in small letters, as it stands otherwise; `localhost` is the proxy's host then.
///
/// ```
/// # use ropewalk_endpoints::Socks5Target;
/// let target: Socks5Target = "example.com:443".parse()?;
/// # let _ = target;
/// # Ok::<(), ropewalk_endpoints::AddressError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Socks5Target(TcpAddress);

impl Socks5Target {
    /// The address, if it is none to be looked up.
    pub(super) const fn address(&self) -> Option<SocketAddr> {
        match self.0 {
            TcpAddress::Literal(address) => Some(address),
            TcpAddress::Name(..) => None,
        }
    }

    pub(super) const fn target(&self) -> &TcpAddress {
        &self.0
    }
}

impl From<SocketAddr> for Socks5Target {
    fn from(address: SocketAddr) -> Self {
        Self(TcpAddress::Literal(address))
    }
}

impl FromStr for Socks5Target {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        text.parse().map(Self)
    }
}

/// The target, as it can be parsed.
impl fmt::Display for Socks5Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AddressProblem;

    #[test]
    fn targets_are_parsed_and_shown() {
        for text in ["127.0.0.1:80", "[::1]:80", "example.com:443", "localhost:0", "a:65535"] {
            assert_eq!(text.parse::<Socks5Target>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_wrong_with_a_target_is_told() {
        let cases = [
            ("", AddressProblem::Empty),
            ("example.com", AddressProblem::MissingPort),
            (":80", AddressProblem::MissingHost),
            ("example.com:http", AddressProblem::BadPort),
            ("example.com:65536", AddressProblem::BadPort),
            ("two words:80", AddressProblem::Whitespace),
            ("1.2.3:80", AddressProblem::BadIpv4),
            ("::1:80", AddressProblem::MissingBrackets),
            ("[::x]:80", AddressProblem::BadIpv6),
        ];
        for (text, problem) in cases {
            assert_eq!(text.parse::<Socks5Target>().unwrap_err().problem(), problem, "{text}");
        }
    }
}
