//! Addresses as users write them.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use ropewalk_reactor::{NameProblem, check_host_name};

use crate::{AddressError, AddressProblem};

/// A literal address, or a port of a host that is known by name.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum TcpAddress {
    Literal(SocketAddr),
    /// Invariant: the name is valid, so it has from 1 to 253 bytes, and in small letters.
    Name(String, u16),
}

impl FromStr for TcpAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if let Ok(address) = text.parse() {
            return Ok(Self::Literal(address));
        }
        let (name, port) = parse_name(text).map_err(|problem| AddressError::new(text, problem))?;
        Ok(Self::Name(name.to_ascii_lowercase(), port))
    }
}

/// A literal address, or a port of this host's loopback interface: what servers listen on, and UDP uses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LocalAddress {
    Literal(SocketAddr),
    Localhost(u16),
}

impl LocalAddress {
    pub(crate) fn socket(self) -> SocketAddr {
        match self {
            Self::Literal(address) => address,
            Self::Localhost(port) => (Ipv4Addr::LOCALHOST, port).into(),
        }
    }
}

impl FromStr for LocalAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        match text.parse()? {
            TcpAddress::Literal(address) => Ok(Self::Literal(address)),
            TcpAddress::Name(name, port) if name == "localhost" => Ok(Self::Localhost(port)),
            TcpAddress::Name(..) => Err(AddressError::new(text, AddressProblem::Name)),
        }
    }
}

/// The name and the port of a text that is no literal address, or what is wrong with it.
fn parse_name(text: &str) -> Result<(&str, u16), AddressProblem> {
    if text.is_empty() {
        return Err(AddressProblem::Empty);
    }
    if text.contains(char::is_whitespace) {
        return Err(AddressProblem::Whitespace);
    }
    let (host, port) = split(text)?;
    let port = parse_port(port)?;
    check_host_name(host).map_err(|problem| host_problem(host, problem))?;
    Ok((host, port))
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

/// What is wrong with a host that is no name: it may have been meant for an address.
fn host_problem(host: &str, problem: NameProblem) -> AddressProblem {
    if has_interface_name(host) {
        AddressProblem::InterfaceName
    } else if host.starts_with('[') {
        AddressProblem::BadIpv6
    } else if problem == NameProblem::Number || host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
    {
        AddressProblem::BadIpv4
    } else {
        AddressProblem::BadName(problem)
    }
}

/// The standard library knows interfaces by their numbers alone.
fn has_interface_name(host: &str) -> bool {
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let address = inner.and_then(|inner| inner.split_once('%')).map(|(address, _)| address);
    address.is_some_and(|address| address.parse::<Ipv6Addr>().is_ok())
}

fn looks_like_ipv6(host: &str) -> bool {
    // The interface of a link-local address may have any name.
    let host = host.split('%').next().unwrap_or_default();
    host.contains(':') && host.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':' || byte == b'.')
}

impl fmt::Display for TcpAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(address) => address.fmt(formatter),
            Self::Name(name, port) => write!(formatter, "{name}:{port}"),
        }
    }
}

impl fmt::Display for LocalAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(address) => address.fmt(formatter),
            Self::Localhost(port) => write!(formatter, "localhost:{port}"),
        }
    }
}
