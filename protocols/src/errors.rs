//! What a peer can do wrong.

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

impl Error for FrameTooLong {}
