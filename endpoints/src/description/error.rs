//! What is wrong with a description.

use std::{fmt, io};

use super::nearest::nearest;
use super::registry::NESTING_MAX;
use super::secrets::{Shown, shown_value};
use crate::AddressError;

/// A text describes no endpoint. `Display` quotes the text, says what is wrong with it and where, and what would be
/// right, in one line.
///
/// [Passwords](crate::EndpointRegistry#passwords) are `***` in all that is told about the text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DescriptionError {
    description: String,
    position: usize,
    problem: DescriptionProblem,
}

/// What is wrong with a description.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum DescriptionProblem {
    /// There is nothing where a description should begin.
    Empty,
    /// The text ends in a backslash that escapes nothing.
    LoneBackslash,
    /// The bracket with which an argument begins is not closed.
    UnclosedBracket,
    /// There is no such kind of endpoint.
    UnknownKind {
        /// What was written.
        kind: String,
        /// The kinds that there are.
        known: Vec<String>,
    },
    /// The kind has no such key.
    UnknownKey {
        /// What was written.
        key: String,
        /// The keys that there are, beginning with those that may be given in order, without a key.
        known: Vec<String>,
    },
    /// The program is built without what this kind needs.
    MissingFeature {
        /// The kind.
        kind: String,
        /// The feature of the crate `ropewalk`.
        feature: &'static str,
    },
    /// An argument must be there and is not.
    MissingArgument {
        /// Its key.
        name: String,
    },
    /// One of several arguments must be there, and none is.
    MissingOneOf {
        /// Their keys.
        names: Vec<String>,
    },
    /// There are more arguments without a key than the kind takes.
    TooManyArguments {
        /// The keys of those that may be given in order, without a key.
        known: Vec<String>,
    },
    /// An argument is given twice, by its key or in order.
    Repeated {
        /// Its key.
        name: String,
    },
    /// An argument is not what it must be.
    BadValue {
        /// Its key.
        name: String,
        /// What was written.
        value: String,
        /// What is wrong with it, or what it must be.
        complaint: String,
    },
    /// The text is a plain address, not a description, and there is something wrong with it.
    Address(AddressError),
    /// A description in a description in a description, and so on.
    NestedTooDeeply,
}

impl DescriptionError {
    pub(super) fn new(description: &str, position: usize, problem: DescriptionProblem) -> Self {
        let shown = Shown::of(description);
        Self { position: shown.position(position), description: shown.text, problem }
    }

    /// The text that describes no endpoint, without its passwords.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Where the problem is, in bytes from the beginning of [`description`](Self::description). `Display` counts in
    /// characters, from 1.
    pub fn position(&self) -> usize {
        self.position
    }

    /// What is wrong with it.
    pub fn problem(&self) -> &DescriptionProblem {
        &self.problem
    }

    fn column(&self) -> usize {
        self.description[..self.position].chars().count() + 1
    }
}

impl fmt::Display for DescriptionError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (noun, text) = match &self.problem {
            DescriptionProblem::Address(error) => ("address", error.address()),
            _ => ("endpoint", self.description()),
        };
        write!(formatter, "the {noun} {text:?} ")?;
        self.problem.write(formatter, self.column())
    }
}

impl DescriptionProblem {
    /// A value that is of no use.
    pub(super) fn bad_value(name: &str, value: &str, complaint: &str) -> Self {
        let value = shown_value(Some(name), value).into_owned();
        Self::BadValue { name: name.to_owned(), value, complaint: without_controls(complaint) }
    }

    fn write(&self, to: &mut fmt::Formatter<'_>, column: usize) -> fmt::Result {
        match self {
            Self::Empty => write!(to, "has no kind at column {column}: begin with one, as in tcp:8123"),
            Self::LoneBackslash => {
                write!(to, r"ends in a backslash at column {column}: write \\ for the character itself")
            }
            Self::UnclosedBracket => {
                write!(
                    to,
                    r"has a bracket at column {column} that is not closed: close it, as in [::1], or write \["
                )
            }
            Self::UnknownKind { kind, known } => {
                write!(to, "is of an unknown kind {kind:?} at column {column}: ")?;
                write_known(to, kind, known, "an address is written as in 127.0.0.1:8123")
            }
            Self::UnknownKey { key, known } => {
                write!(to, "has an unknown key {key:?} at column {column}: ")?;
                write_known(to, key, known, r"a = in a value is written \=")
            }
            Self::MissingFeature { kind, feature } => {
                write!(
                    to,
                    "is of the kind {kind}, which needs the feature {feature} of ropewalk: the program is built without"
                )
            }
            Self::MissingOneOf { names } => {
                write!(to, "has no {}: add one of them at column {column}", names.join(" and no "))
            }
            Self::MissingArgument { name } => write!(to, "has no {name}: add {name}=… at column {column}"),
            Self::TooManyArguments { known } => {
                write!(to, "has an argument too many at column {column}: without a key ")?;
                write_ordered(to, known)
            }
            Self::Repeated { name } => write!(to, "has {name} again at column {column}: write it once"),
            Self::BadValue { name, value, complaint } => {
                write!(to, "has a bad {name} {value:?} at column {column}: {complaint}")
            }
            Self::Address(error) => write!(to, "{}", error.problem()),
            Self::NestedTooDeeply => {
                write!(
                    to,
                    "is nested too deeply at column {column}: {NESTING_MAX} descriptions may be in one another"
                )
            }
        }
    }
}

/// The text with its control characters escaped: complaints quote names of files, for instance.
fn without_controls(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            escaped.extend(character.escape_debug());
        } else {
            escaped.push(character);
        }
    }
    escaped
}

fn write_ordered(to: &mut fmt::Formatter<'_>, known: &[String]) -> fmt::Result {
    match known {
        [] => to.write_str("there is none"),
        _ => write!(to, r"there are only {}; a : in a value is written \:", known.join(", ")),
    }
}

/// Says what is known and what may have been meant, or `otherwise` a hint.
fn write_known(to: &mut fmt::Formatter<'_>, word: &str, known: &[String], otherwise: &str) -> fmt::Result {
    match known {
        [] => to.write_str("none is known; ")?,
        _ => write!(to, "known are {}; ", known.join(", "))?,
    }
    match nearest(word, known) {
        Some(candidate) => write!(to, "did you mean {candidate}?"),
        None => to.write_str(otherwise),
    }
}

impl std::error::Error for DescriptionError {}

/// For programs whose `main` returns an [`io::Result`]; of kind [`io::ErrorKind::InvalidInput`].
impl From<DescriptionError> for io::Error {
    fn from(error: DescriptionError) -> Self {
        Self::new(io::ErrorKind::InvalidInput, error)
    }
}
