//! The header of a frame.

use super::mask::Mask;
use crate::websocket::error::FrameProblem;

/// The most that a control frame carries.
pub(crate) const CONTROL_MAX: usize = 125;

/// The longest header: two bytes, a length in eight, a mask.
const LENGTH_MAX: usize = 14;

const FIN: u8 = 0x80;
/// The first reserved bit: the message is compressed (RFC 7692, section 6).
const COMPRESSED: u8 = 0x40;
const RESERVED: u8 = 0x70;
const OPCODE: u8 = 0x0f;
const MASKED: u8 = 0x80;
const LENGTH: u8 = 0x7f;
/// The length follows in two bytes.
const LENGTH_16: u8 = 126;
/// The length follows in eight bytes.
const LENGTH_64: u8 = 127;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Opcode {
    Continuation = 0,
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

impl Opcode {
    const fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0 => Self::Continuation,
            1 => Self::Text,
            2 => Self::Binary,
            8 => Self::Close,
            9 => Self::Ping,
            10 => Self::Pong,
            _ => return None,
        })
    }

    pub(crate) const fn is_control(self) -> bool {
        self as u8 >= 8
    }
}

/// What comes before the payload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Header {
    pub(crate) last: bool,
    pub(crate) opcode: Opcode,
    /// The message that begins here is compressed.
    pub(crate) compressed: bool,
    pub(crate) mask: Option<Mask>,
    /// The length of the payload.
    pub(crate) length: u64,
}

impl Header {
    /// That of a frame without a mask.
    pub(crate) fn new(opcode: Opcode, last: bool, payload: &[u8]) -> Self {
        Self { last, opcode, compressed: false, mask: None, length: payload.len() as u64 }
    }

    /// Reads the header at the beginning of `input`, and tells how long it is; with `None` more bytes are needed. What is wrong
    /// with the first two bytes is seen in them, such as a message that is compressed though that was not agreed on.
    pub(crate) fn read(input: &[u8], may_compress: bool) -> Result<Option<(Self, usize)>, FrameProblem> {
        let [first, second, rest @ ..] = input else {
            return Ok(None);
        };
        let (last, opcode, compressed) = read_first(*first, may_compress)?;
        let short = second & LENGTH;
        if opcode.is_control() {
            check_control(last, short)?;
        }
        let Some((length, rest)) = read_length(short, rest)? else {
            return Ok(None);
        };
        let (mask, rest) = match (second & MASKED != 0, rest.split_first_chunk()) {
            (false, _) => (None, rest),
            (true, Some((key, rest))) => (Some(Mask::new(*key)), rest),
            (true, None) => return Ok(None),
        };
        Ok(Some((Self { last, opcode, compressed, mask, length }, input.len() - rest.len())))
    }

    /// The header as it is sent, with the shortest form of the length.
    pub(crate) fn encode(&self) -> EncodedHeader {
        let mut encoded = EncodedHeader { bytes: [0; LENGTH_MAX], length: 0 };
        let (last, compressed) = (u8::from(self.last) * FIN, u8::from(self.compressed) * COMPRESSED);
        encoded.push(&[last | compressed | self.opcode as u8]);
        let masked = if self.mask.is_some() { MASKED } else { 0 };
        match (u8::try_from(self.length), u16::try_from(self.length)) {
            (Ok(length), _) if length < LENGTH_16 => encoded.push(&[masked | length]),
            (_, Ok(length)) => {
                encoded.push(&[masked | LENGTH_16]);
                encoded.push(&length.to_be_bytes());
            }
            _ => {
                encoded.push(&[masked | LENGTH_64]);
                encoded.push(&self.length.to_be_bytes());
            }
        }
        if let Some(mask) = self.mask {
            encoded.push(&mask.key());
        }
        encoded
    }
}

fn read_first(first: u8, may_compress: bool) -> Result<(bool, Opcode, bool), FrameProblem> {
    let bits = first & OPCODE;
    let opcode = Opcode::from_bits(bits);
    let compressed = first & RESERVED == COMPRESSED;
    let begins_message = matches!(opcode, Some(Opcode::Text | Opcode::Binary));
    if first & RESERVED != 0 && !(compressed && may_compress && begins_message) {
        return Err(FrameProblem::ReservedBits);
    }
    let opcode = opcode.ok_or(FrameProblem::UnknownOpcode { opcode: bits })?;
    Ok((first & FIN != 0, opcode, compressed))
}

fn check_control(last: bool, length: u8) -> Result<(), FrameProblem> {
    if !last {
        return Err(FrameProblem::FragmentedControl);
    }
    if usize::from(length) > CONTROL_MAX { Err(FrameProblem::LongControl) } else { Ok(()) }
}

