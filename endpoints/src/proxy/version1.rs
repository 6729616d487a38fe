//! Version 1: a line of text (section 2.1 of the specification).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ropewalk_reactor::Address;

use super::error::ProxyHeaderError as Error;
use super::header::ProxyHeader;
use super::kind::same_family;

/// What every line begins with.
pub(super) const BEGINNING: &[u8] = b"PROXY ";
/// The longest line, its end included.
const LIMIT: usize = 107;
const UNKNOWN: &[u8] = b"PROXY UNKNOWN";

/// Reads the line at the beginning of `input`, which begins as lines do.
pub(super) fn parse(input: &[u8]) -> Result<Option<(ProxyHeader, usize)>, Error> {
    let Some(line) = line(input)? else {
        return Ok(None);
    };
    let mut fields = line[BEGINNING.len()..].split(|byte| *byte == b' ');
    let addresses = match fields.next() {
        Some(b"TCP4") => Some(addresses::<Ipv4Addr>(fields)?),
        Some(b"TCP6") => Some(addresses::<Ipv6Addr>(fields)?),
        // Whatever follows is to be ignored.
        Some(b"UNKNOWN") => None,
        other => return Err(Error::BadKeyword { text: escaped(other.unwrap_or_default()) }),
    };
    Ok(Some((ProxyHeader::proxied(addresses, Vec::new()), line.len() + 2)))
}

/// The line without its end, or `None` if that has not come yet.
fn line(input: &[u8]) -> Result<Option<&[u8]>, Error> {
    let input = &input[..input.len().min(LIMIT)];
    let ignores_line_feeds = input.starts_with(UNKNOWN);
    let ends = |byte: &u8| *byte == b'\r' || (*byte == b'\n' && !ignores_line_feeds);
    let end = input.iter().position(ends).unwrap_or(input.len());
    match &input[end..] {
        [b'\r', b'\n', ..] => Ok(Some(&input[..end])),
        [] | [b'\r'] if input.len() < LIMIT => Ok(None),
        [] | [b'\r'] => Err(Error::LineTooLong),
        _ => Err(Error::BareLineEnd),
    }
}

/// The addresses of the client and of where it connected to, in the remaining fields.
fn addresses<'a, I: FromStr + Into<IpAddr>>(
    mut fields: impl Iterator<Item = &'a [u8]>,
) -> Result<(Address, Address), Error> {
    let mut next = |field| fields.next().ok_or(Error::MissingField { field });
    let source = address::<I>("source address", next("source address")?)?;
    let destination = address::<I>("destination address", next("destination address")?)?;
    let source_port = port("source port", next("source port")?)?;
    let destination_port = port("destination port", next("destination port")?)?;
    match fields.next() {
        None => Ok(((source, source_port).into(), (destination, destination_port).into())),
        Some(_) => Err(Error::ExtraField),
    }
}

fn address<I: FromStr + Into<IpAddr>>(field: &'static str, bytes: &[u8]) -> Result<IpAddr, Error> {
    let address = text(bytes).and_then(|text| text.parse::<I>().ok());
    address.map(Into::into).ok_or_else(|| Error::BadAddress { field, text: escaped(bytes) })
}

/// A port, in its shortest form only.
fn port(field: &'static str, bytes: &[u8]) -> Result<u16, Error> {
    let port = text(bytes).and_then(|text| text.parse::<u16>().ok());
    port.filter(|port| port.to_string().as_bytes() == bytes)
        .ok_or_else(|| Error::BadPort { field, text: escaped(bytes) })
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

fn escaped(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The line for a header.
pub(super) fn encode(header: &ProxyHeader) -> String {
    let Some((Address::Tcp(peer), Address::Tcp(host))) = header.addresses() else {
        return "PROXY UNKNOWN\r\n".to_owned();
    };
    let (peer, host) = same_family(*peer, *host);
    let keyword = if peer.is_ipv4() { "TCP4" } else { "TCP6" };
    format!("PROXY {keyword} {} {} {} {}\r\n", peer.ip(), host.ip(), peer.port(), host.port())
}
