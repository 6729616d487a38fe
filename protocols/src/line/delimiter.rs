//! What ends a line.

use std::error::Error;
use std::fmt;
use std::rc::Rc;

use memchr::memmem::Finder;

/// What ends a line.
#[derive(Clone, Default, Debug)]
pub enum Delimiter {
    /// CR LF, as in most protocols of the Internet: the default.
    #[default]
    CrLf,
    /// LF alone, as in files on UNIX. A CR before it belongs to the line.
    Lf,
    /// LF with or without a CR before it: whatever telnet, netcat or a person's own program sends. Lines are sent with
    /// CR LF.
    LfOrCrLf,
    /// Other bytes; see [`Delimiter::custom`].
    Custom(CustomDelimiter),
}

/// The bytes of a [`Delimiter::Custom`], made by [`Delimiter::custom`]. Clones share them.
#[derive(Clone)]
pub struct CustomDelimiter(Rc<Finder<'static>>);

/// A delimiter of no bytes would end a line nowhere or everywhere.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EmptyDelimiter;

impl Delimiter {
    /// A delimiter of any bytes, such as `b"\0"`.
    ///
    /// # Errors
    /// If there are none.
    ///
    /// ```
    /// # use ropewalk_protocols::Delimiter;
    /// assert!(Delimiter::custom("\0").is_ok());
    /// assert!(Delimiter::custom("").is_err());
    /// ```
    pub fn custom(bytes: impl AsRef<[u8]>) -> Result<Self, EmptyDelimiter> {
        let bytes = bytes.as_ref();
        if bytes.is_empty() {
            return Err(EmptyDelimiter);
        }
        Ok(Self::Custom(CustomDelimiter(Rc::new(Finder::new(bytes).into_owned()))))
    }

    /// The bytes that are sent after a line.
    pub(super) fn sent(&self) -> &[u8] {
        match self {
            Self::CrLf | Self::LfOrCrLf => b"\r\n",
            Self::Lf => b"\n",
            Self::Custom(custom) => custom.0.needle(),
        }
    }

    /// The bytes that are looked for at a line's end.
    fn sought(&self) -> &[u8] {
        match self {
            Self::LfOrCrLf => b"\n",
            other => other.sent(),
        }
    }

    /// How many bytes the longest form takes.
    pub(super) fn length_max(&self) -> usize {
        self.sent().len()
    }

    /// How many bytes of it may stand at the end of an input in which it was not found.
    pub(super) fn partial_max(&self) -> usize {
        self.sought().len() - 1
    }

    /// How many bytes at the end of `input` may be the beginning of one.
    pub(super) fn begun_in(&self, input: &[u8]) -> usize {
        let sought = self.sought();
        (1..sought.len()).rev().find(|&length| input.ends_with(&sought[..length])).unwrap_or(0)
    }

    /// Finds the first delimiter of which no byte lies before `from`: how long the line before it is, and where the
    /// delimiter ends.
    pub(super) fn find(&self, input: &[u8], from: usize) -> Option<(usize, usize)> {
        let unsearched = input.get(from..)?;
        let place = from
            + match self {
                Self::CrLf => find_cr_lf(unsearched)?,
                Self::Lf | Self::LfOrCrLf => memchr::memchr(b'\n', unsearched)?,
                Self::Custom(custom) => custom.0.find(unsearched)?,
            };
        let end = place + self.sought().len();
        match self {
            Self::LfOrCrLf if input[..place].ends_with(b"\r") => Some((place - 1, end)),
            _ => Some((place, end)),
        }
    }
}

fn find_cr_lf(input: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'\n', input).find(|&place| input[..place].ends_with(b"\r")).map(|place| place - 1)
}

impl fmt::Debug for CustomDelimiter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "\"{}\"", self.0.needle().escape_ascii())
    }
}

impl fmt::Display for EmptyDelimiter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the delimiter of lines must not be empty")
    }
}

impl Error for EmptyDelimiter {}
