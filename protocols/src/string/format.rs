//! Formats of strings: finding them in bytes, without knowing where the bytes come from.

use std::ops::Range;

use ropewalk_reactor::ProtocolError;

/// How a [`StringReceiver`](super::StringReceiver) finds its strings: [`Netstring`](super::netstring::Netstring) or
/// [`IntPrefix`](super::int_prefix::IntPrefix). Other crates cannot add formats.
pub trait StringFormat: Sealed {}

/// What only this crate can implement.
#[expect(unnameable_types, reason = "the trait above is sealed")]
pub trait Sealed: Default {
    /// Looks at the beginning of `input` for a string of at most `max_length` bytes. Called again with a longer input
    /// that begins with the same bytes as long as it answers [`Step::Incomplete`].
    fn find(&mut self, input: &[u8], max_length: usize) -> Step;
}

/// What a format says about the beginning of the input.
#[derive(Debug)]
#[expect(unnameable_types, reason = "the trait above is sealed")]
pub enum Step {
    /// More bytes are needed.
    Incomplete,
    /// A string lies in the range; the next begins `length` bytes from here.
    String { range: Range<usize>, length: usize },
    /// The first `prefix` bytes announce a string of `length` bytes, which is too long.
    TooLong { prefix: usize, length: u64 },
    /// This is not the format.
    Bad(ProtocolError),
}