/// The length and what follows it.
fn read_length(short: u8, input: &[u8]) -> Result<Option<(u64, &[u8])>, FrameProblem> {
    let (length, minimum, rest) = match short {
        LENGTH_16 => match input.split_first_chunk() {
            Some((bytes, rest)) => (u64::from(u16::from_be_bytes(*bytes)), u64::from(LENGTH_16), rest),
            None => return Ok(None),
        },
        LENGTH_64 => match input.split_first_chunk() {
            Some((bytes, rest)) => (u64::from_be_bytes(*bytes), 1 << 16, rest),
            None => return Ok(None),
        },
        length => (u64::from(length), 0, input),
    };
    if length < minimum || length > i64::MAX as u64 {
        return Err(FrameProblem::BadLength { length });
    }
    Ok(Some((length, rest)))
}

/// A header as it is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EncodedHeader {
    bytes: [u8; LENGTH_MAX],
    length: usize,
}

impl EncodedHeader {
    fn push(&mut self, bytes: &[u8]) {
        self.bytes[self.length..self.length + bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len();
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(length: u64, mask: Option<Mask>) -> Header {
        Header { mask, length, ..Header::new(Opcode::Binary, true, b"") }
    }

    #[test]
    fn lengths_have_their_shortest_form_and_are_read_again() {
        for (length, bytes) in [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10), (i64::MAX as u64, 10)]
        {
            for (mask, extra) in [(None, 0), (Some(Mask::new([1, 2, 3, 4])), 4)] {
                let header = header(length, mask);
                let encoded = header.encode();
                assert_eq!(encoded.bytes().len(), bytes + extra, "{length}");
                assert_eq!(Header::read(encoded.bytes(), false), Ok(Some((header, bytes + extra))));
                for end in 0..encoded.bytes().len() {
                    assert_eq!(
                        Header::read(&encoded.bytes()[..end], false),
                        Ok(None),
                        "{end} bytes of {header:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_bytes_are_those_of_the_standard() {
        assert_eq!(header(5, None).encode().bytes(), b"\x82\x05");
        assert_eq!(header(256, None).encode().bytes(), b"\x82\x7e\x01\x00");
        assert_eq!(header(65_536, None).encode().bytes(), b"\x82\x7f\0\0\0\0\0\x01\0\0");
        let masked = header(5, Some(Mask::new([0x37, 0xfa, 0x21, 0x3d])));
        assert_eq!(masked.encode().bytes(), b"\x82\x85\x37\xfa\x21\x3d");
    }

    #[test]
    fn what_is_wrong_with_the_beginning_is_seen_there() {
        for bits in [0x40, 0x20, 0x10] {
            assert_eq!(Header::read(&[0x81 | bits, 0], false), Err(FrameProblem::ReservedBits));
        }
        for opcode in [3, 7, 11, 15] {
            assert_eq!(Header::read(&[0x80 | opcode, 0], false), Err(FrameProblem::UnknownOpcode { opcode }));
        }
        for opcode in [8, 9, 10] {
            assert_eq!(Header::read(&[opcode, 0], false), Err(FrameProblem::FragmentedControl));
            assert_eq!(Header::read(&[0x80 | opcode, 126], false), Err(FrameProblem::LongControl));
            assert_eq!(Header::read(&[0x80 | opcode, 127], false), Err(FrameProblem::LongControl));
        }
    }

    #[test]
    fn only_the_first_frame_of_a_message_tells_that_it_is_compressed() {
        for opcode in [Opcode::Text, Opcode::Binary] {
            let header = Header { compressed: true, ..Header::new(opcode, false, b"") };
            assert_eq!(header.encode().bytes(), [0x40 | opcode as u8, 0]);
            assert_eq!(Header::read(header.encode().bytes(), true), Ok(Some((header, 2))));
        }
        for first in [0x40, 0xc8, 0xc9, 0xca, 0xc3, 0xe1, 0xd1, 0xa1, 0x91, 0xf1] {
            assert_eq!(Header::read(&[first, 0], true), Err(FrameProblem::ReservedBits), "{first:#x}");
        }
    }

    #[test]
    fn lengths_in_a_longer_form_than_needed_and_impossible_ones_are_refused() {
        assert_eq!(Header::read(b"\x82\x7e\x00\x7d", false), Err(FrameProblem::BadLength { length: 125 }));
        let long = b"\x82\x7f\0\0\0\0\0\0\xff\xff";
        assert_eq!(Header::read(long, false), Err(FrameProblem::BadLength { length: 65_535 }));
        let negative = Header::read(b"\x82\x7f\x80\0\0\0\0\0\0\0", false);
        assert_eq!(negative, Err(FrameProblem::BadLength { length: 1 << 63 }));
    }
}
