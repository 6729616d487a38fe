//! Netstrings: `5:hello,`.

use super::format::{Sealed, Step, StringFormat};
use crate::{BadNetstring, FrameTooLong};

/// The format of netstrings.
#[derive(Clone, Default, Debug)]
pub struct Netstring {
    /// The header of the string that is being received.
    header: Option<Header>,
}

/// A complete header.
#[derive(Clone, Copy, Debug)]
struct Header {
    /// How many bytes the digits and the colon take.
    size: usize,
    /// How long the string is. Invariant: at most the limit.
    length: usize,
}

impl StringFormat for Netstring {}

impl Sealed for Netstring {
    fn find(&mut self, input: &[u8], max_length: usize) -> Step {
        if self.header.is_none() {
            match header(input, max_length) {
                Ok(header) => self.header = header,
                Err(error) => return error,
            }
        }
        let Some(Header { size, length }) = self.header else {
            return Step::Incomplete;
        };
        let end = size.saturating_add(length);
        match input.get(end) {
            None => Step::Incomplete,
            Some(b',') => {
                self.header = None;
                Step::String { range: size..end, length: end + 1 }
            }
            Some(&found) => Step::Bad(BadNetstring::MissingComma { found }.into()),
        }
    }
}

/// Reads the header, as far as it has come. It is short, so it does no harm to read it anew with every byte.
fn header(input: &[u8], max_length: usize) -> Result<Option<Header>, Step> {
    let mut length = 0;
    for (place, &byte) in input.iter().enumerate() {
        match byte {
            b':' if place > 0 => return Ok(Some(Header { size: place + 1, length })),
            b'0'..=b'9' if place == 1 && length == 0 => {
                return Err(Step::Bad(BadNetstring::LeadingZero.into()));
            }
            b'0'..=b'9' => length = with_digit(length, byte - b'0', max_length)?,
            found => return Err(Step::Bad(BadNetstring::BadLength { found }.into())),
        }
    }
    Ok(None)
}

fn with_digit(length: usize, digit: u8, max_length: usize) -> Result<usize, Step> {
    let announced = length as u128 * 10 + u128::from(digit);
    match usize::try_from(announced) {
        Ok(length) if length <= max_length => Ok(length),
        _ => {
            let length = Some(u64::try_from(announced).unwrap_or(u64::MAX));
            Err(Step::Bad(FrameTooLong { limit: max_length, length }.into()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_limit_does_not_overflow() {
        let mut format = Netstring::default();
        let most = format!("{}:x", usize::MAX);
        assert!(matches!(format.find(most.as_bytes(), usize::MAX), Step::Incomplete));
        let more = format!("{}0", usize::MAX);
        assert!(matches!(Netstring::default().find(more.as_bytes(), usize::MAX), Step::Bad(_)));
    }
}
