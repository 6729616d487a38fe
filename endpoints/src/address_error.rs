//! What is wrong with an address.

use std::{fmt, io};

use ropewalk_reactor::NameProblem;

/// A text is not an address that an endpoint can use. `Display` quotes the text, says what is wrong with it and what
/// would be right.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AddressError {
    address: String,
    problem: AddressProblem,
}

/// What is wrong with an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum AddressProblem {
    /// There is nothing.
    Empty,
    /// There is a space, a tab or an end of line somewhere.
    Whitespace,
    /// There is only a port.
    MissingHost,
    /// There is only a host.
    MissingPort,
    /// The port is not a number from 0 to 65535.
    BadPort,
    /// The host is made of digits and dots but is no IPv4 address.
    BadIpv4,
    /// What stands in brackets is no IPv6 address, or the bracket is not closed.
    BadIpv6,
    /// The host is an IPv6 address with an interface that is not given by its number.
    InterfaceName,
    /// The host is an IPv6 address without brackets, so that it cannot be told from the port.
    MissingBrackets,
    /// The host is no IP address, and can be no name either.
    BadName(NameProblem),
    /// The host is a name other than `localhost` where names are not looked up: for a server, or for UDP.
    Name,
    /// There is neither a path nor an abstract name.
    MissingPath,
    /// There is a zero byte in a path.
    ZeroByte,
}

impl AddressError {
    pub(crate) fn new(address: &str, problem: AddressProblem) -> Self {
        Self { address: address.to_owned(), problem }
    }

    /// The text that is not an address.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What is wrong with it.
    pub fn problem(&self) -> AddressProblem {
        self.problem
    }
}

impl fmt::Display for AddressError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the address {:?} {}", self.address, self.problem)
    }
}

impl fmt::Display for AddressProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::BadName(problem) => return write!(formatter, "has a bad name for a host: it {problem}"),
            Self::Empty => "is empty: write a host and a port, as in 127.0.0.1:8123",
            Self::Whitespace => "contains whitespace: write it without, as in 127.0.0.1:8123",
            Self::MissingHost => "has no host: write it before the port, as in 127.0.0.1:8123",
            Self::MissingPort => "has no port: write it after the host, as in 127.0.0.1:8123",
            Self::BadPort => "has a bad port: it must be a number from 0 to 65535",
            Self::BadIpv4 => {
                "has a bad IPv4 address: it must be four numbers from 0 to 255, as in 127.0.0.1:8123"
            }
            Self::BadIpv6 => "has a bad IPv6 address in brackets: write it as in [::1]:8123",
            Self::InterfaceName => {
                "names the interface of an IPv6 address: write the interface's number, as in [fe80::1%2]:8123"
            }
            Self::MissingBrackets => "has an IPv6 address without brackets: write it as in [::1]:8123",
            Self::Name => {
                "has a name for a host, which only TCP clients look up: use an IP address (to listen, one of this host, as in 0.0.0.0:8123) or localhost"
            }
            Self::MissingPath => {
                "has no path: write one, as in /run/chat.sock, or an abstract name, as in @chat"
            }
            Self::ZeroByte => "contains a zero byte: write it without, as in /run/chat.sock",
        })
    }
}

impl std::error::Error for AddressError {}

/// For programs whose `main` returns an [`io::Result`]; of kind [`io::ErrorKind::InvalidInput`].
impl From<AddressError> for io::Error {
    fn from(error: AddressError) -> Self {
        Self::new(io::ErrorKind::InvalidInput, error)
    }
}
