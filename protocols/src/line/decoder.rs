//! Finding lines in bytes, without knowing where the bytes come from.

use super::delimiter::Delimiter;
use crate::receiving::Found;

/// Cuts the input into lines, or passes it on raw.
#[derive(Debug)]
pub(super) struct LineDecoder {
    delimiter: Delimiter,
    max_length: usize,
    mode: Mode,
    /// Before this no delimiter begins in the incomplete line.
    searched: usize,
    /// How many bytes were looked at, so that tests see that the work is linear.
    #[cfg(test)]
    pub(super) scanned: std::cell::Cell<usize>,
}

/// What is done with the input.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mode {
    /// It is cut into lines.
    Lines,
    /// It is thrown away up to the end of a line that is too long.
    Discarding,
    /// It is passed on as it comes.
    Raw,
}

/// What the decoder finds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum LineFrame {
    /// A line of this length, and its delimiter.
    Line(usize),
    /// The beginning of a line that is too long.
    TooLong,
    /// More of that line.
    Discarded,
    /// Bytes of any kind.
    Raw,
}

impl LineDecoder {
    pub(super) fn new() -> Self {
        Self {
            delimiter: Delimiter::default(),
            max_length: super::DEFAULT_MAX_LENGTH,
            mode: Mode::Lines,
            searched: 0,
            #[cfg(test)]
            scanned: std::cell::Cell::default(),
        }
    }

    pub(super) fn set_delimiter(&mut self, delimiter: Delimiter) {
        self.delimiter = delimiter;
    }

    pub(super) fn max_length(&self) -> usize {
        self.max_length
    }

    pub(super) fn set_max_length(&mut self, max_length: usize) {
        self.max_length = max_length;
    }

    /// Treats what comes from now on in this way.
    pub(super) fn set_mode(&mut self, mode: Mode) {
        if self.mode != mode {
            self.mode = mode;
            self.searched = 0;
        }
    }

    /// Forgets the line that has begun.
    pub(super) fn begin_line(&mut self) {
        self.searched = 0;
        if self.mode == Mode::Discarding {
            self.mode = Mode::Lines;
        }
    }

    /// See [`Framing::find`](crate::receiving::Framing::find).
    pub(super) fn find(&mut self, input: &[u8]) -> Option<Found<LineFrame>> {
        match self.mode {
            Mode::Lines => self.find_line(input),
            Mode::Discarding => self.find_discarded(input),
            Mode::Raw if input.is_empty() => None,
            Mode::Raw => Some(Found { length: input.len(), frame: LineFrame::Raw }),
        }
    }

    fn find_line(&mut self, input: &[u8]) -> Option<Found<LineFrame>> {
        let longest = self.max_length.saturating_add(self.delimiter.length_max());
        let window = &input[..input.len().min(longest)];
        match self.search(window, self.searched) {
            Some((line, end)) if line <= self.max_length => {
                self.searched = 0;
                Some(Found { length: end, frame: LineFrame::Line(line) })
            }
            None if input.len() < longest => {
                self.searched = input.len().saturating_sub(self.delimiter.partial_max());
                None
            }
            _ => {
                self.set_mode(Mode::Discarding);
                Some(Found { length: self.max_length + 1, frame: LineFrame::TooLong })
            }
        }
    }

    fn find_discarded(&mut self, input: &[u8]) -> Option<Found<LineFrame>> {
        let frame = LineFrame::Discarded;
        if let Some((_, end)) = self.search(input, 0) {
            self.set_mode(Mode::Lines);
            return Some(Found { length: end, frame });
        }
        let length = input.len() - self.delimiter.begun_in(input);
        (length > 0).then_some(Found { length, frame })
    }

    fn search(&self, input: &[u8], from: usize) -> Option<(usize, usize)> {
        let found = self.delimiter.find(input, from);
        #[cfg(test)]
        {
            let scanned = found.map_or(input.len(), |(_, end)| end).saturating_sub(from);
            self.scanned.set(self.scanned.get() + scanned);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shows the decoder an unended line as it grows byte by byte, and returns how many bytes it looked at.
    fn scanned_while_growing(delimiter: Delimiter, line: &[u8]) -> usize {
        let mut decoder = LineDecoder::new();
        decoder.set_delimiter(delimiter);
        decoder.set_max_length(usize::MAX);
        for end in 0..=line.len() {
            assert!(decoder.find(&line[..end]).is_none());
        }
        decoder.scanned.get()
    }

    #[test]
    fn no_byte_is_searched_more_often_than_the_delimiter_is_long() {
        let line = b"\r\rx".repeat(1_000);
        for delimiter in
            [Delimiter::CrLf, Delimiter::Lf, Delimiter::LfOrCrLf, Delimiter::custom("\r\r\r").unwrap()]
        {
            let most = delimiter.length_max() * (line.len() + 1);
            let scanned = scanned_while_growing(delimiter.clone(), &line);
            assert!(scanned <= most, "{scanned} bytes for {delimiter:?}");
            assert!(scanned >= line.len());
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_thrown_away_in_linear_time() {
        let mut decoder = LineDecoder::new();
        decoder.set_max_length(10);
        let input = b"x".repeat(100_000);
        let (mut start, mut lines) = (0, 0);
        for end in 0..input.len() {
            while let Some(found) = decoder.find(&input[start..end]) {
                start += found.length;
                lines += usize::from(found.frame == LineFrame::TooLong);
            }
        }
        assert_eq!(lines, 1);
        assert!(input.len() - start <= 2, "nothing of it is kept");
        assert!(decoder.scanned.get() <= 3 * input.len());
    }
}
