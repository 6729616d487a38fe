//! Input that waits to be asked for.

/// Bytes that come in at the end and are taken from the front.
#[derive(Default)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
    /// How many bytes at the front were taken already. Invariant: at most half of all, or none.
    taken: usize,
}

impl Buffer {
    pub(super) fn len(&self) -> usize {
        self.bytes.len() - self.taken
    }

    pub(super) fn push(&mut self, data: &[u8]) {
        self.bytes.extend_from_slice(data);
    }

    /// Takes the first `length` bytes, of which there must be so many.
    pub(super) fn take(&mut self, length: usize) -> Vec<u8> {
        if length == self.bytes.len() {
            return std::mem::take(&mut self.bytes);
        }
        let taken = self.bytes[self.taken..self.taken + length].to_vec();
        self.taken += length;
        // Moving no more than was taken makes many small pieces cost no more than a large one.
        if self.taken > self.bytes.len() / 2 {
            self.bytes.drain(..self.taken);
            self.taken = 0;
        }
        taken
    }

    /// Where `delimiter` begins, if it is there; it does not lie within the first `searched` bytes.
    pub(super) fn find(&self, delimiter: &[u8], searched: usize) -> Option<usize> {
        if delimiter.is_empty() {
            return Some(0);
        }
        let from = searched.saturating_sub(delimiter.len() - 1);
        let input = self.bytes[self.taken..].get(from..)?;
        input.windows(delimiter.len()).position(|window| window == delimiter).map(|place| from + place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out_whatever_the_pieces() {
        for piece in 1..=7 {
            let mut buffer = Buffer::default();
            let all: Vec<u8> = (0..100).collect();
            let mut out = Vec::new();
            for data in all.chunks(5) {
                buffer.push(data);
                while buffer.len() >= piece {
                    out.extend(buffer.take(piece));
                    assert!(buffer.taken <= buffer.bytes.len() / 2);
                }
            }
            out.extend(buffer.take(buffer.len()));
            assert_eq!((out, buffer.len()), (all, 0));
        }
    }

    #[test]
    fn a_delimiter_is_found_across_what_was_searched() {
        let mut buffer = Buffer::default();
        buffer.push(b"x--a-");
        assert_eq!(buffer.take(1), b"x");
        assert_eq!(buffer.find(b"--b", 0), None);
        assert_eq!(buffer.find(b"--", 0), Some(0));
        buffer.push(b"-b");
        assert_eq!(buffer.find(b"--b", 4), Some(3));
        assert_eq!(buffer.find(b"", 4), Some(0));
        assert_eq!(buffer.find(b"b", 100), None);
    }
}
