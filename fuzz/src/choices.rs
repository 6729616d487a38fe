//! The part of an input that says what is done with the rest of it.

/// Takes choices from the front of an input. At its end every choice is the first one, so that short inputs mean something.
#[derive(Debug)]
pub struct Choices<'a> {
    input: &'a [u8],
}

impl<'a> Choices<'a> {
    /// All of `input` is still to be taken.
    pub fn new(input: &'a [u8]) -> Self {
        Self { input }
    }

    /// The next byte, or 0 at the end.
    pub fn byte(&mut self) -> u8 {
        let Some((&byte, rest)) = self.input.split_first() else { return 0 };
        self.input = rest;
        byte
    }

    /// A number from 0 to `end` - 1, which is 256 at most. Takes one byte.
    pub fn below(&mut self, end: usize) -> usize {
        usize::from(self.byte()) % end
    }

    /// One of several. Takes one byte.
    pub fn one_of<T: Copy>(&mut self, several: &[T]) -> T {
        several[self.below(several.len())]
    }

    /// Yes or no. Takes one byte.
    pub fn yes(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// Some bytes, at most 255: after their number, as many of them as there are.
    pub fn bytes(&mut self) -> &'a [u8] {
        let length = usize::from(self.byte()).min(self.input.len());
        let (bytes, rest) = self.input.split_at(length);
        self.input = rest;
        bytes
    }

    /// Some text, made of [`bytes`](Self::bytes); what is not UTF-8 in them is replaced.
    pub fn text(&mut self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }

    /// Whether there are no more choices.
    pub fn are_over(&self) -> bool {
        self.input.is_empty()
    }

    /// All that was not taken.
    pub fn rest(self) -> &'a [u8] {
        self.input
    }
}
