//! The numbers of RFC 854 and 855.

/// Begins a command; twice, it is a byte of data.
pub(super) const IAC: u8 = 255;
pub(super) const DONT: u8 = 254;
pub(super) const DO: u8 = 253;
pub(super) const WONT: u8 = 252;
pub(super) const WILL: u8 = 251;
/// Begins a subnegotiation.
pub(super) const SB: u8 = 250;
/// Ends it.
pub(super) const SE: u8 = 240;

pub(super) const ERASE_LINE: u8 = 248;
pub(super) const ERASE_CHARACTER: u8 = 247;
pub(super) const ARE_YOU_THERE: u8 = 246;
pub(super) const ABORT_OUTPUT: u8 = 245;
pub(super) const INTERRUPT_PROCESS: u8 = 244;
pub(super) const BREAK: u8 = 243;
/// RFC 1184: abort, which is a stronger interrupt.
pub(super) const ABORT: u8 = 238;
/// RFC 1184: the end of a file, as a person types it.
pub(super) const END_OF_FILE: u8 = 236;

/// Of the subnegotiation of the terminal's type (RFC 1091).
pub(super) const IS: u8 = 0;
pub(super) const SEND: u8 = 1;

pub(super) const NUL: u8 = 0;
pub(super) const CR: u8 = b'\r';
pub(super) const LF: u8 = b'\n';

/// What two ends of a connection can agree on, of the options that are known here. All others are refused.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum TelnetOption {
    /// One end sends back what the other sends (RFC 857).
    Echo,
    /// One end does without the signal "go ahead" (RFC 858). Together with [`Echo`](Self::Echo) it has a client send each
    /// character as it is typed.
    SuppressGoAhead,
    /// One end tells what its terminal is (RFC 1091).
    TerminalType,
    /// One end tells how large its window is (RFC 1073).
    WindowSize,
}

impl TelnetOption {
    pub(super) const ALL: [Self; 4] =
        [Self::Echo, Self::SuppressGoAhead, Self::TerminalType, Self::WindowSize];

    /// The option's number on the wire.
    pub const fn code(self) -> u8 {
        match self {
            Self::Echo => 1,
            Self::SuppressGoAhead => 3,
            Self::TerminalType => 24,
            Self::WindowSize => 31,
        }
    }

    pub(super) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|option| option.code() == code)
    }

    /// Where it is in tables.
    pub(super) const fn index(self) -> usize {
        self as usize
    }
}
