//! Version 2: binary (section 2.2 of the specification).

use super::error::ProxyHeaderError as Error;
use super::header::ProxyHeader;
use super::kind::Kind;
use super::tlv_bytes;

/// What every header begins with.
pub(super) const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// The signature, version and command, family and transport protocol, and the length of the rest.
const FIXED_LENGTH: usize = SIGNATURE.len() + 4;

/// Reads the header at the beginning of `input`, which begins with the signature.
pub(super) fn parse(input: &[u8], limit: usize) -> Result<Option<(ProxyHeader, usize)>, Error> {
    let mut fixed = input[SIGNATURE.len()..].iter().copied();
    let Some(command) = fixed.next().map(Command::read).transpose()? else {
        return Ok(None);
    };
    let Some(kind) = fixed.next().map(|byte| command.kind(byte)).transpose()? else {
        return Ok(None);
    };
    let (Some(high), Some(low)) = (fixed.next(), fixed.next()) else {
        return Ok(None);
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    check_length(length, kind.addresses_length(), limit)?;
    let total = FIXED_LENGTH + length;
    let Some(header) = input.get(..total) else {
        return Ok(None);
    };
    let header = match command {
        Command::Local => ProxyHeader::local(),
        Command::Proxy => {
            let (beginning, tlvs) = header.split_at(FIXED_LENGTH + kind.addresses_length());
            let tlvs = tlv_bytes::checked(tlvs, beginning)?;
            ProxyHeader::proxied(kind.read_addresses(&beginning[FIXED_LENGTH..]), tlvs)
        }
    };
    Ok(Some((header, total)))
}

fn check_length(length: usize, needed: usize, limit: usize) -> Result<(), Error> {
    if FIXED_LENGTH + length > limit {
        return Err(Error::TooLong { length: FIXED_LENGTH + length, limit });
    }
    if length < needed { Err(Error::TooShort { length, needed }) } else { Ok(()) }
}

#[derive(Clone, Copy)]
enum Command {
    Local,
    Proxy,
}

impl Command {
    fn read(byte: u8) -> Result<Self, Error> {
        match (byte >> 4, byte & 0xf) {
            (2, 0) => Ok(Self::Local),
            (2, 1) => Ok(Self::Proxy),
            (2, command) => Err(Error::BadCommand(command)),
            (version, _) => Err(Error::BadVersion(version)),
        }
    }

    /// Reads the byte that says the kind of the connection. It means nothing for the proxy's own.
    fn kind(self, byte: u8) -> Result<Kind, Error> {
        match self {
            Self::Local => Ok(Kind::UNKNOWN),
            Self::Proxy => Kind::read(byte),
        }
    }
}

/// The header as it is sent.
pub(super) fn encode(header: &ProxyHeader) -> Vec<u8> {
    let mut encoded = SIGNATURE.to_vec();
    if header.is_local() {
        encoded.extend([0x20, Kind::UNKNOWN.byte(), 0, 0]);
        return encoded;
    }
    let (kind, addresses) = header.addresses().map_or((Kind::UNKNOWN, Vec::new()), Kind::write_addresses);
    let tlvs = header.tlv_bytes();
    let length =
        u16::try_from(addresses.len() + tlvs.len()).expect("a header takes no more TLVs than it can have");
    encoded.extend([0x21, kind.byte()]);
    encoded.extend(length.to_be_bytes());
    encoded.extend(addresses);
    let beginning = encoded.len();
    encoded.extend(tlvs);
    tlv_bytes::set_checksum(&mut encoded, beginning);
    encoded
}
