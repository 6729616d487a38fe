//! Addresses as users write them.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use crate::{AddressError, AddressProblem};

/// A literal address, or a port of this host's loopback interface. UDP has the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TcpAddress {
    Literal(SocketAddr),
    Localhost(u16),
}

impl TcpAddress {
    /// The address to use, or to try first.
    pub(crate) fn preferred(self) -> SocketAddr {
        match self {
            Self::Literal(address) => address,
            Self::Localhost(port) => (Ipv4Addr::LOCALHOST, port).into(),
        }
    }

    /// The address to try next.
    pub(super) fn alternative(self) -> Option<SocketAddr> {
        match self {
            Self::Literal(_) => None,
            Self::Localhost(port) => Some((Ipv6Addr::LOCALHOST, port).into()),
        }
    }
}

impl FromStr for TcpAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if let Ok(address) = text.parse() {
            return Ok(Self::Literal(address));
        }
        parse_localhost(text).map(Self::Localhost).map_err(|problem| AddressError::new(text, problem))
    }
}

/// The port of `localhost:PORT`, or what is wrong with a text that is no literal address either.
fn parse_localhost(text: &str) -> Result<u16, AddressProblem> {
    let (host, port) = split_host_port(text)?;
    if host.eq_ignore_ascii_case("localhost") { Ok(port) } else { Err(host_problem(host)) }
}

/// The host, which is something, and the port, of a text that is no literal address.
pub(crate) fn split_host_port(text: &str) -> Result<(&str, u16), AddressProblem> {
    if text.is_empty() {
        return Err(AddressProblem::Empty);
    }
    if text.contains(char::is_whitespace) {
        return Err(AddressProblem::Whitespace);
    }
    let (host, port) = split(text)?;
    Ok((host, parse_port(port)?))
}

fn split(text: &str) -> Result<(&str, &str), AddressProblem> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.rsplit_once(':') {
        Some(("", _)) => Err(AddressProblem::MissingHost),
        None if is_number => Err(AddressProblem::MissingHost),
        None => Err(AddressProblem::MissingPort),
        // The last colon may be one of the address: [::1]
        Some(_) if text.ends_with(']') => Err(AddressProblem::MissingPort),
        Some((host, _)) if looks_like_ipv6(host) => Err(AddressProblem::MissingBrackets),
        Some(parts) => Ok(parts),
    }
}

/// What a port must look like for [`SocketAddr`] too: digits, without a sign.
fn parse_port(text: &str) -> Result<u16, AddressProblem> {
    match text {
        "" => Err(AddressProblem::MissingPort),
        _ if !text.bytes().all(|byte| byte.is_ascii_digit()) => Err(AddressProblem::BadPort),
        _ => text.parse().map_err(|_| AddressProblem::BadPort),
    }
}

/// What is wrong with a host before a good port.
pub(crate) fn host_problem(host: &str) -> AddressProblem {
    if host.starts_with('[') {
        AddressProblem::BadIpv6
    } else if host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        AddressProblem::BadIpv4
    } else {
        AddressProblem::Name
    }
}

fn looks_like_ipv6(host: &str) -> bool {
    host.contains(':') && host.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':' || byte == b'.')
}

impl fmt::Display for TcpAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(address) => address.fmt(formatter),
            Self::Localhost(port) => write!(formatter, "localhost:{port}"),
        }
    }
}
