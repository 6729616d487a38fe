//! What goes wrong with frames.

use std::error::Error;
use std::fmt;

/// The peer sent a frame, be it a line or a string, that is longer than the receiver's limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FrameTooLong {
    /// The longest frame that is accepted, in bytes, without its delimiter or prefix.
    pub limit: usize,
    /// How long the peer announced the frame to be, where the format announces it. Of a netstring's length these are
    /// the digits up to the one that passed the limit.
    pub length: Option<u64>,
}

/// The peer sent something that is not a netstring.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum BadNetstring {
    /// A byte that is no digit where the length should be, or a colon before any digit.
    BadLength {
        /// That byte.
        found: u8,
    },
    /// A length that begins with a zero and goes on.
    LeadingZero,
    /// A string longer or shorter than announced.
    MissingComma {
        /// What came where the comma should be.
        found: u8,
    },
}

/// A string is too long to be sent: its length does not fit the prefix.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StringTooLong {
    /// The longest string that can be sent, in bytes.
    pub limit: u64,
    /// How long this one is, in bytes.
    pub length: usize,
}

impl fmt::Display for FrameTooLong {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = self.limit;
        match self.length {
            Some(length) => {
                write!(formatter, "the peer announced a string of {length} bytes; the limit is {limit}")
            }
            None => write!(formatter, "the peer sent a line longer than the limit of {limit} bytes"),
        }
    }
}

impl fmt::Display for BadNetstring {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadLength { found } => {
                write!(formatter, "a netstring's length contains '{}'", found.escape_ascii())
            }
            Self::LeadingZero => formatter.write_str("a netstring's length begins with a superfluous zero"),
            Self::MissingComma { found } => {
                write!(formatter, "a netstring is followed by '{}' instead of a comma", found.escape_ascii())
            }
        }
    }
}

impl fmt::Display for StringTooLong {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a string of {} bytes is longer than {} bytes", self.length, self.limit)
    }
}

impl Error for FrameTooLong {}
impl Error for BadNetstring {}
impl Error for StringTooLong {}
