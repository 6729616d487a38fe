//! Strings after their length in binary.

use super::format::{Sealed, Step, StringFormat};

/// The format of strings that come after their length as an unsigned integer of so many bytes, the most significant
/// first.
#[derive(Clone, Default, Debug)]
pub struct IntPrefix<const BYTES: usize>;

impl<const BYTES: usize> StringFormat for IntPrefix<BYTES> where Self: Sealed {}

impl Sealed for IntPrefix<1> {
    fn find(&mut self, input: &[u8], max_length: usize) -> Step {
        find(input, max_length, |&[byte]: &[u8; 1]| u64::from(byte))
    }
}

impl Sealed for IntPrefix<2> {
    fn find(&mut self, input: &[u8], max_length: usize) -> Step {
        find(input, max_length, |bytes| u64::from(u16::from_be_bytes(*bytes)))
    }
}

impl Sealed for IntPrefix<4> {
    fn find(&mut self, input: &[u8], max_length: usize) -> Step {
        find(input, max_length, |bytes| u64::from(u32::from_be_bytes(*bytes)))
    }
}

fn find<const BYTES: usize>(input: &[u8], max_length: usize, length: impl Fn(&[u8; BYTES]) -> u64) -> Step {
    let Some(announced) = input.first_chunk().map(length) else {
        return Step::Incomplete;
    };
    let end = usize::try_from(announced).ok().filter(|length| *length <= max_length);
    match end.map(|length| length.saturating_add(BYTES)) {
        None => Step::TooLong { prefix: BYTES, length: announced },
        Some(end) if input.len() < end => Step::Incomplete,
        Some(end) => Step::String { range: BYTES..end, length: end },
    }
}
