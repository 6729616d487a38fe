//! What is said and answered, as bytes (RFC 1928, sections 3 to 6; RFC 1929, section 2).
//!
//! What reads an answer returns `None` if it is not whole yet, or else what it says and its length.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::credentials::Socks5Credentials;
use super::error::{Socks5Error, Socks5Reply};
use super::target::Socks5Target;
use crate::tcp::address::TcpAddress;

const VERSION: u8 = 5;
const NO_AUTHENTICATION: u8 = 0;
const USER_AND_PASSWORD: u8 = 2;
const NO_ACCEPTABLE_METHOD: u8 = 0xff;
/// The version of logging in by user name and password.
const LOGIN_VERSION: u8 = 1;
const SUCCESS: u8 = 0;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

type Answer<T> = Result<Option<(T, usize)>, Socks5Error>;

/// How to log in.
pub(super) enum Method {
    NotAtAll,
    Credentials,
}

/// Offers the ways to log in.
pub(super) fn write_greeting(with_credentials: bool, output: &mut Vec<u8>) {
    let methods = [NO_AUTHENTICATION, USER_AND_PASSWORD];
    let count = if with_credentials { 2 } else { 1 };
    output.extend([VERSION, count]);
    output.extend(&methods[..count.into()]);
}

/// Which way the proxy has chosen.
pub(super) fn read_method(input: &[u8], with_credentials: bool) -> Answer<Method> {
    check_version(input)?;
    match input.get(1) {
        None => Ok(None),
        Some(&NO_AUTHENTICATION) => Ok(Some((Method::NotAtAll, 2))),
        Some(&USER_AND_PASSWORD) if with_credentials => Ok(Some((Method::Credentials, 2))),
        Some(&NO_ACCEPTABLE_METHOD) => Err(Socks5Error::NoAcceptableMethod { with_credentials }),
        Some(method) => Err(Socks5Error::UnknownMethod(*method)),
    }
}

fn check_version(input: &[u8]) -> Result<(), Socks5Error> {
    match input.first() {
        None | Some(&VERSION) => Ok(()),
        Some(version) => Err(Socks5Error::NotSocks5 { version: *version }),
    }
}

pub(super) fn write_credentials(credentials: &Socks5Credentials, output: &mut Vec<u8>) {
    output.push(LOGIN_VERSION);
    credentials.parts().into_iter().for_each(|part| write_counted(part, output));
}

/// Bytes that are 255 at most, after their number.
fn write_counted(bytes: &[u8], output: &mut Vec<u8>) {
    output.push(bytes.len() as u8);
    output.extend(bytes);
}

/// Whether the proxy has accepted the credentials. Some proxies give their answer a wrong version, so nobody looks at it.
pub(super) fn read_login(input: &[u8]) -> Answer<()> {
    match input.get(1) {
        None => Ok(None),
        Some(&SUCCESS) => Ok(Some(((), 2))),
        Some(_) => Err(Socks5Error::WrongCredentials),
    }
}

/// Asks for a connection.
pub(super) fn write_request(target: &Socks5Target, output: &mut Vec<u8>) {
    output.extend([VERSION, CONNECT, 0]);
    let port = match target.target() {
        TcpAddress::Literal(address) => {
            match address.ip() {
                IpAddr::V4(ip) => {
                    output.push(IPV4);
                    output.extend(ip.octets());
                }
                IpAddr::V6(ip) => {
                    output.push(IPV6);
                    output.extend(ip.octets());
                }
            }
            address.port()
        }
        TcpAddress::Name(name, port) => {
            output.push(NAME);
            write_counted(name.as_bytes(), output);
            *port
        }
    };
    output.extend(port.to_be_bytes());
}

/// The address from which the proxy has connected: 0.0.0.0 if it tells a name instead.
pub(super) fn read_reply(input: &[u8], target: &Socks5Target) -> Answer<SocketAddr> {
    check_version(input)?;
    match input.get(1) {
        None => return Ok(None),
        Some(&SUCCESS) => {}
        Some(number) => {
            let reply = Socks5Reply::from_number(*number);
            return Err(Socks5Error::Unreachable { target: target.clone(), reply });
        }
    }
    // The third byte is reserved.
    let Some((kind, rest)) = input.get(3..).and_then(<[u8]>::split_first) else {
        return Ok(None);
    };
    let address = match *kind {
        IPV4 => rest.first_chunk().map(|octets: &[u8; 4]| (IpAddr::from(*octets), 4)),
        IPV6 => rest.first_chunk().map(|octets: &[u8; 16]| (IpAddr::from(*octets), 16)),
        NAME => rest.first().map(|length| (Ipv4Addr::UNSPECIFIED.into(), 1 + usize::from(*length))),
        other => return Err(Socks5Error::UnknownAddressType(other)),
    };
    Ok(address.and_then(|(ip, length)| {
        let port = rest.get(length..)?.first_chunk()?;
        Some((SocketAddr::new(ip, u16::from_be_bytes(*port)), 4 + length + 2))
    }))
}
