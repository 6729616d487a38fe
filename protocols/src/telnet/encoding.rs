//! Writing as the network virtual terminal wants it (RFC 854).

use super::codes::{CR, IAC, LF, NUL, SB, SE};

/// Writes data so that it is read as data: IAC twice, a line's end as CR LF, any other CR as CR NUL.
#[derive(Default, Debug)]
pub(super) struct Encoder {
    /// The last byte was a CR, and what follows decides what it means.
    after_return: bool,
}

impl Encoder {
    pub(super) fn data(&mut self, data: &[u8], down: &mut Vec<u8>) {
        for &byte in data {
            match (std::mem::replace(&mut self.after_return, byte == CR), byte) {
                (false, LF) => down.extend_from_slice(&[CR, LF]),
                (true, LF) => down.push(LF),
                (true, byte) => {
                    down.push(NUL);
                    Self::byte(byte, down);
                }
                (false, byte) => Self::byte(byte, down),
            }
        }
    }

    fn byte(byte: u8, down: &mut Vec<u8>) {
        if byte == IAC {
            down.push(IAC);
        }
        down.push(byte);
    }

    /// A command, which lies between the data.
    pub(super) fn command(&mut self, command: &[u8], down: &mut Vec<u8>) {
        self.finish(down);
        down.push(IAC);
        down.extend_from_slice(command);
    }

    /// A subnegotiation: an option and its parameters, in which nothing is a line's end.
    pub(super) fn subnegotiation(&mut self, parameters: &[u8], down: &mut Vec<u8>) {
        self.command(&[SB], down);
        for &byte in parameters {
            Self::byte(byte, down);
        }
        self.command(&[SE], down);
    }

    /// Nothing more comes that could tell what a CR at the end means.
    pub(super) fn finish(&mut self, down: &mut Vec<u8>) {
        if std::mem::take(&mut self.after_return) {
            down.push(NUL);
        }
    }
}
