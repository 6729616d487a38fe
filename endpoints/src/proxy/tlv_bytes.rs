//! TLVs as bytes: how they lie in a header, and its checksum among them.

use std::ops::Range;

use super::checksum::crc32c;
use super::error::ProxyHeaderError as Error;
use super::tlv::ProxyTlv;

/// The type and the length.
const HEAD_LENGTH: usize = 3;
/// The type of the checksum.
pub(super) const CHECKSUM: u8 = 0x03;

/// The TLVs in some bytes: their types and values. Ends after the first error.
#[derive(Clone, Debug)]
pub(super) struct RawTlvs<'a> {
    rest: &'a [u8],
}

impl<'a> RawTlvs<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }
}

impl<'a> Iterator for RawTlvs<'a> {
    type Item = Result<(u8, &'a [u8]), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let tlv = split(self.rest);
        self.rest = tlv.map_or(&[][..], |(_, _, rest)| rest);
        Some(tlv.map(|(kind, value, _)| (kind, value)).ok_or(Error::TlvCutOff))
    }
}

/// The type and the value of the first TLV, and what follows it. `None` if it is cut off.
fn split(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[kind, high, low], rest) = bytes.split_first_chunk::<HEAD_LENGTH>()?;
    let (value, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([high, low])))?;
    Some((kind, value, rest))
}

/// The TLVs of a header that starts with `beginning`, with the value of a checksum set to zero, if all is well with them.
pub(super) fn checked(tlvs: &[u8], beginning: &[u8]) -> Result<Vec<u8>, Error> {
    let mut checksums = 0;
    for tlv in RawTlvs::new(tlvs) {
        let (kind, value) = tlv?;
        ProxyTlv::read(kind, value)?;
        checksums += usize::from(kind == CHECKSUM);
    }
    if checksums > 1 {
        return Err(Error::BadTlv { kind: CHECKSUM, problem: "comes twice" });
    }
    let mut checked = tlvs.to_vec();
    if let Some(place) = checksum_place(tlvs) {
        checked[place.clone()].fill(0);
        if crc32c(&[beginning, &checked]).to_be_bytes() != tlvs[place] {
            return Err(Error::BadChecksum);
        }
    }
    Ok(checked)
}

/// Puts the right value into the checksum, if there is one among the TLVs from `start` on. It has been zero.
pub(super) fn set_checksum(header: &mut [u8], start: usize) {
    if let Some(place) = checksum_place(&header[start..]) {
        let checksum = crc32c(&[header]);
        header[start..][place].copy_from_slice(&checksum.to_be_bytes());
    }
}

fn checksum_place(tlvs: &[u8]) -> Option<Range<usize>> {
    let mut position = 0;
    RawTlvs::new(tlvs).flatten().find_map(|(kind, value)| {
        let start = position + HEAD_LENGTH;
        position = start + value.len();
        (kind == CHECKSUM).then_some(start..position)
    })
}

/// Appends a TLV, if all will then have at most `limit` bytes.
pub(super) fn append(tlvs: &mut Vec<u8>, kind: u8, value: &[u8], limit: usize) -> Result<(), Error> {
    let length = u16::try_from(value.len()).ok();
    let length = length.filter(|_| tlvs.len() + HEAD_LENGTH + value.len() <= limit);
    let length = length.ok_or(Error::BadTlv { kind, problem: "is too long to be sent" })?;
    tlvs.push(kind);
    tlvs.extend(length.to_be_bytes());
    tlvs.extend(value);
    Ok(())
}
