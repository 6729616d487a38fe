//! Finding the end of a head.

use memchr::memchr;

/// The most header fields that are looked at.
pub(crate) const FIELDS_MAX: usize = 64;

/// Finds the empty line that ends a head, however it comes.
#[derive(Default)]
pub(crate) struct HeadFinder {
    /// No line ends between the beginning of the last one and here.
    searched: usize,
    /// Where the last line begins.
    line: usize,
}

/// The head is longer than the limit.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct HeadTooLong;

impl HeadFinder {
    /// The length of the head at the beginning of `input`; with `None` more bytes are needed. The next `input` begins with
    /// the same bytes.
    pub(crate) fn find(&mut self, input: &[u8], limit: usize) -> Result<Option<usize>, HeadTooLong> {
        let looked_at = &input[..input.len().min(limit)];
        while let Some(place) = memchr(b'\n', &looked_at[self.searched..]) {
            let end = self.searched + place;
            let line = &looked_at[self.line..end];
            (self.searched, self.line) = (end + 1, end + 1);
            if matches!(line, b"" | b"\r") {
                return Ok(Some(end + 1));
            }
        }
        self.searched = looked_at.len();
        if input.len() > limit { Err(HeadTooLong) } else { Ok(None) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_found_however_it_comes() {
        for (head, end) in [("GET\r\na: b\r\n\r\nmore", 13), ("GET\na\n\nmore", 7), ("\r\nGET", 2)] {
            let mut finder = HeadFinder::default();
            for length in 0..end {
                assert_eq!(finder.find(&head.as_bytes()[..length], 100), Ok(None), "{length} of {head:?}");
            }
            assert_eq!(finder.find(head.as_bytes(), 100), Ok(Some(end)));
            assert_eq!(HeadFinder::default().find(head.as_bytes(), end), Ok(Some(end)));
            assert_eq!(HeadFinder::default().find(head.as_bytes(), end - 1), Err(HeadTooLong));
        }
    }

    #[test]
    fn a_head_without_end_is_too_long_beyond_the_limit() {
        let mut finder = HeadFinder::default();
        assert_eq!(finder.find(&[b'x'; 10], 10), Ok(None));
        assert_eq!(finder.find(&[b'x'; 11], 10), Err(HeadTooLong));
    }
}
